package memory

import (
	"context"
	"time"

	"github.com/google/uuid"
)

const (
	// MaxPage is the most rows one page has.
	MaxPage = 200
	// MaxListBytes is how much text and metadata one answer has at most, so that no
	// caller can make the server hold more than some of it.
	MaxListBytes = 16 << 20
	// MaxResults is how many of an event's results are shown: a deletion of
	// everything can have millions.
	MaxResults = 1000
	// MaxListedPayload is how large an event's payload may be to be shown in lists.
	MaxListedPayload = 64 << 10
)

// A Query selects memories of one project, newest first, ties by ID.
type Query struct {
	ProjectID     string `json:"project_id"`
	Filter        Filter `json:"filter"`
	ShowExpired   bool   `json:"show_expired,omitempty"`
	LatestOnly    bool   `json:"latest_only,omitempty"`    // leave out superseded and merged ones
	IncludeMerged bool   `json:"include_merged,omitempty"` // merged ones are hidden otherwise
	Offset        int    `json:"-"`
	Limit         int    `json:"-"` // 0: no limit
	// MaxBytes is where a page ends early, at least one row long: the bytes of text and
	// metadata in it. 0: no such limit.
	MaxBytes int `json:"-"`
	// NoCount saves counting: the number in all is that of the rows up to the end of
	// the page, and one more if there are more.
	NoCount bool `json:"-"`
	// Unordered saves sorting: for a caller who takes one page after the other away.
	Unordered bool `json:"-"`
	// Reference is the now of relative words in a search ("yesterday"); zero: the time.
	Reference   time.Time `json:"-"`
	Today       string    `json:"-"` // YYYY-MM-DD in UTC; what expired before is hidden
	VectorModel string    `json:"-"` // of the vectors that EachText gives; "": none
}

// An EventQuery selects events of one project, newest first. Zero fields do not
// constrain.
type EventQuery struct {
	ProjectID string
	Kind      EventKind
	Status    EventStatus
	From, To  time.Time // created at or after; created before
	Offset    int
	Limit     int
}

// List is Memories on behalf of a caller who wants to see them: it is counted.
func (s *Service) List(ctx context.Context, q Query) ([]Memory, int, error) {
	s.retrieved(ctx, q.ProjectID)
	return s.Memories(ctx, q)
}

// Memories returns a page of memories and how many there are in all.
func (s *Service) Memories(ctx context.Context, q Query) ([]Memory, int, error) {
	q.Today = s.now().UTC().Format(time.DateOnly)
	return s.store.Memories(ctx, q)
}

// MemoryPage returns a page of memories by its place instead of its number.
func (s *Service) MemoryPage(ctx context.Context, l MemoryList) (MemoryPage, error) {
	l.Today = s.now().UTC().Format(time.DateOnly)
	return s.store.MemoryPage(ctx, l)
}

// Memory returns one memory of the project, expired or not. ErrNotFound.
func (s *Service) Memory(ctx context.Context, projectID string, id uuid.UUID) (Memory, error) {
	return s.store.Memory(ctx, projectID, id)
}

// Event returns an event of the project with its changes, oldest first. ErrNotFound.
func (s *Service) Event(ctx context.Context, projectID string, id uuid.UUID) (Event, []Change, error) {
	return s.store.Event(ctx, projectID, id)
}

// Events returns a page of events and how many there are in all.
func (s *Service) Events(ctx context.Context, q EventQuery) ([]Event, int, error) {
	return s.store.Events(ctx, q)
}

// EventPage returns a page of events by its place instead of its number.
func (s *Service) EventPage(ctx context.Context, q EventList) (EventPage, error) {
	return s.store.EventPage(ctx, q)
}

// ChangesOf returns the changes of several events, by event, oldest first.
func (s *Service) ChangesOf(ctx context.Context, events []uuid.UUID) (map[uuid.UUID][]Change, error) {
	return s.store.ChangesOf(ctx, events)
}

// ProjectHistory returns a page of the changes of all memories, newest first, and
// how many there are in all.
func (s *Service) ProjectHistory(ctx context.Context, projectID string, offset, limit int) ([]Change, int, error) {
	return s.store.ProjectHistory(ctx, projectID, offset, limit)
}

// History returns the changes of one memory, oldest first, with the turns that
// caused each. A deleted memory keeps its history. ErrNotFound.
func (s *Service) History(ctx context.Context, projectID string, id uuid.UUID) ([]Change, error) {
	return s.store.History(ctx, projectID, id)
}
