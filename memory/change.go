package memory

import (
	"time"

	"github.com/google/uuid"
)

// ChangeKind says what happened to a memory.
type ChangeKind string

// The kinds of change. A fact that is already known makes no change.
const (
	ChangeAdd    ChangeKind = "ADD"
	ChangeUpdate ChangeKind = "UPDATE"
	ChangeDelete ChangeKind = "DELETE"
)

// A Change is what one event did to one memory. It is an item of the event's
// results, an entry of the memory's history, and the cause of one message.
type Change struct {
	ID      uuid.UUID
	EventID uuid.UUID
	Kind    ChangeKind
	Memory  Memory // as it is after the change; on ChangeDelete as it was before
	Before  string // the text before; "" on ChangeAdd
	At      time.Time
}
