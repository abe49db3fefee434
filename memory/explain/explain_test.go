package explain_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
	"memhook/retry"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

var (
	crmID   = uuid.MustParse("0193a1f0-0000-7000-8000-000000000001")
	slackID = uuid.MustParse("0193a1f0-0000-7000-8000-000000000002")
	dlvID   = uuid.MustParse("0193a1f0-0000-7000-8000-000000000003")
)

func trail(name string, status delivery.Status, reason delivery.Reason, next *time.Time, attempts ...delivery.Attempt) delivery.Trail {
	for i := range attempts {
		attempts[i].Number = i + 1
	}
	id := crmID
	if name != "crm" {
		id = slackID
	}
	return delivery.Trail{
		Delivery: delivery.Delivery{
			ID: dlvID, EndpointID: id, Status: status, Reason: reason, NextAt: next, Attempts: len(attempts), Tries: len(attempts),
			RoundAt: noon, UpdatedAt: noon.Add(-4 * time.Second),
		},
		MessageType: delivery.MemoryAdd, EndpointName: name, EndpointURL: "https://" + name + ".example.com/", List: attempts,
	}
}

func detailed(t delivery.Trail, detail string) delivery.Trail {
	t.Delivery.Detail = detail
	return t
}

func attempt(start time.Duration, code int, class retry.Class) delivery.Attempt {
	return delivery.Attempt{StartedAt: noon.Add(start), Duration: 88 * time.Millisecond, StatusCode: code, Class: class, RemoteAddr: "203.0.113.7:443"}
}

func asked(a delivery.Attempt, d time.Duration) delivery.Attempt {
	a.RetryAfter = d
	return a
}

func with(a delivery.Attempt, name, value string) delivery.Attempt {
	a.ResponseHeader = http.Header{name: {value}}
	return a
}

func trails(list ...delivery.Trail) []delivery.Trail { return list }

// endpoints are the project's: crm as it is changed, and slack.
func endpoints(change func(*delivery.Endpoint)) []delivery.Endpoint {
	crm := delivery.Endpoint{ID: crmID, Name: "crm", EventTypes: []string{delivery.AllTypes}}
	if change != nil {
		change(&crm)
	}
	return []delivery.Endpoint{crm, {ID: slackID, Name: "slack", EventTypes: []string{delivery.MemoryDelete}}}
}

