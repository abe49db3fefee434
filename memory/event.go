package memory

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// EventKind says what an event asks for. The names are mem0's.
type EventKind string

// The kinds of event.
const (
	EventAdd        EventKind = "ADD"
	EventUpdate     EventKind = "UPDATE"
	EventDelete     EventKind = "DELETE"
	EventDeleteAll  EventKind = "DELETE_ALL"
	EventDeleteUser EventKind = "DELETE_USER"
)

// EventStatus is how far an event is. The names are mem0's; pollers stop at the
// last two.
type EventStatus string

// The states of an event.
const (
	EventPending   EventStatus = "PENDING"
	EventRunning   EventStatus = "RUNNING"
	EventSucceeded EventStatus = "SUCCEEDED"
	EventFailed    EventStatus = "FAILED"
)

// Final tells whether the event is done.
func (s EventStatus) Final() bool { return s == EventSucceeded || s == EventFailed }

// A Request is what an event is to do: the member for its kind is set.
type Request struct {
	Add    *Add   `json:"add,omitempty"`
	Delete *Query `json:"delete,omitempty"` // every memory it matches
	Erase  bool   `json:"erase,omitempty"`  // the memories are erased; the erasure has the ID of the event
}

// An Event is one accepted write.
type Event struct {
	ID          uuid.UUID
	ProjectID   string
	Kind        EventKind
	Status      EventStatus
	Scope       Scope
	Infer       bool            // facts are extracted; such events of one scope run in order
	Payload     json.RawMessage // the request as received
	Request     Request         // what is to be done; empty once final
	Reason      string          // why nothing was stored, or not all; "" otherwise
	Error       string          // why it failed, "" otherwise
	Trace       string          // the trace it belongs to, see delivery.TraceOf; "" for none
	Writer      string          // the API key or source that wrote it, see WithWriter; "" when not known
	Tries       int             // times a worker took it
	NextAt      *time.Time      // if it is not finished by then, somebody may take it; nil when final
	CreatedAt   time.Time
	UpdatedAt   time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
}

// Policy says what happens to a memory that a new fact contradicts.
type Policy string

// The policies.
const (
	// Consolidating updates or deletes the contradicted memory.
	Consolidating Policy = "consolidating"
	// Additive keeps it, marked superseded.
	Additive Policy = "additive"
)
