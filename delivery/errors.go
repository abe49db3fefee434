package delivery

import "errors"

var (
	// ErrNotFound says that no row of the caller's project has the ID.
	ErrNotFound = errors.New("not found")
	// ErrNotDue says that a row is finished, or that somebody else has it.
	ErrNotDue = errors.New("not due")
	// ErrTooMany says that the project has MaxEndpoints endpoints already.
	ErrTooMany = errors.New("too many endpoints")
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
	return e.Field + ": " + e.Text
}
