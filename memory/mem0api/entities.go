package mem0api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"

	"memhook/memory"
	"memhook/signing/apikey"
)

// entityTypes are mem0's names of the entity IDs.
var entityTypes = map[string]memory.Field{
	"user": memory.FieldUser, "agent": memory.FieldAgent, "app": memory.FieldApp, "run": memory.FieldRun,
}

// entityShape is an entity as mem0 shows it.
type entityShape struct {
	ID        string          `json:"id"` // an integer
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	Owner     string          `json:"owner"`
	Metadata  json.RawMessage `json:"metadata"` // null unless it was made by name with some
	Memories  int             `json:"total_memories"`
	CreatedAt string          `json:"created_at"`
	UpdatedAt string          `json:"updated_at"`
}

func entityOf(projectID string, e memory.EntitySummary) entityShape {
	s := entityShape{
		ID: entityNumber(projectID, e), Name: e.Name, Owner: owner, Metadata: e.Metadata, Memories: e.Memories,
		CreatedAt: memory.Timestamp(e.CreatedAt), UpdatedAt: memory.Timestamp(e.UpdatedAt),
	}
	for name, field := range entityTypes {
		if field == e.Field {
			s.Type = name
		}
	}
	return s
}

// entityNumber is an integer that stands for the entity in the paths of old
// clients: 53 bits, what JavaScript can hold, of a hash.
func entityNumber(projectID string, e memory.EntitySummary) string {
	sum := sha256.Sum256([]byte(projectID + "\x00" + string(e.Field) + "\x00" + e.Name))
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:])>>(64-53), 10)
}

type entitiesRequest struct{ page page }

func (r *entitiesRequest) read(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	r.page, err = in.page(q)
	return err
}

// entitiesShape is a page of entities with how many there are of each type.
type entitiesShape struct {
	envelope[entityShape]
	Users  int `json:"total_users"`
	Agents int `json:"total_agents"`
	Apps   int `json:"total_apps"`
	Runs   int `json:"total_runs"`
}

func (a *API) entities(ctx context.Context, key apikey.Key, r *entitiesRequest) (entitiesShape, error) {
	rows, count, totals := []entityShape{}, 0, map[memory.Field]int{}
	err := a.memory.EachEntity(ctx, memory.EntityQuery{ProjectID: key.ProjectID}, func(e memory.EntitySummary) error {
		if count >= r.page.offset() && len(rows) < r.page.size {
			rows = append(rows, entityOf(key.ProjectID, e))
		}
		count++
		totals[e.Field]++
		return nil
	})
	if err != nil {
		return entitiesShape{}, err
	}
	page, err := pageOf(r.page, count, rows)
	return entitiesShape{page, totals[memory.FieldUser], totals[memory.FieldAgent], totals[memory.FieldApp], totals[memory.FieldRun]}, err
}

type entityRequest struct {
	field memory.Field
	name  string
}

func (r *entityRequest) read(in *input) error {
	kind, err := in.param("type")
	if err != nil {
		return err
	}
	var ok bool
	if r.field, ok = entityTypes[kind]; !ok {
		return errEntityType
	}
	r.name, err = in.param("name")
	return err
}

// entity shows the entity in a list, as mem0 does.
func (a *API) entity(ctx context.Context, key apikey.Key, r *entityRequest) ([]entityShape, error) {
	var list []entityShape
	q := memory.EntityQuery{ProjectID: key.ProjectID, Field: r.field, Name: r.name}
	err := a.memory.EachEntity(ctx, q, func(e memory.EntitySummary) error {
		list = append(list, entityOf(key.ProjectID, e))
		return nil
	})
	if err == nil && len(list) == 0 {
		err = errEntity
	}
	return list, err
}

// deleteEntity begins to delete an entity's memories, and with them the entity.
func (a *API) deleteEntity(ctx context.Context, key apikey.Key, r *entityRequest) (deletingShape, error) {
	if _, err := a.entity(ctx, key, r); err != nil {
		return deletingShape{}, err
	}
	payload, err := json.Marshal(map[memory.Field]string{r.field: r.name})
	if err != nil {
		return deletingShape{}, err
	}
	q := memory.Query{ProjectID: key.ProjectID, Filter: memory.Entity(r.field, r.name)}
	e, err := a.memory.DeleteAll(ctx, memory.EventDeleteUser, q, payload)
	return deletingShape{deleting, e.ID}, err
}

// deleteEntityByNumber is deleteEntity with the number in the place of the name.
// What is no entity's number is taken as a name.
func (a *API) deleteEntityByNumber(ctx context.Context, key apikey.Key, r *entityRequest) (deletingShape, error) {
	name := r.name
	q := memory.EntityQuery{ProjectID: key.ProjectID, Field: r.field}
	err := a.memory.EachEntity(ctx, q, func(e memory.EntitySummary) error {
		if entityNumber(key.ProjectID, e) == r.name {
			name = e.Name
		}
		return nil
	})
	if err != nil {
		return deletingShape{}, err
	}
	return a.deleteEntity(ctx, key, &entityRequest{r.field, name})
}
