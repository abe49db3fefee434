package memory

import (
	"errors"
	"time"
)

var (
	// ErrNotFound says that no row of the caller's project has the ID.
	ErrNotFound = errors.New("not found")
	// ErrNotDue says that an event is finished, that somebody else has it, or
	// that an older event of its scope comes first.
	ErrNotDue = errors.New("not due")
	// ErrChanged says that a memory changed after a change to it was decided.
	ErrChanged = errors.New("memory changed meanwhile")
	// ErrRefused says that an engine will never accept the event's input.
	ErrRefused = errors.New("refused by the engine")
	// ErrDefault says that the first project of an installation cannot be deleted.
	ErrDefault = errors.New("the default project cannot be deleted")
	// ErrTooMany says that an installation has MaxProjects.
	ErrTooMany = errors.New("too many projects")
	// ErrLastKey says that a project would be left without an admin key.
	ErrLastKey = errors.New("the project's last admin key")
	// ErrTimeout says that a processed add took longer than its caller may wait.
	// The work goes on.
	ErrTimeout = errors.New("still processing")
)

// LaterError says that an engine cannot decide now and could later, because what
// it needs is out of reach. The event waits and is tried again.
type LaterError struct {
	Reason string        // written for the caller
	After  time.Duration // not before this; 0: whenever
}

func (e *LaterError) Error() string { return e.Reason }

// InvalidError says which field of a request is wrong. Its text is written for
// the caller.
type InvalidError struct {
	Field string // as the caller spelled it, "" for the request as a whole
	Text  string
}

func (e *InvalidError) Error() string {
	if e.Field == "" {
		return e.Text
	}
	return e.Field + " " + e.Text
}
