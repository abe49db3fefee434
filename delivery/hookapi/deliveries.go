package hookapi

import (
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

// limit checks the page size.
func limit(n int) (int, error) {
	if n == 0 {
		return delivery.DefaultPage, nil
	}
	if n > delivery.MaxPage {
		return 0, invalid(fieldShape{"limit", fmt.Sprintf("Must be from 1 to %d.", delivery.MaxPage)})
	}
	return n, nil
}

// afterID reads the cursor of a list that is ordered by ID, Nil for none.
func afterID(s string) (uuid.UUID, error) {
	if s == "" {
		return uuid.Nil, nil
	}
	c, err := delivery.ParseCursor("after", s)
	return c.ID, err
}

func cursorOf(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return delivery.Cursor{ID: id}.String()
}

type deliveryList struct {
	Filters filters
	After   string `query:"after" doc:"next_cursor of the page before."`
	Limit   int    `query:"limit" doc:"1 to 250; left out: 50."`
}

func (a *API) deliveries(c call, in *deliveryList) (listShape[deliveryShape], error) {
	q := delivery.Query{ProjectID: c.project()}
	var err error
	if err = q.Apply(in.Filters.Terms, c.now); err != nil {
		return listShape[deliveryShape]{}, err
	}
	if q.Limit, err = limit(in.Limit); err != nil {
		return listShape[deliveryShape]{}, err
	}
	if in.After != "" {
		cursor, err := delivery.ParseCursor("after", in.After)
		if err != nil {
			return listShape[deliveryShape]{}, err
		}
		q.After = &cursor
	}
	p, err := a.delivery.Deliveries(c, q)
	if err != nil {
		return listShape[deliveryShape]{}, err
	}
	list := make([]deliveryShape, len(p.Rows))
	for i, r := range p.Rows {
		list[i] = deliveryOf(r)
	}
	next := ""
	if p.Older != nil {
		next = p.Older.String()
	}
	return listOf(list, next), nil
}

type countShape struct {
	Count int  `json:"count"`
	More  bool `json:"more" doc:"There are more than were counted."`
}

type countsShape struct {
	Counts map[string]countShape `json:"counts" doc:"By status, and all of them under all."`
}

type countInput struct {
	Filters filters
}

func (a *API) deliveryCounts(c call, in *countInput) (countsShape, error) {
	q := delivery.Query{ProjectID: c.project()}
	if err := q.Apply(in.Filters.Terms, c.now); err != nil {
		return countsShape{}, err
	}
	counts, err := a.delivery.DeliveryCounts(c, q)
	shape := countsShape{Counts: map[string]countShape{}}
	for status, n := range counts {
		if status == "" {
			status = "all"
		}
		shape.Counts[string(status)] = countShape{n.N, n.More}
	}
	return shape, err
}

// ofDelivery names a delivery in the path.
type ofDelivery struct {
	Delivery string `path:"delivery"`
}

// trailOf reads the delivery that the path names.
func (a *API) trailOf(c call, text string) (delivery.Trail, error) {
	id, err := idOf(delivery.DeliveryPrefix, text)
	if err != nil {
		return delivery.Trail{}, err
	}
	return a.delivery.Trail(c, c.project(), id)
}

func (a *API) deliveryByID(c call, in *ofDelivery) (deliveryShape, error) {
	t, err := a.trailOf(c, in.Delivery)
	if err != nil {
		return deliveryShape{}, err
	}
	return deliveryOf(rowOf(t)), nil
}

func (a *API) attempts(c call, in *ofDelivery) (listShape[attemptShape], error) {
	t, err := a.trailOf(c, in.Delivery)
	if err != nil {
		return listShape[attemptShape]{}, err
	}
	list := make([]attemptShape, len(t.List))
	for i, one := range t.List {
		list[i] = attemptOf(one)
	}
	return listOf(list, ""), nil
}

type ofAttempt struct {
	Delivery string `path:"delivery"`
	Number   string `path:"number"`
}

func (a *API) attempt(c call, in *ofAttempt) (attemptShape, error) {
	id, err := idOf(delivery.DeliveryPrefix, in.Delivery)
	if err != nil {
		return attemptShape{}, err
	}
	n, err := strconv.Atoi(in.Number)
	if err != nil || n < 1 || n > 1<<30 {
		return attemptShape{}, errNotFound
	}
	one, err := a.delivery.Attempt(c, c.project(), id, n)
	if err != nil {
		return attemptShape{}, err
	}
	return attemptOf(one), nil
}

// facts reads what a verdict needs beside the deliveries themselves.
func (a *API) facts(c call, trails []delivery.Trail) (explain.Facts, error) {
	f := explain.Facts{Trails: trails, Now: c.now, Ahead: map[uuid.UUID]delivery.Count{}, NoWorker: a.noWorker != nil && a.noWorker(c)}
	var err error
	if f.Endpoints, err = a.delivery.Endpoints(c, c.project()); err != nil {
		return f, err
	}
	for _, t := range trails[:min(len(trails), delivery.MaxEndpoints)] {
		d := t.Delivery
		if d.Status != delivery.Pending || d.NextAt == nil || d.NextAt.After(c.now) {
			continue
		}
		if f.Ahead[d.ID], err = a.delivery.DeliveriesAhead(c, d); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (a *API) explainDelivery(c call, in *ofDelivery) (verdictShape, error) {
	t, err := a.trailOf(c, in.Delivery)
	if err != nil {
		return verdictShape{}, a.missing(c, err, in.Delivery)
	}
	f, err := a.facts(c, []delivery.Trail{t})
	if err != nil {
		return verdictShape{}, err
	}
	return verdictOf(explain.Delivery(t, f)), nil
}

type messageList struct {
	Event string `query:"event" doc:"Only those of this event."`
	After string `query:"after" doc:"next_cursor of the page before."`
	Limit int    `query:"limit" doc:"1 to 250; left out: 50."`
}

func (a *API) messages(c call, in *messageList) (listShape[messageShape], error) {
	n, err := limit(in.Limit)
	if err != nil {
		return listShape[messageShape]{}, err
	}
	after, err := afterID(in.After)
	if err != nil {
		return listShape[messageShape]{}, err
	}
	var event uuid.UUID
	if in.Event != "" {
		if event, err = idOf("", in.Event); err != nil {
			return listShape[messageShape]{}, invalid(fieldShape{"event", "Must be the ID of an event."})
		}
	}
	list, err := a.delivery.Messages(c, c.project(), event, after, n+1)
	if err != nil {
		return listShape[messageShape]{}, err
	}
	list, next := cutPage(list, n, func(m delivery.Message) uuid.UUID { return m.ID })
	shapes := make([]messageShape, len(list))
	for i, m := range list {
		shapes[i] = messageOf(m, false)
	}
	return listOf(shapes, next), nil
}

// cutPage cuts a list of one more than the page to it, and returns the next cursor.
func cutPage[T any](list []T, n int, id func(T) uuid.UUID) ([]T, string) {
	if len(list) <= n {
		return list, ""
	}
	return list[:n], cursorOf(id(list[n-1]))
}

type ofMessage struct {
	Message string `path:"message"`
}

func (a *API) message(c call, in *ofMessage) (messageShape, error) {
	id, err := idOf(delivery.MessagePrefix, in.Message)
	if err != nil {
		return messageShape{}, err
	}
	m, err := a.delivery.Message(c, c.project(), id)
	if err != nil {
		return messageShape{}, err
	}
	return messageOf(m, true), nil
}

type eventList struct {
	Filters filters
	After   string `query:"after" doc:"next_cursor of the page before."`
	Limit   int    `query:"limit" doc:"1 to 250; left out: 50."`
}

func (a *API) events(c call, in *eventList) (listShape[eventShape], error) {
	q := memory.EventList{ProjectID: c.project()}
	var err error
	if err = q.Apply(in.Filters.Terms, c.now); err != nil {
		return listShape[eventShape]{}, err
	}
	if q.Limit, err = limit(in.Limit); err != nil {
		return listShape[eventShape]{}, err
	}
	if q.After, err = afterID(in.After); err != nil {
		return listShape[eventShape]{}, err
	}
	p, err := a.memory.EventPage(c, q)
	if err != nil {
		return listShape[eventShape]{}, err
	}
	list := make([]eventShape, len(p.Events))
	for i, e := range p.Events {
		list[i] = eventOf(e)
	}
	return listOf(list, cursorOf(p.Older)), nil
}

type ofEvent struct {
	Event string `path:"event"`
}

type oneEvent struct {
	eventShape
	Changes []changeShape `json:"changes" doc:"What it did to memories, oldest first."`
}

func (a *API) event(c call, in *ofEvent) (oneEvent, error) {
	id, err := idOf("", in.Event)
	if err != nil {
		return oneEvent{}, err
	}
	e, changes, err := a.memory.Event(c, c.project(), id)
	if err != nil {
		return oneEvent{}, err
	}
	shape := oneEvent{eventShape: eventOf(e), Changes: []changeShape{}}
	for _, change := range changes {
		shape.Changes = append(shape.Changes, changeOf(change))
	}
	return shape, nil
}

type explainShape struct {
	verdictShape
	Deliveries []deliveryVerdict `json:"deliveries"`
}

type deliveryVerdict struct {
	DeliveryID   string `json:"delivery_id"`
	MessageID    string `json:"message_id"`
	MessageType  string `json:"message_type"`
	EndpointName string `json:"endpoint_name"`
	Status       string `json:"status" enum:"pending,sending,succeeded,failed,held,skipped,canceled"`
	verdictShape
}

func (a *API) explainEvent(c call, in *ofEvent) (explainShape, error) {
	id, err := idOf("", in.Event)
	if err != nil {
		return explainShape{}, a.missing(c, err, in.Event)
	}
	e, changes, err := a.memory.Event(c, c.project(), id)
	if err != nil {
		return explainShape{}, a.missing(c, err, in.Event)
	}
	trails, err := a.delivery.TrailsByEvent(c, c.project(), id)
	if err != nil {
		return explainShape{}, err
	}
	f, err := a.facts(c, trails)
	if err != nil {
		return explainShape{}, err
	}
	f.Event, f.Changes = e, changes
	answer := explain.Event(f)
	shape := explainShape{verdictShape: verdictOf(answer.Verdict), Deliveries: []deliveryVerdict{}}
	for _, d := range answer.Deliveries {
		v := verdictOf(d.Verdict)
		on := endpointID(d.Trail.Delivery.EndpointID)
		v.EndpointID = &on
		shape.Deliveries = append(shape.Deliveries, deliveryVerdict{
			DeliveryID: deliveryID(d.Trail.Delivery.ID), MessageID: messageID(d.Trail.Delivery.MessageID), MessageType: d.Trail.MessageType,
			EndpointName: d.Trail.EndpointName, Status: string(d.Trail.Delivery.Status), verdictShape: v,
		})
	}
	return shape, nil
}

// missing says more about an ID that nothing is stored under: how long records
// are kept.
func (a *API) missing(c call, err error, id string) error {
	if problemOf(err) != errNotFound {
		return err
	}
	v := explain.Missing(id, a.retention, c.now)
	p := *errNotFound
	p.detail = v.Sentence + " " + v.Next
	return &p
}
