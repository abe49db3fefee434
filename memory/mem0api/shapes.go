package mem0api

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// memoryShape is a memory as mem0 shows it. Fields without a value are null, not
// left out.
type memoryShape struct {
	ID                   uuid.UUID         `json:"id"`
	Memory               string            `json:"memory"`
	UserID               *string           `json:"user_id"`
	AgentID              *string           `json:"agent_id"`
	AppID                *string           `json:"app_id"`
	RunID                *string           `json:"run_id"`
	SessionID            *string           `json:"session_id"` // mem0's lists say session_id, its search says run_id
	Metadata             json.RawMessage   `json:"metadata"`
	Categories           []string          `json:"categories"`
	CreatedAt            string            `json:"created_at"`
	UpdatedAt            string            `json:"updated_at"`
	ExpirationDate       *string           `json:"expiration_date"`
	Immutable            bool              `json:"immutable"`
	StructuredAttributes memory.Attributes `json:"structured_attributes"`
	Hash                 string            `json:"hash"`
	ReplacedBy           *uuid.UUID        `json:"replaced_by"`
	LinkedMemoryIDs      []uuid.UUID       `json:"linked_memory_ids"`
	Synthesized          bool              `json:"synthesized"`
	LifecycleState       memory.State      `json:"lifecycle_state"`
	Owner                *string           `json:"owner"` // of mem0's past: always null
}

