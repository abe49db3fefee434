package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Reader is what can be read without a transaction. A project sees its own rows
// only; any other ID is ErrNotFound.
type Reader interface {
	Endpoint(ctx context.Context, projectID string, id uuid.UUID) (Endpoint, error)
	// Endpoints returns the project's endpoints, oldest first, without deleted ones.
	Endpoints(ctx context.Context, projectID string) ([]Endpoint, error)
	// TrailsByEvent returns the deliveries of an event's messages with their attempts.
	TrailsByEvent(ctx context.Context, projectID string, eventID uuid.UUID) ([]Trail, error)
}

// Store is what the service asks of storage. Each method is one transaction.
type Store interface {
	Reader
	// InsertEndpoint adds an endpoint. ErrTooMany beyond MaxEndpoints.
	InsertEndpoint(ctx context.Context, e Endpoint) error
	// UpdateEndpoint reads an endpoint, lets change alter it and writes it back.
	// change may run more than once; its error is returned as it is.
	UpdateEndpoint(ctx context.Context, projectID string, id uuid.UUID, change func(*Endpoint) error) (Endpoint, error)
	// MoveDeliveries brings up to limit deliveries of an endpoint from one state to
	// another, oldest first, and returns how many. To Pending they are due at now.
	MoveDeliveries(ctx context.Context, endpointID uuid.UUID, from, to Status, why Reason, now time.Time, limit int) (int, error)

	// DueEndpoints returns the endpoints that have a delivery due at or before now.
	DueEndpoints(ctx context.Context, now time.Time) ([]uuid.UUID, error)
	// DueDeliveries returns deliveries of an endpoint due at or before now, those
	// longest due first.
	DueDeliveries(ctx context.Context, endpointID uuid.UUID, now time.Time, limit int) ([]uuid.UUID, error)
	// NextDeliveryAt returns when the next delivery that is not due yet will be.
	NextDeliveryAt(ctx context.Context, now time.Time) (time.Time, bool, error)
	// ClaimDeliveries leases those of the deliveries that are due and whose endpoint
	// is Open, and marks them sending. One that was found in sending, which means
	// that its worker died, gets an interrupted attempt on record first.
	ClaimDeliveries(ctx context.Context, ids []uuid.UUID, now time.Time) ([]Claim, error)
	// FinishAttempt records an attempt with the state it leads to. ErrNotDue when
	// the lease is lost.
	FinishAttempt(ctx context.Context, r Result) error
}
