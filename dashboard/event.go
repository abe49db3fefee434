package dashboard

import (
	"net/url"
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
	Page        string
	Badge       badge
	Kind        text
	Scope       []pair
	Verdict     verdict
	Steps       []eventStep
	Changes     []changeView
	MoreChanges int
	Messages    []messageView
	MoreOf      int          // deliveries that are not shown
	Shown       *shownDetail // the attempt that most needs to be seen, or was chosen
	Payload     bodyView
}

// A messageView is a message of the event with its deliveries.
type messageView struct {
	ID         string
	Type       text
	Deliveries []deliveryLine
}

// A deliveryLine is a delivery in the timeline of its event.
type deliveryLine struct {
	Page     string
	Endpoint text
	Badge    badge
	Note     text
	Next     *moment
	Chips    []chip
	Earlier  int // attempts without a chip
}

// A shownDetail is an attempt on the page of its event.
type shownDetail struct {
	Page     string
	Endpoint text
	Chips    []chip
	Attempt  *attemptView
	MayWrite bool
}

// An eventStep is a line of the timeline.
type eventStep struct {
	Word  string
	Tone  tone
	At    moment
	After string // since the step before
	By    text   // the key or source that it came from, "" when not known
}

// A changeView is a change as a diff.
type changeView struct {
	Badge    badge
	MemoryID string
	Scope    []pair
	Old      []run
	New      []run
	HasOld   bool
	HasNew   bool
}

func (d *Dashboard) event(v visit) (reply, error) {
	id, err := delivery.ParseID("", v.Param("event"))
	if err != nil {
		return reply{}, errNotFound
	}
	view, trails, err := d.readEvent(v, id)
	if err != nil {
		return reply{}, err
	}
	view.Shown, err = d.shownOf(v, trails)
	r := show("event", "Event "+shortID(id), view)
	r.live = watch(v, "event", url.Values{"id": {id.String()}})
	return r, err
}

func (d *Dashboard) readEvent(v visit, id uuid.UUID) (eventView, []delivery.Trail, error) {
	e, changes, err := d.memory.Event(v.ctx(), v.project(), id)
	if err != nil {
		return eventView{}, nil, err
	}
	trails, err := d.delivery.TrailsByEvent(v.ctx(), v.project(), id)
	if err != nil {
		return eventView{}, nil, err
	}
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	if err != nil {
		return eventView{}, nil, err
	}
	view := eventViewOf(e, changes, trails, endpoints, v.now)
	if view.Steps[0].By, err = d.writerOf(v, e.Writer); err != nil {
		return eventView{}, nil, err
	}
	if view.Verdict.Link == newEndpointPath && !v.mayWrite() {
		view.Verdict.Link = ""
	}
	return view, trails, nil
}

// shownOf chooses the attempt that the page shows: the one that its address names,
// else the last one of the delivery that most needs a person, if it failed.
func (d *Dashboard) shownOf(v visit, trails []delivery.Trail) (*shownDetail, error) {
	t, _ := explain.Worst(trails)
	if named := v.QueryParam("delivery"); named != "" {
		id, err := delivery.ParseID(delivery.DeliveryPrefix, named)
		i := slices.IndexFunc(trails, func(t delivery.Trail) bool { return t.Delivery.ID == id })
		if err != nil || i < 0 {
			return nil, errNotFound
		}
		t = trails[i]
	}
	if len(t.List) == 0 {
		return nil, nil
	}
	a, err := attemptNamed(v.QueryParam("attempt"), t.List)
	if err != nil {
		return nil, err
	}
	s := &shownDetail{Page: deliveryPath(t.Delivery.ID), Endpoint: line(t.EndpointName), MayWrite: v.mayWrite()}
	s.Chips, _ = chipsOf(t)
	for i := range s.Chips {
		s.Chips[i].Current = s.Chips[i].Number == a.Number
	}
	s.Attempt, err = d.attemptView(v, t, a)
	return s, err
}

