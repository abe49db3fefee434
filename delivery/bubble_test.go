package delivery_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// A receivers is every receiver there is, in a bubble whose time is not real: the
// transport of a service, with a real database behind the service.
type receivers struct {
	mu     sync.Mutex
	answer func(r *http.Request) int // by default 200
	log    []request
}

type request struct {
	at         time.Time
	host, id   string
	header     http.Header
	body       string
	answered   int
	deliveryID string
}

func (r *receivers) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusOK
	if r.answer != nil {
		status = r.answer(req)
	}
	r.log = append(r.log, request{
		time.Now(), req.URL.Host, req.Header.Get("webhook-id"), req.Header, string(body), status, req.Header.Get("Memhook-Delivery"),
	})
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func (r *receivers) say(answer func(*http.Request) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func always(status int) func(*http.Request) int { return func(*http.Request) int { return status } }

// to returns the requests that a host got, in order.
func (r *receivers) to(host string) []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []request
	for _, req := range r.log {
		if req.host == host {
			list = append(list, req)
		}
	}
	return list
}

// bubble runs a test against a real database in time that is not real.
func bubble(t *testing.T, test func(t *testing.T, s *system, r *receivers)) {
	synctest.Test(t, func(t *testing.T) {
		r := &receivers{}
		test(t, startWith(t, func(c *delivery.Config) { c.Transport = r }), r)
	})
}

// startWith runs the services, with the broker of a real server, after a change to
// the configuration.
func startWith(t *testing.T, change func(*delivery.Config)) *system {
	t.Helper()
	s := &system{db: sqlstoretest.Open(t)}
	s.project, _ = sqlstoretest.Project(t, s.db, "p")
	s.run(t, change)
	return s
}

// run runs the services over the system's database until the test or stop ends.
func (s *system) run(t testing.TB, change func(*delivery.Config)) (stop func()) {
	t.Helper()
	lanes := queue.Lanes{memory.Lane: 4, delivery.Lane: 128, delivery.SlowLane: 32}
	log := slog.New(slog.DiscardHandler)
	var broker *queue.Local
	push := func(ctx context.Context, ticket queue.Ticket) error { return broker.Push(ctx, ticket) }
	c := delivery.Config{
		Store: s.db, Push: push, Log: log, Version: "test", Policy: retry.DefaultPolicy(nil), Lanes: lanes,
		CheckURL: func(string) error { return nil },
	}
	change(&c)
	d := delivery.New(c)
	m := memory.New(memory.Config{Store: s.db, Engine: noEngine{}, Push: push, Wake: d.Wake, Log: log})
	s.delivery, s.memory = d, m
	broker = queue.NewLocal(queue.Mux(map[string]queue.Handler{
		memory.KindProcess: m.Process, delivery.KindSend: d.Send,
	}, log, nil), c.Lanes)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { d.Run(ctx) })
	work.Go(func() { m.Run(ctx) })
	work.Go(func() { broker.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// endpoint registers an endpoint at a host for new memories, with changes.
func (s *system) endpoint(t *testing.T, host string, change func(*delivery.NewEndpoint)) delivery.Endpoint {
	t.Helper()
	n := delivery.NewEndpoint{Name: host, URL: "https://" + host + "/hook?token=s3cret", EventTypes: []string{delivery.MemoryAdd}}
	if change != nil {
		change(&n)
	}
	e, err := s.delivery.CreateEndpoint(t.Context(), s.project, n)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// many is how many deliveries a backlog has: a thousand, or fewer with -short, for
// instance beside the race detector.
func many() int {
	if testing.Short() {
		return 200
	}
	return 1000
}

// addAll adds n memories and waits until they are processed.
func (s *system) addAll(t *testing.T, n int) []uuid.UUID {
	t.Helper()
	events := make([]uuid.UUID, n)
	for i := range events {
		events[i] = s.add(t, "fact "+uuid.NewString())
	}
	s.settle(t, func() bool {
		e, _, err := s.db.Event(t.Context(), s.project, events[n-1])
		return err == nil && e.Status.Final()
	})
	return events
}

// settle lets time pass in the bubble until a condition holds.
func (s *system) settle(t *testing.T, cond func() bool) {
	t.Helper()
	for range 100_000 {
		if cond() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("what was waited for did not come")
}

// standing reads how an endpoint stands.
func (s *system) standing(t *testing.T, e delivery.Endpoint) delivery.Standing {
	t.Helper()
	now, err := s.delivery.Endpoint(t.Context(), s.project, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	return now.Standing(time.Now())
}

// states counts the endpoint's deliveries of the events by state, without those of
// operational messages.
func (s *system) states(t *testing.T, e delivery.Endpoint, events []uuid.UUID) map[delivery.Status]int {
	t.Helper()
	asked := make(map[uuid.UUID]bool, len(events))
	for _, id := range events {
		asked[id] = true
	}
	n := map[delivery.Status]int{}
	q := delivery.Query{ProjectID: s.project, Endpoint: delivery.FormatID(delivery.EndpointPrefix, e.ID), Limit: delivery.MaxPage}
	for {
		page, err := s.db.Deliveries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			if d := row.Delivery; asked[d.EventID] && !strings.Contains(d.Type, ".") {
				n[d.Status]++
			}
		}
		if page.Older == nil {
			return n
		}
		q.After = page.Older
	}
}
