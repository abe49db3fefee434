package delivery_test

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// arrived returns the webhook-ids that a host got, each once, after the first skip
// requests.
func (r *receivers) arrived(host string, skip int) map[string]int {
	ids := map[string]int{}
	for _, req := range r.to(host)[skip:] {
		ids[req.id]++
	}
	return ids
}

func (s *system) pause(t *testing.T, e delivery.Endpoint) {
	t.Helper()
	if _, err := s.delivery.PauseEndpoint(t.Context(), s.project, e.ID, "key_1"); err != nil {
		t.Fatal(err)
	}
}

func (s *system) resume(t *testing.T, e delivery.Endpoint) {
	t.Helper()
	if _, err := s.delivery.ResumeEndpoint(t.Context(), s.project, e.ID); err != nil {
		t.Fatal(err)
	}
}

// replay previews a set, which must have want deliveries, and sends it again.
func (s *system) replay(t *testing.T, set delivery.ReplaySet, want int, perSecond float64) delivery.BulkReplay {
	t.Helper()
	time.Sleep(time.Millisecond) // what happened just now is not frozen
	set, n, err := s.delivery.PreviewReplay(t.Context(), s.project, set)
	if err != nil || n != want {
		t.Fatalf("the set has %d deliveries, want %d; error %v", n, want, err)
	}
	r, err := s.delivery.CreateReplay(t.Context(), s.project, set, n, perSecond, "key_1")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// over waits until a bulk replay has ended and all it sent has come to an end.
func (s *system) over(t *testing.T, r delivery.BulkReplay, sent int) delivery.BulkReplay {
	t.Helper()
	s.settle(t, func() bool {
		outcome, err := s.db.ReplayOutcome(t.Context(), s.project, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = s.delivery.Replay(t.Context(), s.project, r.ID); err != nil {
			t.Fatal(err)
		}
		return r.State != delivery.ReplayRunning && outcome[delivery.Succeeded] == sent
	})
	return r
}

// A thousand events while an endpoint is paused, and then while it did not exist:
// exactly those arrive.
func TestMissedEventsArrive(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "old", nil)
		before := s.addAll(t, 10)
		s.settle(t, func() bool { return s.states(t, e, before)[delivery.Succeeded] == 10 })
		s.pause(t, e)
		n := many()
		missed := s.addAll(t, n)
		if got := s.states(t, e, missed); got[delivery.Held] != n || len(r.to("old")) != 10 {
			t.Errorf("while paused: deliveries %v and %d requests, want %d held and 10", got, len(r.to("old")), n)
		}
		s.resume(t, e)
		s.settle(t, func() bool { return len(r.to("old")) >= 10+n })
		synctest.Wait()
		if got := r.arrived("old", 10); len(got) != n || len(r.to("old")) != 10+n {
			t.Errorf("after resuming %d messages in %d requests, want %d of each", len(got), len(r.to("old"))-10, n)
		}

		// One that is new gets what was before it, but for what its filter refuses.
		young := s.endpoint(t, "young", nil)
		bob := s.endpoint(t, "bob", func(n *delivery.NewEndpoint) { n.Filter.UserIDs = []string{"bob"} })
		s.replay(t, delivery.ReplaySet{EndpointID: bob.ID, What: delivery.WhatMissing}, 0, 0)
		replay := s.over(t, s.replay(t, delivery.ReplaySet{EndpointID: young.ID, What: delivery.WhatMissing}, 10+n, 0), 10+n)
		if replay.Done != 10+n || replay.State != delivery.ReplayDone {
			t.Errorf("replay %+v, want %d done", replay, 10+n)
		}
		if got := r.arrived("young", 0); len(got) != 10+n || len(r.to("young")) != 10+n {
			t.Errorf("the new endpoint got %d messages in %d requests, want %d of each", len(got), len(r.to("young")), 10+n)
		}
		for _, req := range r.to("young") {
			if req.header.Get("Memhook-Trigger") != "replay" {
				t.Fatalf("trigger %q, want replay", req.header.Get("Memhook-Trigger"))
			}
		}
		s.replay(t, delivery.ReplaySet{EndpointID: young.ID, What: delivery.WhatMissing}, 0, 0)
	})
}

