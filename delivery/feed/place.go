package feed

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"memhook/delivery"
)

// A Place is a place in a project's feed: after a message, or after all messages of a
// commit.
type Place struct {
	Seq   int64     // the commit
	ID    uuid.UUID // the message; Nil when no message stands there
	Whole bool      // all messages of the commit are before it
}

// Start is before everything that is kept.
var Start = Place{Seq: -1, Whole: true}

// The words that a caller may say instead of a cursor.
const startWord = "start"

const (
	cursorSize  = 1 + 8 + 16
	cursorPart  = 1 // the first byte of a cursor
	cursorWhole = 2
)

// String returns the place as callers carry it: opaque.
func (p Place) String() string {
	if p == Start {
		return startWord
	}
	raw := make([]byte, 0, cursorSize)
	kind := byte(cursorPart)
	if p.Whole {
		kind = cursorWhole
	}
	raw = append(raw, kind)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.Seq)) //nolint:gosec // it is not negative
	return base64.RawURLEncoding.EncodeToString(append(raw, p.ID[:]...))
}

// ParsePlace reads what String returned. *delivery.InvalidError.
func ParsePlace(s string) (Place, error) {
	if s == startWord {
		return Start, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != cursorSize || raw[0] != cursorPart && raw[0] != cursorWhole || raw[1] > 0x7f {
		return Place{}, &delivery.InvalidError{Field: "after", Text: "This is not a cursor of the feed: pass one of an earlier answer, as it is, or start."}
	}
	return Place{
		Seq: int64(binary.BigEndian.Uint64(raw[1:9])), ID: uuid.UUID(raw[9:]), Whole: raw[0] == cursorWhole, //nolint:gosec // its first bit is 0
	}, nil
}

// ErrGone says that what follows a cursor is not all there any more.
var ErrGone = errors.New("the feed does not have all that follows the cursor")

// An Entry is a message in the feed.
type Entry struct {
	Message delivery.Message
	Place   Place // after it
	Erased  bool  // what it says is to be forgotten: nobody reads it
}

// A Look is what the store has behind a place, as it is at one moment.
type Look struct {
	Entries []Entry // in order
	More    bool    // there are more
	Head    int64   // the last commit, 0 before the first
	Pruned  int64   // the highest commit of which messages were removed; -1: none
	Known   bool    // the message of the place is there
}

// gone tells whether messages behind the place were removed, or the place is one of
// another database: one that was restored, or of another project.
func (l Look) gone(at Place) bool {
	switch {
	case at == Start:
		return false
	case at.Seq > l.Head, at.Seq < l.Pruned, at.Seq == l.Pruned && !at.Whole:
		return true
	}
	return at.ID != uuid.Nil && at.Seq > l.Pruned && !l.Known
}
