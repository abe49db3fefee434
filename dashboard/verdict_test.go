package dashboard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

var endpointID = uuid.MustParse("0193a1f0-0000-7000-8000-000000000001")

func TestVerdictIsFitToBeSeen(t *testing.T) {
	page := endpointPath(endpointID)
	one := []memory.Change{{Kind: memory.ChangeAdd}}
	paused := delivery.Trail{
		Delivery:     delivery.Delivery{EndpointID: endpointID, Status: delivery.Held, Reason: delivery.ReasonPaused},
		EndpointName: "crm\u202E",
	}
	got := verdictOf(memory.Event{Status: memory.EventSucceeded}, one, []delivery.Trail{paused}, []delivery.Endpoint{{ID: endpointID}}, noon)
	want := verdict{
		Tone: warn, Sentence: "Held: crm⟨U+202E⟩ is paused.",
		Next: "The delivery waits and loses no tries; resuming the endpoint sends it.", Link: page, Action: "Resume it there",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
	if got = shownVerdict(explain.Verdict{Action: explain.CreateEndpoint}); got.Link != newEndpointPath {
		t.Errorf("no endpoint leads to %q", got.Link)
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
		{"failing", []delivery.Endpoint{failing, paused}, 1, verdict{Tone: bad, Sentence: "slack is failing: 5 attempts in a row, the first 3 h 10 m ago.", Next: "1 event failed in the last 24 hours.", Link: deliveriesOf(endpointID) + "&status=retrying", Action: "See what it answers"}},
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
