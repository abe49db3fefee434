package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	// pushTimeout is how long a push may take. A Redis that is slower is no help.
	pushTimeout = 100 * time.Millisecond
	// redisWindow is how many IDs wait in a lane in Redis at most, as far as this
	// process can tell. The rest stays in the database, so a backlog never fills
	// Redis: a lane takes at most 6 MB.
	redisWindow = 10_000
	// taskTimeout is when asynq gives a handler up. Handlers end by themselves
	// long before; asynq has to be given some limit.
	taskTimeout = 24 * time.Hour
	// stopTimeout is how long asynq may take to say goodbye to Redis once the last
	// handler has ended.
	stopTimeout = 5 * time.Second
)

// Redis carries tickets through asynq. While Redis is down, full or slow they go
// through the process itself, and back when it has recovered: nothing is lost
// either way, because a ticket is a hint. While both carry tickets there are twice
// as many workers.
type Redis struct {
	pushes    redis.UniversalClient // fails fast
	serves    redis.UniversalClient // asynq's servers, paced
	asynq     *asynq.Client
	inspector *asynq.Inspector
	pacer     *pacer
	handler   *tracked
	workers   Lanes
	lanes     map[string]*window
	local     *Local
	log       *slog.Logger
	metrics   *Metrics
	stopped   chan struct{} // closed when Run is asked to end

	mu     sync.Mutex
	status Status
	until  time.Time // Redis is not used again before
}

// A window guesses how many IDs wait in a lane in Redis. Redis counts tickets, so
// the length is multiplied by what this process lately put into one.
type window struct {
	waiting      atomic.Int64 // at the last look, and pushed since
	ids, tickets atomic.Int64 // pushed since the last look
	idsPerTicket float64      // of the goroutine that looks
}

// NewRedis returns a broker on the Redis at the URL: redis://, rediss://,
// redis-sentinel:// or redis-cluster://. It connects when it runs, so Redis may be
// down at the start.
func NewRedis(rawURL string, handler asynq.Handler, workers Lanes, log *slog.Logger) (*Redis, error) {
	opt, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(quiet{})
	servesOpt := *opt
	opt.MinIdleConns = 2 // so that a push need not wait for a connection
	r := &Redis{
		pushes: redis.NewUniversalClient(opt), serves: redis.NewUniversalClient(&servesOpt),
		handler: &tracked{next: handler}, workers: workers,
		lanes: make(map[string]*window, len(workers)),
		local: NewLocal(handler, workers), log: log, stopped: make(chan struct{}),
		status: Status{Trouble: notConnected},
	}
	r.asynq = asynq.NewClientFromRedisClient(r.pushes)
	r.inspector = asynq.NewInspectorFromRedisClient(r.pushes)
	r.pacer = newPacer(workers, r.stopped)
	r.serves.AddHook(r.pacer)
	for lane := range workers {
		r.lanes[lane] = &window{idsPerTicket: 1}
	}
	return r, nil
}

// Instrument makes the broker count in m. It is called before Run.
func (r *Redis) Instrument(m *Metrics) {
	r.metrics = m
	r.local.Instrument(m)
}

// Push hands in a ticket: to Redis, or to this process while Redis is in trouble.
// It takes at most 100 ms, and that only for the pushes that find the trouble.
// ErrFull.
func (r *Redis) Push(ctx context.Context, t Ticket) error {
	if r.Trouble() != "" {
		return r.local.Push(ctx, t)
	}
	w, ok := r.lanes[t.Lane]
	if !ok {
		return fmt.Errorf("no lane %q for ticket %s", t.Lane, t.Kind)
	}
	task, err := t.task()
	if err != nil {
		return err
	}
	if w.waiting.Load() >= redisWindow {
		r.metrics.pushed("redis", t.Lane, ErrFull)
		return ErrFull
	}
	err = r.enqueue(ctx, task, t.Lane)
	r.metrics.pushed("redis", t.Lane, err)
	if err != nil {
		if ctx.Err() == nil {
			r.setTrouble(ctx, trouble(err), time.Now().Add(redisHold))
		}
		return r.local.Push(ctx, t)
	}
	n := int64(len(t.IDs))
	w.waiting.Add(n)
	w.ids.Add(n)
	w.tickets.Add(1)
	r.pacer.pushed(t.Lane)
	return nil
}

