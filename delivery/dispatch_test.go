package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	official "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// system is memhook without its HTTP side: a real database, real sockets.
type system struct {
	db       *sqlstore.DB
	project  string
	memory   *memory.Service
	delivery *delivery.Service
}

type noEngine struct{}

func (noEngine) Decide(context.Context, memory.Add, memory.Recall) (memory.Decision, error) {
	return memory.Decision{}, nil
}

// start runs the services; allow opens networks to deliveries.
func start(t *testing.T, allow ...netip.Prefix) *system {
	t.Helper()
	s := &system{db: sqlstoretest.Open(t)}
	s.project, _ = sqlstoretest.Project(t, s.db, "p")
	var work sync.WaitGroup
	push := func(ctx context.Context, ticket queue.Ticket) error {
		handle := s.delivery.Send
		if ticket.Kind == memory.KindProcess {
			handle = s.memory.Process
		}
		work.Go(func() {
			if err := handle(ctx, ticket.IDs); err != nil {
				t.Error(err)
			}
		})
		return nil
	}
	guard := egress.Guard{Allow: allow}
	transport := egress.NewTransport(egress.Config{Guard: guard})
	log := slog.New(slog.DiscardHandler)
	s.delivery = delivery.New(delivery.Config{
		Store: s.db, Transport: transport, Push: push, Log: log, Version: "test", Policy: retry.DefaultPolicy(nil),
		CheckURL: func(u string) error { return egress.CheckURL(u, guard) },
	})
	s.memory = memory.New(memory.Config{Store: s.db, Engine: noEngine{}, Push: push, Wake: s.delivery.Wake, Log: log})
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { s.delivery.Run(ctx) })
	run.Go(func() { s.memory.Run(ctx) })
	t.Cleanup(func() {
		stop()
		run.Wait()
		work.Wait()
		transport.CloseIdleConnections()
	})
	return s
}

