package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// paced calls a lane's look through the pacer until the time is over and returns
// how often Redis was asked. Redis answers with reply.
func paced(p *pacer, span time.Duration, reply func() error) (asked int) {
	hook := p.ProcessHook(func(context.Context, redis.Cmder) error {
		asked++
		return reply()
	})
	end := time.Now().Add(span)
	for time.Now().Before(end) {
		_ = hook(context.Background(), takeCmd("evalsha", "quick"))
	}
	return asked
}

// takeCmd is what asynq sends to take a ticket.
func takeCmd(name, lane string) redis.Cmder {
	return redis.NewCmd(context.Background(), name, "sha", 4, pendingKey(lane), "paused", "active", "lease")
}

func TestPacer(t *testing.T) {
	answer := func(err error) func() error { return func() error { return err } }
	tests := []struct {
		name  string
		reply func() error
		want  int // looks in 10 s
	}{
		{name: "an empty lane is looked into now and then", reply: answer(redis.Nil), want: int(10 * time.Second / askQuiet)},
		{name: "a Redis that is down is left alone", reply: answer(errors.New("connection refused")), want: int(10 * time.Second / askFailed)},
		{name: "a full Redis is left alone", reply: answer(errors.New("OOM command not allowed")), want: int(10 * time.Second / askFailed)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPacer(Lanes{"quick": 1}, make(chan struct{}))
				got := paced(p, 10*time.Second, tt.reply)
				if got < tt.want-2 || got > tt.want+2 {
					t.Errorf("%d looks in 10 s, want about %d", got, tt.want)
				}
			})
		})
	}
}

func TestPacerLetsThrough(t *testing.T) {
	tests := []struct {
		name string
		err  error
	}{
		{name: "after a ticket"},
		{name: "the script itself", err: errors.New("NOSCRIPT No matching script")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPacer(Lanes{"quick": 1}, make(chan struct{}))
				began := time.Now()
				hook := p.ProcessHook(func(context.Context, redis.Cmder) error { return tt.err })
				for _, name := range []string{"evalsha", "eval", "evalsha"} {
					_ = hook(t.Context(), takeCmd(name, "quick"))
				}
				if waited := time.Since(began); waited != 0 {
					t.Errorf("waited %s, want no time", waited)
				}
			})
		})
	}
	t.Run("other commands while Redis is down", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(Lanes{"quick": 1}, make(chan struct{}))
			began := time.Now()
			hook := p.ProcessHook(func(context.Context, redis.Cmder) error { return errors.New("connection refused") })
			for range 3 {
				_ = hook(t.Context(), redis.NewCmd(t.Context(), "evalsha", "sha", 1, "asynq:{quick}:active"))
				_ = hook(t.Context(), redis.NewCmd(t.Context(), "ping"))
			}
			if waited := time.Since(began); waited != 0 {
				t.Errorf("waited %s, want no time", waited)
			}
		})
	})
}

// looked does one look that finds the lane empty, and says how long it took.
func looked(p *pacer, lane string) time.Duration {
	began := time.Now()
	_ = p.ProcessHook(func(context.Context, redis.Cmder) error { return redis.Nil })(context.Background(), takeCmd("evalsha", lane))
	return time.Since(began)
}

func TestPacerPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(Lanes{"quick": 1, "slow": 1}, make(chan struct{}))
		looked(p, "quick")
		looked(p, "slow")
		p.pushed("quick")
		p.pushed("quick") // does not block
		if d := looked(p, "quick"); d != 0 {
			t.Errorf("after a push the look waited %s, want no time", d)
		}
		if d := looked(p, "quick"); d != askBusy {
			t.Errorf("soon after a push the look waited %s, want %s", d, askBusy)
		}
		if d := looked(p, "slow"); d != askQuiet {
			t.Errorf("in another lane the look waited %s, want %s", d, askQuiet)
		}
		time.Sleep(2 * quietAfter) // a bubble's time
		if d := looked(p, "quick"); d != askQuiet {
			t.Errorf("long after a push the look waited %s, want %s", d, askQuiet)
		}
	})
}

func TestPacerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		p := newPacer(Lanes{"quick": 1}, done)
		looked(p, "quick")
		close(done)
		if d := looked(p, "quick"); d != 0 {
			t.Errorf("after the end the look waited %s, want no time", d)
		}
	})
}
