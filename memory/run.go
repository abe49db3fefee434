package memory

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
)

const (
	// pumpEvery is how long a due event waits at most when its ticket was lost.
	pumpEvery = 500 * time.Millisecond
	// pumpRest is the pause when one look did not find everything.
	pumpRest = 20 * time.Millisecond
	// pumpGroup is how many due events one look finds.
	pumpGroup = 1024
	// ticketLife is when a pushed ticket that nobody handled counts as lost.
	ticketLife = 5 * time.Second
)

// Run pushes tickets for accepted and due events, embeds texts, carries on erasures
// and removes deleted projects, until ctx ends. Then engines are told to stop as well. It is called once.
func (s *Service) Run(ctx context.Context) error {
	defer s.stop()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		s.pump(ctx)
	}()
	purged := make(chan struct{})
	go func() {
		defer close(purged)
		s.purge(ctx)
	}()
	erased := make(chan struct{})
	go func() {
		defer close(erased)
		s.eraseDue(ctx)
	}()
	embedded := make(chan struct{})
	go func() {
		defer close(embedded)
		if s.embedder != nil {
			s.embedAll(ctx)
		}
	}()
	s.bell.Run(ctx, func(ids []uuid.UUID) { s.ring(ctx, ids, false) })
	<-pumped
	<-purged
	<-erased
	<-embedded
	return nil
}

// Announce is Run for a node that does no work: it pushes tickets for the events that
// are accepted here, for other nodes to take, until ctx ends.
func (s *Service) Announce(ctx context.Context) error {
	defer s.stop()
	s.bell.Run(ctx, func(ids []uuid.UUID) {
		s.ring(ctx, ids, false)
		s.handled(ids)
	})
	return nil
}

// pump rings for events that are due and were not rung for: those that a full
// bell or queue dropped, that a crash left behind, or that a database error sent
// back.
func (s *Service) pump(ctx context.Context) {
	for {
		ids, err := s.store.DueEvents(ctx, s.now(), pumpGroup)
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "due events not read", slog.Any("error", err))
		}
		s.ring(ctx, append(ids, s.holding()...), true)
		rest := pumpEvery
		if len(ids) == pumpGroup {
			rest = pumpRest
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// ring pushes tickets. Events found by the pump are left alone while an earlier
// ticket for them is on its way.
func (s *Service) ring(ctx context.Context, ids []uuid.UUID, found bool) {
	now := s.now()
	fresh := make([]uuid.UUID, 0, len(ids))
	s.mu.Lock()
	if found {
		// Those that another node handled are told to nobody here.
		maps.DeleteFunc(s.ringing, func(_ uuid.UUID, until time.Time) bool { return now.After(until) })
	}
	for _, id := range ids {
		if until, ok := s.ringing[id]; ok && found && now.Before(until) {
			continue
		}
		s.ringing[id] = now.Add(ticketLife)
		fresh = append(fresh, id)
	}
	s.mu.Unlock()
	for len(fresh) > 0 {
		n := min(queue.MaxIDs, len(fresh))
		if err := s.push(ctx, queue.Ticket{Kind: KindProcess, Lane: Lane, IDs: fresh[:n]}); err != nil {
			s.handled(fresh)
			return // the pump comes back to them
		}
		fresh = fresh[n:]
	}
}

func (s *Service) handled(ids []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.ringing, id)
	}
}