// register adds an endpoint for every type of message about a memory.
func (s *system) register(t *testing.T, url string, change ...func(*delivery.Endpoint)) delivery.Endpoint {
	t.Helper()
	e, err := s.delivery.CreateEndpoint(t.Context(), s.project, delivery.NewEndpoint{Name: url, URL: url, EventTypes: []string{delivery.MemoryAdd}})
	if err != nil {
		t.Fatal(err)
	}
	if len(change) > 0 {
		e, err = s.db.UpdateEndpoint(t.Context(), s.project, e.ID, func(e *delivery.Endpoint) error { change[0](e); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func (s *system) add(t *testing.T, text string) uuid.UUID {
	t.Helper()
	e, err := s.memory.Add(t.Context(), s.project, memory.Add{Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: memory.Scope{UserID: "alice"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// await waits until the event's deliveries are as wanted and returns them.
func (s *system) await(t *testing.T, event uuid.UUID, want func([]delivery.Trail) bool) []delivery.Trail {
	t.Helper()
	end := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		trails, err := s.db.TrailsByEvent(t.Context(), s.project, event)
		if err != nil {
			t.Fatal(err)
		}
		if len(trails) > 0 && want(trails) {
			return trails
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("deliveries of event %s are not as wanted after 30 s: %+v", event, trails)
		}
	}
}

// attempted holds when every delivery has at least n attempts.
func attempted(n int) func([]delivery.Trail) bool {
	return func(trails []delivery.Trail) bool {
		return !slices.ContainsFunc(trails, func(t delivery.Trail) bool { return len(t.List) < n })
	}
}

var loopback = netip.MustParsePrefix("127.0.0.1/32")

func TestReceiverGetsASignedMessage(t *testing.T) {
	s := start(t, loopback)
	type callback struct {
		header http.Header
		body   []byte
	}
	got := make(chan callback, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- callback{r.Header, body}
	}))
	defer srv.Close()
	endpoint := s.register(t, srv.URL)
	event := s.add(t, "Likes tea")
	c := <-got
	verifier, err := official.NewWebhook(endpoint.Secrets[0].Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(c.body, c.header); err != nil {
		t.Errorf("the official library does not verify the callback: %v", err)
	}
	if !strings.Contains(string(c.body), `"event_details":{"id":"`) || !strings.Contains(string(c.body), `"data":{"memory":"Likes tea"}`) {
		t.Errorf("body %s lacks mem0's event_details", c.body)
	}
	trails := s.await(t, event, func(l []delivery.Trail) bool { return l[0].Delivery.Status == delivery.Succeeded })
	a := trails[0].List[0]
	if a.StatusCode != 200 || a.Class != "" || a.RemoteAddr == "" || a.Duration <= 0 || a.Phases.Wait <= 0 {
		t.Errorf("attempt on record %+v lacks what happened", a)
	}
	if sig := a.RequestHeader.Get("webhook-signature"); strings.Contains(sig, "v1,") {
		t.Errorf("the record keeps the signature %q", sig)
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	s := start(t, loopback)
	var n atomic.Int32
	ids := make(chan string, 3)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids <- r.Header.Get("webhook-id")
		if n.Add(1) <= 2 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	s.register(t, srv.URL, func(e *delivery.Endpoint) {
		fast, err := retry.List(time.Second, time.Second)
		if err != nil {
			t.Error(err)
		}
		e.Schedule = &fast
	})
	trails := s.await(t, s.add(t, "Likes tea"), func(l []delivery.Trail) bool { return l[0].Delivery.Status == delivery.Succeeded })
	list := trails[0].List
	if len(list) != 3 {
		t.Fatalf("%d attempts on record, want 3", len(list))
	}
	for i, a := range list[:2] {
		if a.StatusCode != 503 || a.Class != retry.ClassStatus || a.NextAt == nil || a.RetryAfter != time.Second {
			t.Errorf("attempt %d on record is %+v, want 503 with class, next try and Retry-After", i+1, a)
			continue
		}
		if waited := list[i+1].StartedAt.Sub(a.StartedAt.Add(a.Duration)); waited < 999*time.Millisecond {
			t.Errorf("attempt %d came %v after the answer, want at least the second that was asked for", i+2, waited)
		}
	}
	if a, b, c := <-ids, <-ids, <-ids; a != b || b != c {
		t.Errorf("webhook-id changed between attempts: %s %s %s", a, b, c)
	}
}

// TestHostileReceivers: an attempt ends by its deadline, is recorded with its
// class, and costs nobody else anything.
func TestHostileReceivers(t *testing.T) {
	hijack := func(w http.ResponseWriter) net.Conn {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		return conn
	}
	until := make(chan struct{})
	t.Cleanup(func() { close(until) })
	chunk := []byte(strings.Repeat("x", 64<<10))
	tests := []struct {
		name   string
		class  retry.Class
		status delivery.Status
		handle http.HandlerFunc
	}{
		{"hangs", retry.ClassHeaderTimeout, delivery.Pending, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-until:
			case <-r.Context().Done():
			}
		}},
		{"drips", retry.ClassBodyTimeout, delivery.Pending, func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-until:
					return
				case <-r.Context().Done():
					return
				case <-tick.C:
				}
			}
		}},
		{"drips its header", retry.ClassHeaderTimeout, delivery.Pending, func(w http.ResponseWriter, _ *http.Request) {
			conn := hijack(w)
			defer conn.Close()
			<-until
		}},
		{"switches protocols", retry.ClassProtocol, delivery.Pending, func(w http.ResponseWriter, _ *http.Request) {
			conn := hijack(w)
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			<-until
		}},
		{"redirects to metadata", retry.ClassRedirect, delivery.Pending, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}},
		{"streams a gibibyte", "", delivery.Succeeded, func(w http.ResponseWriter, _ *http.Request) {
			for range (1 << 30) / len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}},
		{"resets", retry.ClassReset, delivery.Pending, func(w http.ResponseWriter, _ *http.Request) {
			conn := hijack(w).(*net.TCPConn)
			conn.SetLinger(0)
			conn.Close()
		}},
		{"talks nonsense", retry.ClassProtocol, delivery.Pending, func(w http.ResponseWriter, _ *http.Request) {
			conn := hijack(w)
			fmt.Fprint(conn, "220 mail.example.com ESMTP\r\n\r\n")
			conn.Close()
		}},
		{"has no end of headers", retry.ClassProtocol, delivery.Pending, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Trace", strings.Repeat("x", 1<<20))
		}},
		{"is gone", retry.ClassGone, delivery.Held, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }},
		{"finds it too large", retry.ClassTooLarge, delivery.Failed, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}},
	}
	s := start(t, loopback)
	byName := map[uuid.UUID]int{}
	for i, tt := range tests {
		srv := httptest.NewServer(tt.handle)
		t.Cleanup(srv.CloseClientConnections)
		e := s.register(t, srv.URL, func(e *delivery.Endpoint) { e.Timeout = time.Second })
		byName[e.ID] = i
	}
	healthy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer healthy.Close()
	good := s.register(t, healthy.URL)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	trails := s.await(t, s.add(t, "Likes tea"), attempted(1))
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	for _, trail := range trails {
		a := trail.List[0]
		if trail.Delivery.EndpointID == good.ID {
			if trail.Delivery.Status != delivery.Succeeded {
				t.Errorf("the healthy endpoint's delivery is %s", trail.Delivery.Status)
			}
			continue
		}
		tt := tests[byName[trail.Delivery.EndpointID]]
		t.Run(tt.name, func(t *testing.T) {
			if a.Class != tt.class || trail.Delivery.Status != tt.status {
				t.Errorf("class %q, delivery %s; want %q, %s (detail %q)", a.Class, trail.Delivery.Status, tt.class, tt.status, a.Detail)
			}
			if a.Duration > 5*time.Second {
				t.Errorf("the attempt took %v, its deadline is 1 s", a.Duration)
			}
			if len(a.ResponseBody) > delivery.MaxStoredBody {
				t.Errorf("%d bytes of body are kept", len(a.ResponseBody))
			}
			if tt.class != "" && a.Detail == "" {
				t.Error("the attempt does not say in words what happened")
			}
		})
	}
}

