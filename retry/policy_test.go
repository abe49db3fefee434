package retry_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/retry"
)

func TestNext(t *testing.T) {
	const short, long = 30 * time.Second, 10 * time.Minute
	p := retry.Policy{Schedule: mustParse(t, "5s 10m 4h"), MaxAge: 6 * time.Hour}
	again := func(wait time.Duration, reason retry.Reason) retry.Decision {
		return retry.Decision{State: retry.Again, Reason: reason, Wait: wait, At: start.Add(wait)}
	}
	holding := func(d retry.Decision, hold time.Duration) retry.Decision {
		d.HoldEndpointUntil = start.Add(hold)
		return d
	}
	exhausted := retry.Decision{State: retry.GiveUp, Reason: retry.ReasonExhausted}
	expired := retry.Decision{State: retry.GiveUp, Reason: retry.ReasonExpired}
	gone := retry.Decision{State: retry.Disable, Reason: retry.ReasonGone, DisableEndpoint: true}
	for _, test := range []struct {
		name    string
		attempt int
		outcome retry.Outcome
		age     time.Duration // since the first attempt
		want    retry.Decision
	}{
		{"delivered", 1, success, 0, retry.Decision{State: retry.Done, Reason: retry.ReasonDelivered}},
		{"delivered by the last attempt", 4, success, 9 * time.Hour, retry.Decision{State: retry.Done, Reason: retry.ReasonDelivered}},
		{"delivered, no more wanted", 1, retry.Outcome{StatusCode: 200, Disable: true}, 0, retry.Decision{State: retry.Done, Reason: retry.ReasonDelivered, DisableEndpoint: true}},
		{"gone", 1, retry.Outcome{StatusCode: 410}, 0, gone},
		{"failed, no more wanted", 2, retry.Outcome{StatusCode: 500, Disable: true}, 0, gone},
		{"too large", 1, retry.Outcome{StatusCode: 413, RetryAfter: time.Hour}, 0, retry.Decision{State: retry.Stop, Reason: retry.ReasonRefused}},
		{"blocked address", 1, blocked, 0, retry.Decision{State: retry.Stop, Reason: retry.ReasonRefused}},
		{"first failure", 1, failure, 0, again(5*time.Second, retry.ReasonScheduled)},
		{"second failure", 2, timeout, 0, again(long, retry.ReasonScheduled)},
		{"attempt counted from zero", 0, failure, 0, again(5*time.Second, retry.ReasonScheduled)},
		{"redirect", 1, retry.Outcome{StatusCode: 302}, 0, again(5*time.Second, retry.ReasonScheduled)},
		{"last failure", 4, failure, 0, exhausted},
		{"beyond the last", 40, failure, 0, exhausted},
		{"too old", 3, failure, 2*time.Hour + time.Nanosecond, expired},
		{"just not too old", 3, failure, 2 * time.Hour, again(4*time.Hour, retry.ReasonScheduled)},
		{"asked to wait longer", 1, retry.Outcome{StatusCode: 500, RetryAfter: time.Minute}, 0, again(time.Minute, retry.ReasonRetryAfter)},
		{"asked to wait less", 2, retry.Outcome{StatusCode: 500, RetryAfter: time.Minute}, 0, again(long, retry.ReasonScheduled)},
		{"asked to wait past the age", 1, retry.Outcome{StatusCode: 500, RetryAfter: 7 * time.Hour}, 0, expired},
		{"asked to wait a negative time", 1, retry.Outcome{StatusCode: 500, RetryAfter: -time.Hour}, 0, again(5*time.Second, retry.ReasonScheduled)},
		{"asked to wait, no attempt left", 4, retry.Outcome{StatusCode: 500, RetryAfter: time.Minute}, 0, exhausted},
		{"throttled", 1, throttled, 0, holding(again(5*time.Second, retry.ReasonScheduled), 5*time.Second)},
		{"throttled, late attempt", 2, throttled, 0, holding(again(long, retry.ReasonScheduled), short)},
		{"throttled, asked to wait", 1, retry.Outcome{StatusCode: 503, RetryAfter: time.Minute}, 0, holding(again(time.Minute, retry.ReasonRetryAfter), time.Minute)},
		{"throttled, asked to wait less", 2, retry.Outcome{StatusCode: 429, RetryAfter: time.Minute}, 0, holding(again(long, retry.ReasonScheduled), time.Minute)},
		{"throttled, no attempt left", 4, throttled, 0, holding(exhausted, short)},
		{"throttled, asked to wait past the age", 1, retry.Outcome{StatusCode: 429, RetryAfter: 7 * time.Hour}, 0, holding(expired, 7*time.Hour)},
		{"throttled, asked to wait for a week", 1, retry.Outcome{StatusCode: 429, RetryAfter: 7 * 24 * time.Hour}, 0, holding(expired, 24*time.Hour)},
		{"interrupted", 2, cutShort, time.Hour, again(0, retry.ReasonInterrupted)},
		{"interrupted, no attempt left", 4, cutShort, 0, exhausted},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := p.Next(test.attempt, test.outcome, start.Add(-test.age), start)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Next (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNextWithoutMaxAge(t *testing.T) {
	d := retry.Policy{}.Next(12, retry.Outcome{StatusCode: 500, RetryAfter: time.Minute}, start.Add(-1000*time.Hour), start)
	if d.State != retry.Again || d.Wait != 24*time.Hour {
		t.Errorf("Next: %+v, want again in 24h", d)
	}
}

// TestJitter holds the bounds for chances at and between the ends.
func TestJitter(t *testing.T) {
	for _, test := range []struct{ chance, factor float64 }{
		{0, 0.8}, {0.25, 0.9}, {0.5, 1}, {0.75, 1.1}, {math.Nextafter(1, 0), 1.2},
	} {
		p := retry.DefaultPolicy(func() float64 { return test.chance })
		for attempt := 1; attempt <= 12; attempt++ {
			wait, _ := p.Schedule.Wait(attempt)
			want := time.Duration(float64(wait) * test.factor)
			if got := p.Next(attempt, failure, start, start).Wait; (got - want).Abs() > time.Millisecond {
				t.Errorf("chance %v, attempt %d: wait %s, want %s", test.chance, attempt, got, want)
			}
		}
	}
}

// TestNextProperties tries many outcomes at random, from a fixed seed.
func TestNextProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := retry.DefaultPolicy(r.Float64)
	for range 20_000 {
		attempt := 1 + r.IntN(15)
		o := retry.Outcome{StatusCode: 100 + r.IntN(500), Disable: r.IntN(20) == 0}
		if r.IntN(2) == 0 {
			o = retry.Outcome{Class: allClasses[1+r.IntN(len(allClasses)-1)]}
		}
		if r.IntN(2) == 0 {
			o.RetryAfter = time.Duration(r.Int64N(int64(30 * time.Hour)))
		}
		age := time.Duration(r.Int64N(int64(120 * time.Hour)))
		d := p.Next(attempt, o, start.Add(-age), start)
		if problem := check(p, attempt, o, age, d); problem != "" {
			t.Fatalf("attempt %d, age %s, %+v: %+v: %s", attempt, age, o, d, problem)
		}
	}
}

func check(p retry.Policy, attempt int, o retry.Outcome, age time.Duration, d retry.Decision) string {
	asked := min(o.RetryAfter, retry.MaxRetryAfter)
	verdict := o.Verdict()
	switch {
	case (d.State == retry.Done) != (verdict == retry.Delivered):
		return "done without a delivery, or the reverse"
	case !d.HoldEndpointUntil.IsZero() != (verdict == retry.Throttled):
		return "holds the endpoint without 429 or 503, or the reverse"
	case verdict == retry.Throttled && d.HoldEndpointUntil.Before(start.Add(asked)):
		return "the endpoint's hold undercuts Retry-After"
	case d.HoldEndpointUntil.After(start.Add(retry.MaxRetryAfter)):
		return "holds the endpoint for too long"
	case d.Reason.Sentence() == retry.Reason("?").Sentence():
		return "a reason without a sentence"
	case d.State != retry.Again:
		if !d.At.IsZero() || d.Wait != 0 {
			return "a time for an attempt that will not be"
		}
		return ""
	case !d.At.Equal(start.Add(d.Wait)):
		return "At is not now plus Wait"
	case d.Wait < asked:
		return "undercuts Retry-After"
	case age+d.Wait > p.MaxAge:
		return "tries later than MaxAge"
	}
	base, ok := p.Schedule.Wait(attempt)
	low, high := time.Duration(float64(base)*0.8), time.Duration(float64(base)*1.2)
	switch {
	case !ok:
		return "tries more often than the schedule says"
	case o.Class == retry.ClassInterrupted:
		return ""
	case d.Wait < low:
		return "wait below the jitter's bounds"
	case d.Wait > max(high, asked):
		return "wait above the jitter's bounds"
	}
	return ""
}

func TestReasonSentences(t *testing.T) {
	requireSentences(t, []retry.Reason{
		retry.ReasonDelivered, retry.ReasonScheduled, retry.ReasonRetryAfter, retry.ReasonInterrupted,
		retry.ReasonExhausted, retry.ReasonExpired, retry.ReasonRefused, retry.ReasonGone,
	}, retry.Reason("?").Sentence())
}
