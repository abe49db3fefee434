package sqlstore

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing"
)

// seeded is how many deliveries BenchmarkDeliveryList lists, each with one attempt.
const seeded = 1_000_000

// BenchmarkDeliveryList reads pages of a project with a million deliveries and
// attempts: one in a thousand failed, one in two hundred was skipped. It prints the
// 95th percentile of each filter.
//
//	go test -run - -bench DeliveryList -benchtime 100x ./memory/sqlstore
func BenchmarkDeliveryList(b *testing.B) {
	db := openSeeded(b)
	for _, typed := range []string{
		"", "status:succeeded", "status:failed", "status:skipped endpoint:e3", "status:waiting", "endpoint:e7", "code:503", "code:5xx since:24h",
		"error:dns", "type:memory_delete", "type:memory_none", "user:user7", "user:user7 status:failed", "trigger:test", "absent words",
	} {
		for _, limit := range []int{50, 200} {
			b.Run(fmt.Sprintf("%s/%d", typed, limit), func(b *testing.B) {
				q := delivery.Query{ProjectID: "proj_1", Limit: limit}
				terms, err := delivery.ParseTerms(typed)
				if err == nil {
					err = q.Apply(terms, time.Now())
				}
				if err != nil {
					b.Fatal(err)
				}
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					if _, err := db.Deliveries(b.Context(), q); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// seededID is a version 7 UUID: the n-th of as many within the last ten days.
func seededID(n int, kind byte) uuid.UUID {
	var id uuid.UUID
	at := time.Now().Add(-240*time.Hour + time.Duration(n)*240*time.Hour/seeded).UnixMilli()
	binary.BigEndian.PutUint64(id[:8], uint64(at)<<16|0x7000)
	id[8] = 0x80 | kind
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

func openSeeded(b *testing.B) *DB {
	b.Helper()
	sealer, err := signing.NewSealer(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	db, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "memhook.db"), Sealer: sealer})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	write := func(f func(t *tx) error) {
		if err := db.write(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	write(func(t *tx) error {
		_, err := t.exec(`INSERT INTO projects (id, name, settings, created_at, updated_at) VALUES ('proj_1', 'p', '{}', 0, 0)`)
		return err
	})
	var endpoints []uuid.UUID
	for i := range 10 {
		e := delivery.Endpoint{ID: delivery.NewID(), ProjectID: "proj_1", Name: fmt.Sprint("e", i), URL: "https://e.example.com/hook", EventTypes: []string{"*"}}
		if err := db.InsertEndpoint(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		endpoints = append(endpoints, e.ID)
	}
	const group = 10_000
	for at := 0; at < seeded; at += group {
		write(func(t *tx) error {
			for n := at; n < at+group; n++ {
				if err := seedOne(t, n, endpoints[n%len(endpoints)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return db
}

// seedOne inserts a delivery with its attempt, and for every tenth an event and a
// message.
func seedOne(t *tx, n int, endpoint uuid.UUID) error {
	first := n - n%10
	event, message, id := seededID(first, 1), seededID(first, 2), seededID(n, 3)
	at := int64(binary.BigEndian.Uint64(id[:8])>>16) * 1000
	if n == first {
		if err := t.later(`INSERT INTO events (id, project_id, kind, status, user_id, infer, tries, created_at, updated_at) VALUES ($1, 'proj_1', 'ADD', 'SUCCEEDED', $2, $3, 1, $4, $4)`,
			blob(event), fmt.Sprint("user", n/10%1000), true, at); err != nil {
			return err
		}
		if err := t.later(`INSERT INTO messages (id, project_id, event_id, type, body, created_at) VALUES ($1, 'proj_1', $2, 'memory_add', $3, $4)`,
			blob(message), blob(event), []byte(fmt.Sprintf(`{"type":"memory_add","data":{"memory":"fact %d","filler":"%0700d"}}`, n, n)), at); err != nil {
			return err
		}
	}
	status, typ, code, class := "succeeded", delivery.MemoryAdd, any(200), any(nil)
	switch {
	case n%1000 == 0:
		status, code, class = "failed", 503, "status"
	case n%200 == 1:
		status, code = "skipped", nil
	case n%5000 == 3:
		typ = delivery.MemoryDelete
	}
	if err := t.later(`INSERT INTO deliveries (id, project_id, event_id, message_id, endpoint_id, status, attempts, tries, round_at, cause, created_at, updated_at, finished_at, type, last_code, last_class)
		VALUES ($1, 'proj_1', $2, $3, $4, $5, 1, 1, $6, 'scheduled', $6, $6, $6, $7, $8, $9)`,
		blob(id), blob(event), blob(message), blob(endpoint), status, at, typ, code, class); err != nil {
		return err
	}
	return t.later(`INSERT INTO attempts (id, delivery_id, number, cause, url, started_at, duration_us, phases, status_code, class, response_headers, response_body, truncated, retry_after_us)
		VALUES ($1, $2, 1, 'scheduled', 'https://e.example.com/hook', $3, 12000, '{}', $4, $5, '{"Content-Type":["application/json"]}', $6, $7, 0)`,
		blob(seededID(n, 4)), blob(id), at, code, class, []byte(`{"ok":true}`), false)
}
