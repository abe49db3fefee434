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
	// again, after a *LaterError with growing pauses. ctx ends before the event's
	// lease does, and when the service stops.
	Decide(ctx context.Context, add Add, recall Recall) (Decision, error)
}

// A Categorizer says which categories texts belong to. It writes nothing.
type Categorizer interface {
	// Categorize returns for each text the names of its categories, in the order
	// of the list. Where it fails the memories are stored without categories.
	Categorize(ctx context.Context, texts []string, list []Category) ([][]string, error)
}

// Recall returns the active memories of the event's scope that the query
// concerns, newest first.
type Recall func(ctx context.Context, q RecallQuery) ([]Memory, error)

// A RecallQuery asks for memories by any of its parts.
type RecallQuery struct {
	Scope    Scope
	Subjects []string // memories with one of these subjects
	Hashes   []string // memories with one of these text hashes (TextHash)
	Texts    []string // those that fit one of these texts best
	Limit    int      // at most this many, of those that fit for each text; 0: 50
}

// A Decision is what an engine makes of a conversation.
type Decision struct {
	Drafts []Draft
	Reason Reason // why there are none, or not all
}

// Reason says why an add stored nothing, or not all. It is shown in the event's
// metadata.
type Reason string

// The reasons.
const (
	ReasonNoFacts      Reason = "no_facts"      // nothing worth keeping was said
	ReasonAlreadyKnown Reason = "already_known" // everything said is remembered already
	ReasonNoText       Reason = "no_text"       // no turn had text that could be stored
	// ReasonTooManyFacts says that more was said than one add keeps: what came first
	// was looked at, the rest was not.
	ReasonTooManyFacts Reason = "too_many_facts"
)

// A Draft is a change that an engine wants. It is the same under both policies:
// the service turns an update or a deletion into what the Additive one makes of it.
type Draft struct {
	Kind    ChangeKind
	Target  uuid.UUID // the memory to update or delete; not for ChangeAdd
	Text    string    // the new text; on ChangeDelete what took the old one back, which Additive keeps, "" when the memory is to go
	Subject string    // see Memory.Subject
	Scope   Scope     // whose fact it is: Add.ScopeOf of the turn it comes from
	// Richer says that the new text has all that the old one says. Additive marks
	// the old one merged, otherwise superseded.
	Richer bool
	// Categories are those of the new text; nil: the Categorizer is asked.
	Categories []string
	// Replaces are memories that a ChangeAdd takes the place of and that are kept.
	Replaces []uuid.UUID
}
