package delivery

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"memhook/delivery/queue"
	"memhook/retry"
)

// KindSend is the kind of the tickets that send deliveries.
const KindSend = "delivery:send"

// The queue lanes of those tickets. An endpoint that timed out uses the slow one
// until it has recovered, so that its waiting requests hold no worker of others.
const (
	Lane     = "delivery"
	SlowLane = "slow"
)

// Config is what a Service needs. Policy and what follows it may be
// left out.
type Config struct {
	Store Store
	// CheckURL judges an endpoint's URL when it is registered. Its error is
	// written for the caller.
	CheckURL func(url string) error
	// Transport sends the requests. It must check the address of every dial.
	Transport http.RoundTripper
	// Push hands a ticket to the broker. A lost ticket costs time, no delivery.
	Push func(context.Context, queue.Ticket) error
	Log  *slog.Logger
	// Policy says when to try again. Its schedule is for endpoints without one.
	Policy retry.Policy
	// Version is shown to receivers in User-Agent.
	Version string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Metrics may be nil.
	Metrics *Metrics
	// Tracer makes attempts spans; nil: they are none.
	Tracer trace.Tracer
	// Lanes says how many workers the broker has for Lane and SlowLane. They are
	// shared out between projects and endpoints; nil: without bounds.
	Lanes queue.Lanes
	// Limiter holds the endpoints' rate limits; nil: in this process.
	Limiter Limiter
	// News are what nodes tell each other; nil: there is one node.
	News *queue.News
}

// Service keeps endpoints and sends deliveries. Its methods are safe for
// concurrent use. Reads come from the store.
type Service struct {
	Reader
	store     Store
	checkURL  func(string) error
	transport http.RoundTripper
	push      func(context.Context, queue.Ticket) error
	log       *slog.Logger
	policy    retry.Policy
	agent     string
	now       func() time.Time
	metrics   *Metrics
	bell      *queue.Bell[Due]
	look      chan struct{} // tells the pump to look now
	replayed  chan struct{} // a bulk replay was made
	stopped   chan struct{} // closed when Run ends
	lanes     queue.Lanes
	limiter   Limiter
	news      *queue.News
	tracer    trace.Tracer
	own       buckets

	mu      sync.Mutex
	gates   map[uuid.UUID]*gate
	out     map[uuid.UUID]ticketed // deliveries handed to the queue or being sent
	tickets map[laneKey]int        // that are out, by lane, and by lane and project
	short   bool                   // a ticket found no room in its lane
	turn    int                    // which due endpoint the next sweep begins with
	lookAt  time.Time              // when the pump looks next
}

// New returns a service. Run must be called for deliveries to be sent.
func New(c Config) *Service {
	if c.Store == nil || c.CheckURL == nil || c.Transport == nil || c.Push == nil || c.Log == nil {
		panic("delivery.New: Store, CheckURL, Transport, Push and Log are required")
	}
	s := &Service{
		Reader: c.Store, store: c.Store, checkURL: c.CheckURL, transport: c.Transport, push: c.Push,
		log: c.Log, policy: c.Policy, agent: "memhook/" + c.Version, now: c.Now, metrics: c.Metrics,
		bell: queue.NewBell[Due](), look: make(chan struct{}, 1), replayed: make(chan struct{}, 1), stopped: make(chan struct{}),
		tracer: Tracer(c.Tracer),
		lanes:  c.Lanes, limiter: c.Limiter, news: c.News, own: buckets{list: map[uuid.UUID]retry.Limiter{}},
		gates: map[uuid.UUID]*gate{}, out: map[uuid.UUID]ticketed{}, tickets: map[laneKey]int{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}
