package dashboard

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

// Limits of what the page of one event has.
const (
	maxChanges    = 100
	maxDeliveries = 100
	maxChips      = 5
)

type eventView struct {
	ID          string
	Badge       badge
	Kind        text
	Scope       []pair
	Verdict     verdict
	Steps       []eventStep
	Changes     []changeView
	MoreChanges int
	Deliveries  []deliveryView
	MoreOf      int // deliveries that are not shown
	Payload     text
	PayloadCut  bool
}

// An eventStep is a line of the timeline.
type eventStep struct {
	Word  string
	Tone  tone
	At    moment
	After string // since the step before
}

// A changeView is a change as a diff.
type changeView struct {
	Badge    badge
	MemoryID string
	Scope    []pair
	Before   text
	After    text
	HasOld   bool
	HasNew   bool
}

type deliveryView struct {
	ID       string
	Anchor   string
	Type     text
	Endpoint text
	Link     string // of the endpoint, "" when it was deleted
	Host     text
	Badge    badge
	Reason   string
	Next     *moment
	Chips    []chip
	Earlier  int // attempts without a chip
	Attempts []attemptView
}

type attemptView struct {
	Number   int
	Anchor   string
	Open     bool
	Chip     chip
	Cause    string
	Detail   text
	At       moment
	Took     string
	Phases   []pair
	Remote   text
	URL      text
	Trigger  text
	Next     *moment
	Request  []pair
	Response []pair
	Body     text
	HasBody  bool
	BodySize string
	Cut      bool
}

func (d *Dashboard) event(v visit) (reply, error) {
	id, err := delivery.ParseID("", v.Param("event"))
	if err != nil {
		return reply{}, errNotFound
	}
	e, changes, err := d.memory.Event(v.ctx(), v.key.ProjectID, id)
	if err != nil {
		return reply{}, err
	}
	trails, err := d.delivery.TrailsByEvent(v.ctx(), v.key.ProjectID, id)
	if err != nil {
		return reply{}, err
	}
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.key.ProjectID)
	if err != nil {
		return reply{}, err
	}
	view := eventViewOf(e, changes, trails, endpoints, v.now)
	if view.Verdict.Link == newEndpointPath && !v.mayWrite() {
		view.Verdict.Link = ""
	}
	return show("event", "Event "+shortID(id), view), nil
}

func eventViewOf(e memory.Event, changes []memory.Change, trails []delivery.Trail, endpoints []delivery.Endpoint, now time.Time) eventView {
	view := eventView{
		ID: e.ID.String(), Badge: eventBadge(e.Status), Kind: kindWord(e.Kind), Scope: scopeOf(e.Scope),
		Verdict: verdictOf(e, changes, trails, endpoints, now), Steps: stepsOfEvent(e, now),
	}
	view.Payload, view.PayloadCut = head(e.Payload)
	for _, c := range changes[:min(len(changes), maxChanges)] {
		view.Changes = append(view.Changes, changeOf(c))
	}
	view.MoreChanges = len(changes) - len(view.Changes)

	live := map[uuid.UUID]bool{}
	for _, e := range endpoints {
		live[e.ID] = true
	}
	trails = slices.Clone(trails)
	slices.SortStableFunc(trails, func(a, b delivery.Trail) int { return explain.Urgency(b.Delivery) - explain.Urgency(a.Delivery) })
	for _, t := range trails[:min(len(trails), maxDeliveries)] {
		view.Deliveries = append(view.Deliveries, deliveryOf(t, live[t.Delivery.EndpointID], now))
	}
	view.MoreOf = len(trails) - len(view.Deliveries)
	return view
}

func stepsOfEvent(e memory.Event, now time.Time) []eventStep {
	steps := []eventStep{{Word: "Accepted", Tone: ok, At: momentOf(e.CreatedAt, now)}}
	last := e.CreatedAt
	add := func(word string, t tone, at *time.Time) {
		if at != nil {
			steps = append(steps, eventStep{Word: word, Tone: t, At: momentOf(*at, now), After: "+ " + brief(max(0, at.Sub(last)))})
			last = *at
		}
	}
	add("Processing began", info, e.StartedAt)
	if e.Status == memory.EventFailed {
		add("Processing failed", bad, e.CompletedAt)
	} else {
		add("Processed", ok, e.CompletedAt)
	}
	return steps
}

