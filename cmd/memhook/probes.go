package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
	"memhook/retry"
	"memhook/signing"
)

const (
	// maxAnswer is how much of an answer memhook reads, in bytes.
	maxAnswer = 64 << 10
	// promptly is above what a receiver needs that works after it has answered.
	promptly = 2 * time.Second
)

// A probe is one thing that a receiver should do.
type probe struct {
	name     string
	required bool
	advice   string
	shots    func(now time.Time) []shot
	judge    func(r reply, timeout time.Duration) (text string, ok bool)
	adviceOn func(r reply) string // by what came back; nil: always the same
}

// probes lists what receivers are graded by, in the order in which it is sent.
func probes(slow time.Duration) []probe {
	return []probe{
		{"signed request", true, "", one(nil), accepted, refusedGood},
		{"answers promptly", false, "Answer first and work afterwards: a slow answer looks like a failure and is sent again.", one(nil), prompt, nil},
		{"small answer", false, "Answer with an empty or a short body: nobody reads more than its first 64 KiB.", one(nil), small, nil},
		{"tampered body", true, "Compute the signature over the bytes as they came and refuse what does not match with 401.", one(signTampered), refused, nil},
		{"another secret", true, "Refuse a signature made with another secret with 401.", one(signOther), refused, nil},
		{"unsigned request", true, "Refuse a request without webhook-signature with 401.", one(func(signing.Secret, http.Header, shot) {}), refused, nil},
		{"another id", true, "Sign over id.timestamp.body: the id is covered, too.", one(signOtherID), refused, nil},
		{"stale request", true, "Refuse a webhook-timestamp that is more than five minutes old: else a recorded request can be sent again.", at(-10 * time.Minute), refused, nil},
		{"request ahead of time", false, "Refuse a webhook-timestamp that is more than five minutes ahead.", at(10 * time.Minute), refused, nil},
		{"secret being replaced", true, "Accept a request if one of the signatures in webhook-signature matches: two are sent while a secret is replaced.", one(signTwice), accepted, nil},
		{"repeated request", true, "Answer 2xx to a repeat and do nothing: tell it by its webhook-id. An error makes memhook send it once more.", repeated, accepted, nil},
		{"news out of order", true, "Take news in any order: go by data.updated_at, and treat an update of something unknown as an addition.", reordered, accepted, nil},
		{"unknown type", true, "Answer 2xx to types that you do not know, or they are sent for three days.", unknownType, accepted, nil},
		{"characters beyond ASCII", true, "Take the body as bytes; do not decode and encode it before the signature is checked.", foreignText, accepted, nil},
		{"slow request", false, "Wait for a body that arrives slowly, as long as any client.", slowly(slow), accepted, nil},
		{"huge request", true, "Accept bodies of 256 KiB; many servers and proxies allow less unless told otherwise.", huge, accepted, nil},
		{"still there", true, "The receiver has to survive all of the above.", one(nil), accepted, nil},
	}
}

// refusedGood is the advice about a receiver that does not take a good request.
func refusedGood(r reply) string {
	said := explain.Advice(delivery.Attempt{StatusCode: r.status, Class: retry.StatusClass(r.status)})
	if r.status == 0 {
		said = "See that a receiver of webhooks listens at the URL."
	}
	return "Answer 2xx to a request whose signature is good. " + said
}

// accepted is the judgement of a request that a receiver should take.
func accepted(r reply, timeout time.Duration) (string, bool) {
	text, answered := describe(r, timeout)
	return text, answered && r.status/100 == 2
}

// refused is the judgement of a request that a receiver should not take.
func refused(r reply, timeout time.Duration) (string, bool) {
	text, answered := describe(r, timeout)
	if answered && r.status/100 == 2 {
		text += ": it was taken"
	}
	return text, answered && r.status/100 == 4
}

func prompt(r reply, timeout time.Duration) (string, bool) {
	text, answered := describe(r, timeout)
	return text, answered && r.took < promptly
}

func small(r reply, timeout time.Duration) (string, bool) {
	text, answered := describe(r, timeout)
	if r.size > maxAnswer {
		return text + ", with more than 64 KiB", false
	}
	return fmt.Sprintf("%s, with %d bytes", text, r.size), answered
}

func describe(r reply, timeout time.Duration) (text string, answered bool) {
	var outer *url.Error
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(r.err, &slow) && slow.Timeout():
		return fmt.Sprintf("no answer within %v", timeout), false
	case errors.As(r.err, &outer):
		return "no answer: " + outer.Err.Error(), false
	case r.err != nil:
		return "the answer broke off: " + r.err.Error(), false
	}
	text = fmt.Sprintf("answered %d in %v", r.status, r.took.Round(100*time.Microsecond))
	if r.status/100 == 3 {
		text += "; redirects are not followed"
		if r.location != "" {
			text += ", register " + r.location + " instead"
		}
	}
	return text, true
}

