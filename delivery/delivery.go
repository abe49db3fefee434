package delivery

import (
	"time"

	"github.com/google/uuid"

	"memhook/retry"
)

// A Delivery is one Message on its way to one Endpoint.
type Delivery struct {
	ID         uuid.UUID
	ProjectID  string
	EventID    uuid.UUID
	MessageID  uuid.UUID
	EndpointID uuid.UUID
	Type       string // of the message
	Status     Status
	Reason     Reason
	Detail     string     // the reason in words, "" when there is nothing to add
	NextAt     *time.Time // see the package comment; nil when nothing is left to do
	Attempts   int        // recorded so far
	Tries      int        // of those, how many count for the schedule of this round
	RoundAt    time.Time  // when this round of tries began: creation, or the last resend
	Trigger    Trigger    // of the next attempt
	Lane       uuid.UUID  // the memory whose messages this endpoint gets in order; Nil for none
	Turn       int64      // the place in its lane: lower ones go first
	CreatedAt  time.Time
	UpdatedAt  time.Time
	FinishedAt *time.Time
}

// Trigger says why an attempt was made.
type Trigger string

// The triggers.
const (
	Scheduled Trigger = "scheduled" // the first try or a retry
	Manual    Trigger = "manual"    // a person asked for this one
	Replay    Trigger = "replay"    // part of a bulk replay
	Test      Trigger = "test"      // a test send
)

// Forced tells whether a person asked for the attempt: it is made although the
// endpoint's breaker is open, or its receiver asked for a pause.
func (t Trigger) Forced() bool { return t == Manual || t == Test }

// A Claim is a delivery leased to a worker, with all it needs to send it.
type Claim struct {
	Delivery Delivery
	Message  Message
	Endpoint Endpoint
	Lease    time.Time // the fence: recording the attempt fails when next_at is no longer this
}

// Due names a delivery that could go out, with what must be known of its endpoint.
type Due struct {
	ProjectID  string
	EndpointID uuid.UUID
	DeliveryID uuid.UUID
	PerSecond  float64 // the endpoint's rate limit
	Forced     bool    // a person asked for it: window and breaker do not hold it back
}

// A DueEndpoint has deliveries that could go out.
type DueEndpoint struct {
	ID        uuid.UUID
	ProjectID string
	PerSecond float64
	Breaker   retry.Breaker
}

// A Trail is everything on record about one delivery, as shown beside its event.
type Trail struct {
	Delivery     Delivery
	MessageType  string
	EndpointName string
	EndpointURL  string
	List         []Attempt // oldest first
}

// FanOut decides what each endpoint of the project gets of a message: one
// delivery per endpoint, pending where it is sent at once, otherwise held or
// skipped with the reason. Deleted endpoints get none.
func FanOut(m Message, endpoints []Endpoint) []Delivery {
	list := make([]Delivery, 0, len(endpoints))
	for _, e := range endpoints {
		if e.DeletedAt != nil {
			continue
		}
		d := Delivery{
			ID: NewID(), ProjectID: m.ProjectID, EventID: m.EventID, MessageID: m.ID, EndpointID: e.ID, Type: m.Type, Lane: e.lane(m),
			Trigger: Scheduled, RoundAt: m.CreatedAt, CreatedAt: m.CreatedAt, UpdatedAt: m.CreatedAt,
		}
		reason, detail := e.Refuses(m)
		switch {
		case reason != ReasonNone:
			d.Status, d.Reason, d.Detail = Skipped, reason, detail
		case e.PausedAt != nil:
			d.Status, d.Reason = Held, ReasonPaused
		case e.DisabledAt != nil:
			d.Status, d.Reason = Held, ReasonDisabled
		default:
			d.Status, d.NextAt = Pending, &m.CreatedAt
		}
		list = append(list, d)
	}
	return list
}
