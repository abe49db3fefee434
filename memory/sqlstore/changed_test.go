package sqlstore_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// Whoever watches is told of every commit that a list of deliveries shows, and of no
// other.
func TestCommitsSayWhoseDeliveriesChanged(t *testing.T) {
	var told []string
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{
		Path: filepath.Join(t.TempDir(), "memhook.db"), Sealer: sqlstoretest.Sealer(),
		Changed: func(projects []string) { told = append(told, projects...) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	project, _ := sqlstoretest.Project(t, db, "p")
	other, _ := sqlstoretest.Project(t, db, "other")
	newEndpoint(t, db, other, delivery.AllTypes)
	e := newEndpoint(t, db, project, delivery.AllTypes)
	step := func(name string, want bool, do func() error) {
		t.Helper()
		told = nil
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if db.Ping(t.Context()) != nil || slices.Contains(told, project) != want || slices.Contains(told, other) {
			t.Errorf("%s tells of %v, want project %s: %t", name, told, project, want)
		}
	}
	var due []delivery.Due
	accepted := newEvent(project, start, "alice", true)
	step("accept", false, func() error { return db.InsertEvent(t.Context(), accepted) })
	step("complete", true, func() error {
		done, err := db.CompleteEvent(t.Context(), completion(claimEvent(t, db, accepted.ID, start), start, "Lives in Berlin"))
		due = done.Due
		return err
	})
	id := due[0].DeliveryID
	move := func(from, to delivery.Status) func() error {
		return func() error {
			_, err := db.MoveDeliveries(t.Context(), e.ID, from, to, delivery.ReasonPaused, start, 10)
			return err
		}
	}
	step("hold", true, move(delivery.Pending, delivery.Held))
	step("hold none", false, move(delivery.Pending, delivery.Held))
	step("resume", true, move(delivery.Held, delivery.Pending))
	var claim delivery.Claim
	step("claim", true, func() error {
		list, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{id}, start, nil)
		claim = list[0]
		return err
	})
	step("attempt", true, func() error {
		a := delivery.Attempt{ID: delivery.NewID(), DeliveryID: id, Number: 1, Trigger: delivery.Scheduled, StartedAt: start, StatusCode: 500}
		next := start.Add(time.Minute)
		_, err := db.FinishAttempt(t.Context(), delivery.Result{Claim: claim, Attempt: a, Status: delivery.Pending, NextAt: &next})
		return err
	})
	step("send again", true, func() error {
		_, err := db.SendAgain(t.Context(), project, id, start)
		return err
	})
	step("cancel", true, func() error { return db.CancelDelivery(t.Context(), project, id, start) })
}
