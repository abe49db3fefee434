package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"memhook/delivery"
)

// newEndpointPath is the page that registers an endpoint.
const newEndpointPath = root + "endpoints/new"

type newView struct {
	Form formView
}

type editView struct {
	endpointHead
	Form formView
}

func (d *Dashboard) newEndpoint(visit) (reply, error) {
	f := formView{Format: string(delivery.Full), Order: string(delivery.Unordered), Types: []string{delivery.AllTypes}}
	return show("new", "Register an endpoint", newView{f.filled()}), nil
}

// createEndpoint registers an endpoint and shows its secret. What is wrong is said
// beside the field.
func (d *Dashboard) createEndpoint(v visit) (reply, error) {
	f := formOf(v.fields)
	s, ok := f.settings()
	var e delivery.Endpoint
	var err error
	if ok {
		e, err = d.delivery.CreateEndpoint(v.ctx(), v.project(), delivery.NewEndpoint{
			Name: f.Name, URL: f.URL, EventTypes: f.Types, Format: delivery.Format(f.Format), Description: f.Description,
			Headers: s.headers, Filter: s.filter, RatePerSecond: s.rate, Timeout: s.timeout, Schedule: s.schedule, Ed25519: f.Ed25519,
			Order: delivery.Order(f.Order), Snapshot: f.Snapshot,
		})
		ok, err = f.take(err)
	}
	if err != nil {
		return reply{}, err
	}
	if !ok {
		r := show("new", "Register an endpoint", newView{f.filled()})
		r.status = http.StatusUnprocessableEntity
		return r, nil
	}
	d.note(v, "endpoint.create", delivery.FormatID(delivery.EndpointPrefix, e.ID), e.Name)
	if err := d.letSee(v, delivery.FormatID(delivery.EndpointPrefix, e.ID)); err != nil {
		return reply{}, err
	}
	return goTo(endpointPath(e.ID) + "/secrets"), nil
}

func (d *Dashboard) editEndpoint(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	return show("edit", string(line(e.Name))+": settings", editView{headOf(e, v, "edit"), formFrom(e).filled()}), nil
}

func (d *Dashboard) saveEndpoint(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	f := formOf(v.fields)
	s, ok := f.settings()
	if ok {
		format, order := delivery.Format(f.Format), delivery.Order(f.Order)
		_, err = d.delivery.UpdateEndpoint(v.ctx(), v.project(), e.ID, delivery.EndpointEdit{
			Name: &f.Name, URL: &f.URL, EventTypes: &f.Types, Format: &format, Description: &f.Description, Headers: &s.headers,
			Filter: &s.filter, RatePerSecond: &s.rate, Timeout: &s.timeout, Schedule: &s.schedule, Ed25519: &f.Ed25519,
			Order: &order,
		})
		ok, err = f.take(err)
	}
	if err != nil {
		return reply{}, err
	}
	if !ok {
		r := show("edit", string(line(e.Name))+": settings", editView{headOf(e, v, "edit"), f.filled()})
		r.status = http.StatusUnprocessableEntity
		return r, nil
	}
	d.note(v, "endpoint.update", delivery.FormatID(delivery.EndpointPrefix, e.ID), f.Name)
	return goTo(endpointPath(e.ID)), nil
}

// take puts an error of the service beside the field that is wrong. It returns
// false for one, and any other error as it is.
func (f *formView) take(err error) (bool, error) {
	var invalid *delivery.InvalidError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &invalid):
		f.wrong(invalid.Field, invalid.Text)
		return false, nil
	case errors.Is(err, delivery.ErrTooMany):
		f.wrong("form", fmt.Sprintf("A project can have at most %d endpoints. Delete one first.", delivery.MaxEndpoints))
		return false, nil
	}
	return false, err
}

// endpointAction is a switch on the page of an endpoint.
func (d *Dashboard) endpointAction(action string, do func(v visit, e delivery.Endpoint) error) work {
	return func(v visit) (reply, error) {
		e, err := d.endpointOf(v)
		if err != nil {
			return reply{}, err
		}
		if err := do(v, e); err != nil {
			return reply{}, err
		}
		d.note(v, action, delivery.FormatID(delivery.EndpointPrefix, e.ID), e.Name)
		return goTo(endpointPath(e.ID)), nil
	}
}

func (d *Dashboard) pauseEndpoint(v visit, e delivery.Endpoint) error {
	_, err := d.delivery.PauseEndpoint(v.ctx(), v.project(), e.ID, "key ••••"+v.key.Hint)
	return err
}

func (d *Dashboard) resumeEndpoint(v visit, e delivery.Endpoint) error {
	_, err := d.delivery.ResumeEndpoint(v.ctx(), v.project(), e.ID)
	return err
}

func (d *Dashboard) enableEndpoint(v visit, e delivery.Endpoint) error {
	_, err := d.delivery.EnableEndpoint(v.ctx(), v.project(), e.ID)
	return err
}