func (r *Redis) enqueue(ctx context.Context, task *asynq.Task, lane string) error {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	_, err := r.asynq.EnqueueContext(ctx, task,
		asynq.Queue(lane), asynq.TaskID(uuid.NewString()), asynq.MaxRetry(0), asynq.Timeout(taskTimeout))
	return err
}

// Run handles tickets until ctx ends, and returns after the last handler has.
// Handlers are not told that ctx has ended: what is under way is finished.
// Run is called once.
func (r *Redis) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { close(r.stopped) })
	var wg sync.WaitGroup
	wg.Go(func() { r.watch(ctx) })
	wg.Go(func() { _ = r.local.Run(ctx) })
	var err error
	servers := make([]*asynq.Server, 0, len(r.workers))
	for lane, workers := range r.workers {
		if workers == 0 {
			continue
		}
		srv := r.newServer(lane, workers)
		err = errors.Join(err, srv.Start(r.handler))
		servers = append(servers, srv)
	}
	if err != nil {
		cancel()
	}
	<-ctx.Done()
	each(servers, (*asynq.Server).Stop)
	r.handler.close()
	wg.Wait()
	return errors.Join(err, r.close(servers))
}

// newServer returns a server for one lane, so that its workers serve no other.
func (r *Redis) newServer(lane string, workers int) *asynq.Server {
	return asynq.NewServerFromRedisClient(r.serves, asynq.Config{
		Concurrency:       workers,
		Queues:            map[string]int{lane: 1},
		TaskCheckInterval: askAgain,
		ShutdownTimeout:   taskTimeout,
		Logger:            asynqLog{r.log},
		LogLevel:          asynq.WarnLevel,
	})
}

// close ends the servers and the connections. If Redis stops answering at the
// moment a server subscribes to it, asynq waits for that answer for ever; then the
// connections are left to the end of the process, for asynq panics when they are
// closed under it.
func (r *Redis) close(servers []*asynq.Server) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		each(servers, (*asynq.Server).Shutdown)
	}()
	err := r.pushes.Close()
	select {
	case <-done:
		return errors.Join(err, r.serves.Close())
	case <-time.After(stopTimeout):
		r.log.LogAttrs(context.Background(), slog.LevelWarn, "redis does not answer, left without goodbye")
		return err
	}
}

func each(servers []*asynq.Server, do func(*asynq.Server)) {
	var wg sync.WaitGroup
	for _, srv := range servers {
		wg.Go(func() { do(srv) })
	}
	wg.Wait()
}

// tracked knows when the last handler has ended. asynq does not: it takes its
// eyes off a handler whose lease in Redis ran out or was canceled there.
type tracked struct {
	next asynq.Handler

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
}

// ProcessTask handles a task whatever becomes of its context. Once closed it
// drops it: asynq forgets it, the database does not.
func (t *tracked) ProcessTask(ctx context.Context, task *asynq.Task) error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.active.Add(1)
	t.mu.Unlock()
	defer t.active.Done()
	return t.next.ProcessTask(context.WithoutCancel(ctx), task)
}

// close waits for the handlers under way and lets no other start.
func (t *tracked) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.active.Wait()
}

// asynqLog passes asynq's own messages on for debugging. It warns of each task
// that a flushed or lost Redis has forgotten; that is expected here.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.say(args) }
func (l asynqLog) Info(args ...any)  { l.say(args) }
func (l asynqLog) Warn(args ...any)  { l.say(args) }
func (l asynqLog) Error(args ...any) { l.say(args) }
func (l asynqLog) Fatal(args ...any) { l.say(args) }

func (l asynqLog) say(args []any) {
	l.log.LogAttrs(context.Background(), slog.LevelDebug, "asynq", slog.String("message", fmt.Sprint(args...)))
}
