package delivery

import (
	"time"

	"memhook/retry"
)

// An EndpointState is how an endpoint stands in one word.
type EndpointState string

// The states of an endpoint.
const (
	EndpointActive   EndpointState = "active"   // deliveries go out
	EndpointPaused   EndpointState = "paused"   // a person paused it; deliveries are held
	EndpointDisabled EndpointState = "disabled" // it is given up; deliveries are held
	EndpointDeleted  EndpointState = "deleted"
	EndpointWaiting  EndpointState = "waiting" // its receiver asked for a pause (Retry-After); deliveries wait
	EndpointParked   EndpointState = "parked"  // its breaker is open; deliveries wait and spend no attempts
	EndpointProbing  EndpointState = "probing" // a few deliveries go out to see whether it is back
)

// A DisabledReason says why an endpoint was disabled.
type DisabledReason string

// The reasons. An endpoint that a person stops is paused, not disabled.
const (
	DisabledGone    DisabledReason = "receiver_gone" // it answered 410, or webhook-delivery: disable
	DisabledFailing DisabledReason = "failing"       // nothing but failures for five days
)

// A Standing is how an endpoint stands at one moment, from what is stored of it.
type Standing struct {
	State        EndpointState
	Since        *time.Time     // of paused, disabled and deleted
	PausedBy     string         // who paused it, "" when it is not known
	Reason       DisabledReason // of disabled
	Until        *time.Time     // of waiting: the end of the pause; of parked: the next probe
	FailingSince *time.Time     // in every state: the first failure after the last success
	Failures     int            // in a row
	AtOnce       int            // how many requests may be under way, retry.Unlimited for no limit
	PerSecond    float64        // the rate limit, 0: none. Deliveries beyond it wait as due rows
}

// NextTry is when a delivery that waits for the endpoint will be tried at the
// earliest: at its own time, or when the endpoint takes deliveries again. nil when
// nothing is planned.
func (e Endpoint) NextTry(d Delivery, now time.Time) *time.Time {
	if d.Status != Pending || d.NextAt == nil {
		return nil
	}
	if until := e.Standing(now).Until; until != nil && until.After(*d.NextAt) && !d.Trigger.Forced() {
		return until
	}
	return d.NextAt
}

// Standing says how the endpoint stands. The first of these holds: deleted, paused,
// disabled, waiting, parked, probing, active.
func (e Endpoint) Standing(now time.Time) Standing {
	h := e.Health
	s := Standing{
		State: EndpointActive, FailingSince: h.FailingSince, Failures: h.Failures,
		AtOnce: h.Breaker.Limit(now), PerSecond: e.RatePerSecond,
	}
	switch {
	case e.DeletedAt != nil:
		s.State, s.Since = EndpointDeleted, e.DeletedAt
	case e.PausedAt != nil:
		s.State, s.Since, s.PausedBy = EndpointPaused, e.PausedAt, e.PausedBy
	case e.DisabledAt != nil:
		s.State, s.Since, s.Reason = EndpointDisabled, e.DisabledAt, e.DisabledReason
	case h.HoldUntil != nil && now.Before(*h.HoldUntil):
		s.State, s.Until = EndpointWaiting, h.HoldUntil
	case h.Breaker.State == retry.Open:
		s.State, s.Until = EndpointParked, &h.Breaker.ProbeAt
	case h.Breaker.State == retry.Probing:
		s.State = EndpointProbing
	}
	return s
}
