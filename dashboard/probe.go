package dashboard

import (
	"errors"
	"net/url"
	"slices"

	"memhook/delivery"
	"memhook/memory/explain"
)

// A probeView is what became of a probe by hand, on the page of its endpoint.
type probeView struct {
	Tone     tone
	Sentence text
	Next     string
	Chips    []chip
	Page     string // of the delivery that was sent, "" when there is none
	Test     bool   // offer a test instead
}

// The words of an address for a probe that was not made; else it has the delivery.
var probeWords = map[string]probeView{
	"none":   {Tone: warn, Sentence: "No delivery waits for this endpoint, so there is nothing to probe it with.", Next: "A test shows whether it answers. The breaker closes with the next real delivery.", Test: true},
	"busy":   {Tone: info, Sentence: "A probe was under way already, so no other was sent.", Next: "What the receiver answers shows on this page."},
	"closed": {Tone: info, Sentence: "No probe was needed: the breaker is not open any more.", Next: "Deliveries go out by themselves."},
}

// sendProbe sends the delivery that is next in line for a parked endpoint as its
// breaker's probe, and leads back to the page, which watches the outcome.
func (d *Dashboard) sendProbe(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	id, err := d.delivery.Probe(v.ctx(), v.project(), e.ID)
	outcome := delivery.FormatID(delivery.DeliveryPrefix, id)
	switch {
	case errors.Is(err, delivery.ErrNothingWaits):
		outcome = "none"
	case errors.Is(err, delivery.ErrProbing):
		outcome = "busy"
	case errors.Is(err, delivery.ErrNotParked):
		outcome = "closed"
	case err != nil:
		return reply{}, actionFailure(err)
	default:
		d.note(v, "endpoint.probe", delivery.FormatID(delivery.EndpointPrefix, e.ID), outcome+" to "+e.Name)
	}
	return goTo(endpointPath(e.ID) + "?" + url.Values{"probe": {outcome}}.Encode()), nil
}

// probeOf reads what became of the probe that an address names, nil for "".
func (d *Dashboard) probeOf(v visit, e delivery.Endpoint, outcome string) (*probeView, error) {
	if outcome == "" {
		return nil, nil
	}
	if view, ok := probeWords[outcome]; ok {
		return &view, nil
	}
	id, err := delivery.ParseID(delivery.DeliveryPrefix, outcome)
	if err != nil {
		return nil, errNotFound
	}
	t, err := d.delivery.Trail(v.ctx(), v.project(), id)
	if err != nil || t.Delivery.EndpointID != e.ID {
		return nil, errNotFound
	}
	view := probeView{Tone: info, Sentence: "The probe is on its way.", Page: deliveryPath(id)}
	if one := t.Delivery; one.Trigger == delivery.Manual && !one.Status.Final() {
		return &view, nil
	}
	for _, a := range slices.Backward(t.List) {
		if a.Trigger != delivery.Manual {
			continue
		}
		view.Chips = []chip{chipOf(a)}
		if view.Tone = view.Chips[0].Tone; view.Tone == ok {
			view.Sentence, view.Next = "The probe succeeded in "+text(brief(a.Duration))+".", "More deliveries are let through with each success."
			return &view, nil
		}
		view.Sentence = line("The probe failed: " + explain.Attempt(a))
		return &view, nil
	}
	view.Tone, view.Sentence = quiet, "The delivery that was to be the probe has not been sent."
	return &view, nil
}
