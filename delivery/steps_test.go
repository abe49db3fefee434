package delivery_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	official "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// A secret that is rotated while deliveries wait signs them together with the one it
// replaced: a receiver with either verifies each.
func TestRotationDuringABacklog(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "a", func(n *delivery.NewEndpoint) { n.RatePerSecond = 20 })
		const n = 200
		s.addAll(t, n)
		rotated, err := s.delivery.RotateSecret(t.Context(), s.project, e.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s.settle(t, func() bool { return len(r.to("a")) == n })
		both := 0
		for _, req := range r.to("a") {
			for i, secret := range rotated.Secrets {
				if i == 0 && !req.at.After(began.Add(time.Second)) {
					continue // it may have been claimed before the rotation
				}
				verifier, err := official.NewWebhook(secret.Reveal())
				if err != nil {
					t.Fatal(err)
				}
				if err := verifier.VerifyIgnoringTimestamp([]byte(req.body), req.header); err != nil {
					t.Fatalf("secret %d does not verify a callback: %v", i, err)
				}
				both += 1 - i
			}
		}
		if both < n/2 {
			t.Errorf("%d callbacks came after the rotation, want most of %d", both, n)
		}
		time.Sleep(time.Hour)
		s.addAll(t, 1)
		s.settle(t, func() bool { return len(r.to("a")) == n+1 })
		last := r.to("a")[n]
		old, err := official.NewWebhook(e.Secrets[0].Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if old.VerifyIgnoringTimestamp([]byte(last.body), last.header) == nil {
			t.Error("the old secret signs after its overlap")
		}
	})
}

// A real receiver never gets more than its rate, give or take what this machine
// needs to read its clock.
func TestRateAtARealReceiver(t *testing.T) {
	var mu sync.Mutex
	var at []time.Time
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
	}))
	defer srv.Close()
	transport := egress.NewTransport(egress.Config{Guard: egress.Guard{Allow: []netip.Prefix{loopback}}})
	s := startWith(t, func(c *delivery.Config) { c.Transport = transport })
	defer transport.CloseIdleConnections()
	const rate, n = 20, 45
	e, err := s.delivery.CreateEndpoint(t.Context(), s.project, delivery.NewEndpoint{
		Name: "x", URL: srv.URL, EventTypes: []string{delivery.MemoryAdd}, RatePerSecond: rate,
	})
	if err != nil {
		t.Fatal(err)
	}
	events := s.addAll(t, n)
	s.settle(t, func() bool { return s.states(t, e, events)[delivery.Succeeded] == n })
	mu.Lock()
	defer mu.Unlock()
	if len(at) != n {
		t.Errorf("%d requests, want %d", len(at), n)
	}
	for i := range at[rate:] {
		if span := at[i+rate].Sub(at[i]); span < 900*time.Millisecond {
			t.Errorf("requests %d to %d came within %v", i, i+rate, span)
		}
	}
}

// A server that ends between disabling an endpoint and holding its deliveries leaves
// them due: the next one sets them aside instead of sending them.
func TestEndBetweenDisablingAndHolding(t *testing.T) {
	c := startClocked(t)
	e := c.endpoint(t, "gone", nil)
	events := []uuid.UUID{c.remember("one"), c.remember("two")}
	ids, err := c.db.DueDeliveries(t.Context(), e.ID, c.now, 10)
	if err != nil || len(ids) != 2 {
		t.Fatalf("%d deliveries due, error %v; want 2", len(ids), err)
	}
	claims, err := c.db.ClaimDeliveries(t.Context(), ids[:1], c.now, nil)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, error %v; want 1", len(claims), err)
	}
	learned, err := c.db.FinishAttempt(t.Context(), delivery.Result{
		Claim:   claims[0],
		Attempt: delivery.Attempt{ID: delivery.NewID(), DeliveryID: ids[0], Number: 1, URL: e.URL, StartedAt: c.now, StatusCode: 410, Class: retry.ClassGone},
		Outcome: retry.Outcome{StatusCode: 410}, Status: delivery.Held, Reason: delivery.ReasonGone, Disable: true, Changes: true,
	})
	if err != nil || !learned.Disabled {
		t.Fatalf("learned %+v, error %v; want disabled", learned, err)
	}
	c.now = c.now.Add(time.Second)
	c.deliver(10)
	if got := c.states(t, e, events); got[delivery.Held] != 2 || len(c.r.to("gone")) != 0 {
		t.Errorf("deliveries %v and %d requests, want both held and none", got, len(c.r.to("gone")))
	}
}

