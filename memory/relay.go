package memory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// EventRelay is the kind of an event that a source sent.
const EventRelay EventKind = "RELAY"

// MaxRelay is the largest body of a source's request, in bytes. The message made
// of it is larger by what stands around it; a body that is no JSON counts as long
// as its base64.
const MaxRelay = delivery.MaxPayload

var (
	// ErrUnverified says that a source's request did not prove who sent it.
	ErrUnverified = errors.New("the request could not be verified")
	// ErrPaused says that a person paused the source.
	ErrPaused = errors.New("the source is paused")
	// ErrTooManySources says that the project has MaxSources sources already.
	ErrTooManySources = errors.New("too many sources")
	// ErrTooLarge says that a source's body is larger than MaxRelay.
	ErrTooLarge = errors.New("the body is too large")
)

// A Relay is a source's request as it is stored.
type Relay struct {
	SourceID uuid.UUID
	Key      []byte // what repeats of it have in common; nil: they are not looked for
	Expires  time.Time
	Event    Event
	Message  delivery.Message
}

// Relayed says what became of a source's request.
type Relayed struct {
	EventID   uuid.UUID
	Duplicate bool // EventID is that of the first
	Due       []delivery.Due
}

// Receive takes a source's request: it checks it, drops it when it is a repeat,
// and otherwise commits it as a finished event whose message goes to the
// project's endpoints. token is the last part of the source's address.
// ErrNotFound, ErrUnverified, ErrPaused, ErrTooLarge, *InvalidError.
func (s *Service) Receive(ctx context.Context, token string, h http.Header, body []byte) (Relayed, error) {
	src, err := s.store.SourceByToken(ctx, SourceToken(token))
	if err != nil {
		return Relayed{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	if err := src.verify(h, body, now); err != nil {
		s.refused(ctx, src, err)
		return Relayed{}, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	if src.PausedAt != nil {
		return Relayed{}, ErrPaused
	}
	r, err := src.relay(h, body, now)
	if err != nil {
		return Relayed{}, err
	}
	r.Event.Trace = delivery.TraceOf(ctx)
	r.Event.Writer = delivery.FormatID(SourcePrefix, src.ID)
	r.Message.Trace, r.Message.Facets.Writer = r.Event.Trace, r.Event.Writer
	done, err := s.store.InsertRelay(ctx, r)
	if err != nil {
		return Relayed{}, fmt.Errorf("relay from source %s: %w", delivery.FormatID(SourcePrefix, src.ID), err)
	}
	if !done.Duplicate {
		s.metrics.accepted(EventRelay)
		s.metrics.finished(EventSucceeded, 0)
		s.wake(done.Due...)
	}
	return done, nil
}

// relay is what a checked request becomes.
func (s Source) relay(h http.Header, body []byte, now time.Time) (Relay, error) {
	p, err := readPayload(h.Get("Content-Type"), body)
	if err != nil {
		return Relay{}, err
	}
	e := Event{
		ID: delivery.NewID(), ProjectID: s.ProjectID, Kind: EventRelay, Status: EventSucceeded,
		CreatedAt: now, UpdatedAt: now, StartedAt: &now, CompletedAt: &now,
	}
	r := Relay{SourceID: s.ID, Expires: now.Add(s.Window)}
	if s.Window > 0 {
		r.Key = s.repeatKey(h, p, body)
	}
	headers := s.keptHeaders(h)
	e.Scope = p.scope
	e.Payload = record(s, headers, p.raw)
	r.Event, r.Message = e, relayMessage(s, e, headers, p, h)
	return r, nil
}

// idHeaders carry the sender's own name for a request, the same on each try.
var idHeaders = []string{"webhook-id", "svix-id", "X-GitHub-Delivery", "X-Shopify-Webhook-Id", "Idempotency-Key"}

// repeatKey is what a request and its repeats have in common: the sender's ID
// where there is one, else the body.
func (s Source) repeatKey(h http.Header, p payload, body []byte) []byte {
	kind, id := "body", string(body)
	for _, name := range idHeaders {
		if v := h.Get(name); v != "" {
			kind, id = strings.ToLower(name), v
			break
		}
	}
	if s.Verification == VerifyStripe && p.text("id") != "" {
		kind, id = "id", p.text("id") // signed, unlike a header
	}
	sum := sha256.Sum256([]byte(kind + "\x00" + id))
	return sum[:]
}

// Bounds of the headers that are kept.
const (
	maxHeaders     = 20
	maxHeaderValue = 256 // bytes
)

// keptHeaders are those that say what a request is about. Nothing that may let
// somebody in is among them.
func (s Source) keptHeaders(h http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if len(kept) < maxHeaders && aboutEvent(name) && !strings.EqualFold(name, s.Header) && len(h.Get(name)) <= maxHeaderValue {
			kept[strings.ToLower(name)] = strings.ToValidUTF8(h.Get(name), "\uFFFD")
		}
	}
	return kept
}

func aboutEvent(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "content-type", "user-agent", "webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp", "idempotency-key":
		return true
	}
	for _, secret := range []string{"auth", "cookie", "key", "secret", "signature", "token", "forwarded"} {
		if strings.Contains(name, secret) {
			return false
		}
	}
	for _, end := range []string{"-event", "-event-type", "-event-key", "-delivery", "-id", "-uuid", "-topic"} {
		if strings.HasPrefix(name, "x-") && strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
