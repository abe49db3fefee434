package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"memhook/delivery"
)

// newView is the form that registers an endpoint, with what was entered before
// when something was wrong with it.
type newView struct {
	Name     string
	URL      string
	Types    []choice
	Formats  []choice
	Mistakes map[string]string // by field; "form" for the whole
}

type choice struct {
	Value   string
	Label   string
	Chosen  bool
	Comment string
}

func (d *Dashboard) newEndpoint(visit) (reply, error) {
	view := newViewOf(delivery.NewEndpoint{EventTypes: []string{delivery.AllTypes}, Format: delivery.Full})
	return show("new", "Register an endpoint", view), nil
}

func newViewOf(n delivery.NewEndpoint) newView {
	v := newView{Name: n.Name, URL: n.URL, Mistakes: map[string]string{"name": "", "url": "", "event_types": "", "format": "", "form": ""}}
	for _, t := range append([]string{delivery.AllTypes}, delivery.EventTypes()...) {
		c := choice{Value: t, Label: t, Chosen: slices.Contains(n.EventTypes, t)}
		if t == delivery.AllTypes {
			c.Label = "All types, also those to come"
		}
		v.Types = append(v.Types, c)
	}
	v.Formats = []choice{
		{string(delivery.Full), "Full", n.Format == delivery.Full, "mem0's event_details, and beside it the Standard Webhooks fields"},
		{string(delivery.Thin), "Thin", n.Format == delivery.Thin, "IDs only; the receiver fetches the text"},
		{string(delivery.Mem0), "mem0", n.Format == delivery.Mem0, "event_details and nothing else, as the hosted service sends it"},
	}
	return v
}

// createEndpoint registers an endpoint and shows its secret. What is wrong is said
// beside the field.
func (d *Dashboard) createEndpoint(v visit) (reply, error) {
	n := newEndpointOf(v.fields)
	e, err := d.delivery.CreateEndpoint(v.ctx(), v.project(), n)
	if err != nil {
		return newMistake(newViewOf(n), err)
	}
	if err := d.reveal(v, e.ID); err != nil {
		return reply{}, err
	}
	return goTo(endpointPath(e.ID) + "/secrets"), nil
}

func newEndpointOf(form url.Values) delivery.NewEndpoint {
	n := delivery.NewEndpoint{
		Name: form.Get("name"), URL: form.Get("url"), EventTypes: form["event_types"], Format: delivery.Format(form.Get("format")),
	}
	if slices.Contains(n.EventTypes, delivery.AllTypes) {
		n.EventTypes = []string{delivery.AllTypes}
	}
	return n
}

func newMistake(view newView, err error) (reply, error) {
	var invalid *delivery.InvalidError
	switch {
	case errors.As(err, &invalid):
		field := invalid.Field
		if _, ok := view.Mistakes[field]; !ok {
			field = "form"
		}
		view.Mistakes[field] = invalid.Text
		if field == "url" {
			view.Mistakes[field] = "The URL " + invalid.Text + "."
		}
	case errors.Is(err, delivery.ErrTooMany):
		view.Mistakes["form"] = fmt.Sprintf("A project can have at most %d endpoints. Delete one first.", delivery.MaxEndpoints)
	default:
		return reply{}, err
	}
	r := show("new", "Register an endpoint", view)
	r.status = http.StatusUnprocessableEntity
	return r, nil
}

func (d *Dashboard) pauseEndpoint(v visit) (reply, error) { return d.setActive(v, false) }

func (d *Dashboard) resumeEndpoint(v visit) (reply, error) { return d.setActive(v, true) }

func (d *Dashboard) setActive(v visit, active bool) (reply, error) {
	id, err := delivery.ParseID(delivery.EndpointPrefix, v.Param("endpoint"))
	if err != nil {
		return reply{}, errNotFound
	}
	if _, err := d.delivery.UpdateEndpoint(v.ctx(), v.key.ProjectID, id, delivery.EndpointEdit{Active: &active}); err != nil {
		return reply{}, err
	}
	return goTo(endpointPath(id)), nil
}

type deleteView struct {
	Page string
	Name text
	Host text
}

func (d *Dashboard) confirmDelete(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	return show("delete", "Delete "+string(line(e.Name))+"?", deleteView{endpointPath(e.ID), line(e.Name), line(hostOf(e.URL))}), nil
}

func (d *Dashboard) deleteEndpoint(v visit) (reply, error) {
	id, err := delivery.ParseID(delivery.EndpointPrefix, v.Param("endpoint"))
	if err != nil {
		return reply{}, errNotFound
	}
	if err := d.delivery.DeleteEndpoint(v.ctx(), v.key.ProjectID, id); err != nil {
		return reply{}, err
	}
	return goTo(root + "endpoints"), nil
}
