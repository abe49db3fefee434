package mem0api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

type memoryRequest struct{ id uuid.UUID }

func (r *memoryRequest) read(in *input) error {
	s, err := in.param("memory")
	if err != nil {
		return err
	}
	id, ok := parseUUID(s)
	if !ok {
		return errMemoryID
	}
	r.id = id
	return nil
}

func (a *API) memoryByID(ctx context.Context, key apikey.Key, r *memoryRequest) (memoryShape, error) {
	m, err := a.memory.Memory(ctx, key.ProjectID, r.id)
	return shapeOf(m), err
}

type updateRequest struct {
	memoryRequest
	edit memory.Edit
}

func (r *updateRequest) read(in *input) error {
	if err := r.memoryRequest.read(in); err != nil {
		return err
	}
	body, err := in.body()
	if err != nil {
		return err
	}
	r.edit.ID = r.id
	for name, v := range body.members() {
		if err := readEdit(&r.edit, name, v); err != nil {
			return at(string(name), err)
		}
	}
	if r.edit == (memory.Edit{ID: r.id}) {
		return &memory.InvalidError{Text: "at least one of text, metadata, timestamp and expiration_date is required"}
	}
	return nil
}

// readEdit reads one member of an update.
func readEdit(e *memory.Edit, name []byte, v value) error {
	switch string(name) {
	case "text":
		if v.isNull() {
			return nil
		}
		e.Text = new(string)
		return readText(e.Text, v)
	case "metadata":
		if !v.isNull() && !v.isObject() {
			return mustBe("an object or null")
		}
		raw := json.RawMessage(bytes.Clone(v))
		e.Metadata = &raw
	case "timestamp":
		return readTime(&e.Timestamp, v)
	case "expiration_date":
		e.ExpirationDate = new(string)
		if v.isString() && v.text() == "" {
			return mustBe("a date of the form YYYY-MM-DD, or null")
		}
		return readText(e.ExpirationDate, v)
	}
	return nil
}

func (a *API) update(ctx context.Context, key apikey.Key, r *updateRequest) (memoryShape, error) {
	m, err := a.memory.Update(ctx, key.ProjectID, r.edit)
	return shapeOf(m), err
}

type deleteRequest struct {
	memoryRequest
	linked bool
}

func (r *deleteRequest) read(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	r.linked = isTrue(q.Get("delete_linked"))
	return r.memoryRequest.read(in)
}

type deletedShape struct {
	Message      string `json:"message"`
	CascadeCount *int   `json:"cascade_count,omitempty"`
}

// delete deletes a memory; with delete_linked also those it superseded.
func (a *API) delete(ctx context.Context, key apikey.Key, r *deleteRequest) (deletedShape, error) {
	done := deletedShape{Message: "Memory deleted successfully!"}
	if !r.linked {
		return done, a.memory.Delete(ctx, key.ProjectID, r.id)
	}
	ids, err := a.linked(ctx, key.ProjectID, r.id)
	if err != nil {
		return done, err
	}
	n, err := a.memory.DeleteBatch(ctx, key.ProjectID, ids)
	n--
	done.CascadeCount = &n
	return done, err
}

// linked returns the memory and those that it superseded, and so on, at most
// memory.MaxBatch of them.
func (a *API) linked(ctx context.Context, projectID string, id uuid.UUID) ([]uuid.UUID, error) {
	ids, seen := []uuid.UUID{id}, map[uuid.UUID]bool{id: true}
	for i := 0; i < len(ids); i++ {
		m, err := a.memory.Memory(ctx, projectID, ids[i])
		if errors.Is(err, memory.ErrNotFound) && i > 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, l := range m.Linked {
			if !seen[l] && len(ids) < memory.MaxBatch {
				seen[l] = true
				ids = append(ids, l)
			}
		}
	}
	return ids, nil
}

type deleteAllRequest struct {
	filter  memory.Filter
	payload json.RawMessage
}

func (r *deleteAllRequest) read(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	if r.payload, err = json.Marshal(flat(q)); err != nil {
		return err
	}
	conds := conditions{scope: queryScope(q)}
	if conds.metadata, err = queryObject(q, "metadata"); err != nil {
		return err
	}
	if conds.filters, err = queryObject(q, "filters"); err != nil {
		return err
	}
	if conds.scope == (memory.Scope{UserID: anything, AgentID: anything, AppID: anything, RunID: anything}) {
		conds.scope = memory.Scope{}
		r.filter, err = conds.filter()
		if errors.Is(err, errNoEntity) {
			err = nil // the whole project is meant
		}
		return err
	}
	r.filter, err = conds.filter()
	return err
}

// flat is the query with one value per name.
func flat(q url.Values) map[string]string {
	m := make(map[string]string, len(q))
	for name := range q {
		m[name] = q.Get(name)
	}
	return m
}

const deleting = "Delete in progress. This may take some time."

type deletingShape struct {
	Message string    `json:"message"`
	EventID uuid.UUID `json:"event_id"`
}

// deleteAll begins to delete every memory that the query matches.
func (a *API) deleteAll(ctx context.Context, key apikey.Key, r *deleteAllRequest) (deletingShape, error) {
	q := memory.Query{ProjectID: key.ProjectID, Filter: r.filter}
	e, err := a.memory.DeleteAll(ctx, memory.EventDeleteAll, q, r.payload)
	return deletingShape{deleting, e.ID}, err
}
