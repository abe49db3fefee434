package hookapi

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
	"memhook/retry"
)

// newEndpoint is the body of a new endpoint.
type newEndpoint struct {
	Name          string            `json:"name" required:"true"`
	URL           string            `json:"url" required:"true"`
	EventTypes    []string          `json:"event_types" doc:"Which messages it gets; left out: all. * stands for every type of a memory event."`
	Description   string            `json:"description"`
	Format        string            `json:"format" enum:"full,thin,mem0" doc:"full has everything, thin IDs only, mem0 what mem0's platform sends."`
	Headers       map[string]string `json:"headers" doc:"Added to every request."`
	Filter        delivery.Filter   `json:"filter" doc:"Narrows down what it gets: every field that is set must accept the message."`
	RatePerSecond float64           `json:"rate_per_second"`
	Order         string            `json:"order" enum:"none,memory,latest" doc:"Of the messages of one memory. memory: one after another, in the order of its changes; latest: also without those that a newer one makes out of date."`
	TimeoutS      float64           `json:"timeout_s" doc:"1 to 30; left out: 15."`
	Schedule      *json.RawMessage  `json:"schedule" doc:"{\"type\":\"list\",\"waits_s\":[5,30]} or {\"type\":\"exponential\",\"initial_s\":5,\"factor\":4,\"max_s\":86400,\"attempts\":13}; left out: the default."`
	Ed25519       bool              `json:"ed25519"`
	Paused        bool              `json:"paused"`
	Snapshot      bool              `json:"snapshot" doc:"First sends it every memory there is, as a bulk replay of memories. What changes meanwhile comes as usual: there is no gap between the two, and no overlap."`
}

func (a *API) createEndpoint(c call, in *newEndpoint) (secretsShape, error) {
	schedule, err := scheduleOf(in.Schedule)
	if err != nil {
		return secretsShape{}, err
	}
	timeout, err := timeoutOf(&in.TimeoutS)
	if err != nil {
		return secretsShape{}, err
	}
	if in.EventTypes == nil {
		in.EventTypes = []string{delivery.AllTypes}
	}
	n := delivery.NewEndpoint{
		Name: in.Name, URL: in.URL, EventTypes: in.EventTypes, Format: delivery.Format(in.Format), Description: in.Description,
		Headers: in.Headers, Filter: in.Filter, RatePerSecond: in.RatePerSecond, Order: delivery.Order(in.Order), Timeout: *timeout, Ed25519: in.Ed25519,
		Paused: in.Paused, Snapshot: in.Snapshot, By: c.by(),
	}
	if schedule != nil {
		n.Schedule = *schedule
	}
	e, err := a.delivery.CreateEndpoint(c, c.project(), n)
	if err != nil {
		return secretsShape{}, err
	}
	a.note(c, "endpoint.create", endpointID(e.ID), e.Name)
	return secretsOf(e, c.now), nil
}

// scheduleOf reads a schedule; null is the default one, and nothing leaves it.
func scheduleOf(raw *json.RawMessage) (*retry.Schedule, error) {
	if raw == nil {
		return nil, nil
	}
	var s retry.Schedule
	if err := json.Unmarshal(*raw, &s); err != nil {
		return nil, invalid(fieldShape{"schedule", sentence(capital(err.Error()))})
	}
	return &s, nil
}

func timeoutOf(s *float64) (*time.Duration, error) {
	if s == nil {
		return nil, nil
	}
	if math.IsNaN(*s) || *s < 0 || *s > delivery.MaxTimeout.Seconds() {
		return nil, invalid(fieldShape{"timeout_s", "Must be between 1 and 30 seconds."})
	}
	d := time.Duration(*s * float64(time.Second))
	return &d, nil
}

func (a *API) endpoints(c call, _ *none) (listShape[endpointShape], error) {
	list, err := a.delivery.Endpoints(c, c.project())
	shapes := make([]endpointShape, len(list))
	for i, e := range list {
		shapes[i] = endpointOf(e, c.now)
	}
	return listOf(shapes, ""), err
}

// ofEndpoint names an endpoint in the path.
type ofEndpoint struct {
	Endpoint string `path:"endpoint"`
}

func (a *API) endpoint(c call, in *ofEndpoint) (endpointShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return endpointShape{}, err
	}
	e, err := a.delivery.Endpoint(c, c.project(), id)
	if err != nil {
		return endpointShape{}, err
	}
	return endpointOf(e, c.now), nil
}

