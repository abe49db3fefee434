package sqlstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
)

// TestAFullDiskSaysSo: what finds no room is refused with a name of its own, the
// database is not ready until there is room again, and then it goes on.
func TestAFullDiskSaysSo(t *testing.T) {
	db := sqlstoretest.At(t, filepath.Join(t.TempDir(), "memhook.db"))
	project, _ := sqlstoretest.Project(t, db, "p")
	large := newEvent(project, start, "alice", true)
	large.Payload = json.RawMessage(`"` + string(bytes.Repeat([]byte("x"), 1<<20)) + `"`)

	if err := db.Grow(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertEvent(t.Context(), large); !errors.Is(err, delivery.ErrUnwritable) {
		t.Errorf("an event that does not fit: error %v, want ErrUnwritable", err)
	}
	if err := db.Ping(t.Context()); !errors.Is(err, delivery.ErrUnwritable) {
		t.Errorf("ping of a full database: error %v, want ErrUnwritable", err)
	}
	if err := db.Grow(t.Context(), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("ping when there is room again: %v", err)
	}
	if err := db.InsertEvent(t.Context(), large); err != nil {
		t.Errorf("the same event when there is room again: %v", err)
	}
}
