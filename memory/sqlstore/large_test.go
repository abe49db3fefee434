package sqlstore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// large returns a store in which one project has n memories, a hundredth of them
// of the user big.
func large(t testing.TB, n int) (db *sqlstore.DB, project, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "memhook.db")
	db = sqlstoretest.At(t, path)
	project, _ = sqlstoretest.Project(t, db, "large")
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	const insert = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $2 - 1)
		INSERT INTO memories (id, project_id, scope_key, user_id, text, hash, metadata, categories, immutable, state, revision, created_at, updated_at)
		SELECT randomblob(16), $1, randomblob(16), CASE WHEN i % 100 = 0 THEN 'big' ELSE 'user' || (i % 9973) END,
			'Likes a thing called number ' || i || ' and a few more words', hex(randomblob(16)), '{"n":1}', '["misc"]', 0, 'active', 0,
			1700000000000000 + i * 1000000, 1700000000000000 + i * 1000000 FROM n`
	if _, err := raw.Exec(insert, project, n); err != nil {
		t.Fatal(err)
	}
	return db, project, path
}

// BenchmarkMemories reads the first page of a user's 10,000 memories out of a
// million, with how many there are in all.
//
//	go test -run - -bench Memories -benchtime 200x ./memory/sqlstore
func BenchmarkMemories(b *testing.B) {
	db, project, _ := large(b, 1_000_000)
	for _, test := range []struct {
		name   string
		query  memory.Query
		offset int
	}{
		{"first page", memory.Query{Filter: memory.Entity(memory.FieldUser, "big")}, 0},
		{"last page", memory.Query{Filter: memory.Entity(memory.FieldUser, "big")}, 9900},
		{"small user", memory.Query{Filter: memory.Entity(memory.FieldUser, "user77")}, 0},
	} {
		b.Run(test.name, func(b *testing.B) {
			q := test.query
			q.ProjectID, q.Today, q.Limit, q.Offset = project, "2026-01-01", 100, test.offset
			for b.Loop() {
				if list, n, err := db.Memories(b.Context(), q); err != nil || len(list) == 0 || n < len(list) {
					b.Fatalf("%d of %d memories, error %v", len(list), n, err)
				}
			}
		})
	}
}

// TestEntitiesAreCountedInTheIndex: how many memories there are is asked with every
// page, and entities are nothing but their memories, so neither must read those.
func TestEntitiesAreCountedInTheIndex(t *testing.T) {
	_, project, path := large(t, 1000)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, field := range []string{"user_id", "agent_id", "app_id", "run_id"} {
		for _, query := range []string{
			`SELECT count(*) FROM memories WHERE project_id = $1 AND %s = $2 AND (expiration_date IS NULL OR expiration_date >= '2026-01-01') AND state <> 'merged'`,
			`SELECT %[1]s, count(*), min(created_at), max(updated_at) FROM memories WHERE project_id = $1 AND %[1]s IS NOT NULL AND $2 = $2 GROUP BY %[1]s`,
		} {
			if plan := planOf(t, raw, fmt.Sprintf(query, field), project, "big"); !strings.Contains(plan, "COVERING INDEX memories_") {
				t.Errorf("%s: plan %q for %s, want the index alone", field, plan, query)
			}
		}
	}
}

func planOf(t *testing.T, db *sql.DB, query string, args ...any) string {
	t.Helper()
	rows, err := db.Query(`EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
