package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/retry"
)

// A Limiter holds the endpoints' token buckets where several nodes share them.
type Limiter interface {
	// Take takes a token out of the endpoint's bucket, whose size and rate are those
	// of l. It returns the bucket afterwards, and 0 or how long to wait for a token.
	Take(ctx context.Context, endpoint uuid.UUID, l retry.Limiter) (retry.Limiter, time.Duration, error)
}

// slack is how much slower than its limit an endpoint is asked, so that the
// jitter of a network does not push seven requests into a second meant for five.
const slack = 1.02

// bucket is the limiter of the endpoint's rate, as far as it is known. It holds a
// tenth of a second: groups cost less than single deliveries, and pace spreads them
// out again.
func (g *gate) bucket() retry.Limiter {
	l := g.limiter
	l.PerSecond = g.perSecond / slack
	l.Burst = max(1, int(g.perSecond/10))
	return l
}

// pass decides for a due delivery, before it is claimed, whether its endpoint may
// get one more request now. It is the last word on the rate limit: without a token
// the row stays due.
func (s *Service) pass(ctx context.Context, d Delivery, e Endpoint) bool {
	if e.RatePerSecond <= 0 {
		return true
	}
	s.mu.Lock()
	g := s.gate(e.ID)
	g.project, g.perSecond = e.ProjectID, e.RatePerSecond
	bucket := g.bucket()
	s.mu.Unlock()
	after, wait := s.take(ctx, e.ID, bucket)
	s.mu.Lock()
	g = s.gate(e.ID)
	if after.FullAt.After(g.limiter.FullAt) {
		g.limiter = after
	}
	if t, ok := s.out[d.ID]; ok && !t.taken && wait == 0 {
		t.taken = true
		s.out[d.ID] = t
		g.untaken--
	}
	g.waiting = g.waiting || wait > 0
	now := s.now()
	_, next := g.bucket().Take(now)
	waiting := g.waiting
	s.mu.Unlock()
	if waiting {
		s.lookBefore(now.Add(next))
	}
	return wait == 0
}

// take takes a token from the shared bucket, or from the process's own when there
// is none or it does not answer.
func (s *Service) take(ctx context.Context, endpoint uuid.UUID, bucket retry.Limiter) (retry.Limiter, time.Duration) {
	if s.limiter != nil {
		after, wait, err := s.limiter.Take(ctx, endpoint, bucket)
		if err == nil {
			return after, wait
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "shared rate limit not used", slog.String("endpoint_id", FormatID(EndpointPrefix, endpoint)), slog.Any("error", err))
	}
	return s.own.take(endpoint, bucket, s.now())
}

// buckets are the limiters of one process.
type buckets struct {
	mu   sync.Mutex
	list map[uuid.UUID]retry.Limiter
}

func (b *buckets) take(endpoint uuid.UUID, l retry.Limiter, now time.Time) (retry.Limiter, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, old := range b.list {
		if !now.Before(old.FullAt) {
			delete(b.list, id) // a full one is a new one
		}
	}
	l.FullAt = b.list[endpoint].FullAt
	l, wait := l.Take(now)
	b.list[endpoint] = l
	return l, wait
}

// pace waits until the endpoint's next request may leave. The token was taken some
// milliseconds ago, and the claims of several deliveries may have ended together:
// the spaces between their requests are made here.
func (s *Service) pace(e Endpoint) {
	if e.RatePerSecond <= 0 {
		return
	}
	s.mu.Lock()
	g := s.gate(e.ID)
	now := time.Now()
	slot := now
	if g.slot.After(now) {
		slot = g.slot
	}
	g.slot = slot.Add(time.Duration(float64(time.Second) * slack / e.RatePerSecond))
	s.mu.Unlock()
	if wait := slot.Sub(now); wait > 0 {
		<-time.After(wait)
	}
}
