package delivery_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// clocked is a system without its background work: a test turns the clock and
// sends what is due.
type clocked struct {
	*system
	t   *testing.T
	r   *receivers
	now time.Time
}

func startClocked(t *testing.T) *clocked {
	c := &clocked{system: &system{db: sqlstoretest.Open(t)}, t: t, r: &receivers{}, now: time.Now().UTC().Truncate(time.Microsecond)}
	c.project, _ = sqlstoretest.Project(t, c.db, "p")
	clock := func() time.Time { return c.now }
	push := func(context.Context, queue.Ticket) error { return nil }
	log := slog.New(slog.DiscardHandler)
	c.delivery = delivery.New(delivery.Config{
		Store: c.db, Push: push, Log: log, Version: "test", Policy: retry.DefaultPolicy(nil), Transport: c.r, Now: clock,
		CheckURL: func(string) error { return nil },
	})
	c.memory = memory.New(memory.Config{Store: c.db, Engine: noEngine{}, Push: push, Wake: c.delivery.Wake, Log: log, Now: clock})
	return c
}

// remember adds a memory and processes it.
func (c *clocked) remember(text string) uuid.UUID {
	c.t.Helper()
	id := c.add(c.t, text)
	if err := c.memory.Process(c.t.Context(), []uuid.UUID{id}); err != nil {
		c.t.Fatal(err)
	}
	return id
}

// deliver sends up to limit due deliveries of each endpoint.
func (c *clocked) deliver(limit int) {
	c.t.Helper()
	endpoints, err := c.db.DueEndpoints(c.t.Context(), c.now)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range endpoints {
		ids, err := c.db.DueDeliveries(c.t.Context(), e.ID, c.now, limit)
		if err != nil {
			c.t.Fatal(err)
		}
		if err := c.delivery.Send(c.t.Context(), ids); err != nil {
			c.t.Fatal(err)
		}
	}
}

// notices returns the type and reason of each operational message that a host got
// about an endpoint.
func (c *clocked) notices(host string) (list []string) {
	c.t.Helper()
	for _, req := range c.r.to(host) {
		var body struct {
			Type string
			Data struct {
				Reason       string
				EndpointName string `json:"endpoint_name"`
			}
		}
		if err := json.Unmarshal([]byte(req.body), &body); err != nil {
			c.t.Fatal(err)
		}
		if strings.Contains(req.body, "Likes") || strings.Contains(req.body, "s3cret") {
			c.t.Errorf("an operational message has a memory's text or a URL's query: %s", req.body)
		}
		list = append(list, strings.TrimSpace(body.Type+" "+body.Data.Reason))
	}
	return list
}

func (c *clocked) operations(host string) delivery.Endpoint {
	return c.endpoint(c.t, host, func(n *delivery.NewEndpoint) { n.EventTypes = delivery.OperationalTypes() })
}

// An endpoint with nothing but failures is told of after 24 and 96 hours and
// disabled after five days; what is left for it is held.
func TestAutoDisable(t *testing.T) {
	c := startClocked(t)
	c.r.say(func(r *http.Request) int {
		if r.URL.Host == "down" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	e := c.endpoint(t, "down", func(n *delivery.NewEndpoint) { n.EventTypes = append(n.EventTypes, delivery.OperationalTypes()...) })
	c.operations("operations")
	c.endpoint(t, "everything", func(n *delivery.NewEndpoint) { n.EventTypes = []string{delivery.AllTypes} })
	var events []uuid.UUID
	for began := c.now; c.now.Sub(began) < 6*24*time.Hour; c.now = c.now.Add(2 * time.Hour) {
		if len(events) < 40 {
			events = append(events, c.remember("Likes tea "+c.now.String()))
		}
		c.deliver(1)
	}
	c.deliver(100)
	var failing []string
	exhausted := 0
	for _, n := range c.notices("operations") {
		if strings.HasPrefix(n, delivery.DeliveryExhaustedType) {
			exhausted++
			continue
		}
		failing = append(failing, n)
	}
	want := []string{"endpoint.failing breaker_open", "endpoint.failing failing_24h", "endpoint.failing failing_96h", "endpoint.disabled failing"}
	if diff := cmp.Diff(want, failing); diff != "" {
		t.Errorf("operational messages (-want +got):\n%s", diff)
	}
	got, err := c.delivery.Endpoint(t.Context(), c.project, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Standing(c.now); s.State != delivery.EndpointDisabled || s.Reason != delivery.DisabledFailing {
		t.Errorf("standing %+v, want disabled because it was failing", s)
	}
	states := c.states(t, e, events)
	if states[delivery.Held] == 0 || states[delivery.Pending]+states[delivery.Sending] > 0 || states[delivery.Failed] != exhausted {
		t.Errorf("deliveries %v with %d told as exhausted; want those left held, and each failed one told", states, exhausted)
	}
	for _, req := range append(c.r.to("down"), c.r.to("everything")...) {
		if typ := req.header.Get("Memhook-Event-Type"); strings.Contains(typ, ".") {
			t.Errorf("%s got %s: it is about itself, or was not asked for by name", req.host, typ)
		}
	}
	if _, err := c.delivery.EnableEndpoint(t.Context(), c.project, e.ID); err != nil {
		t.Fatal(err)
	}
	c.r.say(nil)
	c.deliver(100)
	if states := c.states(t, e, events); states[delivery.Held]+states[delivery.Pending] != 0 {
		t.Errorf("deliveries %v after enabling, want none left", states)
	}
}

func TestRecoveryIsTold(t *testing.T) {
	c := startClocked(t)
	c.r.say(func(r *http.Request) int {
		if r.URL.Host == "down" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	c.endpoint(t, "down", nil)
	c.operations("operations")
	for range 12 {
		c.remember("Likes " + uuid.NewString())
	}
	c.deliver(10)
	c.r.say(nil)
	for range 20 {
		c.now = c.now.Add(time.Minute)
		c.deliver(1)
	}
	want := []string{"endpoint.failing breaker_open", "endpoint.recovered"}
	if diff := cmp.Diff(want, c.notices("operations")); diff != "" {
		t.Errorf("operational messages (-want +got):\n%s", diff)
	}
}

// A receiver that is gone is disabled, which is told.
func TestGoneIsTold(t *testing.T) {
	c := startClocked(t)
	c.r.say(func(r *http.Request) int {
		if r.URL.Host == "gone" {
			return http.StatusGone
		}
		return http.StatusOK
	})
	e := c.endpoint(t, "gone", nil)
	c.operations("operations")
	event := c.remember("Likes tea")
	c.deliver(1)
	c.now = c.now.Add(time.Minute)
	c.deliver(1)
	if diff := cmp.Diff([]string{"endpoint.disabled receiver_gone"}, c.notices("operations")); diff != "" {
		t.Errorf("operational messages (-want +got):\n%s", diff)
	}
	if got := c.states(t, e, []uuid.UUID{event}); got[delivery.Held] != 1 {
		t.Errorf("deliveries %v, want one held", got)
	}
}