// A probe whose server ends gives its place free when its lease is over, and its
// delivery has the attempt on record.
func TestEndDuringAProbe(t *testing.T) {
	c := startClocked(t)
	c.r.say(always(http.StatusInternalServerError))
	e := c.endpoint(t, "down", nil)
	var events []uuid.UUID
	for range 12 {
		events = append(events, c.remember("Likes "+uuid.NewString()))
	}
	c.deliver(10)
	c.now = c.now.Add(31 * time.Second)
	ids, err := c.db.DueDeliveries(t.Context(), e.ID, c.now, 10)
	if err != nil || len(ids) < 2 {
		t.Fatalf("%d deliveries due, error %v", len(ids), err)
	}
	claims, err := c.db.ClaimDeliveries(t.Context(), ids, c.now, nil)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d probes at once, error %v; want 1", len(claims), err)
	}
	if due, err := c.db.DueEndpoints(t.Context(), c.now); err != nil || len(due) != 0 {
		t.Errorf("due endpoints %v during the probe, error %v; want none", due, err)
	}
	c.r.say(nil)
	for c.now = claims[0].Lease; len(c.r.to("down")) < 10+len(events); c.now = c.now.Add(time.Second) {
		c.deliver(10)
		if c.now.Sub(claims[0].Lease) > time.Hour {
			t.Fatalf("%d requests an hour after the lease", len(c.r.to("down")))
		}
	}
	if got := c.states(t, e, events); got[delivery.Succeeded] != len(events) {
		t.Errorf("deliveries %v, want all %d to have succeeded", got, len(events))
	}
	trail, err := c.db.Trail(t.Context(), c.project, claims[0].Delivery.ID)
	if err != nil {
		t.Fatal(err)
	}
	interrupted := 0
	for _, a := range trail.List {
		if a.Class == retry.ClassInterrupted {
			interrupted++
		}
	}
	if interrupted != 1 {
		t.Errorf("the probe's delivery has %d interrupted attempts on record, want 1", interrupted)
	}
}

// What was asked for by hand is sent by the next server when the one that was asked
// ends before it hands the delivery on.
func TestEndAfterSendAgain(t *testing.T) {
	c := startClocked(t)
	e := c.endpoint(t, "a", nil)
	event := c.remember("one")
	c.deliver(1)
	if err := c.delivery.SendAgain(t.Context(), c.project, c.only(t, event).ID); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Second)
	c.deliver(1)
	if got := c.states(t, e, []uuid.UUID{event}); got[delivery.Succeeded] != 1 || len(c.r.to("a")) != 2 {
		t.Errorf("deliveries %v in %d requests, want one sent twice", got, len(c.r.to("a")))
	}
}

// A bulk replay goes on where it was when its server ended.
func TestEndDuringAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receivers{}
		s := &system{db: sqlstoretest.Open(t)}
		s.project, _ = sqlstoretest.Project(t, s.db, "p")
		with := func(c *delivery.Config) { c.Transport = r }
		stop := s.run(t, with)
		e := s.endpoint(t, "a", nil)
		events := s.addAll(t, 60)
		s.settle(t, func() bool { return s.states(t, e, events)[delivery.Succeeded] == 60 })
		replay := s.replay(t, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatAll}, 60, 2)
		time.Sleep(10 * time.Second)
		stop()
		if n := len(r.to("a")) - 60; n < 15 || n > 25 {
			t.Errorf("%d sent after 10 s at 2 a second", n)
		}
		time.Sleep(time.Minute)
		s.run(t, with)
		s.over(t, replay, 60)
		if got := r.arrived("a", 60); len(got) != 60 || len(r.to("a")) != 120 {
			t.Errorf("%d messages in %d requests, want each of the 60 once", len(got), len(r.to("a"))-60)
		}
	})
}
