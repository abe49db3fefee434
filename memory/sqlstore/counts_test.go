package sqlstore_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// TestCountsAreThoseOfTheRows: what is counted as it happens is what a count of the
// rows would say, also of changes that were refused, and after pruning.
func TestCountsAreThoseOfTheRows(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	other, _ := sqlstoretest.Project(t, db, "other")
	delivered(t, db, other, "Lives in Lisbon")
	check := func(memories, events int) {
		t.Helper()
		s, err := db.Stats(t.Context(), project)
		if err != nil || s.Memories != memories || s.AddEvents != events {
			t.Errorf("%d memories and %d adds are counted, error %v; want %d and %d", s.Memories, s.AddEvents, err, memories, events)
		}
		list, n, err := db.Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 100})
		if err != nil || len(list) != events || n != events {
			t.Errorf("%d events of %d, error %v; want %d", len(list), n, err, events)
		}
		page, n, err := db.Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 2, Offset: 1})
		if err != nil || n != events || events > 2 && (len(page) != 2 || page[0].ID != list[1].ID || page[1].ID != list[2].ID) {
			t.Errorf("the second and third event are %v, error %v", page, err)
		}
	}
	check(0, 0)
	// Twenty adds of one text at once: one of them may have it.
	var all sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 20 {
		e := newEvent(project, start, "alice", false)
		all.Go(func() {
			if err := db.InsertEvent(t.Context(), e); err != nil {
				t.Error(err)
				return
			}
			c := completion(e, start, "Likes tea")
			list, err := db.ClaimEvents(t.Context(), idList(e), start, start.Add(time.Minute))
			if err != nil || len(list) != 1 {
				t.Errorf("%d claimed, error %v", len(list), err)
				return
			}
			c.Lease = *list[0].NextAt
			if _, err := db.CompleteEvent(t.Context(), c); errors.Is(err, memory.ErrChanged) {
				mu.Lock()
				refused++
				mu.Unlock()
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if refused != 19 {
		t.Errorf("%d of 20 adds of one text were refused, want 19", refused)
	}
	check(1, 20)
	list, _, err := db.Memories(t.Context(), memory.Query{ProjectID: project})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d memories, error %v", len(list), err)
	}
	e := newEvent(project, start, "alice", true)
	e.Kind, e.Status, e.NextAt = memory.EventDelete, memory.EventSucceeded, nil
	if _, err := db.CompleteEvent(t.Context(), memory.Completion{Event: e, Changes: []memory.Change{{ID: e.ID, EventID: e.ID, Kind: memory.ChangeDelete, Memory: list[0], At: start}}}); err != nil {
		t.Fatal(err)
	}
	if s, err := db.Stats(t.Context(), project); err != nil || s.Memories != 0 || s.AddEvents != 20 {
		t.Errorf("after a deletion: %+v, error %v", s, err)
	}
	if s, err := db.Stats(t.Context(), other); err != nil || s.Memories != 1 || s.AddEvents != 1 {
		t.Errorf("of the other project: %+v, error %v", s, err)
	}
	if p, err := db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil); err != nil {
		t.Errorf("pruned %+v, error %v", p, err)
	}
	check(0, 19) // those that were refused are not finished
	if s, err := db.Stats(t.Context(), other); err != nil || s.Memories != 1 || s.AddEvents != 0 {
		t.Errorf("of the other project, whose event was pruned: %+v, error %v", s, err)
	}
}

func idList(e memory.Event) []uuid.UUID { return []uuid.UUID{e.ID} }

// TestRecount: counts that a node of another version left behind are put right, while
// others count.
func TestRecount(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		project, _ := sqlstoretest.Project(t, db, "p")
		other, _ := sqlstoretest.Project(t, db, "other")
		for range 3 {
			delivered(t, db, project, uuid.NewString())
		}
		delivered(t, db, other, "Lives in Lisbon")
		recount := func(want int) {
			t.Helper()
			if n, err := db.Recount(t.Context()); err != nil || n != want {
				t.Errorf("%d counts were wrong, error %v; want %d", n, err, want)
			}
			for id, want := range map[string]int{project: 3, other: 1} {
				if s, err := db.Stats(t.Context(), id); err != nil || s.Memories != want || s.AddEvents != want {
					t.Errorf("%d memories and %d adds are counted, error %v; want %d", s.Memories, s.AddEvents, err, want)
				}
			}
		}
		recount(0)
		for _, text := range []string{
			`UPDATE counts SET n = n - 2 WHERE what = 'ADD' AND project_id = $1`,
			`DELETE FROM counts WHERE what = 'memory' AND project_id = $1`,
		} {
			if err := db.Exec(t.Context(), text, project); err != nil {
				t.Fatal(err)
			}
		}
		recount(2)
		recount(0)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := db.InsertEvent(t.Context(), newEvent(other, start, "alice", true)); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if n, err := db.Recount(t.Context()); err != nil || n != 0 {
					t.Errorf("%d counts were wrong while others count, error %v", n, err)
				}
			})
		}
		all.Wait()
		if s, err := db.Stats(t.Context(), other); err != nil || s.AddEvents != 1+4 {
			t.Errorf("%d adds are counted, error %v; want 5", s.AddEvents, err)
		}
	})
}