// endpointEdit is the body of a change. What is left out stays as it is.
type endpointEdit struct {
	Endpoint      string             `path:"endpoint"`
	Name          *string            `json:"name"`
	URL           *string            `json:"url"`
	EventTypes    *[]string          `json:"event_types"`
	Description   *string            `json:"description"`
	Format        *string            `json:"format" enum:"full,thin,mem0"`
	Headers       *map[string]string `json:"headers" doc:"Replaces all; a value that is its mask stays as it is."`
	Filter        *delivery.Filter   `json:"filter" doc:"Replaces all of it; {} lets everything through."`
	RatePerSecond *float64           `json:"rate_per_second"`
	Order         *string            `json:"order" enum:"none,memory,latest" doc:"Of the messages that are made from now on."`
	TimeoutS      *float64           `json:"timeout_s"`
	Schedule      *json.RawMessage   `json:"schedule" doc:"null: the default."`
	Ed25519       *bool              `json:"ed25519"`
}

func (a *API) changeEndpoint(c call, in *endpointEdit) (endpointShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return endpointShape{}, err
	}
	edit := delivery.EndpointEdit{
		Name: in.Name, URL: in.URL, EventTypes: in.EventTypes, Description: in.Description, Filter: in.Filter,
		RatePerSecond: in.RatePerSecond, Ed25519: in.Ed25519, Format: (*delivery.Format)(in.Format), Order: (*delivery.Order)(in.Order),
		Headers: (*delivery.Headers)(in.Headers), By: c.by(),
	}
	if edit.Schedule, err = scheduleOf(in.Schedule); err != nil {
		return endpointShape{}, err
	}
	if edit.Timeout, err = timeoutOf(in.TimeoutS); err != nil {
		return endpointShape{}, err
	}
	e, err := a.delivery.UpdateEndpoint(c, c.project(), id, edit)
	if err != nil {
		return endpointShape{}, err
	}
	a.note(c, "endpoint.change", endpointID(id), e.Name)
	return endpointOf(e, c.now), nil
}

func (a *API) deleteEndpoint(c call, in *ofEndpoint) (none, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return none{}, err
	}
	if err := a.delivery.DeleteEndpoint(c, c.project(), id); err != nil {
		return none{}, err
	}
	a.note(c, "endpoint.delete", endpointID(id), "")
	return none{}, nil
}

// switchTo makes a handler that switches an endpoint.
func (a *API) switchTo(action string, turn func(c call, id uuid.UUID) (delivery.Endpoint, error)) func(call, *ofEndpoint) (endpointShape, error) {
	return func(c call, in *ofEndpoint) (endpointShape, error) {
		id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
		if err != nil {
			return endpointShape{}, err
		}
		e, err := turn(c, id)
		if err != nil {
			return endpointShape{}, err
		}
		a.note(c, "endpoint."+action, endpointID(id), e.Name)
		return endpointOf(e, c.now), nil
	}
}

func (a *API) pauseEndpoint() func(call, *ofEndpoint) (endpointShape, error) {
	return a.switchTo("pause", func(c call, id uuid.UUID) (delivery.Endpoint, error) {
		return a.delivery.PauseEndpoint(c, c.project(), id, c.by())
	})
}

func (a *API) resumeEndpoint() func(call, *ofEndpoint) (endpointShape, error) {
	return a.switchTo("resume", func(c call, id uuid.UUID) (delivery.Endpoint, error) {
		return a.delivery.ResumeEndpoint(c, c.project(), id)
	})
}

func (a *API) enableEndpoint() func(call, *ofEndpoint) (endpointShape, error) {
	return a.switchTo("enable", func(c call, id uuid.UUID) (delivery.Endpoint, error) {
		return a.delivery.EnableEndpoint(c, c.project(), id)
	})
}

type rotation struct {
	Endpoint string   `path:"endpoint"`
	OverlapS *float64 `json:"overlap_s" doc:"How long the old secret goes on signing, up to 604800; left out: 24 hours."`
	Kind     string   `json:"kind" enum:"secret,ed25519" doc:"Which is replaced; left out: the secret."`
}

