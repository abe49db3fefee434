package retry_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/retry"
)

func TestStreakAlarm(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name     string
		failures int
		span     time.Duration // from the first failure to the last
		age      time.Duration // since the first failure
		want     retry.Alarm
	}{
		{"none", 0, 0, 6 * day, retry.AlarmNone},
		{"new", 10, 12 * time.Hour, 12 * time.Hour, retry.AlarmNone},
		{"before a day", 10, 12 * time.Hour, day - time.Nanosecond, retry.AlarmNone},
		{"a day", 10, 12 * time.Hour, day, retry.AlarmWarn},
		{"before 96 hours", 10, 12 * time.Hour, 4*day - time.Nanosecond, retry.AlarmWarn},
		{"96 hours", 10, 12 * time.Hour, 4 * day, retry.AlarmLast},
		{"before five days", 10, 12 * time.Hour, 5*day - time.Nanosecond, retry.AlarmLast},
		{"five days", 10, 12 * time.Hour, 5 * day, retry.AlarmDisable},
		{"longer", 5000, 40 * day, 41 * day, retry.AlarmDisable},
		{"too few failures", 9, 5 * day, 6 * day, retry.AlarmNone},
		{"too short a span", 5000, 12*time.Hour - time.Nanosecond, 6 * day, retry.AlarmNone},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := retry.Streak{Failures: test.failures, FirstAt: start, LastAt: start.Add(test.span)}
			if got := s.Alarm(start.Add(test.age)); got != test.want {
				t.Errorf("Alarm: %d, want %d", got, test.want)
			}
		})
	}
}

func TestStreakRecord(t *testing.T) {
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	var s retry.Streak
	for _, step := range []struct {
		name    string
		hour    int
		outcome retry.Outcome
		want    retry.Streak
	}{
		{"success", 0, success, retry.Streak{}},
		{"first failure", 1, failure, retry.Streak{Failures: 1, FirstAt: at(1), LastAt: at(1)}},
		{"second failure", 2, notFound, retry.Streak{Failures: 2, FirstAt: at(1), LastAt: at(2)}},
		{"interrupted", 3, cutShort, retry.Streak{Failures: 2, FirstAt: at(1), LastAt: at(2)}},
		{"sent nowhere", 4, blocked, retry.Streak{Failures: 2, FirstAt: at(1), LastAt: at(2)}},
		{"third failure", 5, timeout, retry.Streak{Failures: 3, FirstAt: at(1), LastAt: at(5)}},
		{"success again", 6, success, retry.Streak{}},
		{"a new first failure", 7, failure, retry.Streak{Failures: 1, FirstAt: at(7), LastAt: at(7)}},
	} {
		s = s.Record(step.outcome, at(step.hour))
		if diff := cmp.Diff(step.want, s); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again retry.Streak
		if err := json.Unmarshal(encoded, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Errorf("round trip of %s (-want +got):\n%s", encoded, diff)
		}
	}
}

// TestStreakOfOneMessage: with the default schedule, one message to a dead
// endpoint is enough to be warned of it, and its last attempt comes too early
// to disable the endpoint.
func TestStreakOfOneMessage(t *testing.T) {
	p := retry.DefaultPolicy(nil)
	var s retry.Streak
	now, worst := start, retry.AlarmNone
	for attempt := 1; ; attempt++ {
		s = s.Record(refused, now)
		worst = max(worst, s.Alarm(now))
		d := p.Next(attempt, refused, start, now)
		if d.State == retry.GiveUp {
			break
		}
		now = d.At
	}
	if worst != retry.AlarmWarn {
		t.Errorf("worst alarm: %d, want %d", worst, retry.AlarmWarn)
	}
}
