package queue

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	// newsChannel is where hints are published. Redis has it once for all its
	// databases: the hints of another installation cost a look and say nothing.
	newsChannel = "memhook:news"
	// newsRest is the least time between two hints of a node, so that a busy one
	// publishes 40 a second.
	newsRest = 25 * time.Millisecond
	// lookRest is the least time between two looks that hints lead to.
	lookRest = 25 * time.Millisecond
	// maxChanged and maxTaken bound a hint. What is beyond is left out.
	maxChanged = 256
	maxTaken   = 1024
	// newsQuiet is after which silence Redis is asked whether it is still there.
	newsQuiet = 5 * time.Second
)

// A Hint is what a node tells itself and the others. Any of it may come late, twice
// or never: whoever listens looks by itself from time to time, too.
type Hint struct {
	Changed []string    // projects whose deliveries changed
	Due     bool        // deliveries or bulk replays may be due for which no ticket was pushed
	Taken   []uuid.UUID // deliveries that a worker has looked at, whoever pushed their ticket
}

// News carries hints within a process and, through Redis, between nodes. Nothing
// waits for it, and Redis may be down, slow or flushed: then each node hears itself
// only.
type News struct {
	shared *Shared
	others func() bool
	self   string
	rung   chan struct{}

	mu      sync.Mutex
	changed map[string]bool
	due     bool
	taken   []uuid.UUID
	hear    map[*listener]bool
}

type listener struct{ hear func(Hint) }

// NewNews returns the news of a node. shared is nil where there is no Redis; others
// tells whether there are other nodes, so that one alone asks nothing of Redis.
func NewNews(shared *Shared, others func() bool) *News {
	return &News{
		shared: shared, others: others, self: uuid.NewString(), rung: make(chan struct{}, 1),
		changed: map[string]bool{}, hear: map[*listener]bool{},
	}
}

// Tell passes a hint on and returns at once. A nil *News tells nobody.
func (n *News) Tell(h Hint) {
	if n == nil {
		return
	}
	n.mu.Lock()
	for _, project := range h.Changed {
		if len(n.changed) < maxChanged {
			n.changed[project] = true
		}
	}
	n.due = n.due || h.Due
	n.taken = append(n.taken, h.Taken[:min(len(h.Taken), maxTaken-len(n.taken))]...)
	n.mu.Unlock()
	select {
	case n.rung <- struct{}{}:
	default:
	}
}

// Listen calls hear with each hint until stop: what other nodes tell, and what
// changed here. hear must not wait for anything.
func (n *News) Listen(hear func(Hint)) (stop func()) {
	if n == nil {
		return func() {}
	}
	l := &listener{hear}
	n.mu.Lock()
	n.hear[l] = true
	n.mu.Unlock()
	return func() {
		n.mu.Lock()
		delete(n.hear, l)
		n.mu.Unlock()
	}
}

// Watch returns a channel that holds something once deliveries of a project have
// changed, "" for any, until stop. Of a nil *News it stays empty.
func (n *News) Watch(project string) (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	return c, n.Listen(func(h Hint) {
		if len(h.Changed) == 0 || project != "" && !slices.Contains(h.Changed, project) {
			return
		}
		select {
		case c <- struct{}{}:
		default:
		}
	})
}

// LookRest is how long whoever watches rests after a look, before a hint makes it look
// again: while it is told of changes all the time, looking takes a twentieth of its time.
// The longest is how often it looks anyway.
func LookRest(took, longest time.Duration) time.Duration {
	return min(max(20*took, lookRest), longest)
}

// Run carries hints until ctx ends.
func (n *News) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if n.shared != nil {
		wg.Go(func() { n.receive(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.rung:
		}
		h := n.gather()
		if len(h.Changed) > 0 {
			n.spread(Hint{Changed: h.Changed})
		}
		if n.shared != nil && n.others() {
			n.shared.publish(ctx, newsChannel, n.encode(h))
		}
		pause(ctx, newsRest)
	}
}

// gather takes what was told since the last time.
func (n *News) gather() Hint {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := Hint{Changed: slices.Collect(maps.Keys(n.changed)), Due: n.due, Taken: n.taken}
	clear(n.changed)
	n.due, n.taken = false, nil
	return h
}

func (n *News) spread(h Hint) {
	n.mu.Lock()
	list := slices.Collect(maps.Keys(n.hear))
	n.mu.Unlock()
	for _, l := range list {
		l.hear(h)
	}
}

// A wireHint is a hint as it is published.
type wireHint struct {
	From    string   `json:"from"`
	Changed []string `json:"changed,omitempty"`
	Due     bool     `json:"due,omitempty"`
	Taken   []byte   `json:"taken,omitempty"` // 16 bytes for each
}

func (n *News) encode(h Hint) []byte {
	w := wireHint{From: n.self, Changed: h.Changed, Due: h.Due}
	for _, id := range h.Taken {
		w.Taken = append(w.Taken, id[:]...)
	}
	raw, err := json.Marshal(w)
	if err != nil {
		panic(err) // texts have JSON
	}
	return raw
}

// decode reads what another node published. What this version does not know, or what
// this node said itself, is an empty hint.
func (n *News) decode(raw string) Hint {
	var w wireHint
	if err := json.Unmarshal([]byte(raw), &w); err != nil || w.From == n.self {
		return Hint{}
	}
	h := Hint{Changed: w.Changed, Due: w.Due}
	for id := range slices.Chunk(w.Taken, 16) {
		if len(id) == 16 {
			h.Taken = append(h.Taken, uuid.UUID(id))
		}
	}
	return h
}

// receive hears the other nodes until ctx ends, and comes back to Redis whenever it
// was away.
func (n *News) receive(ctx context.Context) {
	for ctx.Err() == nil {
		n.subscribe(ctx)
		pause(ctx, redisLook)
	}
}

// subscribe returns when the connection is lost.
func (n *News) subscribe(ctx context.Context) {
	sub := n.shared.client.Subscribe(ctx, newsChannel)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { sub.Close() })()
	for asked := false; ; {
		got, err := sub.ReceiveTimeout(ctx, newsQuiet)
		var silence net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &silence) && silence.Timeout() && !asked:
			asked = true
			if sub.Ping(ctx) != nil {
				return
			}
			continue
		default:
			return
		}
		if m, ok := got.(*redis.Message); ok {
			n.spread(n.decode(m.Payload))
		}
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