// While an endpoint is disabled its deliveries are held. Enabled, it gets exactly
// those.
func TestDisabledEndpointGetsItsDeliveriesLater(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		r.say(always(http.StatusGone))
		e := s.endpoint(t, "gone", nil)
		first := s.addAll(t, 1)
		s.settle(t, func() bool { return s.standing(t, e).State == delivery.EndpointDisabled })
		n := many()
		missed := s.addAll(t, n)
		if got := s.states(t, e, missed); got[delivery.Held] != n {
			t.Errorf("while disabled: deliveries %v, want %d held", got, n)
		}
		if _, _, err := s.delivery.PreviewReplay(t.Context(), s.project, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatMissing}); !errors.Is(err, delivery.ErrInactive) {
			t.Errorf("a replay to a disabled endpoint: %v, want ErrInactive", err)
		}
		r.say(nil)
		if _, err := s.delivery.EnableEndpoint(t.Context(), s.project, e.ID); err != nil {
			t.Fatal(err)
		}
		s.settle(t, func() bool { return s.states(t, e, append(first, missed...))[delivery.Succeeded] == n+1 })
		if got := r.arrived("gone", 1); len(got) != n+1 || len(r.to("gone")) != n+2 {
			t.Errorf("after enabling %d messages in %d requests, want %d of each", len(got), len(r.to("gone"))-1, n+1)
		}
	})
}

// A replay sends a frozen set: not what fails later, at its own rate, and on after a
// restart.
func TestReplayOfFailed(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		r.say(always(http.StatusRequestEntityTooLarge)) // fails at once
		e := s.endpoint(t, "strict", nil)
		events := s.addAll(t, 100)
		s.settle(t, func() bool { return s.states(t, e, events)[delivery.Failed] == 100 })
		time.Sleep(time.Millisecond)
		set, n, err := s.delivery.PreviewReplay(t.Context(), s.project, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatFailed})
		if err != nil || n != 100 {
			t.Fatalf("the set has %d deliveries, error %v; want 100", n, err)
		}
		later := s.addAll(t, 5)
		s.settle(t, func() bool { return s.states(t, e, later)[delivery.Failed] == 5 })
		var changed *delivery.ChangedError
		if _, err := s.delivery.CreateReplay(t.Context(), s.project, set, 99, 10, "key_1"); !errors.As(err, &changed) || changed.Found != 100 {
			t.Errorf("a replay of a set that is not as expected: %v, want a ChangedError with 100", err)
		}
		r.say(nil)
		replay, err := s.delivery.CreateReplay(t.Context(), s.project, set, n, 10, "key_1")
		if err != nil {
			t.Fatal(err)
		}
		stop := s.run(t, func(c *delivery.Config) { c.Transport = r }) // a second server on the same database
		began := time.Now()
		replay = s.over(t, replay, 100)
		stop()
		if took := time.Since(began); took < 9*time.Second || took > 15*time.Second {
			t.Errorf("100 deliveries at 10 a second took %v", took)
		}
		if replay.Done != 100 || replay.Total != 100 {
			t.Errorf("replay %+v, want 100 of 100 done", replay)
		}
		if got := r.arrived("strict", 105); len(got) != 100 || len(r.to("strict")) != 205 {
			t.Errorf("%d messages in %d requests, want 100 of each", len(got), len(r.to("strict"))-105)
		}
		if got := s.states(t, e, later); got[delivery.Failed] != 5 {
			t.Errorf("what failed after the preview is %v, want left alone", got)
		}
		if _, err := s.delivery.CancelReplay(t.Context(), s.project, replay.ID); !errors.Is(err, delivery.ErrState) {
			t.Errorf("canceling what is over: %v, want ErrState", err)
		}
	})
}

