package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
)

// Limits of an add.
const (
	MaxTurns = 1000
	MaxText  = 64 << 10 // bytes of one memory's text
)

type eventKey struct{}

// givenEvent is what WithEvent gives.
type givenEvent struct {
	id    uuid.UUID
	again bool
}

// WithEvent gives the event that an add makes its ID. again says that the same add may
// have been accepted under it before: then that event is the answer, and no second one
// is made.
func WithEvent(ctx context.Context, id uuid.UUID, again bool) context.Context {
	return context.WithValue(ctx, eventKey{}, givenEvent{id, again})
}

// Add commits an event that will process the request, and returns it. payload is
// the request as received. *InvalidError.
func (s *Service) Add(ctx context.Context, projectID string, add Add, payload json.RawMessage) (Event, error) {
	e, err := s.newAdd(ctx, projectID, add, payload)
	if err != nil {
		return Event{}, err
	}
	return s.acceptOnce(ctx, e)
}

// acceptOnce is accept, except for an event that was accepted before: that one is
// returned as it is now.
func (s *Service) acceptOnce(ctx context.Context, e Event) (Event, error) {
	if given, ok := ctx.Value(eventKey{}).(givenEvent); ok && given.again {
		had, _, err := s.store.Event(ctx, e.ProjectID, e.ID)
		if !errors.Is(err, ErrNotFound) {
			return had, err
		}
	}
	return e, s.accept(ctx, e)
}

// AddNow is Add, and then waits until the event is final. ErrTimeout after the
// configured wait: the event goes on and can be read later.
func (s *Service) AddNow(ctx context.Context, projectID string, add Add, payload json.RawMessage) (Event, []Change, error) {
	e, err := s.newAdd(ctx, projectID, add, payload)
	if err != nil {
		return Event{}, nil, err
	}
	done := s.awaited(e.ID)
	defer s.forget(e.ID)
	if e, err = s.acceptOnce(ctx, e); err != nil {
		return Event{}, nil, err
	}
	return s.await(ctx, e, done)
}

func (s *Service) newAdd(ctx context.Context, projectID string, add Add, payload json.RawMessage) (Event, error) {
	if err := add.validate(); err != nil {
		return Event{}, err
	}
	id := delivery.NewID()
	if given, ok := ctx.Value(eventKey{}).(givenEvent); ok {
		id = given.id
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	return s.leased(Event{
		ID: id, ProjectID: projectID, Kind: EventAdd, Status: EventPending,
		Scope: add.Scope, Infer: add.Infer, Payload: payload, Request: Request{Add: &add},
		NextAt: &now, CreatedAt: now, UpdatedAt: now,
	}), nil
}

// DeleteAll commits an event that will delete every memory the query matches.
func (s *Service) DeleteAll(ctx context.Context, kind EventKind, q Query, payload json.RawMessage) (Event, error) {
	if erase, err := s.erases(ctx, q.ProjectID); err != nil || erase {
		if err != nil {
			return Event{}, err
		}
		x := Erasure{By: SettingErase}
		if x.Scope = q.Filter.entity(); kind == EventDeleteUser {
			x.Whole = !x.Scope.Empty()
		}
		x, err = s.eraseAll(ctx, kind, q, payload, x)
		return Event{ID: x.ID, ProjectID: x.ProjectID, Kind: kind, Status: EventPending, CreatedAt: x.CreatedAt}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	e := Event{
		ID: delivery.NewID(), ProjectID: q.ProjectID, Kind: kind, Status: EventPending,
		Payload: payload, Request: Request{Delete: &q},
		NextAt: &now, CreatedAt: now, UpdatedAt: now,
	}
	return e, s.accept(ctx, e)
}

func (s *Service) accept(ctx context.Context, e Event) error {
	e.Trace, e.Writer = delivery.TraceOf(ctx), writerOf(ctx)
	if err := s.store.InsertEvent(ctx, e); err != nil {
		return fmt.Errorf("accept event %s: %w", e.ID, err)
	}
	s.hold(e)
	s.metrics.accepted(e.Kind)
	s.bell.Ring(e.ID)
	return nil
}

// awaited returns a channel that is closed when the event is final.
func (s *Service) awaited(id uuid.UUID) <-chan struct{} {
	done := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = done
	return done
}

func (s *Service) forget(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// finished tells the caller who waits for the event on this node.
func (s *Service) finished(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done, ok := s.waiting[id]; ok {
		close(done)
		delete(s.waiting, id)
	}
}

// otherNode is how often a waiting caller looks into the database, because the
// event may be processed by another node.
const otherNode = 100 * time.Millisecond

func (s *Service) await(ctx context.Context, e Event, done <-chan struct{}) (Event, []Change, error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	look := time.NewTicker(otherNode)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return e, nil, fmt.Errorf("event %s: %w", e.ID, ErrTimeout)
		case <-done:
			done = nil
		case <-look.C:
		}
		now, changes, err := s.store.Event(ctx, e.ProjectID, e.ID)
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			return e, nil, err
		}
		if now.Status.Final() {
			return now, changes, nil
		}
	}
}

func (a Add) validate() error {
	if len(a.Turns) == 0 {
		return &InvalidError{Field: "messages", Text: "is required and may not be empty"}
	}
	if len(a.Turns) > MaxTurns {
		return &InvalidError{Field: "messages", Text: fmt.Sprintf("may have at most %d items", MaxTurns)}
	}
	for i, t := range a.Turns {
		if !utf8.ValidString(t.Text) {
			return &InvalidError{Field: fmt.Sprintf("messages[%d].content", i), Text: "is not valid UTF-8"}
		}
		if !a.Infer && len(t.Text) > MaxText {
			return &InvalidError{Field: fmt.Sprintf("messages[%d].content", i), Text: fmt.Sprintf("may have at most %d bytes when infer is false", MaxText)}
		}
	}
	if a.ExpirationDate != "" {
		if err := checkDate(a.ExpirationDate); err != nil {
			return err
		}
	}
	return a.Scope.validate()
}

func checkDate(d string) error {
	if _, err := time.Parse(time.DateOnly, d); err != nil {
		return &InvalidError{Field: "expiration_date", Text: "must be a date of the form YYYY-MM-DD"}
	}
	return nil
}
