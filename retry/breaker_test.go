package retry_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/retry"
)

// record feeds outcomes to b, all at one time.
func record(b retry.Breaker, now time.Time, outcomes ...retry.Outcome) retry.Breaker {
	for _, o := range outcomes {
		b = b.Record(o, now)
	}
	return b
}

func times(n int, o retry.Outcome) []retry.Outcome { return slices.Repeat([]retry.Outcome{o}, n) }

func opened() retry.Breaker { return record(retry.Breaker{}, start, times(10, failure)...) }

func TestBreakerOpensOnARow(t *testing.T) {
	for _, test := range []struct {
		name     string
		outcomes []retry.Outcome
		want     retry.BreakerState
	}{
		{"nine failures", times(9, failure), retry.Closed},
		{"ten failures", times(10, failure), retry.Open},
		{"ten timeouts", times(10, timeout), retry.Open},
		{"ten refused connections", times(10, refused), retry.Open},
		{"ten times throttled", times(10, throttled), retry.Open},
		{"a success between", slices.Concat(times(9, failure), times(1, success), times(9, failure)), retry.Closed},
		{"a 404 between", slices.Concat(times(9, failure), times(1, notFound), times(9, failure)), retry.Closed},
		{"an interrupted one between", slices.Concat(times(9, failure), times(1, cutShort), times(1, failure)), retry.Open},
		{"many 404", times(50, notFound), retry.Closed},
		{"many redirects", times(50, retry.Outcome{StatusCode: 301}), retry.Closed},
		{"many blocked", times(50, blocked), retry.Closed},
		{"many interrupted", times(50, cutShort), retry.Closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := record(retry.Breaker{}, start, test.outcomes...).State; got != test.want {
				t.Errorf("state: %s, want %s", got, test.want)
			}
		})
	}
}

// TestBreakerEndpointFailures says for every class and some statuses whether
// ten of them park the endpoint.
func TestBreakerEndpointFailures(t *testing.T) {
	parks := map[retry.Outcome]bool{}
	for _, class := range allClasses[1:] {
		parks[retry.Outcome{Class: class}] = true
	}
	for _, class := range []retry.Class{
		retry.ClassBlockedAddress, retry.ClassInterrupted, retry.ClassRedirect,
		retry.ClassGone, retry.ClassTooLarge, retry.ClassStatus,
	} {
		parks[retry.Outcome{Class: class}] = false
	}
	for code, want := range map[int]bool{200: false, 301: false, 400: false, 404: false, 410: false, 413: false, 429: true, 500: true, 503: true, 599: true} {
		parks[retry.Outcome{StatusCode: code}] = want
	}
	for o, want := range parks {
		if got := record(retry.Breaker{}, start, times(10, o)...).State == retry.Open; got != want {
			t.Errorf("ten of %+v open the breaker: %t, want %t", o, got, want)
		}
	}
}

func TestBreakerOpensOnAShare(t *testing.T) {
	// Rows of failures broken by a success: bad of each group of good+bad.
	mixed := func(groups, bad, good int) (all []retry.Outcome) {
		for range groups {
			all = append(all, times(good, success)...)
			all = append(all, times(bad, failure)...)
		}
		return all
	}
	for _, test := range []struct {
		name     string
		outcomes []retry.Outcome
		every    time.Duration
		want     retry.BreakerState
	}{
		{"16 of 20", mixed(4, 4, 1), 0, retry.Open},
		{"15 of 19", slices.Concat(times(1, failure), mixed(3, 4, 1), times(1, success), times(2, failure)), 0, retry.Closed},
		{"15 of 20", mixed(5, 3, 1), 0, retry.Closed},
		{"150 of 200", mixed(50, 3, 1), 0, retry.Closed},
		{"79 of 100", slices.Concat(times(12, success), mixed(8, 9, 1), times(1, success), times(7, failure)), 0, retry.Closed},
		{"16 of 20 within five minutes", mixed(4, 4, 1), 12 * time.Second, retry.Open},
		{"16 of 20 over more", mixed(4, 4, 1), 20 * time.Second, retry.Closed},
		{"80 % for an hour, but seldom", mixed(12, 4, 1), time.Minute, retry.Closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b retry.Breaker
			now := start
			for _, o := range test.outcomes {
				b = b.Record(o, now)
				now = now.Add(test.every)
			}
			if b.State != test.want {
				t.Errorf("state: %s, want %s: %+v", b.State, test.want, b)
			}
		})
	}
}

func TestBreakerProbes(t *testing.T) {
	b, now := opened(), start
	waits := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute}
	for i, wait := range waits {
		due := now.Add(wait)
		if got := b.Limit(due.Add(-time.Nanosecond)); got != 0 {
			t.Fatalf("probe %d, before it is due: limit %d, want 0", i+1, got)
		}
		if got := b.Limit(due); got != 1 || !b.ProbeAt.Equal(due) {
			t.Fatalf("probe %d, when due: limit %d, want 1; due %s, want %s", i+1, got, b.ProbeAt, due)
		}
		now = due.Add(15 * time.Second) // the probe times out
		b = b.Record(timeout, now)
	}
}

