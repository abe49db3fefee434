package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// A seeded is a database whose lists are long, and such as they are worst.
type seeded struct {
	*sqlstore.DB
	project string
	n       int
	start   int64 // Unix milliseconds of the first row
}

// id is the ID of a row.
func (s seeded) id(kind string, row int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%012x7000%s%015x", s.start+int64(row)*864000000/int64(s.n), kind, row))
}

// The IDs of row i of a kind are version 7 UUIDs: the i-th of $2 within the last ten
// days. Rows are in blocks of five: each has five events and five deliveries, of the
// events 0, 0, 1, 2 and 4.
//
//	endpoint   e0 has half, e9 one in a hundred and nothing but the oldest
//	status     failed: four of five in an outage long ago, three since, none lately;
//	           held: the oldest; skipped: one in 200; canceled: three;
//	           waiting: one in fifty, in a row
//	user       quiet: every fifth event, all without a delivery but one;
//	           big: a quarter of the events, none lately; single: one; others: one in a thousand
const (
	idOf    = `unhex(printf('%%012x7000%s%%015x', $1 + (%s) * 864000000 / $2, %s))`
	numbers = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $2 - 1)`
	at      = `($1 + i * 864000000 / $2) * 1000`
)

// seedID is an expression for the ID of the row that another one counts.
func seedID(kind, row string) string { return fmt.Sprintf(idOf, kind, row, row) }

// seedTexts fill a database with $2 rows of each kind, the first at $1 in Unix
// milliseconds. $3 is the project.
func seedTexts() []string {
	event := `i / 5 * 5 + CASE i % 5 WHEN 0 THEN 0 WHEN 4 THEN 4 ELSE i % 5 - 1 END`
	status := `CASE
		WHEN i * 10 / $2 BETWEEN 1 AND 2 AND i % 5 <> 0 THEN 'failed'
		WHEN i IN ($2 * 4 / 10, $2 * 5 / 10 + 2, $2 * 6 / 10 + 3) THEN 'failed'
		WHEN i < $2 / 1000 THEN 'held'
		WHEN i % 200 = 7 THEN 'skipped'
		WHEN i IN ($2 / 3, $2 / 2, $2 - 9) THEN 'canceled'
		WHEN i * 50 / $2 = 35 THEN 'pending'
		ELSE 'succeeded' END`
	endpoint := `(SELECT id FROM endpoints WHERE project_id = $3 AND name = CASE
		WHEN i < $2 / 100 THEN 'e9' WHEN i % 2 = 0 THEN 'e0' ELSE 'e' || (1 + i / 2 % 8) END)`
	return []string{
		`INSERT INTO counts (project_id, what, part, n) SELECT $3, what, 0, $2 FROM (SELECT 'ADD' AS what UNION ALL SELECT 'memory') WHERE $1 = $1`,
		`INSERT INTO events (id, project_id, kind, status, user_id, agent_id, run_id, infer, payload, tries, next_at, created_at, updated_at)
			` + numbers + ` SELECT ` + seedID("8", "i") + `, $3,
			CASE WHEN i % 997 = 5 THEN 'DELETE_ALL' WHEN i % 50 = 7 THEN 'UPDATE' ELSE 'ADD' END,
			CASE WHEN i >= $2 - 50 THEN 'PENDING' WHEN i * 10 / $2 BETWEEN 1 AND 2 AND i % 2 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
			CASE WHEN i = $2 / 2 THEN 'single' WHEN i % 5 = 3 OR i = $2 / 4 / 5 * 5 THEN 'quiet' WHEN i % 4 = 1 AND i < $2 * 7 / 10 THEN 'big' ELSE 'user' || (i % 1000) END,
			CASE WHEN i = 1 THEN 'rare' WHEN i % 10 = 0 THEN 'a' || (i % 7) END, CASE WHEN i % 3 = 0 THEN 'run' || i END,
			1, '{"messages":[{"role":"user","content":"common words ' || i || CASE i WHEN 2 THEN ' haystack' ELSE '' END || '"}]}', 1,
			CASE WHEN i >= $2 - 50 THEN ` + at + ` END, ` + at + `, ` + at + ` FROM n`,
		`INSERT INTO changes (id, project_id, event_id, memory_id, kind, text, user_id, memory_created_at, created_at)
			` + numbers + ` SELECT ` + seedID("9", "i") + `, $3, ` + seedID("8", "i") + `, ` + seedID("a", "i") + `, 'ADD', 'Likes a thing called number ' || i, 'user' || (i % 1000), ` + at + `, ` + at + ` FROM n`,
		`INSERT INTO memories (id, project_id, scope_key, user_id, agent_id, text, hash, metadata, categories, immutable, state, revision, created_at, updated_at)
			` + numbers + ` SELECT ` + seedID("a", "i") + `, $3, randomblob(16),
			CASE WHEN i % 4 = 1 AND i < $2 * 7 / 10 THEN 'big' WHEN i = $2 / 2 THEN 'single' WHEN i % 10 <> 0 THEN 'user' || (i % 9973) END,
			CASE WHEN i % 10 = 0 THEN 'a' || (i % 7) END,
			'Likes a thing called number ' || i || CASE i WHEN 2 THEN ' haystack' ELSE '' END, hex(randomblob(16)), '{"n":1}', CASE WHEN i < $2 / 1000 THEN '["old"]' ELSE '["misc"]' END,
			0, 'active', 0, ` + at + `, ` + at + ` FROM n`,
		`INSERT INTO messages (id, project_id, event_id, memory_id, type, body, created_at)
			` + numbers + ` SELECT ` + seedID("b", "i") + `, $3, ` + seedID("8", event) + `, ` + seedID("a", event) + `, 'memory_add',
			CAST('{"type":"memory_add","data":{"memory":"common words ' || i || CASE i WHEN 2 THEN ' haystack' ELSE '' END || printf('","filler":"%0500d"}}', i) AS BLOB), ` + at + `
			FROM n WHERE i % 5 <> 1`,
		`INSERT INTO deliveries (id, project_id, event_id, message_id, endpoint_id, status, attempts, tries, round_at, cause, next_at, created_at, updated_at, finished_at, type, last_code, last_class)
			SELECT id, $3, event_id, message_id, endpoint_id, status, attempts, attempts, made, CASE WHEN i < $2 / 500 THEN 'replay' ELSE 'scheduled' END,
			CASE WHEN status = 'pending' THEN made END, made, made, CASE WHEN status <> 'pending' THEN made END,
			CASE WHEN i < 1000 THEN 'memory_update' WHEN i % 5000 = 3 THEN 'memory_delete' ELSE 'memory_add' END,
			CASE WHEN i IN (4, 11, 12) THEN 404 WHEN attempts > 0 THEN CASE status WHEN 'succeeded' THEN 200 ELSE 503 END END,
			CASE WHEN i IN (14, $2 / 10 - 1) THEN 'dns' WHEN attempts > 0 AND status <> 'succeeded' THEN 'status' END
			FROM (SELECT *, CASE WHEN status IN ('held', 'skipped', 'canceled') THEN 0 WHEN i % 100 = 0 THEN 7 ELSE 1 END AS attempts FROM (
				` + numbers + ` SELECT i, ` + seedID("c", "i") + ` AS id, ` + seedID("8", event) + ` AS event_id,
				` + seedID("b", "i - (i % 5 = 1)") + ` AS message_id, ` + endpoint + ` AS endpoint_id, ` + status + ` AS status, ` + at + ` AS made FROM n))`,
		`INSERT INTO attempts (id, delivery_id, number, cause, url, started_at, duration_us, phases, status_code, class, response_headers, response_body, truncated, retry_after_us)
			SELECT randomblob(16), d.id, k.k, 'scheduled', 'https://e.example.com/hook', d.created_at + k.k, 12000, '{}', d.last_code, d.last_class,
			'{"Content-Type":["application/json"]}', CAST('{"ok":true}' AS BLOB), 0, 0
			FROM deliveries d JOIN (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7) k
			ON k.k <= d.attempts WHERE d.project_id = $3 AND $1 = $1 AND $2 = $2`,
	}
}

// seed returns a SQLite database with n rows of each kind in one project, a
// few in another, and a Postgres one with the same rows.
func seed(t testing.TB, n int) (sqlite, postgres seeded) {
	t.Helper()
	return seedInto(t, filepath.Join(t.TempDir(), "memhook.db"), sqlstoretest.PostgresURL(t), n)
}

func seedInto(t testing.TB, path, url string, n int) (sqlite, postgres seeded) {
	t.Helper()
	db := sqlstoretest.At(t, path)
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)&_pragma=journal_mode(WAL)&_pragma=cache_size(-400000)")
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1)
	project, _ := sqlstoretest.Project(t, db, "seeded")
	few, _ := sqlstoretest.Project(t, db, "few")
	start := time.Now().Add(-240 * time.Hour).UnixMilli()
	for project, rows := range map[string]int{project: n, few: 5} {
		first := start
		if project == few {
			first++ // no two rows have the same ID
		}
		for i := range 10 {
			e := delivery.Endpoint{ID: delivery.NewID(), ProjectID: project, Name: fmt.Sprint("e", i), URL: "https://e.example.com/hook", EventTypes: []string{"*"}}
			if err := db.InsertEndpoint(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range seedTexts() {
			if _, err := raw.ExecContext(t.Context(), text, first, rows, project); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
		}
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	pg := sqlstoretest.Node(t, url, uuid.Nil)
	if _, err := sqlstore.Copy(t.Context(), db, pg, ""); err != nil {
		t.Fatal(err)
	}
	if err := pg.Settle(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return seeded{db, project, n, start}, seeded{pg, project, n, start}
}
