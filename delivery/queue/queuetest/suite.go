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

// Lanes are the lanes that a broker under test must have, with so many workers each.
var Lanes = queue.Lanes{"quick": 4, "slow": 2}

// Open returns the broker under test, which hands its tickets to the mux.
type Open func(*testing.T, *asynq.ServeMux) queue.Broker

// Run holds a broker to what its users rely on.
func Run(t *testing.T, open Open) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"hands over every ticket", testEveryTicket},
		{"goes on after an error and a panic", testErrors},
		{"keeps lanes apart", testLanes},
		{"refuses what has no room", testFull},
		{"refuses what it cannot carry", testInvalid},
		{"ends after the last handler", testEnd},
		{"ends without having carried anything", testEndAtOnce},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open) })
	}
}

func testEveryTicket(t *testing.T, open Open) {
	var mu sync.Mutex
	var got [][]uuid.UUID
	b := Start(t, open, map[string]queue.Handler{"look": func(_ context.Context, ids []uuid.UUID) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, ids)
		return nil
	}})
	var want [][]uuid.UUID
	for n := 1; n <= queue.MaxIDs; n++ {
		ids := NewIDs(n)
		for range 2 { // the same ticket twice is two tickets
			want = append(want, ids)
			push(t, b, queue.Ticket{Kind: "look", Lane: "quick", IDs: ids})
		}
	}
	handled := func() [][]uuid.UUID {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
	Await(t, func() bool { return len(handled()) >= len(want) })
	for _, ids := range want {
		n := 0
		for _, g := range handled() {
			if slices.Equal(g, ids) {
				n++
			}
		}
		if n != 2 {
			t.Errorf("a ticket of %d IDs, pushed twice, was handled %d times as it was", len(ids), n)
		}
	}
}

func testErrors(t *testing.T, open Open) {
	var handled atomic.Int32
	b := Start(t, open, map[string]queue.Handler{
		"fail":  func(context.Context, []uuid.UUID) error { return errors.New("database is gone") },
		"panic": func(context.Context, []uuid.UUID) error { panic("mistake") },
		"look":  func(context.Context, []uuid.UUID) error { handled.Add(1); return nil },
	})
	for range 10 {
		for _, kind := range []string{"fail", "panic", "unknown", "look"} {
			push(t, b, queue.Ticket{Kind: kind, Lane: "quick", IDs: NewIDs(1)})
		}
	}
	Await(t, func() bool { return handled.Load() == 10 })
}

func testLanes(t *testing.T, open Open) {
	release := make(chan struct{})
	var blocked, handled atomic.Int32
	b := Start(t, open, map[string]queue.Handler{
		"hang": func(context.Context, []uuid.UUID) error { blocked.Add(1); <-release; return nil },
		"look": func(context.Context, []uuid.UUID) error { handled.Add(1); return nil },
	})
	defer close(release)
	for range 5 * Lanes["slow"] {
		push(t, b, queue.Ticket{Kind: "hang", Lane: "slow", IDs: NewIDs(1)})
	}
	Await(t, func() bool { return int(blocked.Load()) == Lanes["slow"] })
	for range 100 {
		push(t, b, queue.Ticket{Kind: "look", Lane: "quick", IDs: NewIDs(1)})
	}
	Await(t, func() bool { return handled.Load() == 100 })
	if n := int(blocked.Load()); n != Lanes["slow"] {
		t.Errorf("%d handlers of the slow lane at once, want %d", n, Lanes["slow"])
	}
}

func testFull(t *testing.T, open Open) {
	release := make(chan struct{})
	var handled atomic.Int32
	b := Start(t, open, map[string]queue.Handler{
		"hang": func(context.Context, []uuid.UUID) error { <-release; handled.Add(1); return nil },
		"look": func(context.Context, []uuid.UUID) error { handled.Add(1); return nil },
	})
	ids := NewIDs(queue.MaxIDs)
	var err error
	pushed := int32(0)
	for ; err == nil && pushed < 5000; pushed++ {
		err = b.Push(t.Context(), queue.Ticket{Kind: "hang", Lane: "slow", IDs: ids})
	}
	if !errors.Is(err, queue.ErrFull) {
		t.Errorf("pushing %d tickets to blocked workers ends with %v, want ErrFull", pushed, err)
	}
	push(t, b, queue.Ticket{Kind: "look", Lane: "quick", IDs: NewIDs(1)})
	Await(t, func() bool { return handled.Load() == 1 })
	close(release)
	Await(t, func() bool { return handled.Load() == pushed })
	Await(t, func() bool {
		return b.Push(t.Context(), queue.Ticket{Kind: "look", Lane: "slow", IDs: ids}) == nil
	})
}

func testInvalid(t *testing.T, open Open) {
	b := Start(t, open, nil)
	for _, ticket := range []queue.Ticket{
		{Kind: "look", Lane: "quick"},
		{Kind: "look", Lane: "quick", IDs: NewIDs(queue.MaxIDs + 1)},
		{Kind: "look", Lane: "nowhere", IDs: NewIDs(1)},
		{Kind: "", Lane: "quick", IDs: NewIDs(1)},
	} {
		if err := b.Push(t.Context(), ticket); err == nil {
			t.Errorf("a ticket of kind %q with %d IDs was taken by lane %q", ticket.Kind, len(ticket.IDs), ticket.Lane)
		}
	}
}

func testEnd(t *testing.T, open Open) {
	began, release := make(chan struct{}), make(chan struct{})
	var ended, canceled atomic.Bool
	b := open(t, mux(map[string]queue.Handler{"look": func(ctx context.Context, _ []uuid.UUID) error {
		close(began)
		<-release
		canceled.Store(ctx.Err() != nil)
		ended.Store(true)
		return nil
	}}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	ticket := queue.Ticket{Kind: "look", Lane: "quick", IDs: NewIDs(1)}
	push(t, b, ticket)
	<-began
	stop()
	close(release)
	if err := <-done; err != nil || !ended.Load() {
		t.Errorf("Run returned %v, handler ended: %t", err, ended.Load())
	}
	if canceled.Load() {
		t.Error("the handler's context ended with the broker's")
	}
	if err := b.Push(t.Context(), ticket); err == nil {
		t.Error("a broker that has ended took a ticket")
	}
}

func testEndAtOnce(t *testing.T, open Open) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := open(t, mux(nil)).Run(ctx); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// Start runs a broker with these handlers until the test ends.
func Start(t *testing.T, open Open, handlers map[string]queue.Handler) queue.Broker {
	t.Helper()
	b := open(t, mux(handlers))
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

func mux(handlers map[string]queue.Handler) *asynq.ServeMux {
	return queue.Mux(handlers, slog.New(slog.DiscardHandler), nil)
}

func push(t *testing.T, b queue.Broker, ticket queue.Ticket) {
	t.Helper()
	if err := b.Push(t.Context(), ticket); err != nil {
		t.Errorf("push: %v", err)
	}
}

// NewIDs returns n IDs.
func NewIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids
}

// Await waits until the condition holds.
func Await(t *testing.T, holds func() bool) {
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
