package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	// redisTimeout bounds each command: a Redis that is slower than this is no
	// help, and tickets go through the process itself.
	redisTimeout = time.Second
	// redisLook is how often the health of Redis and the length of the lanes are
	// looked at.
	redisLook = 500 * time.Millisecond
	// redisPoll is how often asynq looks into an empty lane. Its default of one
	// second would be the delivery's latency.
	redisPoll = 10 * time.Millisecond
	// redisWindow is how many tickets wait in Redis at most. The rest stays in the
	// database, so that a backlog never fills Redis.
	redisWindow = 10_000
	// shutdownWait is longer than any attempt may take.
	shutdownWait = 45 * time.Second
)

// Redis carries tickets through asynq. While Redis is down, full or slow they go
// through the process itself, and back when it has recovered: nothing is lost
// either way, because a ticket is a hint.
type Redis struct {
	client  redis.UniversalClient
	asynq   *asynq.Client
	handler asynq.Handler
	workers Lanes
	local   *Local
	log     *slog.Logger

	waiting atomic.Int64 // tickets in Redis at the last look, and those pushed since
	mu      sync.Mutex
	trouble string // why Redis is not used, "" when it is
}

// NewRedis returns a broker on the Redis at the URL: redis://, rediss://,
// redis-sentinel:// or redis-cluster://. It connects when it runs, so Redis may be
// down at the start.
func NewRedis(rawURL string, handler asynq.Handler, workers Lanes, log *slog.Logger) (*Redis, error) {
	client, err := connect(rawURL)
	if err != nil {
		return nil, err
	}
	return &Redis{
		client: client, asynq: asynq.NewClientFromRedisClient(client), handler: handler, workers: workers,
		local: NewLocal(handler, workers), log: log, trouble: "not connected yet",
	}, nil
}

// connect returns a client for the URL. Its errors never repeat the URL, which may
// hold a password.
func connect(rawURL string) (redis.UniversalClient, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be read")
	}
	switch u.Scheme {
	case "redis", "rediss":
		opt, err := redis.ParseURL(rawURL)
		if err != nil {
			return nil, errors.New("the Redis URL cannot be read")
		}
		opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.MaxRetries = redisTimeout, redisTimeout, redisTimeout, -1
		return redis.NewClient(opt), nil
	case "redis-cluster":
		opt, err := redis.ParseClusterURL("redis" + strings.TrimPrefix(rawURL, "redis-cluster"))
		if err != nil {
			return nil, errors.New("the Redis URL cannot be read")
		}
		opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
		return redis.NewClusterClient(opt), nil
	case "redis-sentinel":
		opt, err := asynq.ParseRedisURI(rawURL)
		if err != nil {
			return nil, errors.New("the Redis URL cannot be read")
		}
		client, ok := opt.MakeRedisClient().(redis.UniversalClient)
		if !ok {
			return nil, errors.New("the Redis URL cannot be used")
		}
		return client, nil
	}
	return nil, fmt.Errorf("a Redis URL begins with redis://, rediss://, redis-sentinel:// or redis-cluster://, not %q", u.Scheme)
}

// Trouble says why Redis is not used now, "" when it is.
func (r *Redis) Trouble() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

func (r *Redis) setTrouble(ctx context.Context, why string) {
	r.mu.Lock()
	was := r.trouble
	r.trouble = why
	r.mu.Unlock()
	switch {
	case was == why:
	case why == "":
		r.log.LogAttrs(ctx, slog.LevelInfo, "redis is used")
	default:
		r.log.LogAttrs(ctx, slog.LevelWarn, "redis is not used, tickets go through the process itself", slog.String("reason", why))
	}
}

// Push hands in a ticket: to Redis, or to this process while Redis is in trouble.
// ErrFull.
func (r *Redis) Push(ctx context.Context, t Ticket) error {
	if r.Trouble() != "" {
		return r.local.Push(ctx, t)
	}
	if r.waiting.Load() >= redisWindow {
		return ErrFull
	}
	task, err := t.task()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	_, err = r.asynq.EnqueueContext(ctx, task, asynq.Queue(t.Lane), asynq.TaskID(uuid.NewString()), asynq.MaxRetry(0))
	if err != nil {
		r.setTrouble(ctx, trouble(err))
		return r.local.Push(ctx, t)
	}
	r.waiting.Add(1)
	return nil
}

// trouble says what is wrong in words that hold no address and no password.
func trouble(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "OOM"):
		return "it is full: raise maxmemory"
	case strings.Contains(text, "NOAUTH"), strings.Contains(text, "WRONGPASS"):
		return "it refuses the password"
	case strings.Contains(text, "LOADING"):
		return "it is loading its data"
	}
	return "it does not answer"
}

// Run handles tickets until ctx ends, and returns after the last handler has.
func (r *Redis) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.watch(ctx) })
	wg.Go(func() { _ = r.local.Run(ctx) })
	for lane, workers := range r.workers {
		wg.Go(func() { r.serve(ctx, lane, workers) })
	}
	wg.Wait()
	return r.client.Close()
}

// serve runs one lane's own server, so that its workers serve no other lane.
func (r *Redis) serve(ctx context.Context, lane string, workers int) {
	srv := asynq.NewServerFromRedisClient(r.client, asynq.Config{
		Concurrency: workers, Queues: map[string]int{lane: 1}, TaskCheckInterval: redisPoll,
		ShutdownTimeout: shutdownWait, Logger: asynqLog{r.log}, LogLevel: asynq.WarnLevel,
		BaseContext: func() context.Context { return context.WithoutCancel(ctx) },
	})
	for {
		err := srv.Start(r.handler)
		if err == nil {
			<-ctx.Done()
			srv.Shutdown()
			return
		}
		r.log.LogAttrs(ctx, slog.LevelWarn, "queue lane not started, trying again", slog.String("lane", lane), slog.Any("error", err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(redisLook):
		}
	}
}

// watch keeps an eye on Redis until ctx ends.
func (r *Redis) watch(ctx context.Context) {
	tick := time.NewTicker(redisLook)
	defer tick.Stop()
	warned := false
	for {
		n, err := r.length(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.setTrouble(ctx, trouble(err))
		default:
			r.waiting.Store(n)
			r.setTrouble(ctx, "")
			if !warned {
				r.warnOfEviction(ctx)
				warned = true
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// length returns how many tickets wait in Redis. It writes a key too, because a
// full Redis still answers reads.
func (r *Redis) length(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	if err := r.client.Set(ctx, "memhook:alive", 1, time.Minute).Err(); err != nil {
		return 0, err
	}
	var total int64
	for lane := range r.workers {
		n, err := r.client.LLen(ctx, "asynq:{"+lane+"}:pending").Result()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// warnOfEviction warns when Redis may throw tickets away. They come back, but late.
func (r *Redis) warnOfEviction(ctx context.Context) {
	policy, err := r.client.ConfigGet(ctx, "maxmemory-policy").Result()
	if err == nil && policy["maxmemory-policy"] != "noeviction" {
		r.log.LogAttrs(ctx, slog.LevelWarn, "redis may evict tickets, which delays deliveries: set maxmemory-policy to noeviction",
			slog.String("maxmemory_policy", policy["maxmemory-policy"]))
	}
}

// asynqLog passes asynq's own messages on.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Warn("asynq", "message", fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq", "message", fmt.Sprint(args...)) }
