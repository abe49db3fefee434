package delivery_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

// While an endpoint's breaker is open its deliveries wait and spend no attempts;
// single probes go out at growing distances, and when one succeeds all follow.
func TestFailingEndpointIsParked(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		r.say(always(http.StatusInternalServerError))
		e := s.endpoint(t, "down", nil)
		first := s.addAll(t, 10)
		s.settle(t, func() bool { return s.standing(t, e).State == delivery.EndpointParked })
		opened := time.Now()
		spent := len(r.to("down"))
		waiting := s.addAll(t, 20)
		time.Sleep(9 * time.Minute)
		var probes []time.Duration
		for _, req := range r.to("down")[spent:] {
			probes = append(probes, req.at.Sub(opened).Round(10*time.Second))
		}
		if diff := cmp.Diff([]time.Duration{30 * time.Second, 90 * time.Second, 210 * time.Second, 510 * time.Second}, probes); diff != "" {
			t.Errorf("probes after opening (-want +got):\n%s", diff)
		}
		if got := s.states(t, e, waiting)[delivery.Pending]; got != 20 {
			t.Errorf("%d deliveries wait, want all 20", got)
		}
		if until := s.standing(t, e).Until; until == nil || until.Before(time.Now()) {
			t.Errorf("the next probe is at %v", until)
		}
		r.say(nil)
		time.Sleep(10*time.Minute + 5*time.Second)
		if got := s.states(t, e, append(first, waiting...))[delivery.Succeeded]; got != 30 {
			t.Errorf("%d deliveries arrived after the endpoint was back, want 30", got)
		}
		if got := s.standing(t, e); got.State != delivery.EndpointActive || got.FailingSince != nil {
			t.Errorf("standing %+v, want active", got)
		}
	})
}

// An endpoint never gets more than its rate in any second, loses nothing, and holds
// up no other.
func TestRateLimitHolds(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		e := s.endpoint(t, "limited", func(n *delivery.NewEndpoint) { n.RatePerSecond = 5 })
		s.endpoint(t, "other", nil)
		n := many()
		began := time.Now()
		events := s.addAll(t, n)
		if got := s.states(t, e, events)[delivery.Pending]; got < n*8/10 {
			t.Errorf("%d deliveries wait after %v, want most of %d", got, time.Since(began), n)
		}
		waiting, err := s.db.DeliveryCounts(t.Context(), delivery.Query{ProjectID: s.project, Endpoint: "limited"})
		if got := waiting[delivery.Waiting]; err != nil || got.N < n*8/10 && !got.More || s.standing(t, e).PerSecond != 5 {
			t.Errorf("%+v are listed as waiting for %v a second, error %v", got, s.standing(t, e).PerSecond, err)
		}
		s.settle(t, func() bool { return len(r.to("other")) == n })
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the endpoint without a limit had its messages after %v", took)
		}
		time.Sleep(time.Duration(n) * 190 * time.Millisecond)
		s.settle(t, func() bool { return len(r.to("limited")) >= n })
		got := r.to("limited")
		for i := range got[5:] {
			if span := got[i+5].at.Sub(got[i].at); span < time.Second {
				t.Fatalf("requests %d to %d came within %v", i, i+5, span)
			}
		}
		if took := got[n-1].at.Sub(got[0].at); took > time.Duration(n)*230*time.Millisecond {
			t.Errorf("%d requests took %v, want 0.204 s for each", n, took)
		}
		synctest.Wait()
		seen := map[string]bool{}
		for _, req := range got {
			seen[req.id] = true
		}
		if len(got) != n || len(seen) != n {
			t.Errorf("%d requests with %d messages, want %d of each", len(got), len(seen), n)
		}
	})
}

// sharedBucket is a Limiter that two servers share.
type sharedBucket struct {
	mu   sync.Mutex
	full map[uuid.UUID]time.Time
}

func (b *sharedBucket) Take(_ context.Context, endpoint uuid.UUID, l retry.Limiter) (retry.Limiter, time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.FullAt = b.full[endpoint]
	l, wait := l.Take(time.Now())
	b.full[endpoint] = l.FullAt
	return l, wait, nil
}

// Two servers that share a limiter keep to the rate together.
func TestRateLimitIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, shared := &receivers{}, &sharedBucket{full: map[uuid.UUID]time.Time{}}
		with := func(c *delivery.Config) { c.Transport, c.Limiter = r, shared }
		s := startWith(t, with)
		s.run(t, with)
		s.endpoint(t, "limited", func(n *delivery.NewEndpoint) { n.RatePerSecond = 5 })
		const n = 100
		s.addAll(t, n)
		time.Sleep(15 * time.Second)
		s.settle(t, func() bool { return len(r.to("limited")) >= n })
		got := r.to("limited")
		for i := range got[5:] {
			if span := got[i+5].at.Sub(got[i].at); span < time.Second {
				t.Fatalf("requests %d to %d came within %v", i, i+5, span)
			}
		}
		if ids := r.arrived("limited", 0); len(ids) != n || len(got) != n {
			t.Errorf("%d messages in %d requests, want %d of each", len(ids), len(got), n)
		}
	})
}
