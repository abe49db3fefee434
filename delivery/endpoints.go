package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/retry"
	"memhook/signing"
)

// NewEndpoint is what a person gives to register an endpoint. Name, URL and
// EventTypes are required; the zero value of every other field is its default.
type NewEndpoint struct {
	Name          string
	URL           string
	EventTypes    []string
	Format        Format // "": Full
	Description   string
	Headers       Headers
	Filter        Filter
	RatePerSecond float64        // 0: no limit
	Order         Order          // "": Unordered
	Timeout       time.Duration  // 0: DefaultTimeout
	Schedule      retry.Schedule // zero: the default schedule
	Ed25519       bool           // sign with a key pair as well
	Paused        bool
	Snapshot      bool   // send it every memory there is, before what changes from now on
	By            string // who registers it, for PausedBy
}

// EndpointEdit changes what is not nil.
type EndpointEdit struct {
	Name          *string
	URL           *string
	EventTypes    *[]string
	Format        *Format
	Description   *string
	Headers       *Headers // replaces all; Mask keeps the value that is stored
	Filter        *Filter
	RatePerSecond *float64
	Order         *Order // of the messages that are made from now on
	Timeout       *time.Duration
	Schedule      *retry.Schedule
	Ed25519       *bool  // true makes a key pair unless there is one, false drops it
	Active        *bool  // false pauses, true resumes and enables
	By            string // who changes it, for PausedBy
}

// CreateEndpoint registers an endpoint with a new secret. *InvalidError; ErrTooMany
// beyond MaxEndpoints.
func (s *Service) CreateEndpoint(ctx context.Context, projectID string, n NewEndpoint) (Endpoint, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	e := Endpoint{
		ID: NewID(), ProjectID: projectID, Name: n.Name, URL: n.URL, EventTypes: n.EventTypes, Format: n.Format,
		Secrets:     []LiveSecret{{Secret: signing.GenerateSecret(), CreatedAt: now}},
		Description: n.Description, Headers: n.Headers.over(nil), Filter: n.Filter, RatePerSecond: n.RatePerSecond,
		Order:   n.Order,
		Timeout: n.Timeout, CreatedAt: now, UpdatedAt: now,
	}
	if e.Format == "" {
		e.Format = Full
	}
	if e.Order == "" {
		e.Order = Unordered
	}
	if !n.Schedule.IsZero() {
		e.Schedule = &n.Schedule
	}
	if n.Ed25519 {
		e.KeyPairs = newKeyPair(now)
	}
	if n.Paused {
		e.PausedAt, e.PausedBy = &now, n.By
	}
	if err := s.check(e); err != nil {
		return Endpoint{}, err
	}
	if n.Snapshot && !e.subscribes(MemoryAdd) {
		return Endpoint{}, &InvalidError{"snapshot", "Needs memory_add in event_types: that is what a snapshot sends."}
	}
	if !n.Snapshot {
		return e, s.store.InsertEndpoint(ctx, e)
	}
	return e, s.createWithSnapshot(ctx, e, n.By)
}

func (s *Service) check(e Endpoint) error {
	if err := e.validate(); err != nil {
		return err
	}
	if err := s.checkURL(e.URL); err != nil {
		return &InvalidError{"url", err.Error()}
	}
	return nil
}

// UpdateEndpoint changes an endpoint. Pausing holds what waits; resuming sends
// what was held. *InvalidError, ErrNotFound.
func (s *Service) UpdateEndpoint(ctx context.Context, projectID string, id uuid.UUID, edit EndpointEdit) (Endpoint, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	e, err := s.store.UpdateEndpoint(ctx, projectID, id, func(e *Endpoint) error {
		was := e.URL
		edit.apply(e, now)
		if e.URL == was {
			return e.validate() // an address that was allowed once may be kept
		}
		return s.check(*e)
	})
	if err != nil {
		return Endpoint{}, err
	}
	if edit.Active == nil {
		s.lookNow() // its rate may be another one
		return e, nil
	}
	return e, s.follow(ctx, e)
}

// PauseEndpoint holds everything for the endpoint until it is resumed. by is who
// asks. ErrNotFound.
func (s *Service) PauseEndpoint(ctx context.Context, projectID string, id uuid.UUID, by string) (Endpoint, error) {
	return s.switchEndpoint(ctx, projectID, id, func(e *Endpoint, now time.Time) { e.pause(by, now) })
}

