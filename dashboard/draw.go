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
	case "endpoints":
		return d.drawEndpoints(), nil
	case "endpoint":
		return d.drawEndpoint(q)
	case "memory":
		return d.drawMemory(q)
	case "system":
		return d.drawSystem(q.Get("first") != ""), nil
	case "replay":
		return d.drawReplay(q)
	case "erasure":
		return d.drawErasure(q)
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

// drawDeliveries lets known rows change in place, and those that the list now has
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
	since := from // what is older is on another page
	if params.Get("first") != "" {
		since = from.Add(-overlap)
		if len(f.terms) > 0 {
			since = time.Time{} // an older one may have become what the filter asks for
		}
	}
	return func(v visit, c change) (update, error) {
		var u update
		if c.more || len(c.rows) == 0 {
			return u, nil
		}
		taken := map[uuid.UUID]bool{}
		if len(f.terms) > 0 {
			if taken, err = d.taken(v, q, c.rows); err != nil {
				return u, err
			}
		}
		endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
		if err != nil {
			return u, err
		}
		var swap strings.Builder
		for _, r := range c.rows {
			row := deliveryRowOf(r, endpointOf(r.Delivery, endpoints), v.now, v.mayWrite())
			if err := d.fragment(&swap, "swapDelivery", row); err != nil {
				return u, err
			}
			if r.Delivery.CreatedAt.Before(since) || len(f.terms) > 0 && !taken[r.Delivery.ID] {
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

// taken tells which of the rows a list with the query has. The list's own SQL says
// so, because users, texts and codes are not in the row.
func (d *Dashboard) taken(v visit, q delivery.Query, rows []delivery.Row) (map[uuid.UUID]bool, error) {
	q.ProjectID, q.Limit = v.project(), len(rows)
	for _, r := range rows {
		q.IDs = append(q.IDs, r.Delivery.ID)
	}
	page, err := d.delivery.Deliveries(v.ctx(), q)
	list := map[uuid.UUID]bool{}
	for _, r := range page.Rows {
		list[r.Delivery.ID] = true
	}
	return list, err
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
	return func(v visit, c change) (update, error) {
		var u update
		if c.more {
			return u, nil
		}
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