// rotateSecret gives the endpoint a new secret and shows it.
func (d *Dashboard) rotateSecret(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	hours, err := strconv.Atoi(v.fields.Get("hours"))
	if err != nil || hours < 0 || !slices.Contains(overlapHours, hours) {
		return reply{}, &failure{http.StatusBadRequest, "Unknown overlap", "The old secret can stay valid for one of the times the page offers."}
	}
	rotate := d.delivery.RotateSecret
	if v.fields.Get("which") == "ed25519" {
		rotate = d.delivery.RotateKeyPair
	}
	var invalid *delivery.InvalidError
	switch _, err = rotate(v.ctx(), v.project(), e.ID, time.Duration(hours)*time.Hour); {
	case errors.As(err, &invalid):
		r := d.secretsPage(v, e, invalid.Text)
		r.status = http.StatusUnprocessableEntity
		return r, nil
	case err != nil:
		return reply{}, err
	}
	d.note(v, "endpoint.rotate_secret", delivery.FormatID(delivery.EndpointPrefix, e.ID), fmt.Sprintf("%s; the old one signs for %d h", e.Name, hours))
	if err := d.letSee(v, delivery.FormatID(delivery.EndpointPrefix, e.ID)); err != nil {
		return reply{}, err
	}
	return goTo(endpointPath(e.ID) + "/secrets"), nil
}

// overlapHours are how long a replaced secret may stay valid.
var overlapHours = []int{24, 1, 72, 168, 0}

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
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	if err := d.delivery.DeleteEndpoint(v.ctx(), v.project(), e.ID); err != nil {
		return reply{}, err
	}
	d.note(v, "endpoint.delete", delivery.FormatID(delivery.EndpointPrefix, e.ID), e.Name)
	return goTo(root + "endpoints"), nil
}

// A formView is what a person enters about an endpoint, with what is wrong.
type formView struct {
	Name        string
	URL         string
	Description string
	Types       []string
	Format      string
	Order       string
	Snapshot    bool   // of a new one
	Headers     string // a line each: Name: value
	Users       string // a line each
	Agents      string
	Apps        string
	Runs        string
	Categories  string
	IgnoreFrom  string
	Metadata    string // a JSON object
	Rate        string
	Timeout     string
	Schedule    string
	Ed25519     bool
	Mistakes    map[string]string // by field; "form" for the whole

	TypeChoices   []choice
	MoreTypes     []choice // the operational ones
	FormatChoices []choice
	OrderChoices  []choice
	Advanced      bool // the part that is folded away is in use, or has a mistake
}

type choice struct {
	Value   string
	Label   string
	Chosen  bool
	Comment string
}

func formOf(form url.Values) formView {
	f := formView{
		Name: form.Get("name"), URL: form.Get("url"), Description: form.Get("description"), Types: form["event_types"],
		Format: form.Get("format"), Order: cmp.Or(form.Get("order"), string(delivery.Unordered)), Headers: form.Get("headers"), Users: form.Get("user_ids"), Agents: form.Get("agent_ids"),
		Apps: form.Get("app_ids"), Runs: form.Get("run_ids"), Categories: form.Get("categories"), Metadata: form.Get("metadata"), IgnoreFrom: form.Get("ignore_from"),
		Rate: form.Get("rate"), Timeout: form.Get("timeout"), Schedule: form.Get("schedule"), Ed25519: form.Get("ed25519") != "", Snapshot: form.Get("snapshot") != "",
	}
	if slices.Contains(f.Types, delivery.AllTypes) { // it stands for mem0's types
		f.Types = slices.DeleteFunc(f.Types, func(t string) bool { return slices.Contains(delivery.EventTypes(), t) })
	}
	return f
}

func formFrom(e delivery.Endpoint) formView {
	f := formView{
		Name: e.Name, URL: e.URL, Description: e.Description, Types: e.EventTypes, Format: string(e.Format), Order: string(e.Order), Headers: headerLines(e.Headers),
		Users: lines(e.Filter.UserIDs), Agents: lines(e.Filter.AgentIDs), Apps: lines(e.Filter.AppIDs), Runs: lines(e.Filter.RunIDs),
		Categories: lines(e.Filter.Categories), Metadata: metadataText(e.Filter.Metadata), IgnoreFrom: lines(e.Filter.IgnoreFrom), Ed25519: len(e.KeyPairs) > 0,
	}
	if e.RatePerSecond > 0 {
		f.Rate = strconv.FormatFloat(e.RatePerSecond, 'f', -1, 64)
	}
	if e.Timeout > 0 {
		f.Timeout = strconv.FormatFloat(e.Timeout.Seconds(), 'f', -1, 64)
	}
	if e.Schedule != nil {
		f.Schedule = e.Schedule.String()
	}
	return f
}

// wrong notes a mistake beside its field.
func (f *formView) wrong(field, text string) {
	if f.Mistakes == nil {
		f.Mistakes = map[string]string{}
	}
	switch field {
	case "url":
		text = "The URL " + text + "."
	case "timeout_s":
		field = "timeout"
	case "snapshot":
		field = "event_types"
	case "rate_per_second":
		field = "rate"
	}
	if after, ok := strings.CutPrefix(field, "filter."); ok {
		field = after
	}
	if !slices.Contains(formFields, field) {
		field = "form"
	}
	f.Mistakes[field] = text
}
