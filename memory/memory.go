package memory

import (
	"crypto/md5" //nolint:gosec // mem0's hash field is an MD5; nothing rests on it being hard to forge
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A Memory is a remembered text with its scope.
type Memory struct {
	ID             uuid.UUID
	ProjectID      string
	Scope          Scope
	Text           string
	Subject        string          // what it is about, as the engine names it ("lives_in"); recall finds repeats and what a fact supersedes by it
	Metadata       json.RawMessage // the caller's object, nil when none
	Categories     []string        // nil until categorised
	Immutable      bool            // the engine never changes or deletes it
	ExpirationDate string          // YYYY-MM-DD, "" when none; shown through that day (UTC)
	CreatedAt      time.Time       // the add's timestamp when it had one
	UpdatedAt      time.Time
	State          State
	ReplacedBy     uuid.UUID   // the memory that superseded this one
	Linked         []uuid.UUID // older memories that this one superseded
	Revision       int64       // grows with every change; the fence for changing it
}

// State is where a memory is in its life.
type State string

// The states of a memory.
const (
	Active     State = "active"
	Superseded State = "superseded" // contradicted by a newer one, kept (additive policy)
	Merged     State = "merged"     // a repeat of another one
)

// Shown tells whether lists have the memory on the day of at: it is neither superseded
// nor merged, and has not expired.
func (m Memory) Shown(at time.Time) bool {
	return m.State == Active && (m.ExpirationDate == "" || m.ExpirationDate >= at.UTC().Format(time.DateOnly))
}

// Hash is mem0's hash field: the MD5 of the text, in hex.
func (m Memory) Hash() string { return TextHash(m.Text) }

// TextHash is the MD5 of a text, in hex. Equal hashes in one scope are the same memory.
func TextHash(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// Attributes are the parts of a memory's creation time in UTC, as mem0's
// structured_attributes show them. The order of the fields is mem0's.
type Attributes struct {
	Day        int    `json:"day"`
	Hour       int    `json:"hour"`
	Year       int    `json:"year"`
	Month      int    `json:"month"`
	Minute     int    `json:"minute"`
	Quarter    int    `json:"quarter"`
	IsWeekend  bool   `json:"is_weekend"`
	DayOfWeek  string `json:"day_of_week"`
	DayOfYear  int    `json:"day_of_year"`
	WeekOfYear int    `json:"week_of_year"` // ISO 8601; may belong to another year than Year
}

// StructuredAttributes returns the parts of t in UTC.
func StructuredAttributes(t time.Time) Attributes {
	t = t.UTC()
	_, week := t.ISOWeek()
	return Attributes{
		Day: t.Day(), Hour: t.Hour(), Year: t.Year(), Month: int(t.Month()), Minute: t.Minute(),
		Quarter:   (int(t.Month())-1)/3 + 1,
		IsWeekend: t.Weekday() == time.Saturday || t.Weekday() == time.Sunday,
		DayOfWeek: strings.ToLower(t.Weekday().String()),
		DayOfYear: t.YearDay(), WeekOfYear: week,
	}
}
