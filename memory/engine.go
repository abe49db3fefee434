package memory

import (
	"context"

	"github.com/google/uuid"
)

// An Engine decides what a conversation changes. It writes nothing.
type Engine interface {
	// Decide returns the drafts in the order in which they apply. No drafts and
	// a reason mean that there is nothing to remember. An error that wraps
	// ErrRefused ends the event as FAILED; after any other the event is tried
	// again later.
	Decide(ctx context.Context, add Add, recall Recall) (Decision, error)
}

// Recall returns the active memories of the event's scope that the query
// concerns, newest first.
type Recall func(ctx context.Context, q RecallQuery) ([]Memory, error)

// A RecallQuery asks for memories by any of its parts.
type RecallQuery struct {
	Scope    Scope
	Subjects []string // memories with one of these subjects
	Hashes   []string // memories with one of these text hashes (TextHash)
	Limit    int      // at most this many; 0: 50
}

// A Decision is what an engine makes of a conversation.
type Decision struct {
	Drafts []Draft
	Reason Reason // why there are none
}

// Reason says why an add stored nothing. It is shown in the event's metadata.
type Reason string

// The reasons.
const (
	ReasonNoFacts      Reason = "no_facts"      // nothing worth keeping was said
	ReasonAlreadyKnown Reason = "already_known" // everything said is remembered already
	ReasonNoText       Reason = "no_text"       // no turn had text that could be stored
)

// A Draft is a change that an engine wants.
type Draft struct {
	Kind    ChangeKind
	Target  uuid.UUID // the memory to update or delete; not for ChangeAdd
	Text    string    // the new text; not for ChangeDelete
	Subject string    // see Memory.Subject
	Scope   Scope     // whose fact it is: Add.ScopeOf of the turn it comes from
}
