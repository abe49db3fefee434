package queuetest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"memhook/delivery/queue"
)

// The lanes that a broker under test must have, with so many workers each.
var Lanes = queue.Lanes{"quick": 4, "slow": 2}

// Run holds a broker to what its users rely on.
func Run(t *testing.T, open func(*testing.T, *asynq.ServeMux) queue.Broker) {
	t.Run("hands over every ticket", func(t *testing.T) {
		var mu sync.Mutex
		got := map[uuid.UUID]int{}
		b := start(t, open, map[string]queue.Handler{"look": func(_ context.Context, ids []uuid.UUID) error {
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				got[id]++
			}
			return nil
		}})
		var want []uuid.UUID
		for n := 1; n <= queue.MaxIDs; n++ {
			ids := newIDs(n)
			want = append(want, ids...)
			push(t, b, queue.Ticket{Kind: "look", Lane: "quick", IDs: ids})
		}
		await(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == len(want) })
	})
	t.Run("goes on after an error and a panic", func(t *testing.T) {
		var handled atomic.Int32
		b := start(t, open, map[string]queue.Handler{
			"fail":  func(context.Context, []uuid.UUID) error { return errors.New("database is gone") },
			"panic": func(context.Context, []uuid.UUID) error { panic("mistake") },
			"look":  func(context.Context, []uuid.UUID) error { handled.Add(1); return nil },
		})
		for range 10 {
			for _, kind := range []string{"fail", "panic", "look"} {
				push(t, b, queue.Ticket{Kind: kind, Lane: "quick", IDs: newIDs(1)})
			}
		}
		await(t, func() bool { return handled.Load() == 10 })
	})
	t.Run("keeps lanes apart", func(t *testing.T) {
		release := make(chan struct{})
		var blocked, handled atomic.Int32
		b := start(t, open, map[string]queue.Handler{
			"hang": func(context.Context, []uuid.UUID) error { blocked.Add(1); <-release; return nil },
			"look": func(context.Context, []uuid.UUID) error { handled.Add(1); return nil },
		})
		defer close(release)
		for range 2 * Lanes["slow"] {
			push(t, b, queue.Ticket{Kind: "hang", Lane: "slow", IDs: newIDs(1)})
		}
		await(t, func() bool { return int(blocked.Load()) == Lanes["slow"] })
		push(t, b, queue.Ticket{Kind: "look", Lane: "quick", IDs: newIDs(1)})
		await(t, func() bool { return handled.Load() == 1 })
	})
	t.Run("ends after the last handler", func(t *testing.T) {
		began, release := make(chan struct{}), make(chan struct{})
		var ended atomic.Bool
		b := open(t, queue.Mux(map[string]queue.Handler{"look": func(context.Context, []uuid.UUID) error {
			close(began)
			<-release
			ended.Store(true)
			return nil
		}}, slog.New(slog.DiscardHandler), nil))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		push(t, b, queue.Ticket{Kind: "look", Lane: "quick", IDs: newIDs(1)})
		<-began
		stop()
		close(release)
		if err := <-done; err != nil || !ended.Load() {
			t.Errorf("Run returned %v, handler ended: %t", err, ended.Load())
		}
	})
	t.Run("refuses what it cannot carry", func(t *testing.T) {
		b := start(t, open, nil)
		for _, n := range []int{0, queue.MaxIDs + 1} {
			if err := b.Push(t.Context(), queue.Ticket{Kind: "look", Lane: "quick", IDs: newIDs(n)}); err == nil {
				t.Errorf("a ticket with %d IDs was taken", n)
			}
		}
	})
}

func start(t *testing.T, open func(*testing.T, *asynq.ServeMux) queue.Broker, handlers map[string]queue.Handler) queue.Broker {
	t.Helper()
	b := open(t, queue.Mux(handlers, slog.New(slog.DiscardHandler), nil))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

func push(t *testing.T, b queue.Broker, ticket queue.Ticket) {
	t.Helper()
	if err := b.Push(t.Context(), ticket); err != nil {
		t.Errorf("push: %v", err)
	}
}

func newIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return slices.Clip(ids)
}

// await waits until the condition holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	end := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("the condition does not hold after 30 s")
		}
	}
}
