package delivery_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// A shaky store is a real one that can be away, and can lose the outcome of a write.
type shaky struct {
	delivery.Store
	mu       sync.Mutex
	away     bool
	refuses  bool         // attempts
	finish   func() error // the outcome of FinishAttempt after it was written
	claim    func() error // the same of ClaimDeliveries
	finishes int
}

var (
	errAway    = errors.New("the database is away")
	errRefused = errors.New("refused")
)

func (s *shaky) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *shaky) there() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errAway
	}
	return nil
}

func (s *shaky) Ping(ctx context.Context) error {
	if err := s.there(); err != nil {
		return err
	}
	return s.Store.Ping(ctx)
}

func (s *shaky) DueEndpoints(ctx context.Context, now time.Time) ([]delivery.DueEndpoint, error) {
	if err := s.there(); err != nil {
		return nil, err
	}
	return s.Store.DueEndpoints(ctx, now)
}

func (s *shaky) ReturnDeliveries(ctx context.Context, claims []delivery.Claim, now time.Time) error {
	if err := s.there(); err != nil {
		return err
	}
	return s.Store.ReturnDeliveries(ctx, claims, now)
}

func (s *shaky) ClaimDeliveries(ctx context.Context, ids []uuid.UUID, now time.Time, pass func(delivery.Delivery, delivery.Endpoint) bool) ([]delivery.Claim, error) {
	if err := s.there(); err != nil {
		return nil, err
	}
	claims, err := s.Store.ClaimDeliveries(ctx, ids, now, pass)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claim != nil && len(claims) > 0 {
		err = s.claim()
	}
	return claims, err
}

func (s *shaky) FinishAttempt(ctx context.Context, r delivery.Result) (delivery.Learned, error) {
	if err := s.there(); err != nil {
		return delivery.Learned{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishes++
	if s.refuses {
		return delivery.Learned{}, errRefused
	}
	learned, err := s.Store.FinishAttempt(ctx, r)
	if s.finish != nil {
		err = s.finish()
	}
	return learned, err
}

// handed is how often an attempt was handed in.
func (s *shaky) handed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finishes
}

// shake runs a test over a shaky store, with one endpoint.
func shake(t *testing.T, test func(t *testing.T, s *system, r *receivers, store *shaky)) {
	synctest.Test(t, func(t *testing.T) {
		r, store := &receivers{}, &shaky{}
		s := startWith(t, func(c *delivery.Config) {
			c.Transport, store.Store = r, c.Store
			c.Store = store
		})
		s.endpoint(t, "crm", nil)
		test(t, s, r, store)
	})
}

// once fails the test unless an event has one delivery, which succeeded with one
// attempt and one request.
func once(t *testing.T, s *system, r *receivers, event uuid.UUID) {
	t.Helper()
	trails, err := s.db.TrailsByEvent(t.Context(), s.project, event)
	if err != nil || len(trails) != 1 {
		t.Fatalf("%d deliveries, error %v", len(trails), err)
	}
	d := trails[0]
	if d.Delivery.Status != delivery.Succeeded || d.Delivery.Attempts != 1 || len(d.List) != 1 || d.List[0].Class != "" {
		t.Errorf("the delivery is %s after %d attempts, on record %+v", d.Delivery.Status, d.Delivery.Attempts, d.List)
	}
	if got := r.to("crm"); len(got) != 1 {
		t.Errorf("%d requests, want 1", len(got))
	}
}

// While the database is away what is known of an attempt is kept, however long it
// takes.
func TestAnAttemptWaitsForTheDatabase(t *testing.T) {
	for name, long := range map[string]time.Duration{"a moment": time.Second, "longer than a lease": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			shake(t, func(t *testing.T, s *system, r *receivers, store *shaky) {
				r.say(func(*http.Request) int { store.set(func() { store.away = true }); return http.StatusOK })
				id := s.add(t, "Lives in Berlin")
				s.settle(t, func() bool { return len(r.to("crm")) == 1 })
				time.Sleep(long)
				store.set(func() { store.away = false })
				time.Sleep(2 * time.Second)
				once(t, s, r, id)
			})
		})
	}
}

// The outcome of a write is lost with the connection: the write is made again, and
// counts once.
func TestAnAttemptWhoseRecordIsInDoubt(t *testing.T) {
	shake(t, func(t *testing.T, s *system, r *receivers, store *shaky) {
		store.finish = func() error {
			store.finish = nil
			return errAway // after it was written
		}
		id := s.add(t, "Lives in Berlin")
		time.Sleep(2 * time.Second)
		once(t, s, r, id)
		if n := store.handed(); n != 2 {
			t.Errorf("the attempt was handed in %d times, want 2", n)
		}
	})
}

// A delivery whose claim is in doubt is neither sent nor kept for its lease, and no
// attempt is on record that was not made.
func TestAClaimInDoubtIsGivenBack(t *testing.T) {
	shake(t, func(t *testing.T, s *system, r *receivers, store *shaky) {
		store.claim = func() error {
			store.claim, store.away = nil, true
			return errAway // after it was written
		}
		id := s.add(t, "Lives in Berlin")
		time.Sleep(5 * time.Second)
		if got := r.to("crm"); len(got) != 0 {
			t.Errorf("%d requests for a claim that nobody knows of", len(got))
		}
		store.set(func() { store.away = false })
		time.Sleep(2 * time.Second)
		once(t, s, r, id)
	})
}

// A database that is well and refuses an attempt is not asked for ever: the delivery
// comes back when its lease is over.
func TestAnAttemptThatIsRefused(t *testing.T) {
	shake(t, func(t *testing.T, s *system, r *receivers, store *shaky) {
		store.refuses = true
		id := s.add(t, "Lives in Berlin")
		time.Sleep(5 * time.Second)
		store.set(func() { store.refuses = false })
		if n := store.handed(); n != 3 {
			t.Errorf("the attempt was handed in %d times, want 3", n)
		}
		time.Sleep(2 * time.Minute)
		trails, err := s.db.TrailsByEvent(t.Context(), s.project, id)
		if err != nil || len(trails) != 1 || len(trails[0].List) != 2 || trails[0].List[0].Class != retry.ClassInterrupted || trails[0].Delivery.Status != delivery.Succeeded {
			t.Errorf("on record is %+v, error %v; want an interrupted attempt and one that succeeded", trails, err)
		}
	})
}

// A server that stops while the database is away does not wait for it.
func TestStoppingWithoutTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := &receivers{}, &shaky{}
		s := &system{db: sqlstoretest.Open(t)}
		s.project, _ = sqlstoretest.Project(t, s.db, "p")
		stop := s.run(t, func(c *delivery.Config) {
			c.Transport, store.Store = r, c.Store
			c.Store = store
		})
		r.say(func(*http.Request) int { store.set(func() { store.away = true }); return http.StatusOK })
		s.endpoint(t, "crm", nil)
		s.add(t, "Lives in Berlin")
		s.settle(t, func() bool { return len(r.to("crm")) == 1 })
		began := time.Now()
		if stop(); time.Since(began) > time.Second {
			t.Errorf("it stopped after %v", time.Since(began))
		}
	})
}
