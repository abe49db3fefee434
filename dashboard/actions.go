package dashboard

import (
	"errors"
	"fmt"
	"net/http"

	"memhook/delivery"
)

// errState is the page of an action that came too late.
var errState = &failure{http.StatusConflict, "Not possible now", "The delivery is being sent at this moment, or is over. Go back and look at it again."}

// errInactive is the page of a send to an endpoint that takes none.
var errInactive = &failure{http.StatusConflict, "Endpoint not active", "The endpoint is paused, disabled or deleted, so nothing is sent to it. Resume or enable it first."}

// errErased is the page of a send of what is not there any more.
var errErased = &failure{http.StatusConflict, "Erased", "The memory was erased, and what was to be sent with it. The endpoints are sent the erasure instead."}

// actionFailure turns what the service refuses into a page.
func actionFailure(err error) error {
	switch {
	case errors.Is(err, delivery.ErrState):
		return errState
	case errors.Is(err, delivery.ErrInactive):
		return errInactive
	case errors.Is(err, delivery.ErrErased):
		return errErased
	}
	return err
}

// deliveryAction is an action on one delivery; it leads back to its page, where the
// outcome is watched.
func (d *Dashboard) deliveryAction(action string, do func(v visit, t delivery.Trail) error) work {
	return func(v visit) (reply, error) {
		t, err := d.trailOf(v)
		if err != nil {
			return reply{}, err
		}
		if err := do(v, t); err != nil {
			return reply{}, actionFailure(err)
		}
		d.note(v, action, delivery.FormatID(delivery.DeliveryPrefix, t.Delivery.ID), "to "+t.EndpointName)
		return goTo(deliveryPath(t.Delivery.ID)), nil
	}
}

func (d *Dashboard) resend(v visit, t delivery.Trail) error {
	return d.delivery.SendAgain(v.ctx(), v.project(), t.Delivery.ID)
}

func (d *Dashboard) cancel(v visit, t delivery.Trail) error {
	return d.delivery.CancelDelivery(v.ctx(), v.project(), t.Delivery.ID)
}

// maxPicked is how many deliveries one press of a button sends again. Larger sets
// are replays.
const maxPicked = mostRows

// resendPicked sends the chosen rows of a list again.
func (d *Dashboard) resendPicked(v visit) (reply, error) {
	ids := v.fields["id"]
	if len(ids) == 0 || len(ids) > maxPicked {
		return reply{}, &failure{http.StatusBadRequest, "Nothing chosen", fmt.Sprintf("Choose 1 to %d deliveries of the list.", maxPicked)}
	}
	sent, left := 0, 0
	for _, text := range ids {
		id, err := delivery.ParseID(delivery.DeliveryPrefix, text)
		if err != nil {
			return reply{}, errNotFound
		}
		switch err := d.delivery.SendAgain(v.ctx(), v.project(), id); {
		case err == nil:
			sent++
			d.note(v, "delivery.resend", delivery.FormatID(delivery.DeliveryPrefix, id), "chosen in a list")
		case errors.Is(err, delivery.ErrState), errors.Is(err, delivery.ErrInactive), errors.Is(err, delivery.ErrErased), errors.Is(err, delivery.ErrNotFound):
			left++
		default:
			return reply{}, err
		}
	}
	return goTo(fmt.Sprintf("%sdeliveries?trigger=manual&sent=%d&left=%d", root, sent, left)), nil
}

// sendTest sends a sample message to an endpoint and leads to its delivery.
func (d *Dashboard) sendTest(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	one, err := d.delivery.SendTest(v.ctx(), v.project(), e.ID, v.fields.Get("type"))
	var invalid *delivery.InvalidError
	if errors.As(err, &invalid) {
		return reply{}, &failure{http.StatusUnprocessableEntity, "No such test", string(line(invalid.Text))}
	}
	if err != nil {
		return reply{}, err
	}
	d.note(v, "endpoint.test", delivery.FormatID(delivery.EndpointPrefix, e.ID), one.Type+" to "+e.Name)
	return goTo(deliveryPath(one.ID)), nil
}
