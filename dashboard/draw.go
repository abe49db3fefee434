package dashboard

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// drawerOf returns what draws the view that a stream is for.
func (d *Dashboard) drawerOf(v visit, q url.Values, from time.Time) (drawer, error) {
	switch q.Get("view") {
	case "deliveries":
		return d.drawDeliveries(v, q, from)
	case "events":
		return d.drawEvents(q, from)
	case "event":
		return d.drawEvent(q)
	case "delivery":
		return d.drawDelivery(q)
	case "overview":
		return d.drawOverview(), nil
	case "replay":
		return d.drawReplay(q)
	}
	return nil, errNotFound
}

// listParams are the parameters of a list without those of its stream.
func listParams(q url.Values) url.Values {
	rest := url.Values{}
	for name, values := range q {
		if !slices.Contains([]string{"view", "from", "poll", "at", "first", "id", "sent", "left"}, name) {
			rest[name] = values
		}
	}
	return rest
}

// drawDeliveries lets known rows change in place, and new ones that the filter takes
// enter.
func (d *Dashboard) drawDeliveries(v visit, params url.Values, from time.Time) (drawer, error) {
	f, err := filterOf(root+"deliveries", listParams(params))
	if err != nil {
		return nil, err
	}
	var q delivery.Query
	if err := q.Apply(f.terms, v.now); err != nil {
		return nil, badFilter(err)
	}
	since := from
	if params.Get("first") != "" { // it has the others, and knows them
		since = from.Add(-overlap)
	}
	return func(v visit, rows []delivery.Row) (update, error) {
		var u update
		var swap strings.Builder
		endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
		if err != nil {
			return u, err
		}
		for _, r := range rows {
			row := deliveryRowOf(r, endpointOf(r.Delivery, endpoints), v.now, v.mayWrite())
			if err := d.fragment(&swap, "swapDelivery", row); err != nil {
				return u, err
			}
			if r.Delivery.CreatedAt.Before(since) || !takes(q, r) {
				continue
			}
			var b strings.Builder
			if err := d.fragment(&b, "deliveryRow", row); err != nil {
				return u, err
			}
			u.Fresh = append(u.Fresh, fresh{row.ID, b.String()})
		}
		u.Swap = swap.String()
		return u, nil
	}, nil
}

// takes tells whether a list with the query has the row, as far as the row tells.
func takes(q delivery.Query, r delivery.Row) bool {
	one := r.Delivery
	if q.UserID != "" || q.AgentID != "" || q.RunID != "" || q.Text != "" || q.Codes != (delivery.Codes{}) || q.Class != "" || !q.Until.IsZero() {
		return false
	}
	switch q.Status {
	case "", delivery.ListStatus(one.Status):
	case delivery.Waiting:
		if one.Status != delivery.Pending && one.Status != delivery.Sending {
			return false
		}
	case delivery.Retrying:
		if one.Status != delivery.Pending || one.Attempts == 0 {
			return false
		}
	default:
		return false
	}
	id := delivery.FormatID(delivery.EndpointPrefix, one.EndpointID)
	return (q.Endpoint == "" || q.Endpoint == id || q.Endpoint == r.EndpointName) && (q.Type == "" || q.Type == one.Type) &&
		(q.Trigger == "" || q.Trigger == one.Trigger) && (q.EventID == uuid.Nil || q.EventID == one.EventID) &&
		(q.MessageID == uuid.Nil || q.MessageID == one.MessageID)
}