func eventViewOf(e memory.Event, changes []memory.Change, trails []delivery.Trail, endpoints []delivery.Endpoint, now time.Time) eventView {
	view := eventView{
		ID: e.ID.String(), Page: eventPath(e.ID), Badge: eventBadge(e.Status), Kind: kindWord(e.Kind), Scope: scopeOf(e.Scope),
		Verdict: verdictOf(e, changes, trails, endpoints, now), Steps: stepsOfEvent(e, now), Payload: bodyOf(e.Payload),
	}
	for _, c := range changes[:min(len(changes), maxChanges)] {
		view.Changes = append(view.Changes, changeOf(c))
	}
	view.MoreChanges = len(changes) - len(view.Changes)
	if view.Verdict.Link != "" && len(trails) > 0 {
		first, _ := explain.Worst(trails)
		if !slices.ContainsFunc(endpoints, func(e delivery.Endpoint) bool { return e.ID == first.Delivery.EndpointID }) {
			view.Verdict.Link, view.Verdict.Action = "", ""
		}
	}
	trails = slices.Clone(trails)
	slices.SortStableFunc(trails, func(a, b delivery.Trail) int { return explain.Urgency(b.Delivery) - explain.Urgency(a.Delivery) })
	at := map[uuid.UUID]int{}
	for _, t := range trails[:min(len(trails), maxDeliveries)] {
		i, ok := at[t.Delivery.MessageID]
		if !ok {
			i = len(view.Messages)
			at[t.Delivery.MessageID] = i
			view.Messages = append(view.Messages, messageView{ID: delivery.FormatID(delivery.MessagePrefix, t.Delivery.MessageID), Type: line(t.MessageType)})
		}
		view.Messages[i].Deliveries = append(view.Messages[i].Deliveries, deliveryLineOf(t, view.Page, endpoints, now))
	}
	view.MoreOf = max(0, len(trails)-maxDeliveries)
	return view
}

// writerOf names a key as the other pages do, and a source by its ID.
func (d *Dashboard) writerOf(v visit, id string) (text, error) {
	if !strings.HasPrefix(id, "key_") {
		return line(id), nil
	}
	keys, err := d.keyStore.Keys(v.ctx(), v.project())
	for _, k := range keys {
		if k.ID == id {
			return line("key ••••" + k.Hint + ", " + k.Name), err
		}
	}
	return line(id), err
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
		v.Old, v.New = diff(c.Before, c.Memory.Text)
	case memory.ChangeDelete:
		v.HasOld, v.Old = true, []run{{Text: block(c.Memory.Text)}}
	default:
		v.HasNew, v.New = true, []run{{Text: block(c.Memory.Text)}}
	}
	return v
}

func deliveryLineOf(t delivery.Trail, event string, endpoints []delivery.Endpoint, now time.Time) deliveryLine {
	d := t.Delivery
	l := deliveryLine{Page: deliveryPath(d.ID), Endpoint: line(t.EndpointName), Badge: deliveryBadge(d)}
	switch {
	case d.Reason == delivery.ReasonTypeNotWanted:
		l.Note = line(title(noteOf(d))) // the type stands above
	case d.Reason != delivery.ReasonNone:
		l.Note = line(title(explain.Reason(t)))
	}
	l.Next = momentOr(endpointOf(d, endpoints).NextTry(d, now), now)
	l.Chips, l.Earlier = chipsOf(t)
	for i := range l.Chips {
		l.Chips[i].To = event + "?delivery=" + delivery.FormatID(delivery.DeliveryPrefix, d.ID) + "&attempt=" + strconv.Itoa(l.Chips[i].Number) + "#attempt"
	}
	return l
}

// endpointOf returns the delivery's endpoint, the zero one when it is not there.
func endpointOf(d delivery.Delivery, endpoints []delivery.Endpoint) delivery.Endpoint {
	i := slices.IndexFunc(endpoints, func(e delivery.Endpoint) bool { return e.ID == d.EndpointID })
	if i < 0 {
		return delivery.Endpoint{}
	}
	return endpoints[i]
}

// chipsOf returns the last attempts of a delivery as chips, and how many earlier
// ones there are.
func chipsOf(t delivery.Trail) ([]chip, int) {
	earlier := max(0, len(t.List)-maxChips)
	var chips []chip
	for _, a := range t.List[earlier:] {
		c := chipOf(a)
		c.Number, c.To = a.Number, deliveryPath(t.Delivery.ID)+"?attempt="+strconv.Itoa(a.Number)
		chips = append(chips, c)
	}
	return chips, earlier
}
