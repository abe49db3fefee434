package retry

import "time"

// Defaults of a Policy.
const (
	DefaultJitter = 0.2
	// DefaultMaxAge leaves room for the default schedule with every wait
	// stretched by the jitter (86 hours), and for some pauses on request.
	DefaultMaxAge = 96 * time.Hour
)

// HoldWithoutRetryAfter is the longest that a 429 or 503 without a Retry-After
// header holds the endpoint. It is the wait before a Breaker's first probe.
const HoldWithoutRetryAfter = 30 * time.Second

// A Policy says when a delivery is tried again.
type Policy struct {
	Schedule Schedule       // the zero Schedule is the default one
	Jitter   float64        // each wait is multiplied by 1-Jitter to 1+Jitter; 0: exact
	MaxAge   time.Duration  // no attempt starts later than this after the first; 0: no limit
	Rand     func() float64 // 0 up to 1; nil: always the middle
}

// DefaultPolicy returns the default schedule with the default limits.
func DefaultPolicy(rand func() float64) Policy {
	return Policy{Jitter: DefaultJitter, MaxAge: DefaultMaxAge, Rand: rand}
}

// A State is what becomes of a delivery after an attempt.
type State string

// The states.
const (
	Done    State = "done"    // delivered
	Again   State = "again"   // to be tried again
	GiveUp  State = "give_up" // out of attempts or too old
	Stop    State = "stop"    // no use trying until something is changed
	Disable State = "disable" // no use, and the endpoint wants no more of any
)

// A Decision is the answer for one attempt.
type Decision struct {
	State  State
	Reason Reason
	At     time.Time     // of the next attempt, for Again
	Wait   time.Duration // At minus now
	// HoldEndpointUntil is when the endpoint may get its next request, of
	// whatever delivery, after 429 and 503. Zero for every other answer.
	HoldEndpointUntil time.Time
	// DisableEndpoint goes with the state Disable, and with Done if the
	// receiver took this message and asked for no more.
	DisableEndpoint bool
}

// Next decides after the given attempt, the first being 1, of a delivery first
// tried at firstAt, which must not be zero.
//
// A Retry-After is never undercut: jitter cannot go below it, and when the
// attempts or the time have run out the delivery is given up rather than tried
// early. It is obeyed up to MaxRetryAfter.
func (p Policy) Next(attempt int, o Outcome, firstAt, now time.Time) Decision {
	switch o.Verdict() {
	case Delivered:
		return Decision{State: Done, Reason: ReasonDelivered, DisableEndpoint: o.Disable}
	case Gone:
		return Decision{State: Disable, Reason: ReasonGone, DisableEndpoint: true}
	case Refused:
		return Decision{State: Stop, Reason: ReasonRefused}
	case Throttled:
		d := p.again(attempt, o, firstAt, now)
		d.HoldEndpointUntil = now.Add(hold(o, d))
		return d
	}
	return p.again(attempt, o, firstAt, now)
}

func (p Policy) again(attempt int, o Outcome, firstAt, now time.Time) Decision {
	wait, ok := p.Schedule.Wait(attempt)
	if !ok {
		return Decision{State: GiveUp, Reason: ReasonExhausted}
	}
	wait, reason := p.jitter(wait), ReasonScheduled
	if o.class() == ClassInterrupted {
		wait, reason = 0, ReasonInterrupted
	}
	if asked := retryAfter(o); asked > wait {
		wait, reason = asked, ReasonRetryAfter
	}
	at := now.Add(wait)
	if p.MaxAge > 0 && at.Sub(firstAt) > p.MaxAge {
		return Decision{State: GiveUp, Reason: ReasonExpired}
	}
	return Decision{State: Again, Reason: reason, At: at, Wait: wait}
}

func (p Policy) jitter(wait time.Duration) time.Duration {
	chance := 0.5
	if p.Rand != nil {
		chance = p.Rand()
	}
	return time.Duration(float64(wait) * (1 + p.Jitter*(2*chance-1)))
}

func hold(o Outcome, d Decision) time.Duration {
	if asked := retryAfter(o); asked > 0 {
		return asked
	}
	if d.State == Again {
		return min(d.Wait, HoldWithoutRetryAfter)
	}
	return HoldWithoutRetryAfter
}

func retryAfter(o Outcome) time.Duration { return min(o.RetryAfter, MaxRetryAfter) }

// A Reason says why a Decision came out as it did.
type Reason string

// The reasons. For ReasonRefused, the Class of the attempt says more.
const (
	ReasonDelivered   Reason = "delivered"
	ReasonScheduled   Reason = "scheduled"
	ReasonRetryAfter  Reason = "retry_after"
	ReasonInterrupted Reason = "interrupted"
	ReasonExhausted   Reason = "attempts_exhausted"
	ReasonExpired     Reason = "max_age_reached"
	ReasonRefused     Reason = "refused"
	ReasonGone        Reason = "gone"
)

// Sentence says it for a person.
func (r Reason) Sentence() string {
	switch r {
	case ReasonDelivered:
		return "The message was delivered."
	case ReasonScheduled:
		return "The next attempt follows the retry schedule."
	case ReasonRetryAfter:
		return "The next attempt waits as long as the endpoint asked."
	case ReasonInterrupted:
		return "The attempt was cut short on the sender's side and is repeated at once."
	case ReasonExhausted:
		return "All attempts of the retry schedule are used up."
	case ReasonExpired:
		return "The next attempt would come after the delivery's longest age."
	case ReasonRefused:
		return "Trying again would fail the same way until the message, the endpoint or the allowed networks change."
	case ReasonGone:
		return "The endpoint asked for no more messages and is disabled."
	}
	return "The reason is one this version does not know."
}
