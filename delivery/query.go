package delivery

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/retry"
)

// Limits of a list.
const (
	DefaultPage = 50
	MaxPage     = 250
	// MaxCount is how far rows are counted one by one: beyond it a count only says
	// that there are more.
	MaxCount = 1000
)

// ListStatus is a status that a list can be narrowed to: a Status, or one of two
// words for several.
type ListStatus string

// The words that stand for several states.
const (
	Waiting  ListStatus = "waiting"  // pending or sending
	Retrying ListStatus = "retrying" // pending after an attempt
)

// ListStatuses are what a list can be narrowed to.
func ListStatuses() []ListStatus {
	return []ListStatus{
		ListStatus(Pending), ListStatus(Sending), ListStatus(Succeeded), ListStatus(Failed), ListStatus(Held),
		ListStatus(Skipped), ListStatus(Canceled), Waiting, Retrying,
	}
}

// A Query selects deliveries of one project, newest first. Zero fields do not
// constrain.
type Query struct {
	ProjectID string
	Status    ListStatus
	Endpoint  string      // an ID as it is shown outside, or a name
	Type      string      // of the message
	Codes     Codes       // of the last attempt
	Class     retry.Class // of the last attempt
	Trigger   Trigger     // of the last or next attempt
	Since     time.Time   // made at or after
	Until     time.Time   // made before
	UserID    string      // of the event
	AgentID   string
	RunID     string
	EventID   uuid.UUID
	MessageID uuid.UUID
	Text      string // in the message's body or the endpoint's name; letter case does not count
	// IDs narrows the list to some of these deliveries, at most MaxPage: which of them
	// the list has.
	IDs []uuid.UUID

	After  *Cursor // the page after this row
	Before *Cursor // the page before this row
	Limit  int     // 0: DefaultPage
}

// Codes are HTTP statuses from one to another. The zero Codes are all.
type Codes struct{ From, To int }

// A Cursor is a place in a list. It stays valid while rows come and go.
type Cursor struct {
	Event uuid.UUID // in lists ordered by event: those of a user, agent or run
	ID    uuid.UUID
}

// String returns the cursor as callers carry it: opaque.
func (c Cursor) String() string {
	raw := c.ID[:]
	if c.Event != uuid.Nil {
		raw = append(c.Event[:], raw...)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseCursor reads what String returned. *InvalidError.
func ParseCursor(field, s string) (Cursor, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	var c Cursor
	switch {
	case err == nil && len(raw) == 16:
		copy(c.ID[:], raw)
	case err == nil && len(raw) == 32:
		copy(c.Event[:], raw)
		copy(c.ID[:], raw[16:])
	default:
		return c, &InvalidError{field, "This is not a cursor: pass one of an earlier answer, as it is."}
	}
	return c, nil
}

// A Row is a delivery in a list.
type Row struct {
	Delivery        Delivery
	EndpointName    string
	EndpointURL     string
	EndpointDeleted bool
	Recent          []Attempt // the last MaxRecent, oldest first, without headers and body
}

// MaxRecent is how many attempts a Row has.
const MaxRecent = 5

// A Page is a part of a list.
type Page struct {
	Rows  []Row
	Older *Cursor // for After; nil at the end
	Newer *Cursor // for Before; nil on the first page
	// Cut says that the search stopped before the page was full, because it had
	// looked at as many rows as one request may. Older goes on from there.
	Cut bool
}

// A Count is how many rows there are.
type Count struct {
	N    int
	More bool // there are more than N
}

// filterKeys are the keys of a Query in the filter language.
var filterKeys = []string{
	"status", "endpoint", "type", "code", "error", "trigger", "since", "until", "user", "agent", "run", "event", "message",
}

// FilterKeys lists the keys that Apply knows.
func FilterKeys() []string { return append([]string(nil), filterKeys...) }

// Apply narrows the query to a filter. *InvalidError.
func (q *Query) Apply(f Terms, now time.Time) error {
	q.Text = f.Text()
	return f.EachKey(filterKeys, func(key, value string) (err error) {
		switch key {
		case "status":
			q.Status, err = oneOf(key, value, ListStatuses())
		case "endpoint":
			q.Endpoint = value
		case "type":
			q.Type = value
		case "code":
			q.Codes, err = parseCodes(value)
		case "error":
			q.Class, err = oneOf(key, value, retry.Classes())
		case "trigger":
			q.Trigger, err = oneOf(key, value, []Trigger{Scheduled, Manual, Replay, Test})
		case "since":
			q.Since, err = ParseWhen(key, value, now)
		case "until":
			q.Until, err = ParseWhen(key, value, now)
		case "user":
			q.UserID = value
		case "agent":
			q.AgentID = value
		case "run":
			q.RunID = value
		case "event":
			q.EventID, err = filterID("", key, value)
		case "message":
			q.MessageID, err = filterID(MessagePrefix, key, value)
		}
		return err
	})
}

// parseCodes reads 503, or 5xx for a hundred of them.
func parseCodes(s string) (Codes, error) {
	class := len(s) == 3 && strings.EqualFold(s[1:], "xx")
	digits := s
	if class {
		digits = s[:1] + "00"
	}
	code, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 3 || code < 100 || code > 599 {
		return Codes{}, &InvalidError{"code", fmt.Sprintf("%q is not a status: write 503, or 5xx for all of its kind.", clip(s, 64))}
	}
	if class {
		return Codes{code, code + 99}, nil
	}
	return Codes{code, code}, nil
}

func filterID(prefix, key, value string) (uuid.UUID, error) {
	id, err := ParseID(prefix, value)
	if err != nil {
		return id, &InvalidError{key, fmt.Sprintf("%q is not an ID of the form %s<uuid>.", clip(value, 64), prefix)}
	}
	return id, nil
}
