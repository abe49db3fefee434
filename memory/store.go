package memory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing/apikey"
)

// Reader is what can be read without a transaction.
type Reader interface {
	Project(ctx context.Context, id string) (Project, error)
	Projects(ctx context.Context) ([]Project, error)
	Event(ctx context.Context, projectID string, id uuid.UUID) (Event, []Change, error)
	Events(ctx context.Context, q EventQuery) ([]Event, int, error)
	EventPage(ctx context.Context, q EventList) (EventPage, error)
	ChangesOf(ctx context.Context, events []uuid.UUID) (map[uuid.UUID][]Change, error)
	Memory(ctx context.Context, projectID string, id uuid.UUID) (Memory, error)
	Memories(ctx context.Context, q Query) ([]Memory, int, error)
	// MemoryPage returns a page of memories, newest first.
	MemoryPage(ctx context.Context, l MemoryList) (MemoryPage, error)
	// EachText calls each for every memory that q selects, in no order, until it
	// returns an error. Offset and Limit do not count.
	EachText(ctx context.Context, q Query, each func(Text) error) error
	// Unembedded returns up to limit memories of all projects whose text has no
	// vector of the model.
	Unembedded(ctx context.Context, model string, limit int) ([]Unembedded, error)
	EachEntity(ctx context.Context, q EntityQuery, each func(EntitySummary) error) error
	History(ctx context.Context, projectID string, id uuid.UUID) ([]Change, error)
	ProjectHistory(ctx context.Context, projectID string, offset, limit int) ([]Change, int, error)
	Export(ctx context.Context, projectID string, id uuid.UUID) (Export, error)
	LatestExport(ctx context.Context, projectID string, filter json.RawMessage) (Export, error)
	// Stats counts a project's memories, adds on record and retrievals.
	Stats(ctx context.Context, projectID string) (Stats, error)
	Recall(ctx context.Context, projectID string, q RecallQuery) ([]Memory, error)
}

// Store is what the service asks of storage. Each method is one transaction.
type Store interface {
	Reader
	SourceStore
	ErasureStore
	// InsertEvent commits a new event.
	InsertEvent(ctx context.Context, e Event) error
	// ClaimEvents leases those of the events that are due and whose turn it is in
	// their scope, marks them RUNNING and returns them.
	ClaimEvents(ctx context.Context, ids []uuid.UUID, now, lease time.Time) ([]Event, error)
	// CompleteEvent commits what an event did. ErrNotDue when the lease is lost,
	// ErrChanged when a memory is not as it was when the change was decided.
	CompleteEvent(ctx context.Context, c Completion) (Completed, error)
	// UpdateProject reads a project, lets change alter its name, settings and
	// members, and writes it back.
	UpdateProject(ctx context.Context, id string, change func(*Project) error) (Project, error)
	// CreateProject adds a project with its first key. ErrTooMany when there are
	// MaxProjects.
	CreateProject(ctx context.Context, p Project, k apikey.Key) error
	// DeleteProject makes a project and its keys unusable at once. ErrDefault for the
	// first project.
	DeleteProject(ctx context.Context, id string, now time.Time) error
	// PurgeProjects removes up to limit rows of each kind of a project that was
	// deleted PurgeAfter ago, and tells whether there may be more.
	PurgeProjects(ctx context.Context, now time.Time, limit int) (more bool, err error)
	// SaveFeedback notes what is thought of a memory; no kind takes it back.
	SaveFeedback(ctx context.Context, projectID string, f Feedback) error
	// SaveEntity makes an entity, or changes the label and metadata of one.
	SaveEntity(ctx context.Context, projectID string, e EntitySummary) error
	// SaveExport keeps an export, and the newest KeptExports of a project.
	SaveExport(ctx context.Context, e Export) error
	// AddRetrievals adds to what was counted before, by project.
	AddRetrievals(ctx context.Context, counts map[string]int) error
	// SaveVectors keeps vectors of the model for those memories that still have the
	// text.
	SaveVectors(ctx context.Context, model string, list []Embedded) error
	// DueEvents returns events that could be claimed, those longest due first.
	DueEvents(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error)
}

// A Completion is what an event did and the state it leads to. Everything in it
// is committed together or not at all.
type Completion struct {
	Event    Event     // in its new state
	Lease    time.Time // the fence; zero inserts the event instead of changing it
	Changes  []Change
	Messages []delivery.Message // one per change, and those about the event as a whole
}

// Completed says what can go on now.
type Completed struct {
	Due    []delivery.Due // deliveries to send
	Events []uuid.UUID    // the event of the scope that was waiting for this one
}
