package memory

import "errors"

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
	// ErrTimeout says that a processed add took longer than its caller may wait.
	// The work goes on.
	ErrTimeout = errors.New("still processing")
)

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
