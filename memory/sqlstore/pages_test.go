package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestMemoriesArePagedByPlace walks a list to its end and back, with memories that
// were made at the same moment, hidden ones, and filters that SQL and Match decide.
func TestMemoriesArePagedByPlace(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := newEvent(project, start, "alice", true)
	e.Status, e.NextAt, e.CompletedAt = memory.EventSucceeded, nil, &start
	done := memory.Completion{Event: e}
	var want []string // newest first
	for i := range 10 {
		m := memory.Memory{
			ID: delivery.NewID(), ProjectID: project, Scope: e.Scope, Text: fmt.Sprint("fact ", i), State: memory.Active, Categories: []string{"misc"},
			CreatedAt: start.Add(time.Duration(i/4) * time.Hour), UpdatedAt: start,
		}
		switch i {
		case 3:
			m.State = memory.Merged
		case 5:
			m.ExpirationDate = "2020-01-01"
		default:
			want = append([]string{m.Text}, want...)
		}
		done.Changes = append(done.Changes, memory.Change{ID: delivery.NewID(), EventID: e.ID, Kind: memory.ChangeAdd, Memory: m, At: start})
	}
	if _, err := db.CompleteEvent(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	category := memory.Filter{Cond: &memory.Condition{Field: memory.FieldCategories, Op: memory.OpEqual, Text: []string{"misc"}}}
	for name, f := range map[string]memory.Filter{
		"all": {}, "of a user": memory.Entity(memory.FieldUser, "alice"), "of a category": category,
		"of both": memory.And(memory.Entity(memory.FieldUser, "alice"), category),
	} {
		t.Run(name, func(t *testing.T) {
			l := memory.MemoryList{Query: memory.Query{ProjectID: project, Filter: f, Today: "2026-01-02", Limit: 3}}
			read := func() memory.MemoryPage {
				p, err := db.MemoryPage(t.Context(), l)
				if err != nil || p.Cut {
					t.Fatalf("cut %t, error %v", p.Cut, err)
				}
				return p
			}
			p := read()
			got := textsOf(p.Memories)
			for p.Older != nil && len(got) < 20 {
				at := memory.MemoryPlaceOf(p.Older.Cursor())
				l.After = &at
				p = read()
				got = append(got, textsOf(p.Memories)...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("down (-want +got):\n%s", diff)
			}
			back := textsOf(p.Memories)
			for l.After = nil; p.Newer != nil && len(back) < 20; p = read() {
				l.Before = p.Newer
				back = append(textsOf(read().Memories), back...)
			}
			if diff := cmp.Diff(want, back); diff != "" || p.Older == nil {
				t.Errorf("and up again, older %v (-want +got):\n%s", p.Older, diff)
			}
		})
	}
	none := memory.MemoryList{Query: memory.Query{ProjectID: project, Filter: memory.Entity(memory.FieldUser, "bob"), Today: "2026-01-02"}}
	if p, err := db.MemoryPage(t.Context(), none); err != nil || len(p.Memories) != 0 || p.Older != nil || p.Newer != nil {
		t.Errorf("of nobody: %+v, error %v", p, err)
	}
}

func textsOf(list []memory.Memory) []string {
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Text)
	}
	return texts
}
