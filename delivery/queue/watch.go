package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// redisLook is how often the health of Redis and the length of the lanes are
	// looked at.
	redisLook = 500 * time.Millisecond
	// redisHold is how long Redis is not used after a push failed, so that one
	// that is slow now and then does not make every other push wait.
	redisHold = 2 * time.Second
	// looksPerInfo is after how many looks Redis is asked how it is configured.
	looksPerInfo = 60

	// minRedis is the major version that brought what go-redis speaks by default
	// (RESP3); the tests run against 7.
	minRedis = 6
)

const notConnected = "not connected yet"

// Status is what an operator wants to know of a Redis broker.
type Status struct {
	Trouble string    // why tickets go through the process itself, "" while they go through Redis
	Warning string    // what is wrong with a Redis that is used all the same, or ""
	Since   time.Time // when Trouble last became empty or stopped being so; zero before the first look
}

// Status says how the broker is.
func (r *Redis) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Trouble says why Redis is not used now, "" when it is.
func (r *Redis) Trouble() string { return r.Status().Trouble }

// setTrouble records why Redis is not used, and until when not at the least; "" is
// heard only after that.
func (r *Redis) setTrouble(ctx context.Context, why string, until time.Time) {
	now := time.Now()
	r.mu.Lock()
	if why == "" && now.Before(r.until) {
		r.mu.Unlock()
		return
	}
	was := r.status.Trouble
	r.status.Trouble = why
	if (why == "") != (was == "") || was == notConnected {
		r.status.Since = now
	}
	if until.After(r.until) {
		r.until = until
	}
	r.mu.Unlock()
	if was == why {
		return
	}
	r.metrics.redisUsed(why == "")
	if why == "" {
		r.log.LogAttrs(ctx, slog.LevelInfo, "redis is used")
		return
	}
	r.log.LogAttrs(ctx, slog.LevelWarn, "redis is not used, tickets go through the process itself", slog.String("reason", why))
}

func (r *Redis) setWarning(ctx context.Context, warning string) {
	r.mu.Lock()
	was := r.status.Warning
	r.status.Warning = warning
	r.mu.Unlock()
	if warning != "" && warning != was {
		r.log.LogAttrs(ctx, slog.LevelWarn, "redis is not set up well", slog.String("reason", warning))
	}
}

// errTooOld says that Redis lacks commands.
var errTooOld = fmt.Errorf("it is older than version %d", minRedis)

// troubles are the errors of Redis that an operator can do something about.
var troubles = []struct{ code, words string }{
	{"OOM ", "it is full: raise maxmemory"},
	{"NOAUTH ", "it wants a password"},
	{"WRONGPASS ", "it refuses the password"},
	{"invalid password", "it refuses the password"},
	{"NOPERM ", "it refuses a command to this user"},
	{"LOADING ", "it is loading its data"},
	{"READONLY ", "it is a read-only replica"},
	{"MISCONF ", "it refuses writes because it cannot save its data"},
	{"CLUSTERDOWN ", "its cluster is down"},
}

// trouble says what is wrong in words that hold no address and no password.
func trouble(err error) string {
	if errors.Is(err, errTooOld) {
		return err.Error()
	}
	for _, t := range troubles {
		if strings.Contains(err.Error(), t.code) {
			return t.words
		}
	}
	return "it does not answer"
}

// watch keeps an eye on Redis until ctx ends.
func (r *Redis) watch(ctx context.Context) {
	tick := time.NewTicker(redisLook)
	defer tick.Stop()
	for n := 0; ; n++ {
		err := r.look(ctx)
		if err == nil && (n%looksPerInfo == 0 || r.Trouble() != "") {
			err = r.checkInfo(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.setTrouble(ctx, trouble(err), time.Time{})
		default:
			r.setTrouble(ctx, "", time.Time{})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look measures the lanes and empties their archives. It writes as well, because
// a full Redis and a replica still answer reads: the names of the lanes, where
// asynq keeps them, once more, for asynq does not notice when they are flushed.
func (r *Redis) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	pipe := r.pushes.Pipeline()
	pending, archived := map[string]*redis.IntCmd{}, map[string]*redis.IntCmd{}
	for lane := range r.workers {
		pipe.SAdd(ctx, "asynq:queues", lane)
		pending[lane] = pipe.LLen(ctx, pendingKey(lane))
		archived[lane] = pipe.ZCard(ctx, "asynq:{"+lane+"}:archived")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for lane, w := range r.lanes {
		w.measured(pending[lane].Val())
		if archived[lane].Val() == 0 {
			continue
		}
		// What a process that died had taken, asynq archives a minute or two
		// later. The database knew all along.
		if _, err := r.inspector.DeleteAllArchivedTasks(lane); err != nil {
			return err
		}
	}
	return nil
}

// measured sets the window from the number of tickets that wait.
func (w *window) measured(tickets int64) {
	ids, pushed := w.ids.Swap(0), w.tickets.Swap(0)
	if pushed > 0 {
		w.idsPerTicket = (w.idsPerTicket + float64(ids)/float64(pushed)) / 2
	}
	w.waiting.Store(int64(float64(tickets) * w.idsPerTicket))
}

// checkInfo asks Redis for its version and for what it does when it is full.
func (r *Redis) checkInfo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	warning, err := readInfo(ctx, r.pushes)
	if err == nil {
		r.setWarning(ctx, warning)
	}
	return err
}

// readInfo returns what is wrong with a Redis that can be used all the same. INFO
// is used because hosted servers forbid CONFIG.
func readInfo(ctx context.Context, client redis.UniversalClient) (warning string, err error) {
	text, err := client.Info(ctx).Result()
	if err != nil {
		return "", err
	}
	info := parseInfo(text)
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if n, err := strconv.Atoi(major); err == nil && n < minRedis {
		return "", errTooOld
	}
	if policy := info["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		warning = "maxmemory-policy is " + policy + ", which loses tickets when memory is short and so delays deliveries: set it to noeviction"
	}
	return warning, nil
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[key] = value
		}
	}
	return info
}
