package hookapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

func (a *API) sendAgain(c call, in *ofDelivery) (deliveryShape, error) {
	return a.act(c, in.Delivery, "delivery.resend", a.delivery.SendAgain)
}

func (a *API) cancelDelivery(c call, in *ofDelivery) (deliveryShape, error) {
	return a.act(c, in.Delivery, "delivery.cancel", a.delivery.CancelDelivery)
}

// act does something to a delivery and returns what became of it.
func (a *API) act(c call, text, action string, do func(ctx context.Context, projectID string, id uuid.UUID) error) (deliveryShape, error) {
	id, err := idOf(delivery.DeliveryPrefix, text)
	if err != nil {
		return deliveryShape{}, err
	}
	if err := do(c, c.project(), id); err != nil {
		return deliveryShape{}, err
	}
	a.note(c, action, deliveryID(id), "")
	t, err := a.delivery.Trail(c, c.project(), id)
	if err != nil {
		return deliveryShape{}, err
	}
	return deliveryOf(rowOf(t)), nil
}

type testInput struct {
	Endpoint string `path:"endpoint"`
	Type     string `json:"type" doc:"Of the sample; left out: the first that the endpoint wants."`
}

func (a *API) sendTest(c call, in *testInput) (deliveryShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return deliveryShape{}, err
	}
	d, err := a.delivery.SendTest(c, c.project(), id, in.Type)
	if err != nil {
		return deliveryShape{}, err
	}
	a.note(c, "endpoint.test", endpointID(id), deliveryID(d.ID))
	t, err := a.delivery.Trail(c, c.project(), d.ID)
	if err != nil {
		return deliveryShape{}, err
	}
	return deliveryOf(rowOf(t)), nil
}

// probe sends the delivery that is next in line for a parked endpoint.
func (a *API) probe(c call, in *ofEndpoint) (deliveryShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return deliveryShape{}, err
	}
	sent, err := a.delivery.Probe(c, c.project(), id)
	if err != nil {
		return deliveryShape{}, err
	}
	a.note(c, "endpoint.probe", endpointID(id), deliveryID(sent))
	t, err := a.delivery.Trail(c, c.project(), sent)
	if err != nil {
		return deliveryShape{}, err
	}
	return deliveryOf(rowOf(t)), nil
}

// replaySet is what a bulk replay sends again.
type replaySet struct {
	EndpointID string     `json:"endpoint_id" required:"true"`
	What       string     `json:"what" enum:"failed,held,skipped,missing,all,memories" required:"true" doc:"failed: given up; held: put aside; skipped: not wanted then and wanted now; missing: all it would want and never got; all: all that are over; memories: a snapshot, every memory as it is."`
	Since      *time.Time `json:"since" doc:"Of the message; left out: from the beginning."`
	Until      *time.Time `json:"until" doc:"Of the message."`
	Types      []string   `json:"types" doc:"Of the message; left out: every type."`
}

func (in replaySet) set() (delivery.ReplaySet, error) {
	id, err := idOf(delivery.EndpointPrefix, in.EndpointID)
	if err != nil {
		return delivery.ReplaySet{}, invalid(fieldShape{"endpoint_id", "Must be the ID of an endpoint."})
	}
	s := delivery.ReplaySet{EndpointID: id, What: delivery.What(in.What), Types: in.Types}
	if in.Since != nil {
		s.Since = in.Since.UTC().Truncate(time.Microsecond)
	}
	if in.Until != nil {
		s.Until = in.Until.UTC().Truncate(time.Microsecond)
	}
	return s, nil
}

type previewShape struct {
	Count    int       `json:"count"`
	FrozenAt time.Time `json:"frozen_at" doc:"Pass it with the count to begin the replay: what came later is not in it."`
}

func (a *API) previewReplay(c call, in *replaySet) (previewShape, error) {
	set, err := in.set()
	if err != nil {
		return previewShape{}, err
	}
	set, n, err := a.delivery.PreviewReplay(c, c.project(), set)
	return previewShape{n, set.FrozenAt}, err
}

