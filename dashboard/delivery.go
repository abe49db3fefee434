package dashboard

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"memhook/delivery"
	"memhook/memory/explain"
)

type deliveryView struct {
	ID       string
	Page     string
	Badge    badge
	Type     text
	Endpoint text
	Link     string // of the endpoint, "" when it was deleted
	Host     text
	Event    string
	EventURL string // "" when there is none
	Message  string // the webhook-id
	Reason   text
	Next     *moment
	Made     moment
	Done     *moment
	Trigger  text
	Attempts []chip // one per attempt, oldest first
	Attempt  *attemptView
	Verdict  verdict
	MayWrite bool
	Actions  deliveryActions
}

// deliveryActions are what can be done with a delivery now.
type deliveryActions struct {
	Resend string // the word for it, "" while it is being sent
	Cancel bool
}

func actionsOf(d delivery.Delivery) deliveryActions {
	a := deliveryActions{Cancel: d.Status == delivery.Pending || d.Status == delivery.Held}
	switch d.Status {
	case delivery.Sending:
	case delivery.Pending:
		a.Resend = "Try now"
	case delivery.Skipped, delivery.Held, delivery.Canceled:
		a.Resend = "Send now"
	default:
		a.Resend = "Resend"
	}
	return a
}

func (d *Dashboard) deliveryPage(v visit) (reply, error) {
	t, err := d.trailOf(v)
	if err != nil {
		return reply{}, err
	}
	number := v.QueryParam("attempt")
	view, err := d.deliveryViewOf(v, t, number)
	if err != nil {
		return reply{}, err
	}
	r := show("delivery", "Delivery to "+string(view.Endpoint), view)
	params := url.Values{"id": {view.ID}}
	if number != "" {
		params.Set("attempt", number)
	}
	r.live = watch(v, "delivery", params)
	return r, nil
}

func (d *Dashboard) deliveryViewOf(v visit, t delivery.Trail, number string) (deliveryView, error) {
	one := t.Delivery
	view := deliveryView{
		ID: delivery.FormatID(delivery.DeliveryPrefix, one.ID), Page: deliveryPath(one.ID), Badge: deliveryBadge(one), Type: line(t.MessageType),
		Endpoint: line(t.EndpointName), Host: line(hostOf(t.EndpointURL)), Message: delivery.FormatID(delivery.MessagePrefix, one.MessageID),
		Made: momentOf(one.CreatedAt, v.now), Done: momentOr(one.FinishedAt, v.now), Trigger: line(string(one.Trigger)),
		MayWrite: v.mayWrite(), Actions: actionsOf(one),
	}
	if one.Reason != delivery.ReasonNone {
		view.Reason = line(title(explain.Reason(t)))
	}
	facts := explain.Facts{Trails: []delivery.Trail{t}, Now: v.now}
	switch e, err := d.delivery.Endpoint(v.ctx(), v.project(), one.EndpointID); {
	case err == nil:
		view.Link, facts.Endpoints = endpointPath(one.EndpointID), []delivery.Endpoint{e}
		view.Next = momentOr(e.NextTry(one, v.now), v.now)
	case !errors.Is(err, delivery.ErrNotFound):
		return view, err
	}
	switch e, changes, err := d.memory.Event(v.ctx(), v.project(), one.EventID); {
	case err == nil:
		view.Event, view.EventURL = one.EventID.String(), eventPath(one.EventID)
		facts.Event, facts.Changes = e, changes
	case failureOf(err) != errNotFound:
		return view, err
	}
	view.Verdict = shownVerdict(explain.Delivery(t, facts))
	for _, a := range t.List {
		c := chipOf(a)
		c.Number, c.To = a.Number, view.Page+"?attempt="+strconv.Itoa(a.Number)
		view.Attempts = append(view.Attempts, c)
	}
	if len(t.List) == 0 {
		return view, nil
	}
	a, err := attemptNamed(number, t.List)
	if err != nil {
		return view, err
	}
	view.Attempts[slices.IndexFunc(t.List, func(b delivery.Attempt) bool { return b.Number == a.Number })].Current = true
	view.Attempt, err = d.attemptView(v, t, a)
	return view, err
}

// attemptNamed returns the attempt with a number, the last one for "".
func attemptNamed(number string, list []delivery.Attempt) (delivery.Attempt, error) {
	if number == "" {
		return list[len(list)-1], nil
	}
	n, err := strconv.Atoi(number)
	i := slices.IndexFunc(list, func(a delivery.Attempt) bool { return a.Number == n })
	if err != nil || i < 0 {
		return delivery.Attempt{}, errNotFound
	}
	return list[i], nil
}

// trailOf reads the delivery that the path names.
func (d *Dashboard) trailOf(v visit) (delivery.Trail, error) {
	id, err := delivery.ParseID(delivery.DeliveryPrefix, v.Param("delivery"))
	if err != nil {
		return delivery.Trail{}, errNotFound
	}
	return d.delivery.Trail(v.ctx(), v.project(), id)
}

// payload downloads the body that the endpoint gets, byte for byte.
func (d *Dashboard) payload(v visit) (reply, error) {
	t, err := d.trailOf(v)
	if err != nil {
		return reply{}, err
	}
	body, err := d.bodyOf(v, t)
	if err != nil {
		return reply{}, err
	}
	return reply{body: &download{delivery.FormatID(delivery.MessagePrefix, t.Delivery.MessageID) + ".json", body}}, nil
}

// answerBody downloads what was kept of the body of an answer.
func (d *Dashboard) answerBody(v visit) (reply, error) {
	t, err := d.trailOf(v)
	if err != nil {
		return reply{}, err
	}
	if len(t.List) == 0 {
		return reply{}, errNotFound
	}
	a, err := attemptNamed(v.QueryParam("attempt"), t.List)
	if err != nil {
		return reply{}, err
	}
	name := delivery.FormatID(delivery.DeliveryPrefix, t.Delivery.ID) + "-" + strconv.Itoa(a.Number) + ".bin"
	return reply{body: &download{name, a.ResponseBody}}, nil
}

// bodyOf returns the body of a delivery's message in the format of its endpoint. Of
// an endpoint that was deleted it is the full one.
func (d *Dashboard) bodyOf(v visit, t delivery.Trail) ([]byte, error) {
	m, err := d.delivery.Message(v.ctx(), v.project(), t.Delivery.MessageID)
	if err != nil {
		return nil, err
	}
	e, err := d.delivery.Endpoint(v.ctx(), v.project(), t.Delivery.EndpointID)
	if err != nil && !errors.Is(err, delivery.ErrNotFound) {
		return nil, err
	}
	return m.Payload(e.Format)
}

// tooOld is when receivers refuse a timestamp (Standard Webhooks: five minutes).
const tooOld = 5 * time.Minute
