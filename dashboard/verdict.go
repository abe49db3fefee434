package dashboard

import (
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

// A verdict answers "why did my callback not arrive?" for one event.
type verdict struct {
	Tone     tone
	Sentence text
	Next     text   // what happens or helps next, "" when nothing is left to say
	Link     string // the page of the one action that helps, "" when there is none
	Action   string // its name
}

// verdictOf judges an event by its changes and the trails of its messages.
func verdictOf(e memory.Event, changes []memory.Change, trails []delivery.Trail, endpoints []delivery.Endpoint, now time.Time) verdict {
	return shownVerdict(explain.Event(explain.Facts{
		Event: e, Changes: changes, Trails: trails, Endpoints: endpoints, Now: now,
	}).Verdict)
}

// shownVerdict makes a verdict fit to be seen.
func shownVerdict(v explain.Verdict) verdict {
	shown := verdict{Tone: tone(v.Tone), Sentence: line(v.Sentence), Next: line(v.Next)}
	if v.Action == explain.CreateEndpoint {
		shown.Link, shown.Action = newEndpointPath, "Register an endpoint"
	}
	if v.EndpointID == uuid.Nil {
		return shown
	}
	switch v.Action {
	case explain.OpenEndpoint, explain.OpenPlayground:
		shown.Link, shown.Action = endpointPath(v.EndpointID), "Open the endpoint"
	case explain.ResumeEndpoint, explain.EnableEndpoint:
		shown.Link, shown.Action = endpointPath(v.EndpointID), "Resume it there"
	}
	return shown
}