type newReplay struct {
	EndpointID    string     `json:"endpoint_id" required:"true"`
	What          string     `json:"what" enum:"failed,held,skipped,missing,all,memories" required:"true"`
	Since         *time.Time `json:"since"`
	Until         *time.Time `json:"until"`
	Types         []string   `json:"types"`
	FrozenAt      *time.Time `json:"frozen_at" required:"true" doc:"Of the preview."`
	Count         int        `json:"count" required:"true" doc:"Of the preview. When it is not so any more, nothing is sent: 409."`
	RatePerSecond float64    `json:"rate_per_second" doc:"0: as fast as the endpoint takes them."`
}

type replayShape struct {
	ID            string     `json:"id"`
	EndpointID    string     `json:"endpoint_id"`
	What          string     `json:"what" enum:"failed,held,skipped,missing,all,memories"`
	Since         *time.Time `json:"since"`
	Until         *time.Time `json:"until"`
	Types         []string   `json:"types"`
	FrozenAt      time.Time  `json:"frozen_at"`
	RatePerSecond float64    `json:"rate_per_second"`
	State         string     `json:"state" enum:"running,done,canceled"`
	Total         int        `json:"total"`
	Done          int        `json:"done" doc:"Made due so far."`
	By            string     `json:"by"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	FinishedAt    *time.Time `json:"finished_at"`
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func replayOf(r delivery.BulkReplay) replayShape {
	s := replayShape{
		ID: delivery.FormatID(delivery.ReplayPrefix, r.ID), EndpointID: endpointID(r.Set.EndpointID), What: string(r.Set.What),
		Since: timeOrNull(r.Set.Since), Until: timeOrNull(r.Set.Until), Types: r.Set.Types, FrozenAt: r.Set.FrozenAt,
		RatePerSecond: r.PerSecond, State: string(r.State), Total: r.Total, Done: r.Done, By: r.By,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, FinishedAt: r.FinishedAt,
	}
	if s.Types == nil {
		s.Types = []string{}
	}
	return s
}

func (a *API) createReplay(c call, in *newReplay) (replayShape, error) {
	set, err := replaySet{in.EndpointID, in.What, in.Since, in.Until, in.Types}.set()
	if err != nil {
		return replayShape{}, err
	}
	set.FrozenAt = in.FrozenAt.UTC().Truncate(time.Microsecond)
	r, err := a.delivery.CreateReplay(c, c.project(), set, in.Count, in.RatePerSecond, c.by())
	if err != nil {
		return replayShape{}, err
	}
	shape := replayOf(r)
	a.note(c, "replay.create", shape.ID, shape.What+" of "+shape.EndpointID)
	return shape, nil
}

type replayList struct {
	After string `query:"after" doc:"next_cursor of the page before."`
	Limit int    `query:"limit" doc:"1 to 250; left out: 50."`
}

func (a *API) replays(c call, in *replayList) (listShape[replayShape], error) {
	n, err := limit(in.Limit)
	if err != nil {
		return listShape[replayShape]{}, err
	}
	after, err := afterID(in.After)
	if err != nil {
		return listShape[replayShape]{}, err
	}
	list, err := a.delivery.Replays(c, c.project(), after, n+1)
	if err != nil {
		return listShape[replayShape]{}, err
	}
	list, next := cutPage(list, n, func(r delivery.BulkReplay) uuid.UUID { return r.ID })
	shapes := make([]replayShape, len(list))
	for i, r := range list {
		shapes[i] = replayOf(r)
	}
	return listOf(shapes, next), nil
}

type ofReplay struct {
	Replay string `path:"replay"`
}

func (a *API) replay(c call, in *ofReplay) (replayShape, error) {
	id, err := idOf(delivery.ReplayPrefix, in.Replay)
	if err != nil {
		return replayShape{}, err
	}
	r, err := a.delivery.Replay(c, c.project(), id)
	if err != nil {
		return replayShape{}, err
	}
	return replayOf(r), nil
}

func (a *API) cancelReplay(c call, in *ofReplay) (replayShape, error) {
	id, err := idOf(delivery.ReplayPrefix, in.Replay)
	if err != nil {
		return replayShape{}, err
	}
	r, err := a.delivery.CancelReplay(c, c.project(), id)
	if err != nil {
		return replayShape{}, err
	}
	shape := replayOf(r)
	a.note(c, "replay.cancel", shape.ID, "")
	return shape, nil
}