func changeOf(c memory.Change) changeView {
	v := changeView{Badge: changeBadge(c.Kind), MemoryID: c.Memory.ID.String(), Scope: scopeOf(c.Memory.Scope)}
	switch c.Kind {
	case memory.ChangeUpdate:
		v.HasOld, v.HasNew = true, true
		v.Before, v.After = block(c.Before), block(c.Memory.Text)
	case memory.ChangeDelete:
		v.HasOld, v.Before = true, block(c.Memory.Text)
	default:
		v.HasNew, v.After = true, block(c.Memory.Text)
	}
	return v
}

func deliveryOf(t delivery.Trail, live bool, now time.Time) deliveryView {
	d := t.Delivery
	id := delivery.FormatID(delivery.DeliveryPrefix, d.ID)
	v := deliveryView{
		ID: id, Anchor: id, Type: line(t.MessageType), Endpoint: line(t.EndpointName), Host: line(hostOf(t.EndpointURL)),
		Badge: deliveryBadge(d), Reason: reasonWords[d.Reason],
	}
	if live {
		v.Link = endpointPath(d.EndpointID)
	}
	if d.Status == delivery.Pending { // in sending it is the end of the lease
		v.Next = momentOr(d.NextAt, now)
	}
	for i, a := range slices.Backward(t.List) { // the newest first
		one := attemptOf(a, now)
		one.Anchor = id + "-" + strconv.Itoa(a.Number)
		one.Open = i == len(t.List)-1 && a.Class != ""
		one.Chip.To = "#" + one.Anchor
		v.Attempts = append(v.Attempts, one)
	}
	for _, a := range slices.Backward(v.Attempts[:min(maxChips, len(v.Attempts))]) {
		v.Chips = append(v.Chips, a.Chip)
	}
	v.Earlier = len(v.Attempts) - len(v.Chips)
	return v
}

func attemptOf(a delivery.Attempt, now time.Time) attemptView {
	v := attemptView{
		Number: a.Number, Chip: chipOf(a), Cause: explain.Attempt(a), Detail: line(a.Detail), At: momentOf(a.StartedAt, now),
		Took: brief(a.Duration), Phases: phasesOf(a.Phases), Remote: line(a.RemoteAddr), URL: line(a.URL),
		Trigger: line(string(a.Trigger)), Next: momentOr(a.NextAt, now),
		Request: headersOf(a.RequestHeader), Response: headersOf(a.ResponseHeader),
		HasBody: len(a.ResponseBody) > 0, BodySize: size(len(a.ResponseBody)), Cut: a.Truncated,
	}
	var more bool
	v.Body, more = head(a.ResponseBody)
	v.Cut = v.Cut || more
	return v
}

func phasesOf(p delivery.Phases) []pair {
	var list []pair
	for _, part := range []struct {
		name string
		took time.Duration
	}{{"DNS", p.DNS}, {"connect", p.Connect}, {"TLS", p.TLS}, {"wait", p.Wait}, {"body", p.Body}} {
		if part.took > 0 {
			list = append(list, pair{text(part.name), text(brief(part.took))})
		}
	}
	return list
}

// headersOf lists header fields by name, one line per value.
func headersOf(h http.Header) []pair {
	var list []pair
	for name, values := range h {
		for _, v := range values {
			list = append(list, pair{line(name), line(v)})
		}
	}
	slices.SortStableFunc(list, func(a, b pair) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return list
}

// size prints a number of bytes.
func size(n int) string {
	if n < 1024 {
		return count(n, "byte")
	}
	return strconv.FormatFloat(float64(n)/1024, 'f', 1, 64) + " KiB"
}
