package memory

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// A MemoryList asks for a page of what a Query selects by its place, not by its number:
// the Query's Offset, MaxBytes and NoCount do not count.
type MemoryList struct {
	Query
	After  *MemoryPlace // the page after this memory
	Before *MemoryPlace // the page before this memory
}

// A MemoryPlace is a place in a list of memories. It stays valid while memories come
// and go.
type MemoryPlace struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// A MemoryPage is a part of a list of memories.
type MemoryPage struct {
	Memories []Memory
	Older    *MemoryPlace // for After; nil at the end
	Newer    *MemoryPlace // for Before; nil on the first page
	// Cut says that the search stopped before the page was full, because it had looked
	// at as many memories as one request may. Older goes on from there.
	Cut bool
}

// Cursor is the place as callers carry it: the time takes the place of the event.
func (p MemoryPlace) Cursor() delivery.Cursor {
	c := delivery.Cursor{Event: uuid.UUID{0: 1}, ID: p.ID}
	binary.BigEndian.PutUint64(c.Event[8:], uint64(p.CreatedAt.UnixMicro())) //nolint:gosec // read back the same way
	return c
}

// MemoryPlaceOf reads what Cursor returned.
func MemoryPlaceOf(c delivery.Cursor) MemoryPlace {
	at := int64(binary.BigEndian.Uint64(c.Event[8:])) //nolint:gosec // written the same way
	return MemoryPlace{time.UnixMicro(at).UTC(), c.ID}
}
