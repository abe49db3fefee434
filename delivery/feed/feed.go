package feed

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"memhook/delivery"
	"memhook/delivery/queue"
)

// Limits of a feed.
const (
	DefaultLimit = 50
	MaxLimit     = 250
	// MaxWait is how long a call waits for messages at most.
	MaxWait = 60 * time.Second
	// MaxOfKey and MaxReaders are how many readers of one key, and of all, wait in this
	// process at once. A reader that waits is a connection and two goroutines.
	MaxOfKey   = 32
	MaxReaders = 2000

	// LookEvery is how often the process looks for new messages while somebody waits and
	// it hears of none.
	LookEvery = 500 * time.Millisecond
	// lookRows is how many messages one look at the store takes in, and maxLooks how many
	// looks one call makes before it answers with what it has: those that its reader does
	// not want take time, too.
	lookRows = 250
	maxLooks = 20
	// lookWithin is how long the store may take for a look.
	lookWithin = 10 * time.Second
)

var (
	// ErrTooMany says that a key has as many readers waiting as it may have.
	ErrTooMany = errors.New("too many readers of this key are waiting")
	// ErrFull is ErrTooMany for the whole process.
	ErrFull = errors.New("too many readers are waiting")
)

// Store is what the feed asks of storage.
type Store interface {
	// FeedAfter returns up to limit entries of a project's feed behind a place.
	FeedAfter(ctx context.Context, projectID string, at Place, limit int) (Look, error)
	// FeedEnd returns the place behind the last entry.
	FeedEnd(ctx context.Context, projectID string) (Place, error)
	// FeedHeads returns the last commit in the feed of each of the projects that have one.
	FeedHeads(ctx context.Context, projects []string) (map[string]int64, error)
}

// Config is what the feed needs. Store and Log are required.
type Config struct {
	Store Store
	Log   *slog.Logger
	News  *queue.News // when to look; nil: each LookEvery
}

// A Feed reads the messages of projects. It runs a goroutine while somebody waits.
type Feed struct {
	store    Store
	log      *slog.Logger
	news     *queue.News
	stopping chan struct{} // closed to end all waits

	mu      sync.Mutex
	waiting map[string]map[*waiter]bool // by project
	ofKey   map[string]int
	readers int
	stop    context.CancelFunc // of the watch, nil while it does not run
	closed  bool
}

// A waiter waits for a commit behind the one it has read.
type waiter struct {
	seq  int64
	more chan struct{}
}

// New returns a feed.
func New(c Config) *Feed {
	if c.Store == nil || c.Log == nil {
		panic("feed.New: Store and Log are required")
	}
	return &Feed{
		store: c.Store, log: c.Log, news: c.News, stopping: make(chan struct{}),
		waiting: map[string]map[*waiter]bool{}, ofKey: map[string]int{},
	}
}

// Close ends all waits: their calls return what they have, which is nothing.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	close(f.stopping)
}

// Stopping is closed when the feed is.
func (f *Feed) Stopping() <-chan struct{} { return f.stopping }

// A Query says what is read.
type Query struct {
	ProjectID string
	Interest  delivery.Interest
	After     Place
	Limit     int // 0: DefaultLimit
}

// A Batch is a part of the feed.
type Batch struct {
	Entries []Entry // those that the reader wants
	Next    Place   // where the reader goes on
	More    bool    // there may be more at once
}

// Open returns the place that a cursor means; "" is the end of the feed as it is now.
// *delivery.InvalidError.
func (f *Feed) Open(ctx context.Context, projectID, cursor string) (Place, error) {
	if cursor == "" {
		return f.store.FeedEnd(ctx, projectID)
	}
	return ParsePlace(cursor)
}

// Read returns what there is, without waiting. ErrGone.
func (f *Feed) Read(ctx context.Context, q Query) (Batch, error) {
	b := Batch{Next: q.After}
	limit := min(cmp.Or(q.Limit, DefaultLimit), MaxLimit)
	for range maxLooks {
		l, err := f.look(ctx, q.ProjectID, b.Next)
		if err != nil {
			return b, err
		}
		if b.Next == q.After && l.gone(b.Next) {
			return b, ErrGone
		}
		for _, e := range l.Entries {
			if len(b.Entries) == limit {
				b.More = true
				return b, nil
			}
			if b.Next = e.Place; !e.Erased && q.Interest.Takes(e.Message) {
				b.Entries = append(b.Entries, e)
			}
		}
		if b.More = l.More; !b.More {
			if l.Head > b.Next.Seq { // its messages are pruned
				b.Next = Place{Seq: l.Head, Whole: true}
			}
			return b, nil
		}
	}
	return b, nil
}

func (f *Feed) look(ctx context.Context, projectID string, at Place) (Look, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	return f.store.FeedAfter(ctx, projectID, at, lookRows)
}

// Wait is Read that waits for the first message, up to a time; then it returns an empty
// batch. It returns early when ctx ends or the feed is closed. ErrGone.
func (f *Feed) Wait(ctx context.Context, q Query, within time.Duration) (Batch, error) {
	b, err := f.Read(ctx, q)
	if err != nil || len(b.Entries) > 0 || within <= 0 {
		return b, err
	}
	end := time.NewTimer(within)
	defer end.Stop()
	w := f.await(q.ProjectID, b.Next.Seq) // before the next read, so that nothing falls between
	defer f.forget(q.ProjectID, w)
	for {
		q.After = b.Next
		if b, err = f.Read(ctx, q); err != nil || len(b.Entries) > 0 {
			return b, err
		}
		f.passed(w, b)
		select {
		case <-end.C:
			return b, nil
		case <-f.stopping:
			return b, nil
		case <-ctx.Done():
			return b, ctx.Err()
		case <-w.more:
		}
	}
}

// Enter counts a reader that may wait, until it leaves. ErrTooMany; ErrFull.
func (f *Feed) Enter(key string) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ofKey[key] >= MaxOfKey:
		return nil, ErrTooMany
	case f.readers >= MaxReaders:
		return nil, ErrFull
	}
	f.ofKey[key]++
	f.readers++
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.readers--
		if f.ofKey[key]--; f.ofKey[key] == 0 {
			delete(f.ofKey, key)
		}
	}), nil
}
