package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/retry"
	"memhook/signing/apikey"
)

// A rateLimit bounds how often each API key may ask, and how often each source may
// post. Other requests without a key pass: they are refused where keys are checked.
type rateLimit struct {
	perSecond float64
	burst     int
	now       func() time.Time
	shared    *limits // by all nodes; nil: there is one

	mu   sync.Mutex
	keys map[[sha256.Size]byte]retry.Limiter
}

func newRateLimit(perSecond float64, now func() time.Time) *rateLimit {
	return &rateLimit{
		perSecond: perSecond, burst: max(1, int(math.Ceil(2*perSecond))), now: now,
		keys: map[[sha256.Size]byte]retry.Limiter{},
	}
}

func (l *rateLimit) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, ok := caller(c.Request())
		if !ok || l.perSecond == 0 {
			return next(c)
		}
		left, fullIn, wait := l.takeShared(c.Request().Context(), sha256.Sum256([]byte(who)))
		h := c.Response().Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(l.burst))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
		h.Set("X-RateLimit-Reset", seconds(fullIn))
		if wait > 0 {
			h.Set("Retry-After", seconds(wait))
			return echo.NewHTTPError(http.StatusTooManyRequests, "Too many requests; wait as long as Retry-After says.")
		}
		return next(c)
	}
}

// caller is whose bucket a request is counted in: that of its key, or that of the
// source whose address it is sent to.
func caller(r *http.Request) (string, bool) {
	if strings.HasPrefix(r.URL.Path, "/in/") {
		return r.URL.Path, true
	}
	return apikey.FromHeader(r.Header)
}

// takeShared is take from the bucket of all nodes, if there are several.
func (l *rateLimit) takeShared(ctx context.Context, key [sha256.Size]byte) (left int, fullIn, wait time.Duration) {
	if l.shared == nil {
		return l.take(key)
	}
	b, wait := l.shared.take(ctx, "key:"+hex.EncodeToString(key[:16]), retry.Limiter{PerSecond: l.perSecond, Burst: l.burst})
	now := l.now()
	return b.Left(now), max(0, b.FullAt.Sub(now)), wait
}

// take returns what is left, how long until the bucket is full again, and how
// long to wait when there was nothing left.
func (l *rateLimit) take(key [sha256.Size]byte) (left int, fullIn, wait time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.keys[key]
	if !ok {
		l.makeRoom(now)
		bucket = retry.Limiter{PerSecond: l.perSecond, Burst: l.burst}
	}
	bucket, wait = bucket.Take(now)
	l.keys[key] = bucket
	return bucket.Left(now), max(0, bucket.FullAt.Sub(now)), wait
}

// makeRoom forgets full buckets, which are as good as new ones, and when there are
// none all: whoever tries that many keys at once has no good one.
func (l *rateLimit) makeRoom(now time.Time) {
	if len(l.keys) < keyRoom {
		return
	}
	for key, bucket := range l.keys {
		if !bucket.FullAt.After(now) {
			delete(l.keys, key)
		}
	}
	if len(l.keys) >= keyRoom {
		clear(l.keys)
	}
}

// seconds rounds up: a client that waits that long is not too early.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}
