package retry_test

import (
	"testing"
	"time"

	"memhook/retry"
)

func TestLimiter(t *testing.T) {
	l := retry.Limiter{PerSecond: 4, Burst: 3}
	var wait time.Duration
	for _, step := range []struct {
		name string
		at   time.Duration
		wait time.Duration // 0: taken
		left int           // afterwards
	}{
		{"burst, first", 0, 0, 2},
		{"burst, second", 0, 0, 1},
		{"burst, third", 0, 0, 0},
		{"empty", 0, 250 * time.Millisecond, 0},
		{"still empty", 249 * time.Millisecond, time.Millisecond, 0},
		{"one dropped in", 250 * time.Millisecond, 0, 0},
		{"and is gone", 250 * time.Millisecond, 250 * time.Millisecond, 0},
		{"full again", time.Hour, 0, 2},
		{"no more than a burst was saved", time.Hour, 0, 1},
	} {
		now := start.Add(step.at)
		l, wait = l.Take(now)
		if left := l.Left(now); wait != step.wait || left != step.left {
			t.Fatalf("%s: wait %s, left %d, want %s, %d", step.name, wait, left, step.wait, step.left)
		}
	}
	if want := start.Add(time.Hour + 500*time.Millisecond); !l.FullAt.Equal(want) {
		t.Errorf("FullAt: %s, want %s", l.FullAt, want)
	}
}

func TestLimiterLongRun(t *testing.T) {
	for _, perSecond := range []float64{0.5, 1, 7, 1000, 12345.678} {
		l := retry.Limiter{PerSecond: perSecond, Burst: 5}
		now, taken := start, 0
		for now.Sub(start) < 10*time.Second {
			next, wait := l.Take(now)
			if wait == 0 {
				taken++
			}
			l, now = next, now.Add(wait)
		}
		if want := int(10*perSecond) + 5; taken < want-1 || taken > want+1 {
			t.Errorf("%v a second: %d in 10 s, want %d", perSecond, taken, want)
		}
	}
}

func TestLimiterEdges(t *testing.T) {
	future := start.Add(1000 * time.Hour)
	for _, test := range []struct {
		name    string
		limiter retry.Limiter
		left    int
		wait    time.Duration
	}{
		{"no limit", retry.Limiter{FullAt: future}, retry.Unlimited, 0},
		{"negative rate", retry.Limiter{PerSecond: -1}, retry.Unlimited, 0},
		{"no burst given", retry.Limiter{PerSecond: 1}, 1, 0},
		{"clock went back", retry.Limiter{PerSecond: 1, Burst: 10, FullAt: future}, 0, time.Second},
		{"tiny rate", retry.Limiter{PerSecond: 1e-300, FullAt: future}, 0, time.Hour},
		{"huge burst at a tiny rate", retry.Limiter{PerSecond: 1e-300, Burst: 1 << 60}, 100_000, 0},
		{"huge rate", retry.Limiter{PerSecond: 1e300, Burst: 1 << 60, FullAt: future}, retry.Unlimited, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.limiter.Left(start); got != test.left {
				t.Errorf("Left: %d, want %d", got, test.left)
			}
			if _, wait := test.limiter.Take(start); wait != test.wait {
				t.Errorf("Take: wait %s, want %s", wait, test.wait)
			}
		})
	}
}
