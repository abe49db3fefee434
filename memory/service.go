package memory

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"memhook/delivery"
	"memhook/delivery/queue"
)

// KindProcess is the kind of the tickets that process events.
const KindProcess = "memory:process"

// Lane is the queue lane of those tickets.
const Lane = "memory"

const (
	defaultLease = 2 * time.Minute
	defaultWait  = 25 * time.Second
	maxTries     = 25 // an event that stops its worker this often is given up
)

// Config is what a Service needs. Store, Engine, Push, Wake and Log are required.
type Config struct {
	Store  Store
	Engine Engine
	// Push hands a ticket to the broker. A lost ticket costs time, no event.
	Push func(context.Context, queue.Ticket) error
	// Wake tells the delivery side what can be sent. It must not block.
	Wake func(...delivery.Due)
	Log  *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Lease is how long a worker may take for one event; 0: two minutes.
	Lease time.Duration
	// Wait is how long a processed add may hold its caller; 0: 25 s, below the
	// shortest time limit of mem0's clients (30 s).
	Wait time.Duration
	// Alone says that no other process works on the database and that tickets stay
	// in this one. Then an event can be leased as it is accepted.
	Alone bool
	// Metrics may be nil.
	Metrics *Metrics
	// Tracer makes the processing of events spans; nil: it is none.
	Tracer trace.Tracer
	// Categorizer sorts memories under categories; nil: they have none.
	Categorizer Categorizer
	// Embedder lets searches find by meaning; nil: by words alone.
	Embedder Embedder
	// Note puts an entry into the audit log; nil: nothing is noted.
	Note func(context.Context, delivery.AuditEntry)
}

// Service accepts, processes and shows memory events. Its methods are safe for
// concurrent use.
type Service struct {
	store    Store
	engine   Engine
	push     func(context.Context, queue.Ticket) error
	wake     func(...delivery.Due)
	log      *slog.Logger
	now      func() time.Time
	lease    time.Duration
	wait     time.Duration
	alone    bool
	metrics  *Metrics
	tracer   trace.Tracer
	note     func(context.Context, delivery.AuditEntry)
	bell     *queue.Bell[uuid.UUID]
	sorter   Categorizer
	embedder Embedder
	changed  chan struct{}   // rung when there may be texts to embed
	erasing  chan struct{}   // rung when there is something to erase
	running  context.Context // of the service, no caller's: it ends when Run does
	stop     context.CancelFunc

	refusals refusals // of sources

	mu      sync.Mutex
	waiting map[uuid.UUID]chan struct{} // callers of processed adds, by event
	ringing map[uuid.UUID]time.Time     // pushed and not yet handled, with when to push again
	// retrievals are counted and not stored yet, since retrievalsSince, by project.
	retrievals      map[string]int
	retrievalsSince time.Time
	rules           map[string]keptRules // by project
	// rulesVersion grows with every change of settings.
	rulesVersion int
	held         held
}

// New returns a service. Run must be called for events to be processed.
func New(c Config) *Service {
	if c.Store == nil || c.Engine == nil || c.Push == nil || c.Wake == nil || c.Log == nil {
		panic("memory.New: Store, Engine, Push, Wake and Log are required")
	}
	s := &Service{
		store: c.Store, engine: c.Engine, push: c.Push, wake: c.Wake, log: c.Log,
		now: c.Now, lease: c.Lease, wait: c.Wait, alone: c.Alone, metrics: c.Metrics, note: c.Note,
		bell:       queue.NewBell[uuid.UUID](),
		waiting:    map[uuid.UUID]chan struct{}{},
		tracer:     delivery.Tracer(c.Tracer),
		ringing:    map[uuid.UUID]time.Time{},
		rules:      map[string]keptRules{},
		retrievals: map[string]int{},
		sorter:     c.Categorizer,
		held:       held{events: map[uuid.UUID]Event{}},
		embedder:   c.Embedder,
		changed:    make(chan struct{}, 1),
		erasing:    make(chan struct{}, 1),
	}
	s.running, s.stop = context.WithCancel(context.Background())
	if s.now == nil {
		s.now = time.Now
	}
	if s.note == nil {
		s.note = func(context.Context, delivery.AuditEntry) {}
	}
	if s.lease == 0 {
		s.lease = defaultLease
	}
	if s.wait == 0 {
		s.wait = defaultWait
	}
	return s
}