// A replay that is canceled stops; one that a server's end interrupts goes on.
func TestReplayCanceledAndInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receivers{}
		s := &system{}
		with := func(c *delivery.Config) { c.Transport = r }
		*s = *startWith(t, with)
		e := s.endpoint(t, "a", nil)
		events := s.addAll(t, 60)
		s.settle(t, func() bool { return s.states(t, e, events)[delivery.Succeeded] == 60 })
		all := delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatAll}
		replay := s.replay(t, all, 60, 2)
		time.Sleep(10 * time.Second)
		replay, err := s.delivery.CancelReplay(t.Context(), s.project, replay.ID)
		if err != nil || replay.State != delivery.ReplayCanceled || replay.Done < 18 || replay.Done > 24 {
			t.Errorf("canceled after 10 s at 2 a second: %+v, error %v", replay, err)
		}
		time.Sleep(time.Minute)
		if got := len(r.to("a")); got != 60+replay.Done {
			t.Errorf("%d requests, want 60 and the %d that the replay had made due", got, replay.Done)
		}
		replay = s.replay(t, all, 60, 2)
		time.Sleep(5 * time.Second)
		if _, err := s.delivery.PauseEndpoint(t.Context(), s.project, e.ID, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got, err := s.delivery.Replay(t.Context(), s.project, replay.ID); err != nil || got.State != delivery.ReplayRunning || got.Done > 14 {
			t.Errorf("while the endpoint is paused the replay is %+v, error %v; want it waiting", got, err)
		}
		s.resume(t, e)
		s.over(t, replay, 60)
	})
}

// What was skipped is sent when the endpoint would want it now.
func TestReplayOfSkipped(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "picky", func(n *delivery.NewEndpoint) { n.Filter.UserIDs = []string{"bob"} })
		events := s.addAll(t, 10)
		if got := s.states(t, e, events); got[delivery.Skipped] != 10 {
			t.Fatalf("deliveries %v, want 10 skipped", got)
		}
		s.replay(t, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatSkipped}, 0, 0)
		filter := delivery.Filter{UserIDs: []string{"bob", "alice"}}
		if _, err := s.delivery.UpdateEndpoint(t.Context(), s.project, e.ID, delivery.EndpointEdit{Filter: &filter}); err != nil {
			t.Fatal(err)
		}
		s.over(t, s.replay(t, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatSkipped}, 10, 0), 10)
		if got := r.arrived("picky", 0); len(got) != 10 {
			t.Errorf("%d messages arrived, want 10", len(got))
		}
	})
}

func TestReplaySetIsChecked(t *testing.T) {
	s := start(t)
	e := s.register(t, "https://example.com/hook")
	now := time.Now()
	tests := []struct {
		field string
		set   delivery.ReplaySet
	}{
		{"what", delivery.ReplaySet{What: "some"}},
		{"until", delivery.ReplaySet{What: delivery.WhatFailed, Since: now, Until: now.Add(-time.Hour)}},
		{"types", delivery.ReplaySet{What: delivery.WhatFailed, Types: []string{"memory_forget"}}},
	}
	for _, tt := range tests {
		tt.set.EndpointID = e.ID
		_, _, err := s.delivery.PreviewReplay(t.Context(), s.project, tt.set)
		var invalid *delivery.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tt.field {
			t.Errorf("set %+v: error %v, want one that names %s", tt.set, err, tt.field)
		}
	}
	if _, _, err := s.delivery.PreviewReplay(t.Context(), s.project, delivery.ReplaySet{EndpointID: uuid.New(), What: delivery.WhatFailed}); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("a set of an unknown endpoint: %v, want ErrNotFound", err)
	}
}