func (a *API) rotateSecret(c call, in *rotation) (secretsShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return secretsShape{}, err
	}
	overlap := delivery.DefaultOverlap
	if in.OverlapS != nil {
		if s := *in.OverlapS; math.IsNaN(s) || s < 0 || s > delivery.MaxOverlap.Seconds() {
			return secretsShape{}, invalid(fieldShape{"overlap_s", fmt.Sprintf("Must be from 0 to %d seconds.", int(delivery.MaxOverlap.Seconds()))})
		}
		overlap = time.Duration(*in.OverlapS * float64(time.Second))
	}
	rotate := a.delivery.RotateSecret
	switch in.Kind {
	case "", "secret":
	case "ed25519":
		rotate = a.delivery.RotateKeyPair
	default:
		return secretsShape{}, invalid(fieldShape{"kind", "Must be secret or ed25519."})
	}
	e, err := rotate(c, c.project(), id, overlap)
	if err != nil {
		return secretsShape{}, err
	}
	a.note(c, "endpoint.rotate_secret", endpointID(id), "the old one is valid for "+explain.Span(overlap))
	return secretsOf(e, c.now), nil
}

func (a *API) revealSecret(c call, in *ofEndpoint) (secretsShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return secretsShape{}, err
	}
	e, err := a.delivery.Endpoint(c, c.project(), id)
	if err != nil {
		return secretsShape{}, err
	}
	a.note(c, "endpoint.reveal_secret", endpointID(id), "")
	return secretsOf(e, c.now), nil
}

// matchInput asks whether an endpoint would get a message.
type matchInput struct {
	Endpoint string        `path:"endpoint"`
	EventID  string        `json:"event_id" doc:"Asks about what this event did."`
	Message  *matchMessage `json:"message" doc:"Asks about a message of this kind."`
}

type matchMessage struct {
	Type       string          `json:"type" required:"true"`
	UserID     string          `json:"user_id,omitempty"`
	AgentID    string          `json:"agent_id,omitempty"`
	AppID      string          `json:"app_id,omitempty"`
	RunID      string          `json:"run_id,omitempty"`
	Categories []string        `json:"categories,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
}

type matchShape struct {
	Receives bool         `json:"receives" doc:"It would get all of them, now or when it is resumed."`
	Verdicts []matchEntry `json:"verdicts"`
}

type matchEntry struct {
	Type     string  `json:"type"`
	MemoryID *string `json:"memory_id"`
	verdictShape
}

func (a *API) match(c call, in *matchInput) (matchShape, error) {
	id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
	if err != nil {
		return matchShape{}, err
	}
	e, err := a.delivery.Endpoint(c, c.project(), id)
	if err != nil {
		return matchShape{}, err
	}
	if (in.EventID == "") == (in.Message == nil) {
		return matchShape{}, invalid(fieldShape{"", "Give either event_id or message."})
	}
	messages := []delivery.Message{}
	if m := in.Message; m != nil {
		messages = append(messages, delivery.Message{Type: m.Type, Facets: delivery.Facets{
			UserID: m.UserID, AgentID: m.AgentID, AppID: m.AppID, RunID: m.RunID, Categories: m.Categories, Metadata: m.Metadata,
		}})
	} else if messages, err = a.messagesOf(c, in.EventID); err != nil {
		return matchShape{}, err
	}
	shape := matchShape{Receives: len(messages) > 0, Verdicts: []matchEntry{}}
	for _, m := range messages {
		v := explain.Match(e, m, c.now)
		shape.Receives = shape.Receives && v.Code != explain.WouldBeSkipped
		shape.Verdicts = append(shape.Verdicts, matchEntry{m.Type, orNull(m.MemoryID), verdictOf(v)})
	}
	return shape, nil
}

// messagesOf returns the messages of an event with what filters decide on.
func (a *API) messagesOf(c call, event string) ([]delivery.Message, error) {
	id, err := idOf("", event)
	if err != nil {
		return nil, invalid(fieldShape{"event_id", "Nothing in this project has this ID."})
	}
	e, changes, err := a.memory.Event(c, c.project(), id)
	if err != nil {
		return nil, err
	}
	list, err := a.delivery.Messages(c, c.project(), id, uuid.Nil, delivery.MaxPage)
	if err != nil {
		return nil, err
	}
	byMemory := map[uuid.UUID]memory.Memory{}
	for _, change := range changes {
		byMemory[change.Memory.ID] = change.Memory
	}
	for i := range list {
		m := byMemory[list[i].MemoryID]
		if m.ID == uuid.Nil {
			m.Scope = e.Scope
		}
		list[i].Facets = delivery.Facets{
			UserID: m.Scope.UserID, AgentID: m.Scope.AgentID, AppID: m.Scope.AppID, RunID: m.Scope.RunID,
			Categories: m.Categories, Metadata: m.Metadata,
		}
	}
	return list, nil
}
