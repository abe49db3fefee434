package sqlstore_test

import (
	"strings"
	"testing"

	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// What a model or a receiver says goes on record even if Postgres has no such text.
func TestAnyTextIsStored(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	claimed := claimEvent(t, db, e.ID, start)
	c := memory.Completion{Event: claimed, Lease: *claimed.NextAt}
	c.Event.Status, c.Event.NextAt, c.Event.CompletedAt = memory.EventFailed, nil, &start
	c.Event.Error = "the model said \x00 and \xff"
	if _, err := db.CompleteEvent(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	got, _, err := db.Event(t.Context(), project, e.ID)
	if err != nil || !strings.HasPrefix(got.Error, "the model said ") {
		t.Errorf("the error on record is %q, error %v", got.Error, err)
	}
}
