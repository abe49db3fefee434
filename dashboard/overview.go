package dashboard

import (
	"fmt"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

// Numbers of rows on the overview.
const (
	recentEvents = 8
	recentSpan   = 24 * time.Hour
)

type overviewView struct {
	Attention verdict
	Steps     []step // until the first delivery has arrived
	BaseURL   text   // for the example call of a step
	Events    []eventRow
	Endpoints []endpointRow
	MayWrite  bool
}

// A step is one of the three from nothing to the first callback.
type step struct {
	Number int
	Text   string
	Done   bool
	Now    bool // the first that is not done
	Link   string
	Action string
	Call   bool // shows the example call
}

func (d *Dashboard) overview(v visit) (reply, error) {
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.key.ProjectID)
	if err != nil {
		return reply{}, err
	}
	events, _, err := d.memory.Events(v.ctx(), memory.EventQuery{ProjectID: v.key.ProjectID, Limit: recentEvents})
	if err != nil {
		return reply{}, err
	}
	_, failed, err := d.memory.Events(v.ctx(), memory.EventQuery{
		ProjectID: v.key.ProjectID, Status: memory.EventFailed, From: v.now.Add(-recentSpan), Limit: 1,
	})
	if err != nil {
		return reply{}, err
	}
	view := overviewView{
		Attention: attentionOf(endpoints, failed, v.now), MayWrite: v.mayWrite(),
		Steps: stepsOf(endpoints, len(events) > 0), BaseURL: line(d.baseURL(v.Request())),
		Endpoints: endpointRows(endpoints, v.now),
	}
	if view.Events, err = d.eventRows(v, events); err != nil {
		return reply{}, err
	}
	return show("overview", "Overview", view), nil
}

// attentionOf says in a sentence what needs a person. failed is how many events
// failed in the last day.
func attentionOf(endpoints []delivery.Endpoint, failed int, now time.Time) verdict {
	var disabled, failing, paused []delivery.Endpoint
	for _, e := range endpoints {
		switch {
		case e.DisabledAt != nil:
			disabled = append(disabled, e)
		case e.PausedAt != nil:
			paused = append(paused, e)
		case e.Health.FailingSince != nil:
			failing = append(failing, e)
		}
	}
	events := verdict{
		Tone: bad, Link: root + "events?status=failed", Action: "See the failed events",
		Sentence: line(count(failed, "event") + " failed in the last 24 hours."),
	}
	var v verdict
	switch {
	case len(disabled) > 0:
		v = endpointsVerdict(bad, disabled, "disabled: deliveries to it are held", "disabled: deliveries to them are held")
	case len(failing) == 1:
		h := failing[0].Health
		v = endpointsVerdict(bad, failing, fmt.Sprintf("failing: %s in a row, the first %s ago",
			count(h.Failures, "attempt"), long(now.Sub(*h.FailingSince))), "")
	case len(failing) > 1:
		v = endpointsVerdict(bad, failing, "", "failing")
	case failed > 0:
		return events
	case len(paused) > 0:
		v = endpointsVerdict(warn, paused, "paused: deliveries to it are held", "paused: deliveries to them are held")
	case len(endpoints) == 0:
		return verdict{
			Tone: info, Sentence: "No endpoint is registered yet, so nobody is told when a memory changes.",
		}
	default:
		return verdict{Tone: ok, Sentence: line("Nothing needs you: " + enabled(len(endpoints)) + ", and no event failed in the last 24 hours.")}
	}
	if failed > 0 {
		v.Next = events.Sentence
	}
	return v
}

func enabled(n int) string {
	if n == 1 {
		return "the endpoint is enabled"
	}
	return fmt.Sprintf("all %d endpoints are enabled", n)
}

func endpointsVerdict(t tone, endpoints []delivery.Endpoint, one, many string) verdict {
	if len(endpoints) == 1 {
		return verdict{
			Tone: t, Sentence: line(endpoints[0].Name + " is " + one + "."),
			Link: endpointPath(endpoints[0].ID), Action: "Open the endpoint",
		}
	}
	names := make([]string, len(endpoints))
	for i, e := range endpoints {
		names[i] = e.Name
	}
	return verdict{
		Tone: t, Sentence: line(fmt.Sprintf("%s are %s.", explain.List(names, "and"), many)),
		Link: root + "endpoints", Action: "See the endpoints",
	}
}

// stepsOf returns the way to the first callback, nil once one has arrived.
func stepsOf(endpoints []delivery.Endpoint, hasEvents bool) []step {
	for _, e := range endpoints {
		if e.Health.LastSuccessAt != nil {
			return nil
		}
	}
	steps := []step{
		{Text: "Register the URL that gets the callbacks.", Done: len(endpoints) > 0, Link: newEndpointPath, Action: "Register an endpoint"},
		{Text: "Add a memory, with any mem0 client or this call.", Done: hasEvents && len(endpoints) > 0, Call: true},
		{Text: "Open the event here to see its callback arrive.", Link: root + "events", Action: "See the events"},
	}
	marked := false
	for i := range steps {
		steps[i].Number = i + 1
		steps[i].Now = !steps[i].Done && !marked
		marked = marked || steps[i].Now
	}
	return steps
}
