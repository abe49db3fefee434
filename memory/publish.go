package memory

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// body is what receivers get, as one object for two readers: mem0's
// event_details, and beside it Standard Webhooks' type, timestamp and data.
type body struct {
	EventDetails eventDetails `json:"event_details"`
	Type         string       `json:"type"`
	Timestamp    string       `json:"timestamp"`
	Data         any          `json:"data"`
}

// eventDetails has the members that receivers of mem0's hosted service read, at
// the place where they read them.
type eventDetails struct {
	ID         *uuid.UUID  `json:"id,omitempty"`
	MemoryID   *uuid.UUID  `json:"memory_id,omitempty"`
	Data       *memoryText `json:"data,omitempty"`
	Event      string      `json:"event"`
	Categories *[]string   `json:"categories,omitempty"`
	EventID    uuid.UUID   `json:"event_id"`
	Status     EventStatus `json:"status,omitempty"`
	Error      string      `json:"error,omitempty"`
	Results    *[]jobItem  `json:"results,omitempty"`
	scopeIDs
}

// Bodies returns what the API's description is made from: the members of every body in
// the format full, and the data of each type. Relayed messages have their own.
func Bodies() (envelope any, data map[string]any) {
	data = map[string]any{delivery.MemoryCategorize: categorizeData{}}
	for _, typ := range changeTypes {
		data[typ] = changeData{}
	}
	for _, typ := range []string{delivery.IngestJobCompleted, delivery.IngestJobPartiallyCompleted, delivery.IngestJobFailed} {
		data[typ] = jobData{}
	}
	return body{}, data
}

type memoryText struct {
	Memory string `json:"memory"`
}

type scopeIDs struct {
	UserID  *string `json:"user_id"`
	AgentID *string `json:"agent_id"`
	AppID   *string `json:"app_id"`
	RunID   *string `json:"run_id"`
}

// changeData is the data of a message about one change.
type changeData struct {
	EventID        uuid.UUID  `json:"event_id"`
	MemoryID       uuid.UUID  `json:"memory_id"`
	Event          ChangeKind `json:"event"`
	Memory         string     `json:"memory"`
	PreviousMemory *string    `json:"previous_memory,omitempty"`
	Truncated      bool       `json:"truncated,omitempty"`
	scopeIDs
	Metadata   json.RawMessage `json:"metadata"`
	Categories []string        `json:"categories"`
	CreatedAt  string          `json:"created_at"`
	UpdatedAt  string          `json:"updated_at"`
	Origin     EventKind       `json:"origin"` // the kind of the event that caused the change
}

