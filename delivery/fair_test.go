package delivery_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// fleet is ten receivers, some of which may be bad.
type fleet struct {
	mu      sync.Mutex
	sent    map[string]time.Time
	latency []time.Duration
	got     map[string]int // by healthy receiver
	until   chan struct{}  // bad receivers let go
	servers []*httptest.Server
}

// serve starts the receivers and returns their URLs, the bad ones last.
func (f *fleet) serve(healthy int, bad bool) []string {
	var urls []string
	start := func(h http.HandlerFunc) {
		srv := httptest.NewUnstartedServer(h)
		srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		srv.Start()
		f.servers = append(f.servers, srv)
		urls = append(urls, srv.URL)
	}
	for i := range healthy {
		name := strconv.Itoa(i)
		start(func(_ http.ResponseWriter, r *http.Request) { f.receive(name, r) })
	}
	if bad {
		start(f.hang)
		start(f.drip)
		start(reset)
	}
	return urls
}

func (f *fleet) close() {
	close(f.until)
	for _, srv := range f.servers {
		srv.CloseClientConnections()
		srv.Close()
	}
}

func (f *fleet) receive(name string, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	_, tail, _ := strings.Cut(string(body), `"memory":"`)
	text, _, _ := strings.Cut(tail, `"`)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[name]++
	if at, ok := f.sent[text]; ok {
		f.latency = append(f.latency, now.Sub(at))
	}
}

func (f *fleet) hang(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	select {
	case <-f.until:
	case <-r.Context().Done():
	}
}

// drip answers with a byte every 200 ms.
func (f *fleet) drip(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := w.Write([]byte("x")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-f.until:
			return
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// besides sends events at a rate to seven healthy receivers, and to three bad ones
// if bad, and returns the healthy ones' sorted latencies from the acceptance of the
// event to the request, once each has got each event. check looks at the record
// before all of it ends.
func besides(t testing.TB, bad bool, events, perSecond int, timeout time.Duration, check func(*system, []uuid.UUID, []delivery.Endpoint)) []time.Duration {
	const healthy = 7
	f := &fleet{sent: map[string]time.Time{}, got: map[string]int{}, until: make(chan struct{})}
	urls := f.serve(healthy, bad)
	transport := egress.NewTransport(egress.Config{Guard: egress.Guard{Allow: []netip.Prefix{loopback}}})
	s := &system{db: sqlstoretest.Open(t)}
	s.project, _ = sqlstoretest.Project(t, s.db, "p")
	stop := s.run(t, func(c *delivery.Config) { c.Transport = transport })
	defer transport.CloseIdleConnections()
	defer stop()
	defer f.close()
	var endpoints []delivery.Endpoint
	for _, url := range urls {
		e, err := s.delivery.CreateEndpoint(t.Context(), s.project, delivery.NewEndpoint{
			Name: url, URL: url, EventTypes: []string{delivery.MemoryAdd}, Timeout: timeout,
		})
		if err != nil {
			t.Fatal(err)
		}
		endpoints = append(endpoints, e)
	}
	ids := make([]uuid.UUID, events)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := range ids {
		<-tick.C
		text := fmt.Sprint("fact ", i)
		f.mu.Lock()
		f.sent[text] = time.Now()
		f.mu.Unlock()
		e, err := s.memory.Add(t.Context(), s.project, memory.Add{Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: memory.Scope{UserID: "alice"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = e.ID
	}
	end := time.Now().Add(time.Minute)
	for {
		f.mu.Lock()
		n := len(f.latency)
		f.mu.Unlock()
		if n >= healthy*events {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the healthy receivers have %d of %d messages", n, healthy*events)
		}
		<-tick.C
	}
	check(s, ids, endpoints)
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.latency)
	return f.latency
}

// Three receivers of ten that hang, drip and reset hold up none of the others, and
// every one has its attempts on record.
func TestHealthyBesideHanging(t *testing.T) {
	latency := besides(t, true, 40, 40, time.Second, func(s *system, events []uuid.UUID, endpoints []delivery.Endpoint) {
		for _, trail := range s.await(t, events[0], attempted(1)) {
			i := slices.IndexFunc(endpoints, func(e delivery.Endpoint) bool { return e.ID == trail.Delivery.EndpointID })
			succeeded := trail.Delivery.Status == delivery.Succeeded
			if bad := i >= 7; bad == succeeded || bad && trail.List[0].Class == "" {
				t.Errorf("delivery to receiver %d is %s, its first attempt %+v", i, trail.Delivery.Status, trail.List[0])
			}
		}
	})
	if p50 := latency[len(latency)/2]; p50 > time.Second {
		t.Errorf("half of the healthy receivers' messages took more than %v", p50)
	}
}

// BenchmarkHealthyBesideHanging compares what seven healthy receivers see with and
// without three beside them that hang, drip and reset. Each run takes ten seconds;
// the two kinds alternate, so that a machine that is busy for a while is so for both.
//
//	go test -run - -bench HealthyBesideHanging -benchtime 1x ./delivery
func BenchmarkHealthyBesideHanging(b *testing.B) {
	var alone, beside []time.Duration
	ignore := func(*system, []uuid.UUID, []delivery.Endpoint) {}
	for range b.N {
		for range 3 {
			alone = append(alone, besides(b, false, 400, 40, 0, ignore)...)
			beside = append(beside, besides(b, true, 400, 40, 0, ignore)...)
		}
	}
	b.StopTimer()
	ms := func(list []time.Duration, percent int) float64 {
		slices.Sort(list)
		return float64(list[len(list)*percent/100].Microseconds()) / 1000
	}
	b.ReportMetric(ms(alone, 50), "p50-alone-ms")
	b.ReportMetric(ms(beside, 50), "p50-beside-ms")
	b.ReportMetric(ms(alone, 99), "p99-alone-ms")
	b.ReportMetric(ms(beside, 99), "p99-beside-ms")
	b.ReportMetric(ms(beside, 99)/ms(alone, 99), "p99-ratio")
}
