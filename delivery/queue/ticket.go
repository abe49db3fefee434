package queue

import "github.com/google/uuid"

// MaxIDs is how many IDs a Ticket carries at most.
const MaxIDs = 32

// A Ticket says "look at these rows now". It may come twice or late.
type Ticket struct {
	Kind string
	Lane string // the queue it waits in; each lane has its own workers
	IDs  []uuid.UUID
}
