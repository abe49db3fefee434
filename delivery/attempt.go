package delivery

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"memhook/retry"
)

// MaxStoredBody is how much of a response body an Attempt keeps, in bytes. A
// longer one is cut and marked truncated: enough for an error page, small enough
// that a million attempts fit a small disk.
const MaxStoredBody = 16 << 10

// maxReadBody is how much of a response body is read at all, in bytes. Reading
// on to the end lets the connection be used again; beyond this a new connection
// is cheaper than the rest of the body.
const maxReadBody = 64 << 10

// An Attempt is one HTTP request for one Delivery and what came of it.
type Attempt struct {
	ID         uuid.UUID
	DeliveryID uuid.UUID
	Number     int // from 1
	Trigger    Trigger
	URL        string
	StartedAt  time.Time
	Duration   time.Duration
	Phases     Phases

	StatusCode int         // 0 when no answer came
	Class      retry.Class // "" on success
	Detail     string      // the error in words, "" on success; never has a secret or a query
	RemoteAddr string      // the address that was reached, "" when none was

	RequestHeader  http.Header // signature and custom values masked
	ResponseHeader http.Header // cookies masked
	ResponseBody   []byte      // at most MaxStoredBody
	Truncated      bool

	RetryAfter time.Duration // what the receiver asked for, 0 when it did not
	NextAt     *time.Time    // when the next try was planned for, nil when none was
}

// Phases are the parts of an attempt's time. A reused connection has no DNS,
// connect and TLS parts.
type Phases struct {
	DNS     time.Duration `json:"dns_us,omitempty"`
	Connect time.Duration `json:"connect_us,omitempty"`
	TLS     time.Duration `json:"tls_us,omitempty"`
	Wait    time.Duration `json:"wait_us,omitempty"` // request written to first byte of the answer
	Body    time.Duration `json:"body_us,omitempty"` // first byte to last
}

// A Result is an attempt with what follows from it. It is recorded in one
// transaction.
type Result struct {
	Claim     Claim
	Attempt   Attempt
	Outcome   retry.Outcome
	Status    Status // the delivery's next state
	Reason    Reason
	NextAt    *time.Time    // for Pending
	HoldUntil *time.Time    // the endpoint may get no request before
	Disable   bool          // the receiver asked to get no more
	Changes   bool          // the endpoint's health changes: Learn must be called
	Passed    retry.Breaker // for Learn: successes that were not recorded in the endpoint's health
}

// Learned is what the database knows after a Result that Changes its endpoint.
type Learned struct {
	Health   Health
	Disabled bool  // the endpoint was disabled
	Due      []Due // operational messages, and the delivery whose turn it is now
}
