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
	Lists
	Replay(ctx context.Context, projectID string, id uuid.UUID) (BulkReplay, error)
	// Replays returns bulk replays, newest first: those after the place of one when it
	// is not nil.
	Replays(ctx context.Context, projectID string, after uuid.UUID, limit int) ([]BulkReplay, error)
	// ReplayOutcome counts the deliveries that a bulk replay last sent, by state.
	ReplayOutcome(ctx context.Context, projectID string, id uuid.UUID) (map[Status]int, error)
}

// Lists is what pages and APIs read of the record. None of it costs more with a
// million rows than with a thousand.
type Lists interface {
	// Deliveries returns a page of deliveries, newest first.
	Deliveries(ctx context.Context, q Query) (Page, error)
	// DeliveryCounts returns how many deliveries of the query there are in each of
	// the states, and under "" in all; q.Status, cursors and limit do not count.
	DeliveryCounts(ctx context.Context, q Query) (map[ListStatus]Count, error)
	// EventTallies returns how many deliveries each of the events has in each of the
	// states, with Retrying apart from Pending.
	EventTallies(ctx context.Context, projectID string, events []uuid.UUID) (map[uuid.UUID]map[ListStatus]int, error)
	// DeliveriesAfter returns up to limit deliveries that changed after a place in
	// time, in the order of their changes, and the place after the last of them.
	DeliveriesAfter(ctx context.Context, projectID string, at Place, limit int) ([]Row, Place, error)
	// DeliveriesAhead counts the deliveries of the same endpoint that are due before
	// this one.
	DeliveriesAhead(ctx context.Context, d Delivery) (Count, error)
	// Trail returns one delivery with its attempts.
	Trail(ctx context.Context, projectID string, id uuid.UUID) (Trail, error)
	// Attempt returns one attempt of a delivery by its number.
	Attempt(ctx context.Context, projectID string, deliveryID uuid.UUID, number int) (Attempt, error)
	// Message returns one message.
	Message(ctx context.Context, projectID string, id uuid.UUID) (Message, error)
	// Messages returns messages, newest first: those after the place of one when it
	// is not nil, and those of one event when that is not nil.
	Messages(ctx context.Context, projectID string, eventID, after uuid.UUID, limit int) ([]Message, error)
	// DeliveryStats returns what happened from a time up to another, by steps of at most
	// MaxPoints.
	DeliveryStats(ctx context.Context, q StatsQuery) (Stats, error)
	// OldestWaiting returns when the oldest delivery was made that is not finished.
	OldestWaiting(ctx context.Context, projectID string) (time.Time, bool, error)
	// Audit returns audit entries, newest first: those after the place of one when it
	// is not nil, and those about one subject when that is not "".
	Audit(ctx context.Context, projectID, subject string, after uuid.UUID, limit int) ([]AuditEntry, error)
}

// A Place is a place in the order of changes: after the row with the ID that
// changed at the time.
type Place struct {
	At time.Time
	ID uuid.UUID
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
	// SendAgain makes a delivery due at once, by hand: one that is over begins a new
	// round of tries. ErrNotFound; ErrInactive; ErrErased; ErrState while it is being sent.
	SendAgain(ctx context.Context, projectID string, id uuid.UUID, now time.Time) (Due, error)
	// Probe makes the delivery that is next in line for a parked endpoint due, by hand,
	// and its breaker's probe with it. ErrNotFound; ErrInactive; ErrNotParked;
	// ErrProbing; ErrNothingWaits.
	Probe(ctx context.Context, projectID string, endpointID uuid.UUID, now time.Time) (Due, error)
	// CancelDelivery ends a pending or held delivery. ErrNotFound; ErrState.
	CancelDelivery(ctx context.Context, projectID string, id uuid.UUID, now time.Time) error
	// InsertTest adds a message with its one delivery.
	InsertTest(ctx context.Context, m Message, d Delivery) error

	// Candidates returns up to limit rows that may belong to a set, after a place, in
	// order. That they do, ReplaySet.Takes decides.
	Candidates(ctx context.Context, projectID string, set ReplaySet, place uuid.UUID, limit int) ([]Candidate, error)
	// InsertReplay adds a bulk replay.
	InsertReplay(ctx context.Context, r BulkReplay) error
	// CancelReplay ends a bulk replay. ErrNotFound; ErrState when it is over.
	CancelReplay(ctx context.Context, projectID string, id uuid.UUID, now time.Time) error
	// DueReplays returns the bulk replays whose next group is due.
	DueReplays(ctx context.Context, now time.Time) ([]uuid.UUID, error)
	// StepReplay makes the next group of a bulk replay due. ErrNotDue when there is
	// none, or somebody else has it.
	StepReplay(ctx context.Context, id uuid.UUID, now time.Time) (Step, error)

	// DueEndpoints returns the endpoints that have a delivery due at or before now and
	// may get one: neither their receiver's Retry-After nor their breaker is against it.
	DueEndpoints(ctx context.Context, now time.Time) ([]DueEndpoint, error)
	// DueDeliveries returns deliveries of an endpoint due at or before now, those
	// longest due first.
	DueDeliveries(ctx context.Context, endpointID uuid.UUID, now time.Time, limit int) ([]uuid.UUID, error)
	// NextDeliveryAt returns when the next delivery that is not due yet will be.
	NextDeliveryAt(ctx context.Context, now time.Time) (time.Time, bool, error)
	// ClaimDeliveries leases those of the deliveries that are due and whose endpoint
	// may get one, and marks them sending. pass, unless nil, has the last word on each,
	// before the transaction. While a breaker is open it leases one probe at a time. A
	// delivery that was found in sending, which means that its worker died, gets an
	// interrupted attempt on record first. With an error it returns the claims whose
	// outcome is not known: they go to ReturnDeliveries.
	ClaimDeliveries(ctx context.Context, ids []uuid.UUID, now time.Time, pass func(Delivery, Endpoint) bool) ([]Claim, error)
	// ReturnDeliveries makes those of the claims due again that the store has, without
	// an attempt: no request was made.
	ReturnDeliveries(ctx context.Context, claims []Claim, now time.Time) error
	// Ping tells whether the store can be written.
	Ping(ctx context.Context) error
	// FinishAttempt records an attempt with the state it leads to, the endpoint's
	// health and the operational messages about it. ErrNotDue when the lease is lost.
	FinishAttempt(ctx context.Context, r Result) (Learned, error)
	// InsertAudit adds an audit entry.
	InsertAudit(ctx context.Context, a AuditEntry) error
}
