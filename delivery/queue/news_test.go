package queue_test

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
)

// heard is what one node heard.
type heard struct {
	mu      sync.Mutex
	changed map[string]int
	due     int
	taken   []uuid.UUID
}

func (h *heard) hear(got queue.Hint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, project := range got.Changed {
		h.changed[project]++
	}
	if got.Due {
		h.due++
	}
	h.taken = append(h.taken, got.Taken...)
}

func (h *heard) of(project string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed[project]
}

// startNews runs the news of a node until the test ends.
func startNews(t *testing.T, url string) (*queue.News, *heard) {
	t.Helper()
	shared, err := queue.NewShared(url)
	if err != nil {
		t.Fatal(err)
	}
	n := queue.NewNews(shared, func() bool { return true })
	h := &heard{changed: map[string]int{}}
	n.Listen(h.hear)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, h
}

// awaitNews tells of a project until the other node hears of it: Redis is not used
// for a while after it was away.
func awaitNews(t *testing.T, from *queue.News, to *heard, project string) {
	t.Helper()
	queuetest.Await(t, func() bool {
		from.Tell(queue.Hint{Changed: []string{project}})
		return to.of(project) > 0
	})
}

func TestNewsGoToOtherNodes(t *testing.T) {
	r := queuetest.StartRedis(t)
	a, atA := startNews(t, r.URL)
	b, atB := startNews(t, r.URL)
	awaitNews(t, a, atB, "from a")
	awaitNews(t, b, atA, "from b")
	if atA.of("from a") == 0 || atB.of("from b") == 0 {
		t.Error("a node does not hear of its own changes")
	}
	ids := queuetest.NewIDs(3)
	a.Tell(queue.Hint{Due: true, Taken: ids})
	a.Tell(queue.Hint{Changed: []string{"last"}})
	queuetest.Await(t, func() bool { return atB.of("last") > 0 && atA.of("last") > 0 })
	queuetest.Await(t, func() bool {
		atB.mu.Lock()
		defer atB.mu.Unlock()
		return atB.due > 0 && slices.Equal(atB.taken, ids)
	})
	if atA.due > 0 || len(atA.taken) > 0 {
		t.Error("a node hears what it is the one to know")
	}
}

// Redis away, emptied and hanging costs news between nodes, and nothing else.
func TestNewsWithoutRedis(t *testing.T) {
	r := queuetest.StartRedis(t)
	a, atA := startNews(t, r.URL)
	_, atB := startNews(t, r.URL)
	awaitNews(t, a, atB, "before")
	r.Flush()
	awaitNews(t, a, atB, "flushed")
	alone := func(name string) {
		t.Helper()
		queuetest.Await(t, func() bool { a.Tell(queue.Hint{Changed: []string{name}}); return atA.of(name) > 3 })
	}
	r.Kill()
	alone("killed")
	r.Start()
	awaitNews(t, a, atB, "restarted")
	pid := r.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	alone("stopped")
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	awaitNews(t, a, atB, "continued")
}

// What nobody carries away is bounded, and telling does not wait.
func TestNewsAreBounded(t *testing.T) {
	n := queue.NewNews(nil, nil)
	for range 1000 {
		n.Tell(queue.Hint{Changed: []string{uuid.NewString()}, Taken: queuetest.NewIDs(10)})
	}
	var got queue.Hint
	n.Listen(func(h queue.Hint) { got = h })
	ctx, stop := context.WithCancel(t.Context())
	changed, _ := n.Watch("")
	mine, forget := n.Watch("mine")
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	<-changed
	stop()
	<-done
	if len(got.Changed) == 0 || len(got.Changed) > 256 || len(got.Taken) > 0 {
		t.Errorf("heard of %d projects and %d deliveries", len(got.Changed), len(got.Taken))
	}
	forget()
	select {
	case <-mine:
		t.Error("a watch hears of other projects")
	default:
	}
}

// A look that is cheap may be repeated soon, one that is not rests.
func TestLookRest(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 25 * time.Millisecond, 5 * time.Millisecond: 100 * time.Millisecond, time.Second: 500 * time.Millisecond,
	} {
		if got := queue.LookRest(took, 500*time.Millisecond); got != want {
			t.Errorf("after %v it rests %v, want %v", took, got, want)
		}
	}
}