// What a person asks for goes out at once: again, before its time, and although the
// endpoint is parked.
func TestSendAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "a", nil)
		event := s.addAll(t, 1)
		s.settle(t, func() bool { return s.states(t, e, event)[delivery.Succeeded] == 1 })
		id := s.only(t, event[0]).ID
		again := func() {
			t.Helper()
			if err := s.delivery.SendAgain(t.Context(), s.project, id); err != nil {
				t.Fatal(err)
			}
		}
		again()
		s.settle(t, func() bool { return len(r.to("a")) == 2 })
		if got := r.to("a")[1]; got.header.Get("Memhook-Trigger") != "manual" || got.header.Get("Memhook-Attempt") != "2" {
			t.Errorf("trigger %q, attempt %q; want manual, 2", got.header.Get("Memhook-Trigger"), got.header.Get("Memhook-Attempt"))
		}
		r.say(always(http.StatusInternalServerError))
		s.addAll(t, 10)
		s.settle(t, func() bool { return s.standing(t, e).State == delivery.EndpointParked })
		n := len(r.to("a"))
		began := time.Now()
		again()
		s.settle(t, func() bool { return len(r.to("a")) == n+1 })
		if time.Since(began) > time.Second {
			t.Errorf("a manual try waited %v for the probe", time.Since(began))
		}
		s.settle(t, func() bool { return s.only(t, event[0]).Status == delivery.Pending })
		if got := s.only(t, event[0]); got.Trigger != delivery.Scheduled || got.Tries != 1 {
			t.Errorf("after a manual try that failed the delivery is %+v, want scheduled with one try", got)
		}
		if err := s.delivery.CancelDelivery(t.Context(), s.project, id); err != nil {
			t.Fatal(err)
		}
		if got := s.only(t, event[0]); got.Status != delivery.Canceled || got.Reason != delivery.ReasonCanceled {
			t.Errorf("after canceling the delivery is %s (%s)", got.Status, got.Reason)
		}
		if err := s.delivery.CancelDelivery(t.Context(), s.project, id); !errors.Is(err, delivery.ErrState) {
			t.Errorf("canceling twice: %v, want ErrState", err)
		}
		s.pause(t, e)
		if err := s.delivery.SendAgain(t.Context(), s.project, id); !errors.Is(err, delivery.ErrInactive) {
			t.Errorf("sending to a paused endpoint: %v, want ErrInactive", err)
		}
		if err := s.delivery.SendAgain(t.Context(), "proj_other", id); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("sending another project's delivery: %v, want ErrNotFound", err)
		}
	})
}

// A probe by hand is the breaker's probe: the next delivery in line goes out alone,
// a failure makes the next one wait longer, and a success lets the others follow.
func TestProbe(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "a", nil)
		probe := func() (uuid.UUID, error) { return s.delivery.Probe(t.Context(), s.project, e.ID) }
		refused := func(want error, when string) {
			t.Helper()
			if _, err := probe(); !errors.Is(err, want) {
				t.Errorf("a probe %s: %v, want %v", when, err, want)
			}
		}
		refused(delivery.ErrNotParked, "of an endpoint that is well")
		if _, err := s.delivery.Probe(t.Context(), "proj_other", e.ID); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("a probe of another project's endpoint: %v, want ErrNotFound", err)
		}
		r.say(always(http.StatusInternalServerError))
		events := s.addAll(t, 12)
		s.settle(t, func() bool { return s.standing(t, e).State == delivery.EndpointParked })
		was, n := s.standing(t, e), len(r.to("a"))

		time.Sleep(3 * time.Second)
		hold := make(chan struct{})
		r.say(func(*http.Request) int { <-hold; return http.StatusInternalServerError })
		first, err := probe()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		refused(delivery.ErrProbing, "while one is under way")
		close(hold)
		s.settle(t, func() bool { return len(r.to("a")) == n+1 })
		got := r.to("a")[n]
		if got.deliveryID != delivery.FormatID(delivery.DeliveryPrefix, first) || got.header.Get("Memhook-Trigger") != "manual" || !got.at.Before(*was.Until) {
			t.Errorf("the probe is delivery %s, trigger %s, at %v; want %v by hand before %v", got.deliveryID, got.header.Get("Memhook-Trigger"), got.at, first, was.Until)
		}
		s.settle(t, func() bool { return s.standing(t, e).Until.After(time.Now().Add(50 * time.Second)) })
		if now := s.standing(t, e); now.State != delivery.EndpointParked || len(r.to("a")) != n+1 {
			t.Errorf("after a probe that failed the endpoint is %+v with %d more requests, want it parked for a minute with one", now, len(r.to("a"))-n)
		}

		r.say(nil)
		began := time.Now()
		if _, err := probe(); err != nil {
			t.Fatal(err)
		}
		s.settle(t, func() bool { return s.states(t, e, events)[delivery.Succeeded] == 12 })
		if spent := time.Since(began); spent > 40*time.Second {
			t.Errorf("after a probe that succeeded the others took %v", spent)
		}
		r.say(always(http.StatusInternalServerError))
		events = s.addAll(t, 12)
		s.settle(t, func() bool { return s.standing(t, e).State == delivery.EndpointParked })
		for _, id := range events {
			if err := s.delivery.CancelDelivery(t.Context(), s.project, s.only(t, id).ID); err != nil {
				t.Fatal(err)
			}
		}
		refused(delivery.ErrNothingWaits, "without a delivery")
		s.pause(t, e)
		refused(delivery.ErrInactive, "of a paused endpoint")
	})
}

