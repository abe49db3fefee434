package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// SendAgain sends one delivery now, whatever has become of it: one that waits is
// tried at once, one that is over begins a new round of tries. ErrNotFound;
// ErrInactive when the endpoint takes none; ErrState while it is being sent.
func (s *Service) SendAgain(ctx context.Context, projectID string, id uuid.UUID) error {
	due, err := s.store.SendAgain(ctx, projectID, id, s.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return err
	}
	s.Wake(due)
	s.lookNow() // where this process sends nothing, another one does
	return nil
}

// Probe sends the delivery that is next in line for a parked endpoint now, as the
// probe of its breaker, and returns its ID: the endpoint is let back in if it
// succeeds, and left alone for longer if it fails. ErrNotFound; ErrInactive;
// ErrNotParked when the breaker is not open; ErrProbing; ErrNothingWaits, after which
// SendTest is left.
func (s *Service) Probe(ctx context.Context, projectID string, endpointID uuid.UUID) (uuid.UUID, error) {
	due, err := s.store.Probe(ctx, projectID, endpointID, s.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return uuid.Nil, err
	}
	s.Wake(due)
	s.lookNow() // where this process sends nothing, another one does
	return due.DeliveryID, nil
}

// CancelDelivery ends a delivery that waits or is held. ErrNotFound; ErrState.
func (s *Service) CancelDelivery(ctx context.Context, projectID string, id uuid.UUID) error {
	return s.store.CancelDelivery(ctx, projectID, id, s.now().UTC().Truncate(time.Microsecond))
}

// SendTest sends a sample message of a type to an endpoint, also to one that is
// paused, disabled, parked or does not want the type, and returns the delivery. It
// is tried once and belongs to no event. typ "": the first type of a memory that the
// endpoint wants. *InvalidError; ErrNotFound.
func (s *Service) SendTest(ctx context.Context, projectID string, endpointID uuid.UUID, typ string) (Delivery, error) {
	e, err := s.Endpoint(ctx, projectID, endpointID)
	if err != nil {
		return Delivery{}, err
	}
	if typ == "" {
		typ = e.sampleType()
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	m, ok := sample(typ, projectID, now)
	if !ok {
		return Delivery{}, &InvalidError{"type", fmt.Sprintf("There is no sample of %q.", clip(typ, 64))}
	}
	d := Delivery{
		ID: NewID(), ProjectID: projectID, MessageID: m.ID, EndpointID: e.ID, Type: m.Type, Status: Pending, NextAt: &now,
		Trigger: Test, RoundAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.store.InsertTest(ctx, m, d); err != nil {
		return Delivery{}, fmt.Errorf("test of endpoint %s: %w", FormatID(EndpointPrefix, e.ID), err)
	}
	s.Wake(Due{ProjectID: projectID, EndpointID: e.ID, DeliveryID: d.ID, PerSecond: e.RatePerSecond, Forced: true})
	return d, nil
}
