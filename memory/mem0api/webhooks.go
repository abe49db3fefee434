package mem0api

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing/apikey"
)

// projectRequest names a project in its path.
type projectRequest struct{ project string }

func (r *projectRequest) read(in *input) (err error) {
	r.project, err = in.param("project")
	return err
}

// check refuses other projects than the key's. JavaScript clients that have not
// learnt theirs write null or undefined into the path.
func (r *projectRequest) check(key apikey.Key) error {
	switch r.project {
	case key.ProjectID, "null", "undefined":
		return nil
	}
	return errProject
}

// webhooks shows the project's webhooks, oldest first.
func (a *API) webhooks(ctx context.Context, key apikey.Key, r *projectRequest) ([]webhookShape, error) {
	if err := r.check(key); err != nil {
		return nil, err
	}
	project, err := a.memory.Project(ctx, key.ProjectID)
	if err != nil {
		return nil, err
	}
	endpoints, err := a.delivery.Endpoints(ctx, key.ProjectID)
	if err != nil {
		return nil, err
	}
	list := make([]webhookShape, len(endpoints))
	for i, e := range endpoints {
		list[i] = webhookOf(e, project)
	}
	return list, nil
}

// webhookBody is what creates or changes a webhook. Nil fields were not given.
type webhookBody struct {
	name, url *string
	types     *[]string
	active    *bool
}

// readWebhook reads all members and reports the mistakes of all of them together.
// JavaScript clients up to 2.4.1 spell event_types in camel case.
func (in *input) readWebhook() (webhookBody, fieldErrors, error) {
	var b webhookBody
	body, err := in.body()
	if err != nil {
		return b, nil, err
	}
	wrong := fieldErrors{}
	for name, v := range body.members() {
		if v.isNull() {
			continue // as undefined
		}
		switch string(name) {
		case "name":
			b.name = readField(wrong, "name", "Not a valid string.", v, readText)
		case "url":
			b.url = readField(wrong, "url", "Not a valid string.", v, readText)
		case "is_active", "isActive":
			b.active = readField(wrong, "is_active", "Must be a valid boolean.", v, readBool)
		case "event_types", "eventTypes":
			b.types = readField(wrong, "event_types", "Expected a list of strings.", v, readTypes)
		}
	}
	return b, wrong, nil
}

// readField reads a value that is not null, or notes the mistake.
func readField[T any](wrong fieldErrors, field, mistake string, v value, read func(*T, value) error) *T {
	dst := new(T)
	if read(dst, v) != nil {
		wrong.add(field, mistake)
	}
	return dst
}

// readTypes reads message types. mem0's early examples had memory:add.
func readTypes(dst *[]string, v value) error {
	if !v.isArray() {
		return mustBe("an array of strings")
	}
	var given []string
	if err := readTexts(&given, v); err != nil {
		return err
	}
	for _, t := range given {
		if t = strings.ReplaceAll(t, ":", "_"); !slices.Contains(*dst, t) {
			*dst = append(*dst, t)
		}
	}
	return nil
}

type createWebhookRequest struct {
	projectRequest
	webhook delivery.NewEndpoint
}

func (r *createWebhookRequest) read(in *input) error {
	if err := r.projectRequest.read(in); err != nil {
		return err
	}
	body, wrong, err := in.readWebhook()
	if err != nil {
		return err
	}
	const required = "This field is required."
	if body.name == nil {
		wrong.add("name", required)
	}
	if body.url == nil {
		wrong.add("url", required)
	}
	if body.types == nil {
		wrong.add("event_types", required)
	}
	if err := wrong.orNil(); err != nil {
		return err
	}
	r.webhook = delivery.NewEndpoint{Name: *body.name, URL: *body.url, EventTypes: *body.types}
	r.webhook.Paused = body.active != nil && !*body.active
	return nil
}

// createWebhook registers an endpoint. This answer alone has its secret.
func (a *API) createWebhook(ctx context.Context, key apikey.Key, r *createWebhookRequest) (webhookShape, error) {
	if err := r.check(key); err != nil {
		return webhookShape{}, err
	}
	project, err := a.memory.Project(ctx, key.ProjectID)
	if err != nil {
		return webhookShape{}, err
	}
	e, err := a.delivery.CreateEndpoint(ctx, key.ProjectID, r.webhook)
	if err != nil {
		return webhookShape{}, err
	}
	shape := webhookOf(e, project)
	shape.Secret = e.Secrets[0].Reveal()
	return shape, nil
}

// webhookRequest names an endpoint in its path.
type webhookRequest struct{ id uuid.UUID }

func (r *webhookRequest) read(in *input) error {
	s, err := in.param("webhook")
	if err != nil {
		return err
	}
	r.id, err = delivery.ParseID(delivery.EndpointPrefix, s)
	return err
}

type updateWebhookRequest struct {
	webhookRequest
	edit delivery.EndpointEdit
}

func (r *updateWebhookRequest) read(in *input) error {
	if err := r.webhookRequest.read(in); err != nil {
		return err
	}
	body, wrong, err := in.readWebhook()
	if err != nil {
		return err
	}
	r.edit = delivery.EndpointEdit{Name: body.name, URL: body.url, EventTypes: body.types, Active: body.active}
	return wrong.orNil()
}

func (a *API) updateWebhook(ctx context.Context, key apikey.Key, r *updateWebhookRequest) (messageShape, error) {
	_, err := a.delivery.UpdateEndpoint(ctx, key.ProjectID, r.id, r.edit)
	return messageShape{"Webhook updated successfully"}, err
}

func (a *API) deleteWebhook(ctx context.Context, key apikey.Key, r *webhookRequest) (messageShape, error) {
	return messageShape{"Webhook deleted successfully"}, a.delivery.DeleteEndpoint(ctx, key.ProjectID, r.id)
}
