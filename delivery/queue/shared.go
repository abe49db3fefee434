package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Shared is what the nodes of a Redis have in common: token buckets, and the channel
// of their News. Nothing in it is worth keeping: after a flush every bucket is full.
type Shared struct {
	client redis.UniversalClient

	mu    sync.Mutex
	until time.Time // Redis is not asked again before
}

// ErrShared says that Redis did not answer, now or lately: whoever asks goes by what
// the node knows itself.
var ErrShared = errors.New("shared state is not to be had")

// bucketPrefix is before the names of buckets, beside asynq's keys.
const bucketPrefix = "memhook:bucket:"

// NewShared returns the shared state on the Redis at the URL, see NewRedis. It
// connects when it is used.
func NewShared(rawURL string) (*Shared, error) {
	opt, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(quiet{})
	return &Shared{client: redis.NewUniversalClient(opt)}, nil
}

// Close ends the connections.
func (s *Shared) Close() error { return s.client.Close() }

// takeToken is one step of the generic cell rate algorithm by Redis's own clock: the
// bucket is the time in microseconds when it is full again. It returns how long that
// is, and how long to wait for a token when there is none.
var takeToken = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local token, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or '0')
local missing = math.min(math.max(full - now, 0), burst * token)
local wait = missing - (burst - 1) * token
if wait > 0 then
  return {math.ceil(missing), math.ceil(wait)}
end
missing = missing + token
redis.call('SET', KEYS[1], string.format('%.0f', now + missing), 'PX', math.ceil(missing / 1000) + 1)
return {math.ceil(missing), 0}`)

// Take takes a token out of a bucket that drops one in every token and holds burst.
// It returns how long until the bucket is full again, and 0 or how long to wait for
// a token. ErrShared within 100 ms; for 2 s after that at once.
func (s *Shared) Take(ctx context.Context, bucket string, token time.Duration, burst int) (fullIn, wait time.Duration, err error) {
	if !s.usable() {
		return 0, 0, ErrShared
	}
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	got, err := takeToken.Run(ctx, s.client, []string{bucketPrefix + bucket}, token.Microseconds(), burst).Int64Slice()
	if err != nil || len(got) != 2 {
		s.rest()
		return 0, 0, ErrShared
	}
	return time.Duration(got[0]) * time.Microsecond, time.Duration(got[1]) * time.Microsecond, nil
}

// publish hands a text to the nodes that listen, if Redis takes it within 100 ms; for
// 2 s after it did not it is left alone.
func (s *Shared) publish(ctx context.Context, channel string, text []byte) {
	if !s.usable() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	if s.client.Publish(ctx, channel, text).Err() != nil {
		s.rest()
	}
}

func (s *Shared) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !time.Now().Before(s.until)
}

// rest leaves Redis alone for a while.
func (s *Shared) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Now().Add(redisHold)
}