func TestBreakerIgnoresWhatWasSentBefore(t *testing.T) {
	b := opened()
	if got := record(b, start.Add(20*time.Second), times(54, failure)...); got != b {
		t.Errorf("late failures changed the breaker: %+v, want %+v", got, b)
	}
	if got := record(b, start.Add(time.Hour), cutShort, blocked); got != b {
		t.Errorf("outcomes that say nothing changed the breaker: %+v, want %+v", got, b)
	}
	late := b.Record(success, start.Add(time.Second))
	if late.State != retry.Open || late.Limit(start.Add(time.Second)) != 1 {
		t.Errorf("after a late success: %+v, want open with a probe due at once", late)
	}
}

func TestBreakerRamp(t *testing.T) {
	now := start.Add(30 * time.Second)
	b := opened()
	var limits []int
	for b.State != retry.Closed {
		limits = append(limits, b.Limit(now))
		if len(limits) > 100 {
			t.Fatal("100 successes do not close the breaker")
		}
		b = b.Record(success, now)
	}
	want := slices.Concat([]int{1}, slices.Repeat([]int{2}, 2), slices.Repeat([]int{4}, 4), slices.Repeat([]int{8}, 8))
	if diff := cmp.Diff(want, limits); diff != "" {
		t.Errorf("limits up to closing (-want +got):\n%s", diff)
	}
	if b != (retry.Breaker{}) || b.Limit(now) != retry.Unlimited {
		t.Errorf("closed breaker: %+v, limit %d, want the zero Breaker without limit", b, b.Limit(now))
	}
}

func TestBreakerReopens(t *testing.T) {
	now := start.Add(30 * time.Second)
	b := record(opened(), now, success, success, failure)
	want := retry.Breaker{State: retry.Open, Probes: 1, ProbeAt: now.Add(time.Minute)}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("failure while probing (-want +got):\n%s", diff)
	}
	// The other requests of the ramp fail too; that is no further probe.
	if got := record(b, now.Add(time.Second), times(3, failure)...); got != b {
		t.Errorf("the rest of the ramp changed the breaker: %+v, want %+v", got, b)
	}
	// A 404 is an answer: the endpoint is back. The pauses go on growing
	// until the breaker has closed.
	probing := b.Record(notFound, b.ProbeAt)
	if probing.State != retry.Probing {
		t.Errorf("after a 404: %s, want probing", probing.State)
	}
	if got, want := probing.Record(failure, start).ProbeAt, start.Add(2*time.Minute); !got.Equal(want) {
		t.Errorf("third time open, the probe is due at %s, want %s", got, want)
	}
}

func TestBreakerWithAClockThatGoesBack(t *testing.T) {
	b := record(retry.Breaker{}, start, times(5, failure)...)
	b = record(b, start.Add(-time.Hour), times(5, failure)...)
	if b.State != retry.Open {
		t.Errorf("state: %s, want open", b.State)
	}
}

func TestBreakerJSON(t *testing.T) {
	ramping := record(opened(), start.Add(30*time.Second), success, success)
	for i, b := range []retry.Breaker{{}, record(retry.Breaker{}, start, failure, success, failure), opened(), ramping} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			encoded, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			var again retry.Breaker
			if err := json.Unmarshal(encoded, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(b, again); diff != "" {
				t.Errorf("round trip of %s (-want +got):\n%s", encoded, diff)
			}
		})
	}
	if encoded, _ := json.Marshal(retry.Breaker{}); string(encoded) != "{}" {
		t.Errorf("zero Breaker: %s, want {}", encoded)
	}
}

func TestBreakerStateString(t *testing.T) {
	for state, want := range map[retry.BreakerState]string{retry.Closed: "closed", retry.Open: "open", retry.Probing: "probing"} {
		if got := state.String(); got != want {
			t.Errorf("String: %s, want %s", got, want)
		}
	}
}

// Successes that were counted apart keep a few failures from opening a breaker.
func TestBreakerCount(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var apart retry.Breaker
	for range 100 {
		apart = apart.Record(retry.Outcome{StatusCode: 200}, now)
	}
	failing := func(b retry.Breaker) retry.Breaker {
		for i := range 20 {
			if i%7 == 6 {
				b = b.Record(retry.Outcome{StatusCode: 200}, now)
				continue
			}
			b = b.Record(retry.Outcome{StatusCode: 500}, now)
		}
		return b
	}
	if b := failing(retry.Breaker{}); b.State != retry.Open {
		t.Errorf("after 18 of 20 failed the breaker is %s", b.State)
	}
	if b := failing(retry.Breaker{}.Count(apart)); b.State != retry.Closed {
		t.Errorf("after 18 of 120 failed the breaker is %s", b.State)
	}
	later := now.Add(10 * time.Minute)
	if b := (retry.Breaker{}).Record(retry.Outcome{StatusCode: 500}, later).Count(apart); b.Recent != [5]retry.Tally{{Total: 1, Failed: 1}} {
		t.Errorf("tallies of ten minutes ago are counted: %v", b.Recent)
	}
}