func shapeOf(m memory.Memory) memoryShape {
	s := memoryShape{
		ID: m.ID, Memory: m.Text,
		UserID: orNull(m.Scope.UserID), AgentID: orNull(m.Scope.AgentID), AppID: orNull(m.Scope.AppID),
		RunID: orNull(m.Scope.RunID), SessionID: orNull(m.Scope.RunID),
		Metadata: m.Metadata, Categories: m.Categories,
		CreatedAt: memory.Timestamp(m.CreatedAt), UpdatedAt: memory.Timestamp(m.UpdatedAt),
		ExpirationDate: orNull(m.ExpirationDate), Immutable: m.Immutable,
		StructuredAttributes: memory.StructuredAttributes(m.CreatedAt), Hash: m.Hash(),
		LinkedMemoryIDs: m.Linked, LifecycleState: m.State,
	}
	if m.ReplacedBy != uuid.Nil {
		s.ReplacedBy = &m.ReplacedBy
	}
	if s.LinkedMemoryIDs == nil {
		s.LinkedMemoryIDs = []uuid.UUID{}
	}
	return s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// shown is a memory with all its fields, or with the id and those asked for.
func shown(m memory.Memory, fields []string) (any, error) {
	return some(shapeOf(m), fields, "id")
}

// hitShape is a memory as a search shows it.
type hitShape struct {
	memoryShape
	Score     float64    `json:"score"`
	Breakdown scoreShape `json:"score_breakdown"`
}

// scoreShape says what a score is made of.
type scoreShape struct {
	Semantic float64 `json:"semantic,omitempty"` // only with an embedder
	BM25     float64 `json:"bm25"`
}

// shownHit is a hit with all its fields, or with the id, the score and those
// asked for.
func shownHit(h memory.Hit, fields []string) (any, error) {
	return some(hitShape{shapeOf(h.Memory), h.Score, scoreShape{h.Meaning, h.Words}}, fields, "id", "score", "score_breakdown")
}

// some is a shape with the given members and those that it always has. No members
// stand for all.
func some(shape any, members []string, always ...string) (any, error) {
	if len(members) == 0 {
		return shape, nil
	}
	full, err := json.Marshal(shape)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(full, &all); err != nil {
		return nil, err
	}
	part := map[string]json.RawMessage{}
	for _, name := range slices.Concat(always, members) {
		if v, ok := all[name]; ok {
			part[name] = v
		}
	}
	return part, nil
}

// resultShape is a change as the answer to a processed add shows it.
type resultShape struct {
	ID                   uuid.UUID         `json:"id"`
	Event                memory.ChangeKind `json:"event"`
	Memory               string            `json:"memory"`
	PreviousMemory       *string           `json:"previous_memory,omitempty"`
	Data                 *dataShape        `json:"data,omitempty"`
	StructuredAttributes memory.Attributes `json:"structured_attributes"`
}

type dataShape struct {
	Memory string `json:"memory"`
}

func resultOf(c memory.Change) resultShape {
	r := resultShape{
		ID: c.Memory.ID, Event: c.Kind, Memory: c.Memory.Text,
		StructuredAttributes: memory.StructuredAttributes(c.Memory.CreatedAt),
	}
	if c.Kind == memory.ChangeUpdate {
		r.PreviousMemory = &c.Before
	}
	return r
}

// eventShape is an event as mem0 shows it.
type eventShape struct {
	ID          uuid.UUID          `json:"id"`
	EventType   memory.EventKind   `json:"event_type"`
	Status      memory.EventStatus `json:"status"`
	Payload     json.RawMessage    `json:"payload"`
	Metadata    *eventMetadata     `json:"metadata"`
	Results     []eventResult      `json:"results"`
	Error       *string            `json:"error"`
	GraphStatus *string            `json:"graph_status"` // always null: there is no graph
	CreatedAt   string             `json:"created_at"`
	UpdatedAt   string             `json:"updated_at"`
	StartedAt   *string            `json:"started_at"`
	CompletedAt *string            `json:"completed_at"`
	Latency     *float64           `json:"latency"` // milliseconds from start to end
}

// eventMetadata says why an event stored nothing.
type eventMetadata struct {
	Reason string `json:"reason,omitempty"`
	// Truncated says that there are more results than are shown.
	Truncated bool `json:"results_truncated,omitempty"`
}

// eventResult is a change as an event shows it.
type eventResult struct {
	resultShape
	UserID  *string `json:"user_id"`
	AgentID *string `json:"agent_id"`
	AppID   *string `json:"app_id"`
	RunID   *string `json:"run_id"`
}

func eventOf(e memory.Event, changes []memory.Change) eventShape {
	s := eventShape{
		ID: e.ID, EventType: e.Kind, Status: e.Status, Payload: e.Payload,
		Results: make([]eventResult, len(changes)), Error: orNull(e.Error),
		CreatedAt: memory.Timestamp(e.CreatedAt), UpdatedAt: memory.Timestamp(e.UpdatedAt),
		StartedAt: timeOrNull(e.StartedAt), CompletedAt: timeOrNull(e.CompletedAt),
	}
	if truncated := len(changes) == memory.MaxResults && e.Kind != memory.EventAdd; e.Reason != "" || truncated {
		s.Metadata = &eventMetadata{e.Reason, truncated}
	}
	for i, c := range changes {
		scope := c.Memory.Scope
		s.Results[i] = eventResult{
			resultOf(c), orNull(scope.UserID), orNull(scope.AgentID), orNull(scope.AppID), orNull(scope.RunID),
		}
		s.Results[i].Data = &dataShape{c.Memory.Text}
	}
	if e.CompletedAt != nil {
		begin := e.CreatedAt
		if e.StartedAt != nil {
			begin = *e.StartedAt
		}
		took := milliseconds(e.CompletedAt.Sub(begin))
		s.Latency = &took
	}
	return s
}

func timeOrNull(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := memory.Timestamp(*t)
	return &s
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// webhookShape is an endpoint as mem0 shows it. Receivers of the list do not get
// the secret.
type webhookShape struct {
	WebhookID  string   `json:"webhook_id"`
	Name       string   `json:"name"`
	URL        string   `json:"url"`
	EventTypes []string `json:"event_types"`
	Owner      string   `json:"owner"`
	Project    string   `json:"project"` // its name
	IsActive   bool     `json:"is_active"`
	CreatedAt  string   `json:"created_at"`
	UpdatedAt  string   `json:"updated_at"`
	Secret     string   `json:"secret,omitempty"`
}

func webhookOf(e delivery.Endpoint, project memory.Project) webhookShape {
	return webhookShape{
		WebhookID: delivery.FormatID(delivery.EndpointPrefix, e.ID), Name: e.Name, URL: e.URL,
		EventTypes: e.EventTypes, Owner: owner, Project: project.Name, IsActive: e.Active(),
		CreatedAt: memory.Timestamp(e.CreatedAt), UpdatedAt: memory.Timestamp(e.UpdatedAt),
	}
}
