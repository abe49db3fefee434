package retry

import (
	"net/http"
	"time"
)

// An Outcome is how one attempt ended.
type Outcome struct {
	StatusCode int           // 0 when no answer came
	Class      Class         // "" stands for StatusClass(StatusCode)
	RetryAfter time.Duration // what the receiver asked for, 0 when it did not
	Disable    bool          // the answer had the header "webhook-delivery: disable"
}

// A Verdict is what an Outcome means for its delivery.
type Verdict string

// The verdicts.
const (
	Delivered Verdict = "delivered"
	Retry     Verdict = "retry"     // worth another try
	Throttled Verdict = "throttled" // so, but the whole endpoint asks for a pause: 429 or 503
	Gone      Verdict = "gone"      // the receiver asks for no more messages
	Refused   Verdict = "refused"   // this message will not get through unless something is changed
)

// Verdict classifies the outcome. Only a 2xx status is a delivery, and only if
// nothing went wrong with the rest of the answer.
func (o Outcome) Verdict() Verdict {
	switch class := o.class(); {
	case class == "":
		return Delivered
	case class == ClassGone, o.Disable:
		return Gone
	case class == ClassTooLarge, class == ClassBlockedAddress:
		return Refused
	case o.StatusCode == http.StatusTooManyRequests, o.StatusCode == http.StatusServiceUnavailable:
		return Throttled
	}
	return Retry
}

func (o Outcome) class() Class {
	if o.Class == "" {
		return StatusClass(o.StatusCode)
	}
	return o.Class
}

// unheard reports whether the outcome says nothing about the endpoint: it may
// never have been asked.
func (o Outcome) unheard() bool {
	class := o.class()
	return class == ClassInterrupted || class == ClassBlockedAddress
}

// endpointFailure reports whether other messages would fare no better: the
// endpoint cannot be reached, hangs, throttles, or fails with 5xx. A 404 or a
// redirect is not one; it answers each message for itself.
func (o Outcome) endpointFailure() bool {
	class := o.class()
	return class.timeout() || class.connection() ||
		o.StatusCode >= 500 || o.StatusCode == http.StatusTooManyRequests
}