func TestAddressesAreCheckedAtTheDial(t *testing.T) {
	s := start(t)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request arrived") }))
	defer srv.Close()
	byName := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	for _, url := range []string{srv.URL, byName} { // registered while it was allowed, or a name: the dial decides
		e := s.register(t, "https://example.com/hook", func(e *delivery.Endpoint) { e.URL = url })
		trails := s.await(t, s.add(t, "to "+url), attempted(1))
		got := trails[len(trails)-1]
		if got.List[0].Class != retry.ClassBlockedAddress || got.Delivery.Status != delivery.Failed || got.Delivery.Reason != delivery.ReasonRefused {
			t.Errorf("%s: delivery %s (%s), attempt %+v; want failed with blocked_address", url, got.Delivery.Status, got.Delivery.Reason, got.List[0])
		}
		if got, err := s.delivery.Endpoint(t.Context(), s.project, e.ID); err != nil || !got.Active() {
			t.Errorf("endpoint %v is not active; error %v", got.ID, err)
		}
	}
}

func TestPausedEndpointGetsItsDeliveriesLater(t *testing.T) {
	s := start(t, loopback)
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n.Add(1) }))
	defer srv.Close()
	e := s.register(t, srv.URL)
	active := false
	if _, err := s.delivery.UpdateEndpoint(t.Context(), s.project, e.ID, delivery.EndpointEdit{Active: &active}); err != nil {
		t.Fatal(err)
	}
	var events []uuid.UUID
	for i := range 100 {
		events = append(events, s.add(t, fmt.Sprint("fact ", i)))
	}
	for _, id := range events {
		s.await(t, id, func(l []delivery.Trail) bool { return l[0].Delivery.Status == delivery.Held })
	}
	if n.Load() != 0 {
		t.Errorf("%d requests while paused", n.Load())
	}
	active = true
	if _, err := s.delivery.UpdateEndpoint(t.Context(), s.project, e.ID, delivery.EndpointEdit{Active: &active}); err != nil {
		t.Fatal(err)
	}
	for _, id := range events {
		s.await(t, id, func(l []delivery.Trail) bool { return l[0].Delivery.Status == delivery.Succeeded })
	}
	if n.Load() != 100 {
		t.Errorf("%d requests after resuming, want each of the 100 once", n.Load())
	}
}

func TestEndpointURLsAreChecked(t *testing.T) {
	s := start(t)
	good := s.register(t, "https://example.com/hook")
	for _, url := range []string{
		"ftp://example.com/", "http://user:pw@example.com/", "http:///x", "http://example.com:0/", "http://example.com:65536/",
		"http://exa\x00mple.com/", "http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/",
	} {
		_, err := s.delivery.CreateEndpoint(t.Context(), s.project, delivery.NewEndpoint{Name: "x", URL: url, EventTypes: []string{"*"}})
		var invalid *delivery.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "url" {
			t.Errorf("registering %q: error %v, want one that names url", url, err)
		}
		_, err = s.delivery.UpdateEndpoint(t.Context(), s.project, good.ID, delivery.EndpointEdit{URL: &url})
		if !errors.As(err, &invalid) || invalid.Field != "url" {
			t.Errorf("changing the URL to %q: error %v, want one that names url", url, err)
		}
	}
}