func TestVerdict(t *testing.T) {
	done := memory.Event{Kind: memory.EventAdd, Status: memory.EventSucceeded}
	one := []memory.Change{{Kind: memory.ChangeAdd}}
	because := func(kind memory.EventKind, r memory.Reason) explain.Facts {
		return explain.Facts{Event: memory.Event{Kind: kind, Status: memory.EventSucceeded, Reason: string(r)}}
	}
	sent := func(list ...delivery.Trail) explain.Facts {
		return explain.Facts{Event: done, Changes: one, Trails: list, Endpoints: endpoints(nil)}
	}
	at2 := func(f explain.Facts, change func(*delivery.Endpoint)) explain.Facts {
		f.Endpoints = endpoints(change)
		return f
	}
	behind := func(f explain.Facts, c delivery.Count) explain.Facts {
		f.Ahead = map[uuid.UUID]delivery.Count{dlvID: c}
		return f
	}
	event := func(e memory.Event) explain.Facts { return explain.Facts{Event: e} }
	noWorker := func(f explain.Facts) explain.Facts { f.NoWorker = true; return f }
	failing := attempt(-time.Minute, 503, retry.ClassStatus)

	tests := []struct {
		name  string
		facts explain.Facts
		want  explain.Verdict
	}{
		{"pending", event(memory.Event{Status: memory.EventPending, NextAt: at(-time.Second)}), explain.Verdict{
			Code: explain.EventPending, Tone: explain.Info, Sentence: "Accepted, and waiting to be processed. Its callbacks are made when that is done.",
		}},
		{"pending, no worker", noWorker(event(memory.Event{Status: memory.EventPending, NextAt: at(-time.Second)})), explain.Verdict{
			Code: explain.EventNoWorker, Tone: explain.Bad, Sentence: "Accepted, and safe on disk, but no worker runs to process it.",
			Next: "Start a node with --role worker or all.", Action: explain.OpenSystem,
		}},
		{"pending for long", event(memory.Event{Status: memory.EventPending, NextAt: at(-2 * time.Minute)}), explain.Verdict{
			Code: explain.EventOverdue, Tone: explain.Warn, Sentence: "Accepted, and not processed yet: it has been waiting for 2 m.",
			Next: "An older event of the same scope goes first. If there is none, see that a worker runs.", Action: explain.OpenSystem,
		}},
		{"running", event(memory.Event{Status: memory.EventRunning, Tries: 1}), explain.Verdict{
			Code: explain.EventRunning, Tone: explain.Info, Sentence: "A worker is processing this event. Its callbacks are made when that is done.",
		}},
		{"running again", event(memory.Event{Status: memory.EventRunning, Tries: 3}), explain.Verdict{
			Code: explain.EventRunning, Tone: explain.Info, Sentence: "A worker is processing this event. Its callbacks are made when that is done.",
			Next: "This is try 3: earlier ones did not end, because the worker stopped or the engine could not be reached.",
		}},
		{"failed", event(memory.Event{Status: memory.EventFailed, Error: "refused by the engine: too long"}), explain.Verdict{
			Code: explain.EventFailed, Tone: explain.Bad, Next: "Correct the request and add it again.",
			Sentence: "Processing failed, so no memory changed and no memory message was made: refused by the engine: too long.",
		}},
		{"no facts", because(memory.EventAdd, memory.ReasonNoFacts), explain.Verdict{
			Code: explain.NothingNew, Tone: explain.Info, Sentence: "No memory changed, because nothing worth keeping was said. So no memory message was made.",
		}},
		{"already known, reported", explain.Facts{
			Event:  memory.Event{Kind: memory.EventAdd, Status: memory.EventSucceeded, Reason: string(memory.ReasonAlreadyKnown)},
			Trails: trails(trail("crm", delivery.Succeeded, "", nil, attempt(0, 200, "")), trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)),
		}, explain.Verdict{
			Code: explain.NothingNew, Tone: explain.Info, Sentence: "No memory changed, because everything said is remembered already. So no memory message was made.",
			Next: "1 report that the job is done arrived.",
		}},
		{"no text", because(memory.EventAdd, memory.ReasonNoText), explain.Verdict{
			Code: explain.NothingNew, Tone: explain.Info, Sentence: "No memory changed, because no turn had text that could be stored. So no memory message was made.",
		}},
		{"nothing to delete", because(memory.EventDeleteAll, ""), explain.Verdict{
			Code: explain.NothingNew, Tone: explain.Info, Sentence: "No memory changed, because no memory matched. So no memory message was made.",
		}},
		{"no endpoint", explain.Facts{Event: done, Changes: one}, explain.Verdict{
			Code: explain.NoEndpoint, Tone: explain.Warn, Sentence: "Nobody was told: the project had no endpoint when this happened.",
			Next: "Messages are made for the endpoints of the moment; later ones do not get them.", Action: explain.CreateEndpoint,
		}},
		{"relayed, no endpoint", because(memory.EventRelay, ""), explain.Verdict{
			Code: explain.NoEndpoint, Tone: explain.Warn, Sentence: "Nobody was told: the project had no endpoint when this happened.",
			Next: "Messages are made for the endpoints of the moment; later ones do not get them.", Action: explain.CreateEndpoint,
		}},
		{"relayed, not wanted", explain.Facts{
			Event:  memory.Event{Kind: memory.EventRelay, Status: memory.EventSucceeded},
			Trails: trails(trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)),
		}, explain.Verdict{
			Code: explain.Skipped, Tone: explain.Quiet, Sentence: "Nothing was sent to slack: it does not subscribe to memory_add.",
			Next: "Messages that it wants go out as usual.",
		}},
		{"all skipped", sent(trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil), trail("crm", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)), explain.Verdict{
			Code: explain.Skipped, Tone: explain.Quiet, Sentence: "Nothing was sent: slack and crm do not subscribe to memory_add.",
			Next: "Messages that it wants go out as usual.", Action: explain.OpenEndpoint, EndpointID: slackID,
		}},
		{"skipped by a filter", sent(detailed(trail("crm", delivery.Skipped, delivery.ReasonUserFilter, nil), `user_id is "bob"; wanted: "alice"`)), explain.Verdict{
			Code: explain.Skipped, Tone: explain.Quiet, Sentence: `Nothing was sent to crm: its filter does not take this user (user_id is "bob"; wanted: "alice").`,
			Next: "Messages that it wants go out as usual.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"held by a person", at2(sent(trail("crm", delivery.Held, delivery.ReasonPaused, nil)), func(e *delivery.Endpoint) {
			e.PausedAt, e.PausedBy = at(-time.Hour), "key …9f2x"
		}), explain.Verdict{
			Code: explain.HeldPaused, Tone: explain.Warn, Sentence: "Held: crm was paused 1 h ago by key …9f2x.",
			Next: "The delivery waits and loses no tries; resuming the endpoint sends it.", Action: explain.ResumeEndpoint, EndpointID: crmID,
		}},
		{"held, disabled", at2(sent(trail("crm", delivery.Held, delivery.ReasonDisabled, nil), trail("crm", delivery.Held, delivery.ReasonDisabled, nil)), func(e *delivery.Endpoint) {
			e.DisabledAt, e.DisabledReason = at(-48*time.Hour), delivery.DisabledFailing
		}), explain.Verdict{
			Code: explain.HeldDisabled, Tone: explain.Warn, Sentence: "Held: crm was disabled 2 d ago: it did nothing but fail for days.",
			Next: "2 deliveries of this event wait and lose no tries; enabling the endpoint sends them.", Action: explain.EnableEndpoint, EndpointID: crmID,
		}},
		{"held by 410", sent(trail("crm", delivery.Held, delivery.ReasonGone, nil, attempt(0, 410, retry.ClassGone))), explain.Verdict{
			Code: explain.HeldGone, Tone: explain.Warn, Sentence: "Held: crm answered that it wants no more messages, which disabled it.",
			Next: "The delivery waits and loses no tries; enabling the endpoint sends it.", Action: explain.EnableEndpoint, EndpointID: crmID,
		}},
		{"asked to wait", at2(sent(trail("crm", delivery.Pending, "", at(-time.Second))), func(e *delivery.Endpoint) {
			e.Health.HoldUntil = at(90 * time.Second)
		}), explain.Verdict{
			Code: explain.WaitsAsked, Tone: explain.Info, Sentence: "Waiting for its first try to crm.",
			Next: "crm answered that it is busy, so it is left alone; the next request goes out in 1 m 30 s.",
		}},
		{"rate", behind(at2(sent(trail("crm", delivery.Pending, "", at(-time.Minute))), func(e *delivery.Endpoint) { e.RatePerSecond = 5 }), delivery.Count{N: 599}), explain.Verdict{
			Code: explain.WaitsRate, Tone: explain.Info, Sentence: "Waiting for its first try to crm.",
			Next:   "crm gets at most 5 a second. 599 are ahead of it. Its turn comes in about 2 m.",
			Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"its turn", behind(sent(trail("crm", delivery.Pending, "", at(-time.Minute))), delivery.Count{N: 1000, More: true}), explain.Verdict{
			Code: explain.WaitsTurn, Tone: explain.Info, Sentence: "Waiting for its first try to crm.",
			Next: "Others of the same endpoint go first. More than 1000 are ahead of it.",
		}},
		{"the order of its memory", at2(sent(detailed(trail("crm", delivery.Pending, delivery.ReasonTurn, at(time.Minute)), "dlv_1")), func(e *delivery.Endpoint) {
			e.Order = delivery.InOrder
		}), explain.Verdict{
			Code: explain.WaitsOrder, Tone: explain.Info, Sentence: "Waiting for its first try to crm.",
			Next: "crm gets the messages of a memory in order, and dlv_1 goes first. This one follows when that one is delivered or given up.",
		}},
		{"parked", at2(sent(trail("crm", delivery.Pending, "", at(time.Hour), failing)), func(e *delivery.Endpoint) {
			e.Health.Breaker = retry.Breaker{State: retry.Open, ProbeAt: noon.Add(40 * time.Second)}
		}), explain.Verdict{
			Code: explain.Parked, Tone: explain.Warn, Sentence: "Not delivered to crm yet: 1 attempt failed. The endpoint answered 503.",
			Next:   "crm failed too often, so its deliveries are parked and lose no tries. The next probe is in 40 s; when the receiver is mended, it can be probed at once.",
			Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"probing", at2(sent(trail("crm", delivery.Pending, "", at(-time.Second))), func(e *delivery.Endpoint) {
			e.Health.Breaker = retry.Breaker{State: retry.Probing, Ramp: 2}
		}), explain.Verdict{
			Code: explain.Parked, Tone: explain.Info, Sentence: "Waiting for its first try to crm.",
			Next:   "crm is coming back: a few requests go out at once, and more with each success.",
			Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"overdue", sent(trail("crm", delivery.Pending, "", at(-90*time.Second))), explain.Verdict{
			Code: explain.Overdue, Tone: explain.Warn, Sentence: "Waiting for its first try to crm, which is due now.",
			Next:   "It is overdue by 1 m 30 s: the endpoint has too many requests under way, or no worker runs.",
			Action: explain.OpenSystem, EndpointID: crmID,
		}},
		{"sending", sent(trail("crm", delivery.Sending, "", at(30*time.Second), attempt(-time.Minute, 500, retry.ClassStatus))), explain.Verdict{
			Code: explain.Sending, Tone: explain.Info, Sentence: "Sending to crm now, attempt 2: 4 s of its 15 s are used.",
		}},
		{"waiting for the first try", sent(trail("crm", delivery.Pending, "", at(-time.Second))), explain.Verdict{
			Code: explain.Waiting, Tone: explain.Info, Sentence: "Waiting for its first try to crm, which is due now.",
		}},
		{"failed so far", sent(
			trail("crm", delivery.Pending, "", at(97*time.Second),
				attempt(-time.Hour, 500, retry.ClassStatus), attempt(-time.Minute, 0, retry.ClassHeaderTimeout), asked(attempt(-time.Second, 503, retry.ClassStatus), 2*time.Minute)),
			trail("slack", delivery.Succeeded, "", nil, attempt(0, 200, "")),
		), explain.Verdict{
			Code: explain.Retrying, Tone: explain.Warn, Sentence: "Not delivered to crm yet: 3 attempts failed. The endpoint answered 503. It asked to be left alone for 2 m.",
			Next: "The next try is in 1 m 37 s; 10 tries remain, until about Thu 26 Nov 11:41 UTC. 1 other delivery arrived.",
		}},
		{"failed so far, to be mended", sent(trail("crm", delivery.Pending, "", at(time.Second), attempt(0, 0, retry.ClassDNS)), trail("slack", delivery.Pending, "", at(time.Second), attempt(0, 0, retry.ClassDNS))), explain.Verdict{
			Code: explain.Retrying, Tone: explain.Warn, Sentence: "Not delivered to crm yet: 1 attempt failed. The host name could not be resolved. 1 other delivery is like it.",
			Next: "The next try is in 1 s; 12 tries remain, until about Thu 26 Nov 11:42 UTC. Check the host name in the URL.",
		}},
		{"gave up", sent(trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(-74*time.Hour, 500, retry.ClassStatus), attempt(0, 502, retry.ClassStatus))), explain.Verdict{
			Code: explain.GaveUp, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 2 attempts in 3 d 2 h. The endpoint answered 502.",
			Next: "The receiver's own log says why it failed.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"gave up, too old", sent(trail("crm", delivery.Failed, delivery.ReasonTooOld, nil, attempt(0, 0, retry.ClassTLSExpired))), explain.Verdict{
			Code: explain.GaveUpTooOld, Tone: explain.Bad,
			Sentence: "Not delivered to crm, and given up after 1 attempt. The TLS certificate has expired or is not valid yet. The next try would have come too late to be of use.",
			Next:     "Renew or correct the receiver's certificate.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"blocked address", sent(trail("crm", delivery.Failed, delivery.ReasonRefused, nil, attempt(0, 0, retry.ClassBlockedAddress))), explain.Verdict{
			Code: explain.Blocked, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The address is one that deliveries may not reach; nothing was sent.",
			Next: "If the address is yours, let the operator open it with --allow-net.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"redirect", sent(trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, with(attempt(0, 302, retry.ClassRedirect), "Location", "https://new.example.com/x"))), explain.Verdict{
			Code: explain.Redirected, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint answered with a redirect to new.example.com; redirects are not followed.",
			Next: "Register the address it leads to.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"unauthorized", sent(trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(0, 401, retry.ClassStatus))), explain.Verdict{
			Code: explain.Unauthorized, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint answered 401.",
			Next: "Check that the receiver verifies with this endpoint's secret.", Action: explain.OpenPlayground, EndpointID: crmID,
		}},
		{"too large", sent(trail("crm", delivery.Failed, delivery.ReasonRefused, nil, attempt(0, 413, retry.ClassTooLarge))), explain.Verdict{
			Code: explain.TooLarge, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint refused the message as too large.",
			Next: "Raise the receiver's limit, or use the format thin, which has IDs only.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"not found", sent(trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(0, 404, retry.ClassStatus))), explain.Verdict{
			Code: explain.Refused, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint answered 404.",
			Next: "Check the path of the URL, and that it takes POST.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"canceled", sent(trail("gone", delivery.Canceled, delivery.ReasonDeleted, nil)), explain.Verdict{
			Code: explain.Canceled, Tone: explain.Quiet, Sentence: "Not delivered to gone: the endpoint was deleted first.",
		}},
		{"superseded", sent(detailed(trail("crm", delivery.Canceled, delivery.ReasonSuperseded, nil), "msg_2")), explain.Verdict{
			Code: explain.Superseded, Tone: explain.Quiet, Sentence: "Not delivered to crm: a newer message of the same memory took its place (msg_2).",
		}},
		{"a web page", sent(trail("crm", delivery.Succeeded, "", nil, with(attempt(0, 200, ""), "Content-Type", "text/html; charset=utf-8"))), explain.Verdict{
			Code: explain.DeliveredHTML, Tone: explain.Warn, Sentence: "Delivered to crm: it answered 200 in 88 ms from 203.0.113.7:443.",
			Next:   "But the answer was a web page: check that the URL leads to a receiver and not to a site or a sign-in page.",
			Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"succeeded after retries", sent(trail("crm", delivery.Succeeded, "", nil, attempt(-2*time.Minute, 503, retry.ClassStatus), attempt(0, 204, ""))), explain.Verdict{
			Code: explain.DeliveredLate, Tone: explain.OK, Sentence: "Delivered to crm on attempt 2, 2 m after the first: it answered 204 in 88 ms from 203.0.113.7:443.",
		}},
		{"succeeded", sent(trail("crm", delivery.Succeeded, "", nil, attempt(0, 200, "")), trail("slack", delivery.Skipped, delivery.ReasonTypeNotWanted, nil)), explain.Verdict{
			Code: explain.Delivered, Tone: explain.OK, Sentence: "Delivered to crm: it answered 200 in 88 ms from 203.0.113.7:443.",
		}},
		{"all succeeded", sent(
			trail("crm", delivery.Succeeded, "", nil, attempt(-time.Minute, 500, retry.ClassStatus), attempt(0, 200, "")),
			trail("slack", delivery.Succeeded, "", nil, attempt(0, 200, "")),
		), explain.Verdict{
			Code: explain.DeliveredLate, Tone: explain.OK, Sentence: "Delivered: all 2 messages arrived, 1 after retries. The slowest answer took 88 ms.",
		}},
		{"the one that needs a person", sent(
			trail("slack", delivery.Pending, "", at(time.Second), attempt(0, 500, retry.ClassStatus)),
			trail("crm", delivery.Held, delivery.ReasonPaused, nil),
		), explain.Verdict{
			Code: explain.HeldPaused, Tone: explain.Warn, Sentence: "Held: crm is paused.",
			Next:   "The delivery waits and loses no tries; resuming the endpoint sends it. 1 other delivery is under way.",
			Action: explain.ResumeEndpoint, EndpointID: crmID,
		}},
		{"one of each", sent(
			trail("crm", delivery.Failed, delivery.ReasonRefused, nil, attempt(0, 413, retry.ClassTooLarge)),
			trail("slack", delivery.Pending, "", at(time.Second), attempt(0, 500, retry.ClassStatus)),
			trail("slack", delivery.Pending, "", at(time.Second)),
			trail("slack", delivery.Held, delivery.ReasonPaused, nil),
			trail("slack", delivery.Succeeded, "", nil, attempt(0, 200, "")),
		), explain.Verdict{
			Code: explain.TooLarge, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The endpoint refused the message as too large.",
			Next:   "Raise the receiver's limit, or use the format thin, which has IDs only. 1 other delivery arrived, 2 other deliveries are under way, 1 other delivery is held.",
			Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"a port without TLS", sent(trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(0, 0, retry.ClassTLSOther))), explain.Verdict{
			Code: explain.GaveUp, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The TLS handshake failed.",
			Next: "See that the port in the URL speaks TLS; if it does not, register the URL with http://.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
		{"an answer that breaks off", sent(trail("crm", delivery.Failed, delivery.ReasonOutOfTries, nil, attempt(0, 200, retry.ClassReset))), explain.Verdict{
			Code: explain.GaveUp, Tone: explain.Bad, Sentence: "Not delivered to crm, and given up after 1 attempt. The connection broke before the answer was complete.",
			Next: "The receiver broke off its answer; its own log, or that of a proxy before it, says why.", Action: explain.OpenEndpoint, EndpointID: crmID,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.facts.Now = noon
			got := explain.Event(tt.facts)
			if diff := cmp.Diff(tt.want, got.Verdict); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if len(got.Deliveries) != len(tt.facts.Trails) {
				t.Errorf("%d verdicts for %d deliveries", len(got.Deliveries), len(tt.facts.Trails))
			}
			for _, d := range got.Deliveries {
				if d.Code == "" || d.Tone == "" || d.Sentence == "" {
					t.Errorf("delivery to %s has the verdict %+v", d.Trail.EndpointName, d.Verdict)
				}
			}
		})
	}
}

func TestMissing(t *testing.T) {
	old := "dlv_01936000-0000-7000-8000-000000000001" // of November 2024
	for _, tt := range []struct{ id, want string }{
		{old, "Nothing is stored under this ID any more: it was made 7"},
		{"nonsense", "Nothing is stored under this ID in this project."},
		{uuid.NewString(), "Nothing is stored under this ID in this project."},
	} {
		v := explain.Missing(tt.id, 720*time.Hour, noon)
		if v.Code != explain.Unknown || len(v.Sentence) < len(tt.want) || v.Sentence[:len(tt.want)] != tt.want {
			t.Errorf("%s: %+v, want %s", tt.id, v, tt.want)
		}
		if want := "Events, messages, deliveries and attempts are kept for 30 d"; v.Next[:len(want)] != want {
			t.Errorf("%s: %q does not name the retention", tt.id, v.Next)
		}
	}
}

func TestMatch(t *testing.T) {
	m := delivery.Message{Type: delivery.MemoryAdd, Facets: delivery.Facets{UserID: "bob"}}
	for _, tt := range []struct {
		name     string
		change   func(*delivery.Endpoint)
		code     explain.Code
		sentence string
	}{
		{"wanted", nil, explain.WouldReceive, "crm would get this memory_add."},
		{"another type", func(e *delivery.Endpoint) { e.EventTypes = []string{delivery.MemoryDelete} }, explain.WouldBeSkipped, "crm would not get this memory_add: it does not subscribe to memory_add (the endpoint wants memory_delete; this is memory_add)."},
		{"another user", func(e *delivery.Endpoint) { e.Filter.UserIDs = []string{"alice"} }, explain.WouldBeSkipped, `crm would not get this memory_add: its filter does not take this user (user_id is "bob"; wanted: "alice").`},
		{"paused", func(e *delivery.Endpoint) { e.PausedAt = at(0) }, explain.WouldBeHeld, "crm wants this memory_add, but is paused: it would be held."},
		{"parked", func(e *delivery.Endpoint) {
			e.Health.Breaker = retry.Breaker{State: retry.Open, ProbeAt: noon.Add(time.Minute)}
		}, explain.WouldReceive, "crm would get this memory_add."},
	} {
		if v := explain.Match(endpoints(tt.change)[0], m, noon); v.Code != tt.code || v.Sentence != tt.sentence {
			t.Errorf("%s: %+v, want %s", tt.name, v, tt.sentence)
		}
	}
}

func TestEveryClassHasALine(t *testing.T) {
	seen := map[string]retry.Class{}
	for _, class := range retry.Classes() {
		line := explain.Attempt(delivery.Attempt{Class: class})
		if other, twice := seen[line]; twice || line == retry.Class("?").Sentence() {
			t.Errorf("%s says %q, as %s does", class, line, other)
		}
		seen[line] = class
		if advice := explain.Advice(delivery.Attempt{Class: class}); advice == "" && class != retry.ClassInterrupted && class != retry.ClassGone {
			t.Errorf("there is no advice about %s", class)
		}
	}
}
