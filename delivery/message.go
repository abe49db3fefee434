package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The types of messages about memories, as mem0 names them.
const (
	MemoryAdd                   = "memory_add"
	MemoryUpdate                = "memory_update"
	MemoryDelete                = "memory_delete"
	MemoryCategorize            = "memory_categorize"
	IngestJobCompleted          = "ingest_job_completed"
	IngestJobPartiallyCompleted = "ingest_job_partially_completed"
	IngestJobFailed             = "ingest_job_failed"
	IngestJobCancelled          = "ingest_job_cancelled"
)

// AllTypes in an endpoint's list subscribes it to every type.
const AllTypes = "*"

// EventTypes lists the message types an endpoint can subscribe to.
func EventTypes() []string {
	return []string{
		MemoryAdd, MemoryUpdate, MemoryDelete, MemoryCategorize,
		IngestJobCompleted, IngestJobPartiallyCompleted, IngestJobFailed, IngestJobCancelled,
	}
}

// The operational types: what happens to endpoints and deliveries. An endpoint gets
// them only when it lists them, and never about itself.
const (
	EndpointFailingType   = "endpoint.failing"
	EndpointRecoveredType = "endpoint.recovered"
	EndpointDisabledType  = "endpoint.disabled"
	DeliveryExhaustedType = "delivery.exhausted"
)

// OperationalTypes lists the types about endpoints and deliveries.
func OperationalTypes() []string {
	return []string{EndpointFailingType, EndpointRecoveredType, EndpointDisabledType, DeliveryExhaustedType}
}

func operational(t string) bool {
	switch t {
	case EndpointFailingType, EndpointRecoveredType, EndpointDisabledType, DeliveryExhaustedType:
		return true
	}
	return false
}

// knownType tells whether an endpoint may ask for the type.
func knownType(t string) bool {
	return t == AllTypes || slices.Contains(EventTypes(), t) || operational(t) || relayed(t)
}

// MaxPayload is the largest body a message may have, in bytes.
const MaxPayload = 256 << 10

// A Message is what receivers get: one per change of a memory. Its ID is the
// webhook-id of every copy that is ever sent.
type Message struct {
	ID        uuid.UUID
	ProjectID string
	EventID   uuid.UUID
	MemoryID  uuid.UUID // uuid.Nil for messages about an event as a whole
	Type      string
	Body      []byte // the full format; the other formats are cut out of it
	Trace     string // the trace it belongs to, see TraceOf; "" for none
	Facets    Facets // for fan-out; not stored, the body has them
	CreatedAt time.Time
	// ScrubbedAt is when its memory was erased: the body says nothing any more, and is not
	// sent. Claims and entries of a feed have it.
	ScrubbedAt *time.Time
}

// Format says how much of a message an endpoint gets.
type Format string

// The formats.
const (
	// Full is one object for two readers: mem0's event_details and beside it
	// Standard Webhooks' type, timestamp and data.
	Full Format = "full"
	// Thin has the IDs and no memory text: the receiver fetches the rest.
	Thin Format = "thin"
	// Mem0 is what mem0's hosted service sends: event_details and nothing else.
	Mem0 Format = "mem0"
)

// envelope is the part of a full body that the other formats are cut from. Raw
// values keep their bytes.
type envelope struct {
	EventDetails json.RawMessage `json:"event_details,omitempty"`
	Type         string          `json:"type,omitempty"`
	Timestamp    string          `json:"timestamp,omitempty"`
	Data         json.RawMessage `json:"data,omitempty"`
}

// thinData are the members of data that are IDs or name the change.
type thinData struct {
	EventID  string  `json:"event_id,omitempty"`
	MemoryID string  `json:"memory_id,omitempty"`
	Event    string  `json:"event,omitempty"`
	UserID   *string `json:"user_id,omitempty"`
	AgentID  *string `json:"agent_id,omitempty"`
	AppID    *string `json:"app_id,omitempty"`
	RunID    *string `json:"run_id,omitempty"`
	Status   string  `json:"status,omitempty"`

	EndpointID string `json:"endpoint_id,omitempty"` // of operational messages
	DeliveryID string `json:"delivery_id,omitempty"`
}

// storedFacets reads the facets out of the stored body. A message whose body was too
// large has lost its metadata, and a filter on it refuses the message.
func (m Message) storedFacets() Facets {
	var full struct {
		Data struct {
			UserID     string          `json:"user_id"`
			AgentID    string          `json:"agent_id"`
			AppID      string          `json:"app_id"`
			RunID      string          `json:"run_id"`
			Categories []string        `json:"categories"`
			Metadata   json.RawMessage `json:"metadata"`
		} `json:"data"`
	}
	_ = json.Unmarshal(m.Body, &full) // a relayed body may have anything there; what cannot be read is not there
	d := full.Data
	return Facets{UserID: d.UserID, AgentID: d.AgentID, AppID: d.AppID, RunID: d.RunID, Categories: d.Categories, Metadata: d.Metadata}
}

// Payload returns the bytes an endpoint with the format gets. It depends on the
// stored body alone, so it is the same on every attempt and after every restart.
func (m Message) Payload(f Format) ([]byte, error) {
	if f == Full || f == "" {
		return m.Body, nil
	}
	var full envelope
	if err := json.Unmarshal(m.Body, &full); err != nil {
		return nil, fmt.Errorf("read body of message %s: %w", m.ID, err)
	}
	switch {
	case f == Mem0 && full.EventDetails != nil:
		return json.Marshal(envelope{EventDetails: full.EventDetails})
	case f == Mem0: // relayed from elsewhere: mem0 has no form for it
		return m.Body, nil
	}
	var thin thinData
	if err := json.Unmarshal(full.Data, &thin); err != nil {
		return nil, fmt.Errorf("read data of message %s: %w", m.ID, err)
	}
	data, err := json.Marshal(thin)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{Type: full.Type, Timestamp: full.Timestamp, Data: data})
}
