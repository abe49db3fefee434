package mem0api

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

// historyEntry is one change of a memory.
type historyEntry struct {
	ID         uuid.UUID         `json:"id"`
	MemoryID   uuid.UUID         `json:"memory_id"`
	Input      json.RawMessage   `json:"input"` // the messages that caused it; [] for a direct edit
	OldMemory  *string           `json:"old_memory"`
	NewMemory  *string           `json:"new_memory"`
	Event      memory.ChangeKind `json:"event"`
	UserID     *string           `json:"user_id"`
	AgentID    *string           `json:"agent_id"`
	AppID      *string           `json:"app_id"`
	RunID      *string           `json:"run_id"`
	SessionID  *string           `json:"session_id"` // run_id under mem0's other name
	Categories []string          `json:"categories"`
	Metadata   json.RawMessage   `json:"metadata"`
	CreatedAt  string            `json:"created_at"`
	UpdatedAt  string            `json:"updated_at"`
}

// historyOrList takes a user, agent, app or run of the name history for what it is.
func (a *API) historyOrList(ctx context.Context, key apikey.Key, r *historyRequest) (any, error) {
	if r.list != nil {
		return a.listEntity(ctx, key, r.list)
	}
	return a.history(ctx, key, &r.memoryRequest)
}

// historyRequest asks for the history of a memory. The path is also that of the
// memories of an entity.
type historyRequest struct {
	memoryRequest
	list *entityListRequest
}

func (r *historyRequest) read(in *input) error {
	kind, err := in.param("memory")
	if err != nil {
		return err
	}
	field, ok := entityTypes[kind]
	if !ok {
		return r.memoryRequest.read(in)
	}
	r.list = &entityListRequest{entityRequest: entityRequest{field, "history"}}
	return r.list.readPage(in)
}

type projectHistoryRequest struct{ page page }

// read takes limit for page_size, as mem0 calls it here.
func (r *projectHistoryRequest) read(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	if limit := q.Get("limit"); limit != "" && q.Get("page_size") == "" {
		q.Set("page_size", limit)
		q.Del("limit")
	}
	r.page, err = in.page(q)
	return err
}

// projectHistory shows the changes of all memories, newest first.
func (a *API) projectHistory(ctx context.Context, key apikey.Key, r *projectHistoryRequest) (envelope[historyEntry], error) {
	changes, count, err := a.memory.ProjectHistory(ctx, key.ProjectID, r.page.offset(), r.page.size)
	if err != nil {
		return envelope[historyEntry]{}, err
	}
	list, err := a.entriesOf(ctx, key.ProjectID, changes)
	if err != nil {
		return envelope[historyEntry]{}, err
	}
	return pageOf(r.page, count, list)
}

// history shows the changes of a memory, oldest first.
func (a *API) history(ctx context.Context, key apikey.Key, r *memoryRequest) ([]historyEntry, error) {
	changes, err := a.memory.History(ctx, key.ProjectID, r.id)
	if err != nil {
		return nil, err
	}
	return a.entriesOf(ctx, key.ProjectID, changes)
}

func (a *API) entriesOf(ctx context.Context, projectID string, changes []memory.Change) ([]historyEntry, error) {
	list := make([]historyEntry, len(changes))
	messages := map[uuid.UUID]json.RawMessage{}
	size := 0
	for i, c := range changes {
		list[i] = historyOf(c)
		if list[i].Input = noMessages; size > memory.MaxListBytes {
			continue
		}
		input, known := messages[c.EventID]
		if !known {
			var err error
			if input, err = a.messagesOf(ctx, projectID, c.EventID); err != nil {
				return nil, err
			}
			messages[c.EventID] = input
		}
		size += len(input) // each entry is written out
		list[i].Input = input
	}
	return list, nil
}

func historyOf(c memory.Change) historyEntry {
	m := c.Memory
	h := historyEntry{
		ID: c.ID, MemoryID: m.ID, Event: c.Kind,
		UserID: orNull(m.Scope.UserID), AgentID: orNull(m.Scope.AgentID), AppID: orNull(m.Scope.AppID),
		RunID: orNull(m.Scope.RunID), SessionID: orNull(m.Scope.RunID),
		Categories: m.Categories, Metadata: m.Metadata,
		CreatedAt: memory.Timestamp(m.CreatedAt), UpdatedAt: memory.Timestamp(c.At),
	}
	if c.Kind == memory.ChangeReplace {
		h.Event = memory.ChangeUpdate // of its state: mem0 has no other word
	}
	if c.Kind != memory.ChangeAdd {
		h.OldMemory = &c.Before
	}
	if c.Kind != memory.ChangeDelete {
		h.NewMemory = &m.Text
	}
	return h
}

var noMessages = json.RawMessage("[]")

// messagesOf returns the messages that an add was given, as an array. An event that
// was pruned, or was no add, has none.
func (a *API) messagesOf(ctx context.Context, projectID string, eventID uuid.UUID) (json.RawMessage, error) {
	e, _, err := a.memory.Event(ctx, projectID, eventID)
	if errors.Is(err, memory.ErrNotFound) {
		return noMessages, nil
	}
	if err != nil {
		return nil, err
	}
	if e.Kind != memory.EventAdd {
		return noMessages, nil
	}
	var payload struct {
		Messages json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(e.Payload, &payload); err != nil || len(payload.Messages) == 0 {
		return noMessages, nil
	}
	switch value(payload.Messages)[0] {
	case '[':
		return payload.Messages, nil
	case '"':
		turn := append([]byte(`[{"role":"user","content":`), payload.Messages...)
		return append(turn, "}]"...), nil
	}
	return append(append([]byte("["), payload.Messages...), ']'), nil
}