// The requests of the probes.

func one(sign func(signing.Secret, http.Header, shot)) func(time.Time) []shot {
	return func(now time.Time) []shot {
		sh := newShot(delivery.MemoryAdd, uuid.New(), "Prefers tea", now)
		sh.sign = sign
		return []shot{sh}
	}
}

func at(ahead time.Duration) func(time.Time) []shot {
	return func(now time.Time) []shot {
		return []shot{newShot(delivery.MemoryAdd, uuid.New(), "Prefers tea", now.Add(ahead))}
	}
}

func repeated(now time.Time) []shot {
	first := newShot(delivery.MemoryAdd, uuid.New(), "Prefers tea", now)
	again := first
	again.at = now.Add(time.Second) // signed anew, as a retry is
	return []shot{first, again, again}
}

func reordered(now time.Time) []shot {
	id := uuid.New()
	return []shot{
		newShot(delivery.MemoryDelete, id, "Prefers coffee", now),
		newShot(delivery.MemoryUpdate, id, "Prefers coffee", now.Add(-time.Second)),
		newShot(delivery.MemoryAdd, id, "Prefers tea", now.Add(-2*time.Second)),
	}
}

func unknownType(now time.Time) []shot {
	return []shot{newShot("memory_check", uuid.New(), "Prefers tea", now)}
}

func foreignText(now time.Time) []shot {
	return []shot{newShot(delivery.MemoryAdd, uuid.New(), "Trinkt gern grünen Tee 🍵 <b>\"&\"</b> \u2028 \\u0000 مرحبا", now)}
}

func slowly(total time.Duration) func(time.Time) []shot {
	return func(now time.Time) []shot {
		sh := newShot(delivery.MemoryAdd, uuid.New(), "Prefers tea", now)
		sh.drip = total
		return []shot{sh}
	}
}

func huge(now time.Time) []shot {
	empty := len(newShot(delivery.MemoryAdd, uuid.New(), "", now).body)
	// The text stands in the body twice.
	return []shot{newShot(delivery.MemoryAdd, uuid.New(), strings.Repeat("x", (delivery.MaxPayload-empty)/2), now)}
}

// newShot is a message about a memory, in the form in which memhook sends it.
func newShot(typ string, memoryID uuid.UUID, text string, now time.Time) shot {
	event := strings.ToUpper(strings.TrimPrefix(typ, "memory_"))
	at := memory.Timestamp(now)
	eventID := delivery.NewID()
	ids := map[string]any{"user_id": "memhook-check", "agent_id": nil, "app_id": nil, "run_id": nil}
	details := map[string]any{"id": memoryID, "data": map[string]any{"memory": text}, "event": event, "event_id": eventID}
	data := map[string]any{
		"event_id": eventID, "memory_id": memoryID, "event": event, "memory": text, "metadata": nil, "categories": nil,
		"created_at": at, "updated_at": at, "origin": "CHECK",
	}
	for name, id := range ids {
		details[name], data[name] = id, id
	}
	var body bytes.Buffer
	err := encodeJSON(&body, map[string]any{"event_details": details, "type": typ, "timestamp": at, "data": data})
	if err != nil || !json.Valid(body.Bytes()) {
		panic(err) // strings and UUIDs have JSON
	}
	return shot{id: delivery.FormatID(delivery.MessagePrefix, delivery.NewID()), typ: typ, body: bytes.TrimSpace(body.Bytes()), at: now}
}

// The ways to sign.

func signGood(s signing.Secret, h http.Header, sh shot) {
	signing.SetHeaders(h, []signing.Secret{s}, sh.id, sh.at, sh.body)
}

func signTampered(s signing.Secret, h http.Header, sh shot) {
	signing.SetHeaders(h, []signing.Secret{s}, sh.id, sh.at, bytes.Replace(sh.body, []byte("tea"), []byte("gin"), 1))
}

func signOther(_ signing.Secret, h http.Header, sh shot) {
	signing.SetHeaders(h, []signing.Secret{signing.GenerateSecret()}, sh.id, sh.at, sh.body)
}

func signOtherID(s signing.Secret, h http.Header, sh shot) {
	signing.SetHeaders(h, []signing.Secret{s}, sh.id+"x", sh.at, sh.body)
	h.Set(signing.HeaderID, sh.id)
}

func signTwice(s signing.Secret, h http.Header, sh shot) {
	signing.SetHeaders(h, []signing.Secret{signing.GenerateSecret(), s}, sh.id, sh.at, sh.body)
}
