package sqlstore_test

import (
	"fmt"
	"testing"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// TestPagesEndEarly: a page ends where its bytes or its rows end, whether SQL or
// Match decides on the rows, and says whether there are more.
func TestPagesEndEarly(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := newEvent(project, start, "alice", true)
	e.Status, e.NextAt, e.CompletedAt = memory.EventSucceeded, nil, &start
	var done memory.Completion
	done.Event = e
	for i := range 5 {
		m := memory.Memory{
			ID: delivery.NewID(), ProjectID: project, Scope: e.Scope, Text: fmt.Sprintf("ten bytes%d", i), State: memory.Active, CreatedAt: start, UpdatedAt: start,
		}
		done.Changes = append(done.Changes, memory.Change{ID: delivery.NewID(), EventID: e.ID, Kind: memory.ChangeAdd, Memory: m, At: start})
	}
	if _, err := db.CompleteEvent(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	exact := memory.Entity(memory.FieldUser, "alice")
	matched := memory.And(exact, memory.Filter{Cond: &memory.Condition{Field: memory.FieldText, Op: memory.OpContains, Text: []string{"ten"}}})
	for _, test := range []struct {
		name       string
		q          memory.Query
		rows, many int
	}{
		{"all", memory.Query{}, 5, 5},
		{"a page", memory.Query{Limit: 2, Offset: 1}, 2, 5},
		{"few bytes", memory.Query{MaxBytes: 15}, 2, 5},
		{"a row at least", memory.Query{MaxBytes: 1}, 1, 5},
		{"uncounted", memory.Query{Limit: 2, NoCount: true}, 2, 3},
		{"uncounted, exactly the last", memory.Query{Limit: 2, Offset: 3, NoCount: true}, 2, 5},
		{"uncounted, past the end", memory.Query{Limit: 2, Offset: 5, NoCount: true}, 0, 5},
		{"uncounted, few bytes", memory.Query{MaxBytes: 15, NoCount: true}, 2, 3},
	} {
		for i, f := range []memory.Filter{exact, matched} {
			q := test.q
			q.ProjectID, q.Filter = project, f
			list, n, err := db.Memories(t.Context(), q)
			if err != nil || len(list) != test.rows || n != test.many {
				t.Errorf("%s, filter %d: %d rows of %d, error %v; want %d of %d", test.name, i, len(list), n, err, test.rows, test.many)
			}
		}
	}
	_, changes, err := db.Event(t.Context(), project, e.ID)
	if err != nil || len(changes) != 5 {
		t.Errorf("%d results, error %v; want 5", len(changes), err)
	}
}
