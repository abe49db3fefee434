package delivery

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	Timeout    time.Duration   // 0: DefaultTimeout
	Schedule   *retry.Schedule // nil: the default schedule
	CreatedAt  time.Time
	UpdatedAt  time.Time

	PausedAt   *time.Time // a person paused it
	DisabledAt *time.Time // the receiver asked for it, or it failed for too long
	DeletedAt  *time.Time // kept for the record of its deliveries

	Health Health
}

// Health is what the last attempts say about an endpoint. It is stored with the
// attempt that changed it.
type Health struct {
	HoldUntil     *time.Time // the receiver asked to be left alone until then (Retry-After on 429 or 503)
	FailingSince  *time.Time // first failure after the last success
	LastSuccessAt *time.Time
	Failures      int // endpoint-level failures in a row
}

// A LiveSecret signs until it expires. More than one is live during a rotation.
type LiveSecret struct {
	signing.Secret
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: the current one
}

// Active tells whether the endpoint gets new messages at once.
func (e Endpoint) Active() bool {
	return e.PausedAt == nil && e.DisabledAt == nil && e.DeletedAt == nil
}

// Wants tells whether the endpoint subscribes to the message's type.
func (e Endpoint) Wants(m Message) bool {
	return slices.Contains(e.EventTypes, AllTypes) || slices.Contains(e.EventTypes, m.Type)
}

// SigningSecrets returns the secrets that sign at now, newest first.
func (e Endpoint) SigningSecrets(now time.Time) []signing.Secret {
	live := make([]signing.Secret, 0, len(e.Secrets))
	for _, s := range e.Secrets {
		if s.ExpiresAt == nil || now.Before(*s.ExpiresAt) {
			live = append(live, s.Secret)
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

// validate checks what a person can set, apart from the URL, which the egress
// guard judges.
func (e Endpoint) validate() error {
	switch {
	case strings.TrimSpace(e.Name) == "":
		return &InvalidError{"name", "This field is required."}
	case utf8.RuneCountInString(e.Name) > MaxNameLength:
		return &InvalidError{"name", fmt.Sprintf("Ensure this field has no more than %d characters.", MaxNameLength)}
	case strings.ContainsFunc(e.Name, unicode.IsControl) || !utf8.ValidString(e.Name):
		return &InvalidError{"name", "Control characters are not allowed."}
	case len(e.EventTypes) == 0:
		return &InvalidError{"event_types", "This list may not be empty."}
	case e.Format != Full && e.Format != Thin && e.Format != Mem0:
		return &InvalidError{"format", "Must be full, thin or mem0."}
	case e.Timeout < 0 || e.Timeout > MaxTimeout || (e.Timeout > 0 && e.Timeout < time.Second):
		return &InvalidError{"timeout_s", "Must be between 1 and 30 seconds."}
	}
	for _, t := range e.EventTypes {
		if !knownType(t) {
			return &InvalidError{"event_types", fmt.Sprintf("%q is not a valid choice. Valid: %s.", clip(t, 64), strings.Join(EventTypes(), ", "))}
		}
	}
	return nil
}
