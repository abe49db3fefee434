package dashboard

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/retry"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

var endpointID = uuid.MustParse("0193a1f0-0000-7000-8000-000000000001")

func trail(name string, status delivery.Status, reason delivery.Reason, next *time.Time, attempts ...delivery.Attempt) delivery.Trail {
	for i := range attempts {
		attempts[i].Number = i + 1
	}
	return delivery.Trail{
		Delivery:    delivery.Delivery{EndpointID: endpointID, Status: status, Reason: reason, NextAt: next, Attempts: len(attempts)},
		MessageType: delivery.MemoryAdd, EndpointName: name, EndpointURL: "https://" + name + ".example.com/", List: attempts,
	}
}

func attempt(start time.Duration, code int, class retry.Class) delivery.Attempt {
	return delivery.Attempt{StartedAt: noon.Add(start), Duration: 88 * time.Millisecond, StatusCode: code, Class: class, RemoteAddr: "203.0.113.7:443"}
}

func asked(a delivery.Attempt, d time.Duration) delivery.Attempt {
	a.RetryAfter = d
	return a
}

func TestVerdict(t *testing.T) {
	done := memory.Event{Kind: memory.EventAdd, Status: memory.EventSucceeded}
	because := func(kind memory.EventKind, r memory.Reason) memory.Event {
		return memory.Event{Kind: kind, Status: memory.EventSucceeded, Reason: string(r)}
	}
	one := []memory.Change{{Kind: memory.ChangeAdd}}
	page := endpointPath(endpointID)
	moved := attempt(-time.Minute, 302, retry.ClassRedirect)
	moved.ResponseHeader = http.Header{"Location": {"https://new.example.com/x"}}

	tests := []struct {
		name    string
		event   memory.Event
		changes []memory.Change
		trails  []delivery.Trail
		want    verdict
	}{
		{
			"pending",
			memory.Event{Status: memory.EventPending, NextAt: at(-time.Second)},
			nil, nil,
			verdict{Tone: info, Sentence: "Accepted, and waiting to be processed. Its callbacks are made when that is done."},
		},
		{
			"pending for long",
			memory.Event{Status: memory.EventPending, NextAt: at(-2 * time.Minute)},
			nil, nil,
			verdict{
				Tone: warn, Sentence: "Accepted, and not processed yet: it has been waiting for 2 m.",
				Next: "An older event of the same scope goes first. If there is none, see that a worker runs.",
			},
		},
		{
			"running",
			memory.Event{Status: memory.EventRunning, Tries: 1},
			nil, nil,
			verdict{Tone: info, Sentence: "A worker is processing this event. Its callbacks are made when that is done."},
		},
		{
			"running again",
			memory.Event{Status: memory.EventRunning, Tries: 3},
			nil, nil,
			verdict{
				Tone: info, Sentence: "A worker is processing this event. Its callbacks are made when that is done.",
				Next: "This is try 3: earlier ones did not end, because the worker stopped or the engine could not be reached.",
			},
		},
		{
			"failed",
			memory.Event{Status: memory.EventFailed, Error: "refused by the engine: too long"},
			nil, nil,
			verdict{
				Tone: bad, Sentence: "Processing failed, so no memory changed and no memory message was made: refused by the engine: too long.",
				Next: "Correct the request and add it again.",
			},
		},
		{
			"no facts", because(memory.EventAdd, memory.ReasonNoFacts), nil, nil,
			verdict{Tone: info, Sentence: "No memory changed, because nothing worth keeping was said. So no memory message was made."},
		},
		{
			"already known, reported", because(memory.EventAdd, memory.ReasonAlreadyKnown), nil,
			[]delivery.Trail{trail("crm", delivery.Succeeded, "", nil, attempt(0, 200, "")), trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)},
			verdict{
				Tone: info, Sentence: "No memory changed, because everything said is remembered already. So no memory message was made.",
				Next: "1 report that the job is done arrived.",
			},
		},
		{
			"no text", because(memory.EventAdd, memory.ReasonNoText), nil, nil,
			verdict{Tone: info, Sentence: "No memory changed, because no turn had text that could be stored. So no memory message was made."},
		},
		{
			"nothing new for no reason given", done, nil, nil,
			verdict{Tone: info, Sentence: "No memory changed, because there was nothing new to remember. So no memory message was made."},
		},
		{
			"nothing to delete", because(memory.EventDeleteAll, ""), nil, nil,
			verdict{Tone: info, Sentence: "No memory changed, because no memory matched. So no memory message was made."},
		},
		{
			"nothing new, but the report is not delivered", because(memory.EventAdd, memory.ReasonNoFacts), nil,
			[]delivery.Trail{trail("crm", delivery.Sending, "", at(time.Minute))},
			verdict{Tone: info, Sentence: "Sending to crm now, attempt 1."},
		},
		{
			"no endpoint", done, one, nil,
			verdict{
				Tone: warn, Sentence: "Nobody was told: the project had no endpoint when this happened.",
				Next: "Messages are made for the endpoints of the moment; later ones do not get them.",
				Link: "/ui/endpoints/new", Action: "Register an endpoint",
			},
		},
		{
			"all skipped", done, one,
			[]delivery.Trail{trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil), trail("crm", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)},
			verdict{
				Tone: quiet, Sentence: "Nothing was sent: slack and crm do not subscribe to memory_add.",
				Next: "Messages of other types go out as usual.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"held by a pause", done, one,
			[]delivery.Trail{trail("crm", delivery.Held, delivery.ReasonPaused, nil)},
			verdict{
				Tone: warn, Sentence: "Held: crm is paused.",
				Next: "The delivery waits and loses no tries; resuming the endpoint sends it.", Link: page, Action: "Resume it there",
			},
		},
		{
			"held, disabled", done, one,
			[]delivery.Trail{trail("crm", delivery.Held, delivery.ReasonDisabled, nil), trail("crm", delivery.Held, delivery.ReasonDisabled, nil)},
			verdict{
				Tone: warn, Sentence: "Held: crm is disabled, because the receiver asked for it or failed for too long.",
				Next: "2 deliveries of this event wait and lose no tries; resuming the endpoint sends them.", Link: page, Action: "Resume it there",
			},
		},
		{
			"held, gone", done, one,
			[]delivery.Trail{trail("crm", delivery.Held, delivery.ReasonGone, nil, attempt(0, 410, retry.ClassGone))},
			verdict{
				Tone: warn, Sentence: "Held: crm answered that it wants no more messages, which disabled it.",
				Next: "The delivery waits and loses no tries; resuming the endpoint sends it.", Link: page, Action: "Resume it there",
			},
		},
		{
			"sending", done, one,
			[]delivery.Trail{trail("crm", delivery.Sending, "", at(30*time.Second), attempt(-time.Minute, 500, retry.ClassStatus))},
			verdict{Tone: info, Sentence: "Sending to crm now, attempt 2."},
		},
		{
			"waiting for the first try", done, one,
			[]delivery.Trail{trail("crm", delivery.Pending, "", at(-time.Second))},
			verdict{Tone: info, Sentence: "Waiting for its first try to crm, which is due now."},
		},
		{
			"overdue", done, one,
			[]delivery.Trail{trail("crm", delivery.Pending, "", at(-90*time.Second))},
			verdict{
				Tone: warn, Sentence: "Waiting for its first try to crm, which is due now.",
				Next: "It is overdue by 1 m 30 s: the endpoint has too many requests under way or asked to be left alone, or no worker runs.",
			},
		},
		{
			"failed so far", done, one,
			[]delivery.Trail{
				trail("crm", delivery.Pending, "", at(97*time.Second),
					attempt(-time.Hour, 500, retry.ClassStatus), attempt(-time.Minute, 0, retry.ClassHeaderTimeout), asked(attempt(-time.Second, 503, retry.ClassStatus), 2*time.Minute)),
				trail("analytics", delivery.Succeeded, "", nil, attempt(0, 200, "")),
			},
			verdict{
				Tone: warn, Sentence: "Not delivered to crm yet: 3 attempts failed. The endpoint answered 503. It asked to be left alone for 2 m.",
				Next: "The next try is in 1 m 37 s. 1 other delivery arrived.",
			},
		},
		{
			"failed so far, several", done, one,
			[]delivery.Trail{
				trail("crm", delivery.Pending, "", at(time.Second), attempt(0, 0, retry.ClassDNS)),
				trail("slack", delivery.Pending, "", at(time.Second), attempt(0, 0, retry.ClassDNS)),
			},
			verdict{
				Tone: warn, Sentence: "Not delivered to crm yet: 1 attempt failed. The host name could not be resolved. 1 other delivery is like it.",
				Next: "The next try is in 1 s.",
			},
		},
		{
			"gave up", done, one,
			[]delivery.Trail{trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(-74*time.Hour, 500, retry.ClassStatus), attempt(0, 502, retry.ClassStatus))},
			verdict{
				Tone: bad, Sentence: "Not delivered to crm, and given up after 2 attempts in 3 d 2 h. The endpoint answered 502.",
				Next: "The receiver's own log says why it failed.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"gave up, too old", done, one,
			[]delivery.Trail{trail("crm", delivery.Failed, delivery.ReasonTooOld, nil, attempt(0, 0, retry.ClassTLSExpired))},
			verdict{
				Tone: bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The TLS certificate has expired or is not valid yet. The next try would have come too late to be of use.",
				Next: "Renew or correct the receiver's certificate.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"blocked address", done, one,
			[]delivery.Trail{trail("crm", delivery.Failed, delivery.ReasonRefused, nil, attempt(0, 0, retry.ClassBlockedAddress))},
			verdict{
				Tone: bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The address is one that deliveries may not reach; nothing was sent.",
				Next: "If the address is yours, let the operator open it with --allow-net.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"redirect", done, one,
			[]delivery.Trail{trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, moved)},
			verdict{
				Tone: bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint answered with a redirect; redirects are not followed.",
				Next: "It points to new.example.com. Register the address it leads to.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"unauthorized", done, one,
			[]delivery.Trail{trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(0, 401, retry.ClassStatus))},
			verdict{
				Tone: bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint answered 401.",
				Next: "Check that the receiver verifies with this endpoint's secret.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"too large", done, one,
			[]delivery.Trail{trail("crm", delivery.Failed, delivery.ReasonRefused, nil, attempt(0, 413, retry.ClassTooLarge))},
			verdict{
				Tone: bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint refused the message as too large.",
				Next: "Raise the receiver's limit, or use the format thin, which has IDs only.", Link: page, Action: "Open the endpoint",
			},
		},
		{
			"canceled", done, one,
			[]delivery.Trail{trail("crm", delivery.Canceled, delivery.ReasonDeleted, nil)},
			verdict{Tone: quiet, Sentence: "Not delivered to crm: the endpoint was deleted first."},
		},
		{
			"succeeded after retries", done, one,
			[]delivery.Trail{trail("crm", delivery.Succeeded, "", nil, attempt(-2*time.Minute, 503, retry.ClassStatus), attempt(0, 204, ""))},
			verdict{Tone: ok, Sentence: "Delivered to crm on attempt 2, 2 m after the first: it answered 204 in 88 ms from 203.0.113.7:443."},
		},
		{
			"succeeded", done, one,
			[]delivery.Trail{trail("crm", delivery.Succeeded, "", nil, attempt(0, 200, "")), trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)},
			verdict{Tone: ok, Sentence: "Delivered to crm: it answered 200 in 88 ms from 203.0.113.7:443."},
		},
		{
			"all succeeded", done, one,
			[]delivery.Trail{
				trail("crm", delivery.Succeeded, "", nil, attempt(-time.Minute, 500, retry.ClassStatus), attempt(0, 200, "")),
				trail("slack", delivery.Succeeded, "", nil, attempt(0, 200, "")),
			},
			verdict{Tone: ok, Sentence: "Delivered: all 2 messages arrived, 1 after retries. The slowest answer took 88 ms."},
		},
		{
			"the one that needs a person", done, one,
			[]delivery.Trail{
				trail("slack", delivery.Pending, "", at(time.Second), attempt(0, 500, retry.ClassStatus)),
				trail("crm\u202E", delivery.Held, delivery.ReasonPaused, nil),
			},
			verdict{
				Tone: warn, Sentence: "Held: crm⟨U+202E⟩ is paused.",
				Next: "The delivery waits and loses no tries; resuming the endpoint sends it.", Link: page, Action: "Resume it there",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, verdictOf(tt.event, tt.changes, tt.trails, noon)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAttention(t *testing.T) {
	up := delivery.Endpoint{ID: endpointID, Name: "crm"}
	paused, disabled, failing := up, up, up
	paused.PausedAt, disabled.DisabledAt = at(-time.Hour), at(-time.Hour)
	failing.Name, failing.Health = "slack", delivery.Health{FailingSince: at(-190 * time.Minute), Failures: 5}
	page := endpointPath(endpointID)

	tests := []struct {
		name      string
		endpoints []delivery.Endpoint
		failed    int
		want      verdict
	}{
		{"none registered", nil, 0, verdict{Tone: info, Sentence: "No endpoint is registered yet, so nobody is told when a memory changes."}},
		{"well", []delivery.Endpoint{up}, 0, verdict{Tone: ok, Sentence: "Nothing needs you: the endpoint is enabled, and no event failed in the last 24 hours."}},
		{"paused", []delivery.Endpoint{up, paused}, 0, verdict{Tone: warn, Sentence: "crm is paused: deliveries to it are held.", Link: page, Action: "Open the endpoint"}},
		{"events failed", []delivery.Endpoint{paused}, 2, verdict{Tone: bad, Sentence: "2 events failed in the last 24 hours.", Link: "/ui/events?status=failed", Action: "See the failed events"}},
		{"failing", []delivery.Endpoint{failing, paused}, 1, verdict{Tone: bad, Sentence: "slack is failing: 5 attempts in a row, the first 3 h 10 m ago.", Next: "1 event failed in the last 24 hours.", Link: page, Action: "Open the endpoint"}},
		{"several failing", []delivery.Endpoint{failing, failing, failing, failing, failing, failing}, 0, verdict{Tone: bad, Sentence: "slack, slack, slack and 3 more are failing.", Link: "/ui/endpoints", Action: "See the endpoints"}},
		{"disabled first", []delivery.Endpoint{failing, disabled}, 0, verdict{Tone: bad, Sentence: "crm is disabled: deliveries to it are held.", Link: page, Action: "Open the endpoint"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, attentionOf(tt.endpoints, tt.failed, noon)); diff != "" {
				t.Errorf("attention (-want +got):\n%s", diff)
			}
		})
	}
}
