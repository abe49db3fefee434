package delivery

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that no row of the caller's project has the ID.
	ErrNotFound = errors.New("not found")
	// ErrNotDue says that a row is finished, or that somebody else has it.
	ErrNotDue = errors.New("not due")
	// ErrInactive says that the endpoint is paused, disabled or deleted.
	ErrInactive = errors.New("the endpoint is not active")
	// ErrState says that the row's state does not allow what was asked.
	ErrState = errors.New("its state does not allow it")
	// ErrNotParked says that there is nothing to probe: the endpoint's breaker is not
	// open.
	ErrNotParked = errors.New("the breaker is not open")
	// ErrProbing says that a probe of the endpoint is under way.
	ErrProbing = errors.New("a probe is under way")
	// ErrNothingWaits says that no delivery waits for the endpoint.
	ErrNothingWaits = errors.New("no delivery waits for the endpoint")
	// ErrUnwritable says that the database takes no change now, because its disk is
	// full or read-only, or because it is out of reach. Nothing was recorded, or, when
	// the connection was lost, it is not known.
	ErrUnwritable = errors.New("the database cannot be written")
	// ErrErased says that what was to be sent was erased.
	ErrErased = errors.New("the memory was erased")
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

// ChangedError says that a set is not what it was when it was looked at.
type ChangedError struct{ Expected, Found int }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the set has changed: %d deliveries were expected and there are %d", e.Expected, e.Found)
}
