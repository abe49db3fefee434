package delivery

import (
	"time"

	"github.com/google/uuid"
)

// Order says what an endpoint may rely on about messages of one memory. Messages of
// different memories never wait for each other.
type Order string

// The orders.
const (
	// Unordered sends each message when it is due. A retry may come after newer
	// messages: receivers compare the time in the body.
	Unordered Order = "none"
	// InOrder sends the messages of a memory one after another, in the order of its
	// changes. A message waits until those before it were delivered or given up. One that
	// is sent again later may come after newer ones, but never beside another.
	InOrder Order = "memory"
	// Latest is InOrder without what is out of date: a message that has not been
	// delivered when a newer one of its memory waits is canceled, and stays so if the
	// newer one is given up; a replay sends none that a newer one has overtaken. After an
	// outage a receiver gets the last state of each memory, and takes an update of a memory
	// that it does not know for an add. A memory_categorize has no text and overtakes
	// nothing: it goes when it is due.
	Latest Order = "latest"
)

// Orders lists the orders.
func Orders() []Order { return []Order{Unordered, InOrder, Latest} }

// TurnEvery is how often a delivery that waits for its turn is looked at when nobody
// has woken it: whoever ends the one before it does.
const TurnEvery = time.Minute

func (o Order) keeps() bool { return o == InOrder || o == Latest }

// lane is the memory whose messages the endpoint gets in order; Nil for none.
func (e Endpoint) lane(m Message) uuid.UUID {
	if !e.Order.keeps() || e.Order == Latest && m.Type == MemoryCategorize {
		return uuid.Nil
	}
	return m.MemoryID
}

// InLane tells whether the delivery keeps an order with others. A test does not, and
// none does at an endpoint that no longer asks for one.
func (c Claim) InLane() bool {
	return c.Delivery.Lane != uuid.Nil && c.Endpoint.Order.keeps() && c.Delivery.Trigger != Test
}