// ResumeEndpoint ends a pause. What was held is sent, unless the endpoint is
// disabled too. ErrNotFound.
func (s *Service) ResumeEndpoint(ctx context.Context, projectID string, id uuid.UUID) (Endpoint, error) {
	return s.switchEndpoint(ctx, projectID, id, func(e *Endpoint, _ time.Time) { e.resume() })
}

// EnableEndpoint takes a disabled endpoint back into service, with its failures
// forgotten. What was held is sent, unless it is paused too. ErrNotFound.
func (s *Service) EnableEndpoint(ctx context.Context, projectID string, id uuid.UUID) (Endpoint, error) {
	return s.switchEndpoint(ctx, projectID, id, func(e *Endpoint, _ time.Time) { e.enable() })
}

func (s *Service) switchEndpoint(ctx context.Context, projectID string, id uuid.UUID, change func(*Endpoint, time.Time)) (Endpoint, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	e, err := s.store.UpdateEndpoint(ctx, projectID, id, func(e *Endpoint) error {
		change(e, now)
		e.UpdatedAt = now
		return nil
	})
	if err != nil {
		return Endpoint{}, err
	}
	return e, s.follow(ctx, e)
}

// follow moves the endpoint's deliveries after it was switched. It does so also
// when nothing was switched: a crash may have come between the two.
func (s *Service) follow(ctx context.Context, e Endpoint) error {
	switch {
	case e.PausedAt != nil:
		return s.moveAll(ctx, e.ID, Pending, Held, ReasonPaused)
	case e.DisabledAt != nil:
		return s.moveAll(ctx, e.ID, Pending, Held, ReasonDisabled)
	}
	err := s.moveAll(ctx, e.ID, Held, Pending, ReasonNone)
	s.lookNow()
	return err
}

func (e *Endpoint) pause(by string, now time.Time) {
	if e.PausedAt == nil {
		e.PausedAt, e.PausedBy = &now, by
	}
}

func (e *Endpoint) resume() { e.PausedAt, e.PausedBy = nil, "" }

func (e *Endpoint) enable() {
	if e.DisabledAt != nil {
		e.DisabledAt, e.DisabledReason = nil, ""
		e.Health = Health{LastSuccessAt: e.Health.LastSuccessAt}
	}
}

func (edit EndpointEdit) apply(e *Endpoint, now time.Time) {
	set(&e.Name, edit.Name)
	set(&e.URL, edit.URL)
	set(&e.EventTypes, edit.EventTypes)
	set(&e.Format, edit.Format)
	set(&e.Description, edit.Description)
	set(&e.Filter, edit.Filter)
	set(&e.RatePerSecond, edit.RatePerSecond)
	set(&e.Order, edit.Order)
	set(&e.Timeout, edit.Timeout)
	if edit.Headers != nil {
		e.Headers = edit.Headers.over(e.Headers)
	}
	if edit.Schedule != nil {
		if e.Schedule = edit.Schedule; e.Schedule.IsZero() {
			e.Schedule = nil
		}
	}
	if edit.Ed25519 != nil && *edit.Ed25519 != (len(e.KeyPairs) > 0) {
		if e.KeyPairs = nil; *edit.Ed25519 {
			e.KeyPairs = newKeyPair(now)
		}
	}
	if edit.Active != nil && *edit.Active {
		e.resume()
		e.enable()
	}
	if edit.Active != nil && !*edit.Active {
		e.pause(edit.By, now)
	}
	e.UpdatedAt = now
}

// set changes a field if there is a new value.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// DeleteEndpoint removes an endpoint. What waits for it is canceled; what was sent
// stays on record. ErrNotFound.
func (s *Service) DeleteEndpoint(ctx context.Context, projectID string, id uuid.UUID) error {
	now := s.now().UTC().Truncate(time.Microsecond)
	_, err := s.store.UpdateEndpoint(ctx, projectID, id, func(e *Endpoint) error {
		e.DeletedAt, e.UpdatedAt = &now, now
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.moveAll(ctx, id, Pending, Canceled, ReasonDeleted); err != nil {
		return err
	}
	return s.moveAll(ctx, id, Held, Canceled, ReasonDeleted)
}

// moveGroup is how many deliveries one transaction moves, so that pausing an
// endpoint with a million waiting ones holds up other writes for milliseconds only.
const moveGroup = 1000

func (s *Service) moveAll(ctx context.Context, endpointID uuid.UUID, from, to Status, why Reason) error {
	for {
		n, err := s.store.MoveDeliveries(ctx, endpointID, from, to, why, s.now(), moveGroup)
		if err != nil || n < moveGroup {
			return err
		}
	}
}