// only returns the event's one delivery.
func (s *system) only(t *testing.T, event uuid.UUID) delivery.Delivery {
	t.Helper()
	trails, err := s.db.TrailsByEvent(t.Context(), s.project, event)
	if err != nil || len(trails) != 1 {
		t.Fatalf("%d deliveries of event %s, error %v; want one", len(trails), event, err)
	}
	return trails[0].Delivery
}

// A test send goes out to an endpoint that is paused, is tried once, and says
// nothing about the endpoint.
func TestTestSends(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "a", nil)
		s.pause(t, e)
		types := slices.Concat(delivery.EventTypes(), delivery.OperationalTypes(), []string{""})
		for i, typ := range types {
			d, err := s.delivery.SendTest(t.Context(), s.project, e.ID, typ)
			if err != nil {
				t.Fatal(err)
			}
			s.settle(t, func() bool {
				trail, err := s.db.Trail(t.Context(), s.project, d.ID)
				return err == nil && trail.Delivery.Status == delivery.Succeeded
			})
			got := r.to("a")[i]
			if want := cmp.Or(typ, delivery.MemoryAdd); got.header.Get("Memhook-Event-Type") != want || got.header.Get("Memhook-Trigger") != "test" {
				t.Errorf("test of %s arrived as %s, trigger %s", want, got.header.Get("Memhook-Event-Type"), got.header.Get("Memhook-Trigger"))
			}
		}
		s.resume(t, e)
		r.say(always(http.StatusInternalServerError))
		for range 12 {
			d, err := s.delivery.SendTest(t.Context(), s.project, e.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			s.settle(t, func() bool {
				trail, err := s.db.Trail(t.Context(), s.project, d.ID)
				return err == nil && trail.Delivery.Status == delivery.Failed && trail.Delivery.Reason == delivery.ReasonTestFailed
			})
		}
		if got := s.standing(t, e); got.State != delivery.EndpointActive || got.Failures != 0 {
			t.Errorf("after tests that failed the endpoint is %+v, want it active without failures", got)
		}
		var invalid *delivery.InvalidError
		if _, err := s.delivery.SendTest(t.Context(), s.project, e.ID, "no_such_type"); !errors.As(err, &invalid) || invalid.Field != "type" {
			t.Errorf("a test of an unknown type: %v, want an error that names type", err)
		}
		if p, err := s.db.Prune(t.Context(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Nil); err != nil || p.More {
			t.Fatalf("pruned %+v, error %v", p, err)
		}
		if list, err := s.db.Messages(t.Context(), s.project, uuid.Nil, uuid.Nil, 10); err != nil || len(list) != 0 {
			t.Errorf("%d messages of tests are left after pruning, error %v", len(list), err)
		}
	})
}
