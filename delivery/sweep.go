package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"memhook/delivery/queue"
)

const (
	// pumpEvery is how often the pump looks at least. It bounds how long a row
	// waits whose ticket was lost, or that another node made due.
	pumpEvery = time.Second
	// pumpRest is the least time between two looks.
	pumpRest = 2 * time.Millisecond
)

// Run hands out deliveries until ctx ends: those it is woken for, and those the
// pump finds due: retries, rows that found no room, and what a crash left behind. It
// carries on the bulk replays. It is called once.
func (s *Service) Run(ctx context.Context) error {
	defer close(s.stopped)
	defer s.news.Listen(s.hear)()
	var wg sync.WaitGroup
	wg.Go(func() { s.pump(ctx) })
	wg.Go(func() { s.runReplays(ctx) })
	s.bell.Run(ctx, func(due []Due) { s.hand(ctx, due) })
	wg.Wait()
	return nil
}

// Announce is Run for a node that sends nothing: it tells the others when something
// becomes due here, until ctx ends.
func (s *Service) Announce(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, told := range []<-chan struct{}{s.look, s.replayed} {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-told:
					s.news.Tell(queue.Hint{Due: true})
				}
			}
		})
	}
	s.bell.Run(ctx, func([]Due) { s.news.Tell(queue.Hint{Due: true}) })
	wg.Wait()
	return nil
}

// hear does what another node's hint is about.
func (s *Service) hear(h queue.Hint) {
	if h.Due {
		s.lookNow()
		s.replaysNow()
	}
	if len(h.Taken) > 0 {
		s.takenElsewhere(h.Taken)
	}
}

func (s *Service) pump(ctx context.Context) {
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "due deliveries not read", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.planLook(ctx)):
		case <-s.look:
			select { // let a few more rows become due, so that one look serves them all
			case <-ctx.Done():
				return
			case <-time.After(pumpRest):
			}
		}
	}
}

// sweep hands out what is due and finds room.
func (s *Service) sweep(ctx context.Context) error {
	now := s.now()
	s.dropLost(now)
	endpoints, err := s.store.DueEndpoints(ctx, now)
	if err != nil {
		return err
	}
	// Another one comes first each time, so that when workers are short it is not
	// always the same who find none.
	s.turn++
	for i := range endpoints {
		e := endpoints[(s.turn+i)%len(endpoints)]
		free, out := s.room(e)
		if free <= 0 {
			continue
		}
		// Rows in the queue are still due: ask for as many more.
		ids, err := s.store.DueDeliveries(ctx, e.ID, now, free+out+1)
		if err != nil {
			return err
		}
		due := make([]Due, len(ids))
		for i, id := range ids {
			due[i] = Due{ProjectID: e.ProjectID, EndpointID: e.ID, DeliveryID: id, PerSecond: e.PerSecond}
		}
		s.hand(ctx, due)
	}
	return nil
}

// planLook returns how long the pump may sleep.
func (s *Service) planLook(ctx context.Context) time.Duration {
	now := s.now()
	next := now.Add(pumpEvery)
	if at, ok, err := s.store.NextDeliveryAt(ctx, now); err == nil && ok && at.Before(next) {
		next = at
	}
	next = s.nextRoom(now, next)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookAt = next
	return max(next.Sub(now), pumpRest)
}

// lookBefore makes the pump look no later than at.
func (s *Service) lookBefore(at time.Time) {
	s.mu.Lock()
	sooner := at.Before(s.lookAt)
	s.mu.Unlock()
	if sooner {
		s.lookNow()
	}
}

func (s *Service) lookNow() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}
