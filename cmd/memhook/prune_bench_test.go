package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"memhook/memory/sqlstore/sqlstoretest"
)

// seedRows fills a Postgres with so many events within the last two thousand hours, each
// with a message, a delivery and an attempt, as they are when all went well.
func seedRows(b *testing.B, postgres *sqlstoretest.Postgres, rows int) {
	b.Helper()
	// The n-th ID is of its time, and of a kind, so that no two are the same.
	id := func(kind string) string {
		return `(lpad(to_hex(ms), 12, '0') || '7000' || '` + kind + `' || lpad(to_hex(n), 15, '0'))::uuid`
	}
	from := fmt.Sprintf(` FROM (SELECT n, %d - (%d - n)::bigint * 7200000000 / %d AS ms
		FROM generate_series(1, %d) AS n) AS rows`, time.Now().UnixMilli(), rows, rows, rows)
	body := `convert_to('{"event_details":{"id":"' || md5(n::text) || '","data":{"memory":"Likes a thing called number ' || n || '"},"event":"ADD"},"type":"memory_add","data":{"memory":"Likes a thing called number ' || n || '","user_id":"user1","text":"' || repeat(md5(n::text), 10) || '"}}', 'UTF8')`
	request := `'{"Content-Type":["application/json"],"User-Agent":["memhook/1"],"Webhook-Id":["msg_' || md5(n::text) || '"],"Webhook-Signature":["v1,' || md5(n::text) || md5(n::text) || '"],"Webhook-Timestamp":["1700000000"],"Memhook-Event-Type":["memory_add"],"Memhook-Attempt":["1"]}'`
	postgres.Exec(b,
		`INSERT INTO endpoints (id, project_id, name, url, event_types, format, secrets, timeout_ms, created_at, updated_at, failures)
			SELECT '01900000-0000-7000-8000-000000000001', id, 'old', 'http://127.0.0.1:1/', '["ingest_job_failed"]', 'full', '[]', 0, 0, 0, 0 FROM projects LIMIT 1`,
		`INSERT INTO events (id, project_id, kind, status, user_id, infer, payload, tries, created_at, updated_at, started_at, completed_at)
			SELECT `+id("8")+`, (SELECT id FROM projects LIMIT 1), 'ADD', 'SUCCEEDED', 'user' || n % 1000, false,
			'{"messages":[{"role":"user","content":"Likes a thing called number ' || n || '"}],"user_id":"user1","infer":false}', 1, ms * 1000, ms * 1000, ms * 1000, ms * 1000`+from,
		`INSERT INTO messages (id, project_id, event_id, memory_id, type, body, created_at)
			SELECT `+id("9")+`, (SELECT id FROM projects LIMIT 1), `+id("8")+`, `+id("b")+`, 'memory_add', `+body+`, ms * 1000`+from,
		`INSERT INTO deliveries (id, project_id, event_id, message_id, endpoint_id, status, attempts, tries, round_at, cause, created_at, updated_at, finished_at, type, last_code)
			SELECT `+id("a")+`, (SELECT id FROM projects LIMIT 1), `+id("8")+`, `+id("9")+`, '01900000-0000-7000-8000-000000000001', 'succeeded', 1, 1, ms * 1000, 'scheduled', ms * 1000, ms * 1000, ms * 1000, 'memory_add', 200`+from,
		`INSERT INTO attempts (id, delivery_id, number, cause, url, started_at, duration_us, phases, status_code, remote_addr, request_headers, response_headers, response_body, truncated, retry_after_us)
			SELECT `+id("c")+`, `+id("a")+`, 1, 'scheduled', 'https://crm.example.com/hooks/memory', ms * 1000, 1000, '{"wait":900}', 200, '192.0.2.1:443', `+request+`,
			'{"Content-Length":["2"],"Date":["Thu, 26 Nov 2026 00:00:00 GMT"]}', 'ok', false, 0`+from,
		`VACUUM ANALYZE`, `CHECKPOINT`)
}

// BenchmarkPrune delivers a hundred a second on a Postgres with a million attempts,
// first with nothing to prune, then while the older half is pruned, and prints what
// pruning costs: rows a second, the CPU time of Postgres for a thousand rows, and the
// latency of deliveries meanwhile.
//
//	go test -run - -bench Prune -benchtime 3000x -timeout 30m ./cmd/memhook
func BenchmarkPrune(b *testing.B) {
	rows := 1_000_000
	if text := os.Getenv("MEMHOOK_BENCH_ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	postgres := sqlstoretest.StartPostgres(b)
	dir := b.TempDir()
	startProcess(b, dir, "--database-url", postgres.URL).kill()
	seedRows(b, postgres, rows)
	for _, run := range []struct{ name, retention string }{{"nothing old", "4000h"}, {"half old", "1000h"}} {
		b.Run(run.name, func(b *testing.B) {
			if b.N == 1 {
				return // it tries whether it runs at all, and would prune
			}
			// What the run before left: memories that an add would find again, and its receiver.
			postgres.Exec(b, `DELETE FROM memories`, `UPDATE endpoints SET deleted_at = 1`)
			pid, err := postgres.PID()
			if err != nil {
				b.Fatal(err)
			}
			p := startProcess(b, dir, "--database-url", postgres.URL, "--retention", run.retention)
			had, began, used := postgres.Count(b, `SELECT count(*) FROM attempts`), time.Now(), familyTime(b, pid)
			own := cpuTime(b, p.cmd.Process.Pid)
			benchmarkAdds(b, p, 1, 64, 100)
			gone := had + int64(b.N) - postgres.Count(b, `SELECT count(*) FROM attempts`)
			took := time.Since(began).Seconds()
			b.ReportMetric(float64(gone)/took, "pruned/s")
			b.ReportMetric((familyTime(b, pid)-used).Seconds()/took*100, "postgres-%cpu")
			b.ReportMetric(took, "s")
			b.ReportMetric((cpuTime(b, p.cmd.Process.Pid)-own).Seconds()/took*100, "server-%cpu")
			p.kill()
		})
	}
}
