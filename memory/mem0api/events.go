package mem0api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

type eventRequest struct{ id uuid.UUID }

func (r *eventRequest) read(in *input) error {
	s, err := in.param("event")
	if err != nil {
		return err
	}
	id, ok := parseUUID(s)
	if !ok {
		return errEvent
	}
	r.id = id
	return nil
}

// parseUUID reads the one form of a UUID that is shown outside, in any letter case.
func parseUUID(s string) (uuid.UUID, bool) {
	if len(s) != len(uuid.Nil.String()) {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil
}

// eventWithDeliveries is an event with what became of its messages.
type eventWithDeliveries struct {
	eventShape
	Deliveries []deliveryShape `json:"deliveries"`
}

// event shows an event with its results and deliveries.
func (a *API) event(ctx context.Context, key apikey.Key, r *eventRequest) (eventWithDeliveries, error) {
	e, changes, err := a.memory.Event(ctx, key.ProjectID, r.id)
	if errors.Is(err, memory.ErrNotFound) {
		return eventWithDeliveries{}, errEvent
	}
	if err != nil {
		return eventWithDeliveries{}, err
	}
	trails, err := a.delivery.TrailsByEvent(ctx, key.ProjectID, r.id)
	if err != nil {
		return eventWithDeliveries{}, fmt.Errorf("deliveries of event %s: %w", r.id, err)
	}
	return eventWithDeliveries{eventOf(e, changes), deliveriesOf(trails)}, nil
}

type eventsRequest struct {
	query memory.EventQuery
	page  page
}

var (
	eventKinds = []memory.EventKind{
		memory.EventAdd, memory.EventUpdate, memory.EventDelete, memory.EventDeleteAll, memory.EventDeleteUser, memory.EventRelay,
		"SEARCH", "GET_ALL", "GET", // mem0's; reads leave no event here
	}
	eventStatuses = []memory.EventStatus{
		memory.EventPending, memory.EventRunning, memory.EventSucceeded, memory.EventFailed,
	}
)

func (r *eventsRequest) read(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	if r.page, err = in.page(q); err != nil {
		return err
	}
	if r.query.Kind, err = oneOf(q.Get("event_type"), eventKinds); err != nil {
		return at("event_type", err)
	}
	if r.query.Status, err = oneOf(q.Get("status"), eventStatuses); err != nil {
		return at("status", err)
	}
	if r.query.From, _, err = readInstant(q.Get("start_date")); err != nil {
		return at("start_date", err)
	}
	if _, r.query.To, err = readInstant(q.Get("end_date")); err != nil {
		return at("end_date", err)
	}
	if !r.query.To.IsZero() {
		r.query.To = r.query.To.Add(time.Microsecond)
	}
	return nil
}

// oneOf reads a name in any letter case.
func oneOf[T ~string](s string, known []T) (T, error) {
	name := T(strings.ToUpper(s))
	if s == "" || slices.Contains(known, name) {
		return name, nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return "", mustBe("one of " + strings.Join(names, ", "))
}

// readInstant is instant for a parameter that may be missing.
func readInstant(s string) (first, last time.Time, err error) {
	if s == "" {
		return first, last, nil
	}
	first, last, ok := instant(s)
	if !ok {
		return first, last, mustBe("a date of the form YYYY-MM-DD or an ISO 8601 date-time")
	}
	return first, last, nil
}

// events shows a page of the project's events, newest first.
func (a *API) events(ctx context.Context, key apikey.Key, r *eventsRequest) (envelope[eventShape], error) {
	r.query.ProjectID, r.query.Offset, r.query.Limit = key.ProjectID, r.page.offset(), r.page.size
	list, count, err := a.memory.Events(ctx, r.query)
	if err != nil {
		return envelope[eventShape]{}, err
	}
	ids := make([]uuid.UUID, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	changes, err := a.memory.ChangesOf(ctx, ids)
	if err != nil {
		return envelope[eventShape]{}, err
	}
	rows := make([]eventShape, len(list))
	for i, e := range list {
		rows[i] = eventOf(e, changes[e.ID])
	}
	return pageOf(r.page, count, rows)
}
