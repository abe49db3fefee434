package delivery

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/retry"
	"memhook/signing"
)

// Limits of an endpoint.
const (
	MaxEndpoints   = 50               // per project
	MaxNameLength  = 255              // characters
	MaxLiveSecrets = 5                // signatures in one header
	DefaultTimeout = 15 * time.Second // from dial to the last byte of the answer
	MaxTimeout     = 30 * time.Second

	MaxDescription = 1000       // characters
	MinRate        = 1.0 / 3600 // requests per second: one an hour
	MaxRate        = 1000.0     // requests per second
)

// leaseMargin is what a lease has beyond the endpoint's timeout: time to record
// the attempt on a busy machine.
const leaseMargin = 30 * time.Second

// An Endpoint is a registered receiver: mem0's webhook.
type Endpoint struct {
	ID         uuid.UUID
	ProjectID  string
	Name       string
	URL        string
	EventTypes []string // at least one; AllTypes for every type
	Format     Format
	Secrets    []LiveSecret    // newest first
	KeyPairs   []LiveSecret    // ed25519, newest first; none: it is switched off
	Timeout    time.Duration   // 0: DefaultTimeout
	Schedule   *retry.Schedule // nil: the default schedule
	CreatedAt  time.Time
	UpdatedAt  time.Time

	Description   string
	Headers       Headers // added to every request
	Filter        Filter  // beyond EventTypes
	RatePerSecond float64 // 0: no limit
	Order         Order

	PausedAt       *time.Time // a person paused it
	PausedBy       string     // who, "" when it is not known
	DisabledAt     *time.Time // the receiver asked for it, or it failed for too long
	DisabledReason DisabledReason
	DeletedAt      *time.Time // kept for the record of its deliveries

	Health Health
}

// Health is what the last attempts say about an endpoint. It is stored with the
// attempt that changed it.
type Health struct {
	HoldUntil     *time.Time // the receiver asked to be left alone until then (Retry-After on 429 or 503)
	FailingSince  *time.Time // first failure after the last success
	LastFailureAt *time.Time // of the failures in a row
	LastSuccessAt *time.Time
	Failures      int           // in a row
	Notice        Notice        // the worst that was announced of these failures
	Breaker       retry.Breaker // whether it is worth trying
}

// A Notice is how much was announced of an endpoint's failures, in order.
type Notice int

// The notices.
const (
	NoticeNone   Notice = iota
	NoticeParked        // its breaker opened
	NoticeDay           // it has been failing for 24 hours
	NoticeLast          // it has been failing for 96 hours; a day is left before it is disabled
)

// A LiveSecret signs until it expires. More than one is live during a rotation.
type LiveSecret struct {
	signing.Secret
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: the current one
}

// Live tells whether the secret signs at now.
func (s LiveSecret) Live(now time.Time) bool { return s.ExpiresAt == nil || now.Before(*s.ExpiresAt) }

// Active tells whether the endpoint gets new messages at once.
func (e Endpoint) Active() bool {
	return e.PausedAt == nil && e.DisabledAt == nil && e.DeletedAt == nil
}

// Ready tells whether a new message goes out at once, without a look at how the
// endpoint has been lately.
func (e Endpoint) Ready(now time.Time) bool { return e.Standing(now).State == EndpointActive }

// Wants tells whether the endpoint is to get the message.
func (e Endpoint) Wants(m Message) bool {
	reason, _ := e.Refuses(m)
	return reason == ReasonNone
}

// Refuses returns why the endpoint does not want the message, as a code and in
// words; ReasonNone when it does. Operational types must be asked for by name, and
// filters do not apply to them.
func (e Endpoint) Refuses(m Message) (Reason, string) {
	switch {
	case operational(m.Type) && e.subscribes(m.Type):
		return ReasonNone, ""
	case !e.subscribes(m.Type):
		return ReasonTypeNotWanted, "the endpoint wants " + strings.Join(e.EventTypes, ", ") + "; this is " + m.Type
	}
	return e.Filter.refuses(m.Facets)
}

// subscribes tells whether the endpoint wants the type.
func (e Endpoint) subscribes(typ string) bool {
	return slices.ContainsFunc(e.EventTypes, func(entry string) bool { return names(entry, typ) }) ||
		!operational(typ) && slices.Contains(e.EventTypes, AllTypes)
}

// SigningSecrets returns what signs at now: the secrets, newest first, then the key
// pairs, newest first.
func (e Endpoint) SigningSecrets(now time.Time) []signing.Secret {
	live := make([]signing.Secret, 0, len(e.Secrets)+len(e.KeyPairs))
	for _, list := range [][]LiveSecret{e.Secrets, e.KeyPairs} {
		for _, s := range list {
			if s.Live(now) {
				live = append(live, s.Secret)
			}
		}
	}
	return live
}

// Deadline is how long one attempt may take, from dial to the last byte.
func (e Endpoint) Deadline() time.Duration {
	if e.Timeout == 0 {
		return DefaultTimeout
	}
	return e.Timeout
}

// Lease is how long a claimed delivery of the endpoint belongs to its worker.
func (e Endpoint) Lease() time.Duration { return e.Deadline() + leaseMargin }
