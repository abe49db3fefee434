package dashboard

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// parts are the parts of a page that are drawn anew, with the state in which each
// was drawn last.
type parts map[string]string

// draw adds a part to what the page is sent, when its state is another one than the
// last time.
func (p parts) draw(d *Dashboard, b *strings.Builder, name string, view any, state string) error {
	if was, drawn := p[name]; drawn && was == state {
		return nil
	}
	p[name] = state
	return d.fragment(b, name, view)
}

// drawEvent draws the verdict and the timeline anew when they have changed.
func (d *Dashboard) drawEvent(q url.Values) (drawer, error) {
	id, err := idParam("", q)
	if err != nil {
		return nil, err
	}
	p := parts{}
	return func(v visit, c change) (update, error) {
		if !c.beat && !c.touches(func(one delivery.Delivery) bool { return one.EventID == id }) {
			return update{}, nil
		}
		view, _, err := d.readEvent(v, id)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = p.draw(d, &b, "swapEventPage", view, eventState(view))
		return update{Swap: b.String()}, err
	}, nil
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

// drawDelivery does so for the page of a delivery.
func (d *Dashboard) drawDelivery(q url.Values) (drawer, error) {
	id, err := idParam(delivery.DeliveryPrefix, q)
	if err != nil {
		return nil, err
	}
	p := parts{}
	return func(v visit, c change) (update, error) {
		if !c.beat && !c.touches(func(one delivery.Delivery) bool { return one.ID == id }) {
			return update{}, nil
		}
		t, err := d.delivery.Trail(v.ctx(), v.project(), id)
		if err != nil {
			return update{}, err
		}
		view, err := d.deliveryViewOf(v, t, q.Get("attempt"))
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = p.draw(d, &b, "swapDeliveryPage", view, t.Delivery.UpdatedAt.String()+string(view.Verdict.Tone))
		return update{Swap: b.String()}, err
	}, nil
}

// drawOverview draws the overview anew when deliveries have changed.
func (d *Dashboard) drawOverview() drawer {
	var p pace
	return func(v visit, c change) (update, error) {
		if !p.due(v.now, c, len(c.rows) > 0 || c.more) {
			return update{}, nil
		}
		view, err := d.overviewOf(v)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = d.fragment(&b, "swapOverview", view)
		return update{Swap: b.String()}, err
	}
}

// drawEndpoints draws the list of endpoints anew when one of them is another.
func (d *Dashboard) drawEndpoints() drawer {
	p := parts{}
	return func(v visit, c change) (update, error) {
		if !c.beat && len(c.rows) == 0 {
			return update{}, nil
		}
		view, err := d.endpointsOf(v)
		if err != nil {
			return update{}, err
		}
		var state strings.Builder
		for _, r := range view.Rows {
			fmt.Fprintln(&state, r.Page, r.Name, r.Host, r.Badge, r.Note, r.Types)
			if r.Last != nil {
				state.WriteString(r.Last.ISO)
			}
		}
		var b strings.Builder
		err = p.draw(d, &b, "swapEndpoints", view, state.String())
		return update{Swap: b.String()}, err
	}
}

// drawEndpoint draws the numbers of an endpoint anew when its deliveries have
// changed, and the rest when the endpoint itself has. The form that asks what it
// would receive stays as it is.
func (d *Dashboard) drawEndpoint(q url.Values) (drawer, error) {
	id, err := idParam(delivery.EndpointPrefix, q)
	if err != nil {
		return nil, err
	}
	var rate pace
	p := parts{}
	var numbers []tile
	return func(v visit, c change) (update, error) {
		mine := c.touches(func(one delivery.Delivery) bool { return one.EndpointID == id })
		if !c.beat && !mine {
			return update{}, nil
		}
		e, err := d.delivery.Endpoint(v.ctx(), v.project(), id)
		if err != nil {
			return update{}, err
		}
		if rate.due(v.now, c, mine || numbers == nil) {
			if numbers, err = d.endpointNumbers(v, e); err != nil {
				return update{}, err
			}
		}
		view := endpointViewOf(v, e)
		view.Tiles = numbers
		if view.Probe, err = d.probeOf(v, e, q.Get("probe")); err != nil {
			return update{}, err
		}
		probe := ""
		if view.Probe != nil {
			probe = string(view.Probe.Sentence)
		}
		var b strings.Builder
		for _, part := range []struct{ name, state string }{
			{"swapEndpointVerdict", fmt.Sprint(view.Badge, view.Verdict)},
			{"swapEndpointProbe", probe},
			{"swapEndpointActions", fmt.Sprint(view.Paused, view.Disabled, view.Parked)},
			{"swapEndpointNumbers", fmt.Sprint(view.Tiles)},
			{"swapEndpointFacts", fmt.Sprint(e.UpdatedAt, e.Health.LastSuccessAt, len(view.Secrets))},
		} {
			if err := p.draw(d, &b, part.name, view, part.state); err != nil {
				return update{}, err
			}
		}
		return update{Swap: b.String()}, nil
	}, nil
}

// drawMemory draws a memory anew when it has changed, or a delivery about it has.
func (d *Dashboard) drawMemory(q url.Values) (drawer, error) {
	id, err := idParam("", q)
	if err != nil {
		return nil, err
	}
	var rate pace
	seen := -1
	return func(v visit, c change) (update, error) {
		if !c.beat && len(c.rows) == 0 {
			return update{}, nil
		}
		changes, err := d.memory.History(v.ctx(), v.project(), id)
		if err != nil {
			return update{}, err
		}
		told := c.touches(func(one delivery.Delivery) bool {
			return slices.ContainsFunc(changes, func(m memory.Change) bool { return m.EventID == one.EventID })
		})
		if !rate.due(v.now, c, told || len(changes) != seen) {
			return update{}, nil
		}
		seen = len(changes)
		view, err := d.memoryViewOf(v, id, changes)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = d.fragment(&b, "swapMemory", view)
		return update{Swap: b.String()}, err
	}, nil
}

// factsEvery is how often a page asks how the installation does.
const factsEvery = 10 * time.Second

// drawSystem draws the state of the installation anew when it has changed, and on
// the first page of the audit log what was added.
func (d *Dashboard) drawSystem(audit bool) drawer {
	p := parts{}
	var facts SystemFacts
	var asked time.Time
	return func(v visit, c change) (update, error) {
		if !c.beat {
			return update{}, nil
		}
		if v.now.Sub(asked) >= factsEvery {
			var err error
			if facts, err = d.system(v.ctx()); err != nil {
				return update{}, err
			}
			asked = v.now
		}
		view, err := d.systemViewOf(v, facts)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		if err := p.draw(d, &b, "swapSystem", view, fmt.Sprint(view.Verdict, view.Facts, facts.Nodes)); err != nil || !audit {
			return update{Swap: b.String()}, err
		}
		if err := d.auditOf(v, &view, uuid.Nil); err != nil {
			return update{}, err
		}
		newest := ""
		if len(view.Audit) > 0 {
			newest = fmt.Sprint(view.Audit[0].At.ISO, view.Audit[0].Action, view.Audit[0].Subject)
		}
		err = p.draw(d, &b, "swapAudit", view, newest)
		return update{Swap: b.String()}, err
	}
}

// drawReplay shows the progress of a replay.
func (d *Dashboard) drawReplay(q url.Values) (drawer, error) {
	id, err := idParam(delivery.ReplayPrefix, q)
	if err != nil {
		return nil, err
	}
	p := parts{}
	return func(v visit, c change) (update, error) {
		view, err := d.replayViewOf(v, id)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = p.draw(d, &b, "swapReplay", view, fmt.Sprint(view.Done, view.Badge, view.Outcome))
		return update{Swap: b.String()}, err
	}, nil
}
