package memory_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore/sqlstoretest"
)

// claims counts how many events were claimed.
type claims struct {
	memory.Store
	n atomic.Int64
}

func (c *claims) ClaimEvents(ctx context.Context, ids []uuid.UUID, now, lease time.Time) ([]memory.Event, error) {
	c.n.Add(int64(len(ids)))
	return c.Store.ClaimEvents(ctx, ids, now, lease)
}

// TestAloneAnEventIsLeasedAsItIsAccepted: a process alone on its database begins
// without a claim, also when the first ticket is lost; an event that may wait for
// another one is claimed.
func TestAloneAnEventIsLeasedAsItIsAccepted(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	store := &claims{Store: db}
	var s *memory.Service
	var work sync.WaitGroup
	var lost atomic.Bool
	s = memory.New(memory.Config{
		Store: store, Engine: engine.Local{}, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler), Alone: true,
		Push: func(ctx context.Context, ticket queue.Ticket) error {
			if lost.CompareAndSwap(false, true) {
				return errors.New("the queue is full")
			}
			work.Go(func() {
				if err := s.Process(ctx, ticket.IDs); err != nil {
					t.Error(err)
				}
			})
			return nil
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		stop()
		<-done
		work.Wait()
	}()

	verbatim := said("I live in Berlin")
	verbatim.Infer = false
	e, changes, err := s.AddNow(t.Context(), project, verbatim, nil)
	if err != nil || len(changes) != 1 || e.Status != memory.EventSucceeded {
		t.Fatalf("add: %s with %d changes, %v", e.Status, len(changes), err)
	}
	if e.Tries != 1 || e.StartedAt == nil {
		t.Errorf("the event has %d tries and began %v, want 1 and a time", e.Tries, e.StartedAt)
	}
	if n := store.n.Load(); n != 0 {
		t.Errorf("%d events were claimed, want none", n)
	}
	if _, _, err := s.AddNow(t.Context(), project, said("I have a dog named Rex"), nil); err != nil {
		t.Fatal(err)
	}
	if n := store.n.Load(); n != 1 {
		t.Errorf("%d events were claimed, want the one that infers", n)
	}
}

// TestALeasedEventOutlivesItsProcess: what one process accepted and never began is
// taken over when its lease is over.
func TestALeasedEventOutlivesItsProcess(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	config := memory.Config{
		Store: db, Engine: engine.Local{}, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler), Alone: true,
		Push: func(context.Context, queue.Ticket) error { return nil },
	}
	first, second := memory.New(config), memory.New(config)
	verbatim := said("I live in Berlin")
	verbatim.Infer = false
	e, err := first.Add(t.Context(), project, verbatim, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := []uuid.UUID{e.ID}
	if err := second.Process(t.Context(), ids); err != nil || texts(t, second, project) != nil {
		t.Fatalf("an event that another process holds was processed: %v, %v", texts(t, second, project), err)
	}
	if _, err := db.FreeLeases(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*memory.Service{second, first} {
		if err := s.Process(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
	}
	if got := texts(t, second, project); len(got) != 1 {
		t.Errorf("the memories are %q, want one", got)
	}
}
