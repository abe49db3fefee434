package dashboard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// A memory is erased after its page has said what goes, and the ledger says who
// acknowledged it.
func TestErasing(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "p")
	s.endpoint(project, "crm", "https://crm.example.com/secret-path", "*")
	_, changes, err := s.memory.Event(t.Context(), project, s.add(project, "Has a rare condition").ID)
	if err != nil {
		t.Fatal(err)
	}
	s.send()
	b := s.signedIn(key)
	page := memoryPath(changes[0].Memory.ID)
	b.get(page).is(t, 200).has(t, `href="`+page+`/erase"`)
	b.get(page+"/erase").is(t, 200).has(t, "Has a rare condition", "1 endpoint had something of it", "cannot be undone")
	erasure := b.post(page+"/erase", nil).is(t, 303).Header.Get("Location")
	if !strings.HasPrefix(erasure, "/ui/erasures/ers_") {
		t.Fatalf("it leads to %s", erasure)
	}
	b.get(erasure).is(t, 200).has(t, "Running", "crm", "Pending")
	id, err := delivery.ParseID(memory.ErasurePrefix, strings.TrimPrefix(erasure, "/ui/erasures/"))
	if err != nil {
		t.Fatal(err)
	}
	for {
		s.pass(time.Second)
		step, err := s.db.StepErasure(t.Context(), id, s.clock())
		if err != nil && !errors.Is(err, memory.ErrNotDue) {
			t.Fatal(err)
		}
		if err == nil && step.Next == nil {
			break
		}
	}
	b.get(erasure).is(t, 200).has(t, "Done", "0 of 1 delivery acknowledged it")
	s.send()
	b.get(erasure).is(t, 200).has(t, "1 of 1 delivery acknowledged it", "acknowledged <time", "1 message before")
	b.get("/ui/erasures").is(t, 200).has(t, `href="`+erasure+`"`, "1 memory")
	erased := b.get(page).is(t, 200)
	erased.has(t, "Its text was erased", `href="`+erasure+`"`)
	erased.lacks(t, "Has a rare condition", "/erase\"")
	b.get(page+"/erase").is(t, 303)
	receipt := b.get(erasure+"/receipt").is(t, 200)
	receipt.has(t, `"type":"memhook.erasure"`, `"signature":"v1a,`)
	receipt.lacks(t, "rare condition", "secret-path")
}
