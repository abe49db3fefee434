package dashboard

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
)

// Limits of live updates.
const (
	pollEvery = 500 * time.Millisecond
	pollRows  = 200
	// overlap is how far back each look goes again: a transaction may commit after
	// one that began later.
	overlap = 2 * time.Second
	// maxStreams is how many streams a session may have. A browser opens six
	// connections to a host; without a limit the seventh window would hang.
	maxStreams = 3
	// maxChanged is how many rows may change in one look for a page to follow.
	maxChanged = 50
)

// A hub watches the deliveries of all projects while somebody looks at a page, and
// tells the streams what changed. However many there are, the database is read once.
type hub struct {
	rows func(ctx context.Context, projectID string, at delivery.Place, limit int) ([]delivery.Row, delivery.Place, error)
	news *queue.News
	now  func() time.Time
	log  *slog.Logger

	mu        sync.Mutex
	streams   map[*stream]bool
	bySession map[tokenHash][]*stream // oldest first
	stop      context.CancelFunc      // of the poller, nil while it does not run
	closed    bool
}

// A stream is a page that watches.
type stream struct {
	session tokenHash
	project string
	changes chan change
	bye     chan struct{} // closed when a newer stream took its place
	ended   chan struct{} // closed when the server stops
}

// A change is what one look found.
type change struct {
	rows []delivery.Row
	at   time.Time // the cursor that the page has afterwards
	more bool      // rows were left out: a list cannot follow
	beat bool      // no row changed: it is time to look at what the hub does not watch
}

// touches tells whether a row that changed is one of those, as far as it is known.
func (c change) touches(one func(delivery.Delivery) bool) bool {
	return c.more || slices.ContainsFunc(c.rows, func(r delivery.Row) bool { return one(r.Delivery) })
}

func newHub(c Config, now func() time.Time) *hub {
	return &hub{
		rows: c.Delivery.DeliveriesAfter, news: c.News, now: now, log: c.Log,
		streams: map[*stream]bool{}, bySession: map[tokenHash][]*stream{},
	}
}

// open adds a stream; the oldest of its session makes room. It returns nil when the
// server stops.
func (h *hub) open(session tokenHash, project string) *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	s := &stream{session: session, project: project, changes: make(chan change, 8), bye: make(chan struct{}), ended: make(chan struct{})}
	if mine := h.bySession[session]; len(mine) >= maxStreams {
		close(mine[0].bye)
		h.remove(mine[0])
	}
	h.streams[s] = true
	h.bySession[session] = append(h.bySession[session], s)
	if h.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		h.stop = stop
		go h.poll(ctx)
	}
	return s
}

func (h *hub) close(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(s)
}

// remove forgets a stream. The caller holds h.mu.
func (h *hub) remove(s *stream) {
	if !h.streams[s] {
		return
	}
	delete(h.streams, s)
	rest := h.bySession[s.session][:0:0]
	for _, other := range h.bySession[s.session] {
		if other != s {
			rest = append(rest, other)
		}
	}
	if h.bySession[s.session] = rest; len(rest) == 0 {
		delete(h.bySession, s.session)
	}
	if len(h.streams) == 0 && h.stop != nil {
		h.stop()
		h.stop = nil
	}
}

// end ends every stream, for a server that stops.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.streams {
		close(s.ended)
		h.remove(s)
	}
}

// seen is a version of a row.
type seen struct {
	id uuid.UUID
	at time.Time
}

// poll looks for changes until ctx ends: when it hears of some, and every pollEvery.
func (h *hub) poll(ctx context.Context) {
	changed, stop := h.news.Watch("")
	defer stop()
	at := delivery.Place{At: h.now().Add(-overlap)}
	had := map[seen]bool{}
	took := time.Duration(0)
	for rest(ctx, changed, took) {
		began := time.Now()
		rows, next, err := h.look(ctx, at, had)
		took = time.Since(began)
		if err != nil {
			if ctx.Err() == nil {
				h.log.LogAttrs(ctx, slog.LevelError, "live updates not read", slog.Any("error", err))
			}
			continue
		}
		at = next
		h.tell(rows)
	}
}

// rest waits for the next look after one that took so long, and tells whether ctx
// still goes on.
func rest(ctx context.Context, changed <-chan struct{}, took time.Duration) bool {
	latest, rested := time.After(pollEvery), time.After(queue.LookRest(took, pollEvery))
	var news <-chan struct{} // is heard once it has rested
	for {
		select {
		case <-ctx.Done():
			return false
		case <-rested:
			news = changed
		case <-news:
			return true
		case <-latest:
			return true
		}
	}
}

// look returns what changed and was not seen, and the place to look from next.
func (h *hub) look(ctx context.Context, at delivery.Place, had map[seen]bool) ([]delivery.Row, delivery.Place, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rows, end, err := h.rows(ctx, "", at, pollRows)
	if err != nil {
		return nil, at, err
	}
	var fresh []delivery.Row
	for _, r := range rows {
		if v := (seen{r.Delivery.ID, r.Delivery.UpdatedAt}); !had[v] {
			had[v] = true
			fresh = append(fresh, r)
		}
	}
	if len(rows) == pollRows {
		return fresh, end, nil // there are more
	}
	from := delivery.Place{At: h.now().Add(-overlap)}
	if end.At.Add(-overlap).After(from.At) { // the clock of another node is ahead
		from.At = end.At.Add(-overlap)
	}
	for v := range had {
		if v.at.Before(from.At) {
			delete(had, v)
		}
	}
	return fresh, from, nil
}

// tell hands each stream what changed in its project. One that does not keep up is
// told that it missed something.
func (h *hub) tell(rows []delivery.Row) {
	byProject := map[string][]delivery.Row{}
	for _, r := range rows {
		byProject[r.Delivery.ProjectID] = append(byProject[r.Delivery.ProjectID], r)
	}
	at := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		list := byProject[s.project]
		if len(list) == 0 {
			continue
		}
		c := change{rows: list, at: at, more: len(list) > maxChanged}
		select {
		case s.changes <- c:
		default:
			select { // the oldest makes room
			case <-s.changes:
			default:
			}
			select {
			case s.changes <- change{at: at, more: true}:
			default:
			}
		}
	}
}