// drawEvents looks at the newest events of the list each time, because an event
// changes without a delivery too.
func (d *Dashboard) drawEvents(params url.Values, from time.Time) (drawer, error) {
	f, err := filterOf(root+"events", listParams(params))
	if err != nil {
		return nil, err
	}
	drawn := map[string]string{} // rows by ID, as they were sent last
	first := true
	return func(v visit, _ []delivery.Row) (update, error) {
		var u update
		l := memory.EventList{ProjectID: v.project(), Limit: f.limit}
		if err := l.Apply(f.terms, v.now); err != nil {
			return u, badFilter(err)
		}
		page, err := d.memory.EventPage(v.ctx(), l)
		if err != nil {
			return u, err
		}
		rows, err := d.eventRows(v, page.Events)
		if err != nil {
			return u, err
		}
		var swap strings.Builder
		for i, row := range slices.Backward(rows) {
			var b strings.Builder
			if err := d.fragment(&b, "eventRow", row); err != nil {
				return u, err
			}
			was, known := drawn[row.ID]
			if drawn[row.ID] = b.String(); was == b.String() {
				continue
			}
			if !known && (!first || !page.Events[i].CreatedAt.Before(from.Add(-overlap))) {
				u.Fresh = append(u.Fresh, fresh{"e-" + row.ID, b.String()})
			}
			if err := d.fragment(&swap, "swapEvent", row); err != nil {
				return u, err
			}
		}
		first = false
		u.Swap = swap.String()
		return u, nil
	}, nil
}

// drawEvent draws the verdict and the timeline anew when they have changed.
func (d *Dashboard) drawEvent(q url.Values) (drawer, error) {
	id, err := idParam("", q)
	if err != nil {
		return nil, err
	}
	last := ""
	return func(v visit, _ []delivery.Row) (update, error) {
		view, _, err := d.readEvent(v, id)
		if err != nil {
			return update{}, err
		}
		return d.ifChanged(&last, "swapEventPage", view, eventState(view))
	}, nil
}

// drawDelivery does so for the page of a delivery.
func (d *Dashboard) drawDelivery(q url.Values) (drawer, error) {
	id, err := idParam(delivery.DeliveryPrefix, q)
	if err != nil {
		return nil, err
	}
	last := ""
	return func(v visit, _ []delivery.Row) (update, error) {
		t, err := d.delivery.Trail(v.ctx(), v.project(), id)
		if err != nil {
			return update{}, err
		}
		view, err := d.deliveryViewOf(v, t, q.Get("attempt"))
		if err != nil {
			return update{}, err
		}
		return d.ifChanged(&last, "swapDeliveryPage", view, t.Delivery.UpdatedAt.String()+string(view.Verdict.Tone))
	}, nil
}

// drawOverview draws the overview anew when deliveries have changed, but not more
// often than the streams' own beat.
func (d *Dashboard) drawOverview() drawer {
	dirty := false
	return func(v visit, rows []delivery.Row) (update, error) {
		if len(rows) > 0 {
			dirty = true
			return update{}, nil
		}
		if !dirty {
			return update{}, nil
		}
		dirty = false
		view, err := d.overviewOf(v)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = d.fragment(&b, "swapOverview", view)
		return update{Swap: b.String()}, err
	}
}

// drawReplay shows the progress of a replay.
func (d *Dashboard) drawReplay(q url.Values) (drawer, error) {
	id, err := idParam(delivery.ReplayPrefix, q)
	if err != nil {
		return nil, err
	}
	last := ""
	return func(v visit, _ []delivery.Row) (update, error) {
		view, err := d.replayViewOf(v, id)
		if err != nil {
			return update{}, err
		}
		state := view.Done + view.Badge.Word
		for _, b := range view.Outcome {
			state += b.Word
		}
		return d.ifChanged(&last, "swapReplay", view, state)
	}, nil
}

// ifChanged draws a view when its state is another one than the last time.
func (d *Dashboard) ifChanged(last *string, name string, view any, state string) (update, error) {
	was := *last
	if *last = state; was == state {
		return update{}, nil
	}
	var b strings.Builder
	err := d.fragment(&b, name, view)
	return update{Swap: b.String()}, err
}

// eventState changes when the page of an event has something new to show.
func eventState(v eventView) string {
	var b strings.Builder
	b.WriteString(v.Badge.Word)
	for _, m := range v.Messages {
		for _, l := range m.Deliveries {
			b.WriteString(l.Page + l.Badge.Word)
			for _, c := range l.Chips {
				b.WriteString(c.To + c.Word)
			}
		}
	}
	return b.String()
}