// jobData is the data of a message about an event as a whole.
type jobData struct {
	EventID uuid.UUID   `json:"event_id"`
	Event   string      `json:"event"`
	Status  EventStatus `json:"status"`
	Error   string      `json:"error,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Results []jobItem   `json:"results"`
	scopeIDs
}

type jobItem struct {
	ID    uuid.UUID  `json:"id"`
	Event ChangeKind `json:"event"`
}

var changeTypes = map[ChangeKind]string{
	ChangeAdd: delivery.MemoryAdd, ChangeUpdate: delivery.MemoryUpdate, ChangeDelete: delivery.MemoryDelete,
}

// changeMessage is the message about one change. A text that would make the body
// larger than delivery.MaxPayload is left out and the data marked truncated: the
// receiver can fetch the memory by its ID.
func changeMessage(e Event, c Change) delivery.Message {
	msg := delivery.Message{
		ID: delivery.NewID(), ProjectID: e.ProjectID, EventID: e.ID, MemoryID: c.Memory.ID,
		Type: changeTypes[c.Kind], CreatedAt: c.At, Facets: c.Memory.Facets(),
	}
	if msg.Body = changeBody(e, c, msg.Type, false); len(msg.Body) > delivery.MaxPayload {
		msg.Body = changeBody(e, c, msg.Type, true)
	}
	return msg
}

func changeBody(e Event, c Change, typ string, truncated bool) []byte {
	m := c.Memory
	data := changeData{
		EventID: e.ID, MemoryID: m.ID, Event: c.Kind, Memory: m.Text, scopeIDs: idsOf(m.Scope),
		Metadata: m.Metadata, Categories: m.Categories, Origin: e.Kind, Truncated: truncated,
		CreatedAt: Timestamp(m.CreatedAt), UpdatedAt: Timestamp(m.UpdatedAt),
	}
	if c.Kind == ChangeUpdate {
		data.PreviousMemory = &c.Before
	}
	if truncated {
		data.Memory, data.PreviousMemory, data.Metadata = "", nil, nil
	}
	return render(body{
		EventDetails: eventDetails{
			ID: &m.ID, Data: &memoryText{data.Memory}, Event: string(c.Kind), EventID: e.ID, scopeIDs: data.scopeIDs,
		},
		Type: typ, Timestamp: Timestamp(c.At), Data: data,
	})
}

// categorizeData is the data of a message about a memory's categories.
type categorizeData struct {
	EventID    uuid.UUID `json:"event_id"`
	MemoryID   uuid.UUID `json:"memory_id"`
	Event      string    `json:"event"`
	Categories []string  `json:"categories"`
	scopeIDs
	Metadata json.RawMessage `json:"metadata"`
}

// categorizeMessage tells which categories a memory got. Metadata that would make
// the body larger than delivery.MaxPayload is left out.
func categorizeMessage(e Event, c Change) delivery.Message {
	m := c.Memory
	msg := delivery.Message{
		ID: delivery.NewID(), ProjectID: e.ProjectID, EventID: e.ID, MemoryID: m.ID, Type: delivery.MemoryCategorize, CreatedAt: c.At,
		Facets: facets(m.Scope, m.Categories, m.Metadata),
	}
	if msg.Body = categorizeBody(e, c, m.Metadata); len(msg.Body) > delivery.MaxPayload {
		msg.Body = categorizeBody(e, c, nil)
	}
	return msg
}

func categorizeBody(e Event, c Change, metadata json.RawMessage) []byte {
	const name = "CATEGORIZE"
	m, ids := c.Memory, idsOf(c.Memory.Scope)
	return render(body{
		EventDetails: eventDetails{MemoryID: &m.ID, Event: name, Categories: &m.Categories, EventID: e.ID, scopeIDs: ids},
		Type:         delivery.MemoryCategorize, Timestamp: Timestamp(c.At),
		Data: categorizeData{EventID: e.ID, MemoryID: m.ID, Event: name, Categories: m.Categories, scopeIDs: ids, Metadata: metadata},
	})
}

// jobMessage tells how an add ended, with or without changes.
func jobMessage(e Event, changes []Change) delivery.Message {
	typ, name := delivery.IngestJobCompleted, "INGEST_JOB_COMPLETED"
	switch {
	case e.Status == EventFailed:
		typ, name = delivery.IngestJobFailed, "INGEST_JOB_FAILED"
	case e.Reason == string(ReasonTooManyFacts):
		typ, name = delivery.IngestJobPartiallyCompleted, "INGEST_JOB_PARTIALLY_COMPLETED"
	}
	results := make([]jobItem, 0, len(changes))
	for _, c := range changes {
		if c.Kind != ChangeReplace {
			results = append(results, jobItem{ID: c.Memory.ID, Event: c.Kind})
		}
	}
	ids := idsOf(e.Scope)
	var metadata json.RawMessage
	if e.Request.Add != nil {
		metadata = e.Request.Add.Metadata
	}
	return delivery.Message{
		ID: delivery.NewID(), ProjectID: e.ProjectID, EventID: e.ID, Type: typ, CreatedAt: e.UpdatedAt,
		Facets: facets(e.Scope, nil, metadata),
		Body: render(body{
			EventDetails: eventDetails{Event: name, EventID: e.ID, Status: e.Status, Error: e.Error, Results: &results, scopeIDs: ids},
			Type:         typ, Timestamp: Timestamp(e.UpdatedAt),
			Data: jobData{EventID: e.ID, Event: name, Status: e.Status, Error: e.Error, Reason: e.Reason, Results: results, scopeIDs: ids},
		}),
	}
}

// originSnapshot is the origin in messages that no event caused.
const originSnapshot EventKind = "SNAPSHOT"

// SnapshotMessage is the message about a memory as it is, for an endpoint that is to
// get every memory. The message belongs to the event that changed it last, so that an
// erasure finds it and it is pruned; OfSnapshot keeps it from being one that other
// endpoints have missed.
func SnapshotMessage(m Memory, event uuid.UUID, now time.Time) delivery.Message {
	msg := changeMessage(Event{ID: event, ProjectID: m.ProjectID, Kind: originSnapshot}, Change{Kind: ChangeAdd, Memory: m, At: m.UpdatedAt})
	msg.CreatedAt = now
	return msg
}

// OfSnapshot tells from the body of a message whether it is one of a snapshot, if it is
// in no feed.
func OfSnapshot(body []byte) bool {
	return bytes.Contains(body, []byte(`"origin":"`+originSnapshot+`"`))
}

// Facets are what endpoint filters decide on.
func (m Memory) Facets() delivery.Facets { return facets(m.Scope, m.Categories, m.Metadata) }

// facets are what endpoint filters decide on.
func facets(s Scope, categories []string, metadata json.RawMessage) delivery.Facets {
	return delivery.Facets{
		UserID: s.UserID, AgentID: s.AgentID, AppID: s.AppID, RunID: s.RunID, Categories: categories, Metadata: metadata,
	}
}

func idsOf(s Scope) scopeIDs {
	return scopeIDs{orNull(s.UserID), orNull(s.AgentID), orNull(s.AppID), orNull(s.RunID)}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Timestamp is how a time is shown outside: RFC 3339 in UTC, up to microseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00") }

func render(b body) []byte {
	out, err := json.Marshal(b)
	if err != nil {
		panic(err) // every member is of a type that has JSON; metadata was read as JSON
	}
	return out
}
