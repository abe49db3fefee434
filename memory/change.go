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
	// ChangeReplace marks a memory superseded by, or merged into, another one. Its
	// text stays. It stands in the memory's history alone: it is no result of the
	// event and makes no message.
	ChangeReplace ChangeKind = "REPLACE"
)

// A Change is what one event did to one memory. It is an item of the event's
// results, an entry of the memory's history, and the cause of one message, or of
// two where it gave the memory its categories.
type Change struct {
	ID      uuid.UUID
	EventID uuid.UUID
	Kind    ChangeKind
	Memory  Memory // as it is after the change; on ChangeDelete as it was before
	Before  string // the text before; "" on ChangeAdd
	// Categorized says that the memory got its categories. It is a message of its own.
	Categorized bool
	At          time.Time
}
