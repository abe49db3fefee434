package main

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/retry"
)

// limits are token buckets that the nodes of a database have in common. They are in
// Redis; without it, or while it does not answer, each node has its share of every
// bucket.
type limits struct {
	shared *queue.Shared // nil without Redis
	nodes  func() int    // how many there are
	now    func() time.Time

	mu   sync.Mutex
	list map[string]retry.Limiter
}

func newLimits(shared *queue.Shared, nodes func() int, now func() time.Time) *limits {
	return &limits{shared: shared, nodes: nodes, now: now, list: map[string]retry.Limiter{}}
}

// take takes a token, and returns the bucket and 0 or how long to wait.
func (l *limits) take(ctx context.Context, name string, b retry.Limiter) (retry.Limiter, time.Duration) {
	if l.shared != nil && b.PerSecond > 0 {
		token := time.Duration(float64(time.Second) / b.PerSecond)
		if fullIn, wait, err := l.shared.Take(ctx, name, token, max(1, b.Burst)); err == nil {
			b.FullAt = l.now().Add(fullIn)
			return b, wait
		}
	}
	return l.takeShare(name, b)
}

// takeShare takes a token out of this node's share of a bucket.
func (l *limits) takeShare(name string, b retry.Limiter) (retry.Limiter, time.Duration) {
	now, n := l.now(), max(1, l.nodes())
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= keyRoom {
		for name, old := range l.list {
			if !now.Before(old.FullAt) {
				delete(l.list, name) // a full one is a new one
			}
		}
	}
	share := retry.Limiter{PerSecond: b.PerSecond / float64(n), Burst: max(1, b.Burst/n), FullAt: l.list[name].FullAt}
	share, wait := share.Take(now)
	l.list[name] = share
	b.FullAt = share.FullAt
	return b, wait
}

// endpointLimits are the rate limits of endpoints.
type endpointLimits struct{ *limits }

// Take implements delivery.Limiter.
func (l endpointLimits) Take(ctx context.Context, endpoint uuid.UUID, b retry.Limiter) (retry.Limiter, time.Duration, error) {
	b, wait := l.take(ctx, "endpoint:"+endpoint.String(), b)
	return b, wait, nil
}

// signIn counts an attempt to sign in of an address, five a minute.
func (l *limits) signIn(ctx context.Context, addr netip.Addr) (wait time.Duration, ok bool) {
	_, wait = l.take(ctx, "sign-in:"+addr.String(), retry.Limiter{PerSecond: 5.0 / 60, Burst: 5})
	return wait, wait == 0
}
