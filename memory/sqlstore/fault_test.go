package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// TestEveryStepMayFail makes each step of each write fail: the caller gets the
// error, nothing is half written, and the same write succeeds after that.
func TestEveryStepMayFail(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	endpoint := newEndpoint(t, db, project, delivery.AllTypes)
	accepted := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), accepted); err != nil {
		t.Fatal(err)
	}
	var claimed memory.Event
	var due []delivery.Due
	var claim delivery.Claim
	var erased uuid.UUID
	for _, w := range []struct {
		name string
		do   func() error
	}{
		{"project", func() error {
			return db.CreateProject(t.Context(), memory.Project{ID: "proj_x", Name: "x"}, apikey.Key{ID: "key_x", ProjectID: "proj_x"})
		}},
		{"endpoint", func() error {
			e := endpoint
			e.ID, e.Name = delivery.NewID(), "other"
			e.PausedAt = &start
			return db.InsertEndpoint(t.Context(), e)
		}},
		{"rename", func() error {
			_, err := db.UpdateEndpoint(t.Context(), project, endpoint.ID, func(e *delivery.Endpoint) error { e.Name = "renamed"; return nil })
			return err
		}},
		{"accept", func() error { return db.InsertEvent(t.Context(), newEvent(project, start, "bob", true)) }},
		{"claim event", func() error {
			list, err := db.ClaimEvents(t.Context(), []uuid.UUID{accepted.ID}, start, start.Add(time.Minute))
			if err == nil {
				claimed = list[0]
			}
			return err
		}},
		{"complete", func() error {
			done, err := db.CompleteEvent(t.Context(), completion(claimed, start, "Lives in Berlin"))
			due = done.Due
			return err
		}},
		{"add verbatim", func() error {
			e := newEvent(project, start, "carol", false)
			c := completion(e, start, "word for word")
			c.Lease = time.Time{}
			_, err := db.CompleteEvent(t.Context(), c)
			return err
		}},
		{"claim delivery", func() error {
			list, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, start, nil)
			if err == nil {
				claim = list[0]
			}
			return err
		}},
		{"attempt", func() error {
			a := delivery.Attempt{ID: delivery.NewID(), DeliveryID: claim.Delivery.ID, Number: 1, Trigger: delivery.Scheduled, StartedAt: start, StatusCode: 200}
			_, err := db.FinishAttempt(t.Context(), delivery.Result{Claim: claim, Attempt: a, Status: delivery.Succeeded})
			return err
		}},
		{"erase", func() error {
			list, _, err := db.Memories(t.Context(), memory.Query{ProjectID: project})
			if err != nil {
				return err
			}
			e := newEvent(project, start, "carol", false)
			e.Kind, e.Status, e.NextAt, e.Request = memory.EventDelete, memory.EventSucceeded, nil, memory.Request{}
			x := memory.Erasure{ID: e.ID, ProjectID: project, State: memory.ErasureRunning, By: "x", CreatedAt: start, UpdatedAt: start, NextAt: &start}
			erased = x.ID
			_, err = db.EraseMemories(t.Context(), memory.ErasureGroup{Erasure: x, New: true, Event: e, List: []memory.Erased{{
				Memory: list[0], Live: true, Message: memory.ErasureMessage(x.ID, list[0], start),
			}}})
			return err
		}},
		{"look for quotes", func() error { return step(t, db, erased) }},
		{"begin to scrub", func() error { return step(t, db, erased) }},
		{"go on to scrub", func() error { return step(t, db, erased) }},
		{"scrub", func() error { return step(t, db, erased) }},
		{"beat", func() error {
			_, err := db.Beat(t.Context(), sqlstore.Node{ID: uuid.New()})
			return err
		}},
		{"reap", func() error {
			_, _, err := db.Reap(t.Context(), -time.Minute)
			return err
		}},
		{"prune", func() error {
			_, err := db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil)
			return err
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			before := dump(t, db)
			for n := 1; ; n++ {
				db.FailAt(n)
				err := w.do()
				db.FailAt(0)
				after := dump(t, db)
				if err == nil {
					if n == 1 || after == before {
						t.Errorf("after %d steps nothing was written", n-1)
					}
					return
				}
				if !errors.Is(err, sqlstore.ErrFault) {
					t.Fatalf("step %d failed: the caller gets %v", n, err)
				}
				if after != before {
					t.Fatalf("step %d failed and left\n%s\nwant what was there before\n%s", n, after, before)
				}
			}
		})
	}
}

// step does the next group of an erasure.
func step(t *testing.T, db *sqlstore.DB, erasure uuid.UUID) error {
	_, err := db.StepErasure(t.Context(), erasure, start.Add(time.Minute))
	return err
}

func dump(t *testing.T, db *sqlstore.DB) string {
	t.Helper()
	text, err := db.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}
