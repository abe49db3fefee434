package mem0api

import (
	"context"
	"encoding/json"

	"memhook/memory"
	"memhook/signing/apikey"
)

// entityListRequest asks for the memories of one entity.
type entityListRequest struct {
	entityRequest
	page page
}

func (r *entityListRequest) read(in *input) error {
	if err := r.entityRequest.read(in); err != nil {
		return err
	}
	return r.readPage(in)
}

func (r *entityListRequest) readPage(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	r.page, err = in.page(q)
	return err
}

// listEntity shows a page of one entity's memories.
func (a *API) listEntity(ctx context.Context, key apikey.Key, r *entityListRequest) (any, error) {
	list := listRequest{page: r.page, enveloped: true}
	list.query.Filter = memory.Entity(r.field, r.name)
	return a.list(ctx, key, &list)
}

// createEntityRequest has the entity ID that the path is about.
type createEntityRequest struct {
	ids      memory.Scope
	label    string
	metadata json.RawMessage
}

func (r *createEntityRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	for name, v := range body.members() {
		if id := entityID(&r.ids, name); id != nil {
			err = readID(id, v)
		} else if string(name) == "name" {
			err = readText(&r.label, v)
		} else if string(name) == "metadata" {
			err = readObject(&r.metadata, v)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	return nil
}

// createdEntity is an entity that was made by name. Its id is a number here and a
// string in lists: so it is with mem0.
type createdEntity struct {
	ID        json.Number     `json:"id"`
	UserID    *string         `json:"user_id,omitempty"`
	AgentID   *string         `json:"agent_id,omitempty"`
	AppID     *string         `json:"app_id,omitempty"`
	RunID     *string         `json:"run_id,omitempty"`
	Name      string          `json:"name"`
	Metadata  json.RawMessage `json:"metadata"`
	CreatedAt string          `json:"created_at"`
	UpdatedAt string          `json:"updated_at"`
}

// createEntity makes a user, agent, app or run that has no memories yet.
func (a *API) createEntity(field memory.Field) func(context.Context, apikey.Key, *createEntityRequest) (createdEntity, error) {
	return func(ctx context.Context, key apikey.Key, r *createEntityRequest) (createdEntity, error) {
		shape := createdEntity{Metadata: r.metadata}
		e := memory.EntitySummary{Field: field, Label: r.label, Metadata: r.metadata}
		switch field {
		case memory.FieldUser:
			e.Name, shape.UserID = r.ids.UserID, &r.ids.UserID
		case memory.FieldAgent:
			e.Name, shape.AgentID = r.ids.AgentID, &r.ids.AgentID
		case memory.FieldApp:
			e.Name, shape.AppID = r.ids.AppID, &r.ids.AppID
		case memory.FieldRun:
			e.Name, shape.RunID = r.ids.RunID, &r.ids.RunID
		}
		made, err := a.memory.CreateEntity(ctx, key.ProjectID, e)
		if shape.Name = r.label; shape.Name == "" {
			shape.Name = e.Name
		}
		shape.ID = json.Number(entityNumber(key.ProjectID, e))
		shape.CreatedAt, shape.UpdatedAt = memory.Timestamp(made.CreatedAt), memory.Timestamp(made.UpdatedAt)
		return shape, err
	}
}

// filtersShape has what a dashboard offers to filter by.
type filtersShape struct {
	Users      []string `json:"users"`
	Agents     []string `json:"agents"`
	Apps       []string `json:"apps"`
	Runs       []string `json:"runs"`
	Categories []string `json:"categories"`
}

// maxChoices is how many entities of each type are offered, the newest.
const maxChoices = 1000

// entityFilters shows the entities that there are and the categories that new
// memories are sorted under.
func (a *API) entityFilters(ctx context.Context, key apikey.Key, _ *noRequest) (filtersShape, error) {
	s := filtersShape{[]string{}, []string{}, []string{}, []string{}, []string{}}
	lists := map[memory.Field]*[]string{
		memory.FieldUser: &s.Users, memory.FieldAgent: &s.Agents, memory.FieldApp: &s.Apps, memory.FieldRun: &s.Runs,
	}
	err := a.memory.EachEntity(ctx, memory.EntityQuery{ProjectID: key.ProjectID}, func(e memory.EntitySummary) error {
		if list := lists[e.Field]; len(*list) < maxChoices {
			*list = append(*list, e.Name)
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	categories, err := a.memory.Categories(ctx, key.ProjectID)
	for _, c := range categories {
		s.Categories = append(s.Categories, c.Name)
	}
	return s, err
}

// profileShape is mem0's profile of a user. There are none here.
type profileShape struct {
	Profile         struct{} `json:"profile"`
	Status          string   `json:"status"`
	EntityType      string   `json:"entity_type"`
	EntityID        string   `json:"entity_id"`
	UpdatedAt       *string  `json:"updated_at"`
	GenerationCount int      `json:"generation_count"`
	Error           *string  `json:"error"`
}

// profile says that profiles are not enabled.
func (a *API) profile(_ context.Context, _ apikey.Key, r *entityRequest) (profileShape, error) {
	s := profileShape{Status: "not_enabled", EntityID: r.name}
	for name, field := range entityTypes {
		if field == r.field {
			s.EntityType = name
		}
	}
	return s, nil
}
