package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/signing"
)

// NewEndpoint is what a person gives to register an endpoint.
type NewEndpoint struct {
	Name       string
	URL        string
	EventTypes []string
	Format     Format // "": Full
	Paused     bool
}

// EndpointEdit changes what is not nil.
type EndpointEdit struct {
	Name       *string
	URL        *string
	EventTypes *[]string
	Format     *Format
	Active     *bool // false pauses, true resumes and enables
}

// CreateEndpoint registers an endpoint with a new secret. *InvalidError; ErrTooMany
// beyond MaxEndpoints.
func (s *Service) CreateEndpoint(ctx context.Context, projectID string, n NewEndpoint) (Endpoint, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	e := Endpoint{
		ID: NewID(), ProjectID: projectID, Name: n.Name, URL: n.URL, EventTypes: n.EventTypes, Format: n.Format,
		Secrets: []LiveSecret{{Secret: signing.GenerateSecret(), CreatedAt: now}}, CreatedAt: now, UpdatedAt: now,
	}
	if e.Format == "" {
		e.Format = Full
	}
	if n.Paused {
		e.PausedAt = &now
	}
	if err := s.check(e); err != nil {
		return Endpoint{}, err
	}
	return e, s.store.InsertEndpoint(ctx, e)
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
	switch {
	case edit.Active == nil:
		return e, nil
	case !*edit.Active:
		return e, s.moveAll(ctx, id, Pending, Held, ReasonPaused)
	}
	// Also for an endpoint that is active: a crash may have come between making it
	// active and sending what was held.
	err = s.moveAll(ctx, id, Held, Pending, ReasonNone)
	s.lookNow()
	return e, err
}

func (edit EndpointEdit) apply(e *Endpoint, now time.Time) {
	if edit.Name != nil {
		e.Name = *edit.Name
	}
	if edit.URL != nil {
		e.URL = *edit.URL
	}
	if edit.EventTypes != nil {
		e.EventTypes = *edit.EventTypes
	}
	if edit.Format != nil {
		e.Format = *edit.Format
	}
	if edit.Active != nil && *edit.Active {
		e.PausedAt, e.DisabledAt = nil, nil
	}
	if edit.Active != nil && !*edit.Active && e.PausedAt == nil {
		e.PausedAt = &now
	}
	e.UpdatedAt = now
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
