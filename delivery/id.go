package delivery

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Prefixes of the IDs shown outside. Inside, an ID is the bare UUID; events and
// memories are bare outside too. An ID never contains a dot, because the signed
// content of a webhook separates its parts with dots.
const (
	EndpointPrefix = "ep_"
	MessagePrefix  = "msg_"
	DeliveryPrefix = "dlv_"
	AttemptPrefix  = "atmpt_"
	ReplayPrefix   = "rpl_"
)

// NewID returns a version 7 UUID: IDs made later sort later, so new rows are
// appended to an index instead of scattered over it.
func NewID() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err) // the system's randomness is gone; nothing can go on
	}
	return id
}

// FormatID returns the ID as it is shown outside.
func FormatID(prefix string, id uuid.UUID) string { return prefix + id.String() }

// ParseID reads an ID as it is shown outside. It accepts the bare UUID too. A
// malformed one is ErrNotFound: no row can have it.
func ParseID(prefix, s string) (uuid.UUID, error) {
	bare := strings.TrimPrefix(s, prefix)
	if len(bare) != 36 {
		return uuid.Nil, fmt.Errorf("%w: %q is not an ID of the form %s<uuid>", ErrNotFound, clip(s, 64), prefix)
	}
	id, err := uuid.Parse(bare)
	if err != nil {
		return uuid.Nil, fmt.Errorf("%w: %q is not an ID of the form %s<uuid>", ErrNotFound, s, prefix)
	}
	return id, nil
}

// clip cuts s to at most n bytes without splitting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
