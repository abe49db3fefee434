package retry_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/retry"
)

const defaultText = "5s 30s 2m 10m 30m 1h 2h 4h 8h 12h 20h 24h"

func waits(s retry.Schedule) []time.Duration {
	all := []time.Duration{}
	for attempt := 1; ; attempt++ {
		wait, ok := s.Wait(attempt)
		if !ok {
			return all
		}
		all = append(all, wait)
	}
}

func mustParse(t testing.TB, text string) retry.Schedule {
	t.Helper()
	s, err := retry.ParseSchedule(text)
	if err != nil {
		t.Fatalf("ParseSchedule(%q): %v", text, err)
	}
	return s
}

func mustExponential(t testing.TB, initial time.Duration, factor float64, max time.Duration, attempts int) retry.Schedule {
	t.Helper()
	s, err := retry.Exponential(initial, factor, max, attempts)
	if err != nil {
		t.Fatalf("Exponential: %v", err)
	}
	return s
}

func TestDefaultSchedule(t *testing.T) {
	var s retry.Schedule
	if s.String() != defaultText || s.Attempts() != 13 || !s.IsZero() {
		t.Errorf("zero Schedule: %s, %d attempts, want %s, 13", s, s.Attempts(), defaultText)
	}
	if diff := cmp.Diff(waits(mustParse(t, defaultText)), waits(s)); diff != "" {
		t.Errorf("waits of the zero Schedule (-want +got):\n%s", diff)
	}
	// The promise in DefaultMaxAge's comment.
	var sum time.Duration
	for _, wait := range waits(s) {
		sum += wait
	}
	longest := time.Duration(float64(sum) * (1 + retry.DefaultJitter))
	if longest > 87*time.Hour || longest > retry.DefaultMaxAge {
		t.Errorf("default schedule with every wait stretched: %s, want within %s", longest, retry.DefaultMaxAge)
	}
}

func TestParseSchedule(t *testing.T) {
	day := 24 * time.Hour
	for _, test := range []struct {
		name, text string
		want       []time.Duration // nil: refused
		printed    string
	}{
		{"spaces", "5s 30s 2m", []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}, "5s 30s 2m"},
		{"commas", "5s,30s,2m", []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}, "5s 30s 2m"},
		{"both", " 5s,  30s , 2m ", []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}, "5s 30s 2m"},
		{"other units", "90s 60m 0.5h", []time.Duration{90 * time.Second, time.Hour, 30 * time.Minute}, "1m30s 1h 30m"},
		{"limits", "1s 24h", []time.Duration{time.Second, day}, "1s 24h"},
		{"falling", "1h 1s", []time.Duration{time.Hour, time.Second}, "1h 1s"},
		{"none", "none", []time.Duration{}, "none"},
		{"most waits", strings.Repeat("1s ", 49), slices.Repeat([]time.Duration{time.Second}, 49), strings.TrimSpace(strings.Repeat("1s ", 49))},
		{"exponential", "exponential(5s, 4, 24h, 5)", []time.Duration{5 * time.Second, 20 * time.Second, 80 * time.Second, 320 * time.Second}, "exponential(5s, 4, 24h, 5)"},
		{"exponential, tight", "exponential(5s,1.5,6s,4)", []time.Duration{5 * time.Second, 6 * time.Second, 6 * time.Second}, "exponential(5s, 1.5, 6s, 4)"},
		{"exponential, one attempt", "exponential(1s, 1, 1s, 1)", []time.Duration{}, "exponential(1s, 1, 1s, 1)"},
		{name: "empty", text: ""},
		{name: "separators only", text: " , "},
		{name: "too many waits", text: strings.Repeat("1s ", 50)},
		{name: "zero wait", text: "0s"},
		{name: "negative wait", text: "-5s"},
		{name: "fraction of a second", text: "1.5s"},
		{name: "too long a wait", text: "24h1s"},
		{name: "overflow", text: "9999999999h"},
		{name: "no unit", text: "5 30"},
		{name: "days", text: "1d"},
		{name: "none among others", text: "none 5s"},
		{name: "exponential, not closed", text: "exponential(5s, 4, 24h, 5"},
		{name: "exponential, three arguments", text: "exponential(5s, 4, 24h)"},
		{name: "exponential, five arguments", text: "exponential(5s, 4, 24h, 5, 6)"},
		{name: "exponential, initial no duration", text: "exponential(5, 4, 24h, 5)"},
		{name: "exponential, factor no number", text: "exponential(5s, x, 24h, 5)"},
		{name: "exponential, max no duration", text: "exponential(5s, 4, day, 5)"},
		{name: "exponential, attempts no number", text: "exponential(5s, 4, 24h, 5.5)"},
		{name: "exponential, factor NaN", text: "exponential(5s, NaN, 24h, 5)"},
		{name: "exponential, factor infinite", text: "exponential(5s, Inf, 24h, 5)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := retry.ParseSchedule(test.text)
			if test.want == nil {
				if !errors.Is(err, retry.ErrBadSchedule) {
					t.Fatalf("ParseSchedule(%q): %s, %v, want ErrBadSchedule", test.text, got, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("ParseSchedule(%q): %v", test.text, err)
			}
			if diff := cmp.Diff(test.want, waits(got)); diff != "" {
				t.Errorf("waits of %q (-want +got):\n%s", test.text, diff)
			}
			if got.String() != test.printed || got.Attempts() != len(test.want)+1 || got.IsZero() {
				t.Errorf("%q: prints %s, %d attempts, zero %t", test.text, got, got.Attempts(), got.IsZero())
			}
		})
	}
}

func TestExponentialRefuses(t *testing.T) {
	for _, test := range []struct {
		name     string
		initial  time.Duration
		factor   float64
		max      time.Duration
		attempts int
		want     string
	}{
		{"initial too short", 0, 2, time.Hour, 5, "initial is 0s"},
		{"initial too long", 25 * time.Hour, 2, time.Hour, 5, "initial is 25h"},
		{"max too long", time.Second, 2, 25 * time.Hour, 5, "max is 25h"},
		{"max below initial", time.Minute, 2, time.Second, 5, "max is 1s, must be at least initial, 1m"},
		{"factor below 1", time.Second, 0.9, time.Hour, 5, "factor is 0.9"},
		{"factor above 10", time.Second, 10.1, time.Hour, 5, "factor is 10.1"},
		{"factor NaN", time.Second, math.NaN(), time.Hour, 5, "factor is NaN"},
		{"factor infinite", time.Second, math.Inf(1), time.Hour, 5, "factor is +Inf"},
		{"no attempts", time.Second, 2, time.Hour, 0, "attempts is 0"},
		{"too many attempts", time.Second, 2, time.Hour, 51, "attempts is 51"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := retry.Exponential(test.initial, test.factor, test.max, test.attempts)
			if !errors.Is(err, retry.ErrBadSchedule) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Exponential: %v, want ErrBadSchedule with %q", err, test.want)
			}
		})
	}
}

func TestExponentialAtItsLimits(t *testing.T) {
	got := waits(mustExponential(t, time.Second, 10, 24*time.Hour, 50))
	if len(got) != 49 || got[4] != 10_000*time.Second || got[5] != 24*time.Hour || got[48] != 24*time.Hour {
		t.Errorf("waits: %v", got)
	}
}

func TestScheduleJSON(t *testing.T) {
	for _, test := range []struct {
		name     string
		schedule retry.Schedule
		want     string
	}{
		{"default", retry.Schedule{}, `null`},
		{"list", mustParse(t, "5s 30s 24h"), `{"type":"list","waits_s":[5,30,86400]}`},
		{"single attempt", mustParse(t, "none"), `{"type":"list","waits_s":[]}`},
		{"exponential", mustExponential(t, 5*time.Second, 4, 24*time.Hour, 13), `{"type":"exponential","initial_s":5,"factor":4,"max_s":86400,"attempts":13}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := json.Marshal(test.schedule)
			if err != nil || string(got) != test.want {
				t.Fatalf("Marshal: %s, %v, want %s", got, err, test.want)
			}
			again := mustParse(t, "7s")
			if err := json.Unmarshal(got, &again); err != nil {
				t.Fatalf("Unmarshal: %v", err)
			}
			if diff := cmp.Diff(test.schedule, again); diff != "" {
				t.Errorf("round trip (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(waits(test.schedule), waits(again)); diff != "" {
				t.Errorf("waits after the round trip (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScheduleJSONRefuses(t *testing.T) {
	for _, test := range []struct{ name, json, want string }{
		{"no type", `{}`, `type is ""`},
		{"other type", `{"type":"linear"}`, `type is "linear"`},
		{"not an object", `"5s 30s"`, `must be an object`},
		{"wait no number", `{"type":"list","waits_s":["5s"]}`, `must be an object`},
		{"list without waits", `{"type":"list"}`, `needs waits_s`},
		{"fraction", `{"type":"list","waits_s":[5,1.5]}`, `wait 2 is 1.5s`},
		{"zero", `{"type":"list","waits_s":[0]}`, `wait 1 is 0s`},
		{"huge", `{"type":"list","waits_s":[1e300]}`, `wait 1 is 48h`},
		{"huge negative", `{"type":"list","waits_s":[-1e300]}`, `wait 1 is -48h`},
		{"would overflow into range", `{"type":"list","waits_s":[18446744078.7]}`, `wait 1 is 48h`},
		{"too many", `{"type":"list","waits_s":[1` + strings.Repeat(",1", 49) + `]}`, `51 attempts`},
		{"exponential, nothing else", `{"type":"exponential"}`, `initial is 0s`},
		{"exponential, no attempts", `{"type":"exponential","initial_s":5,"factor":2,"max_s":60}`, `attempts is 0`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := mustParse(t, "7s")
			err := json.Unmarshal([]byte(test.json), &s)
			if !errors.Is(err, retry.ErrBadSchedule) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Unmarshal(%s): %v, want ErrBadSchedule with %q", test.json, err, test.want)
			}
			if s.String() != "7s" {
				t.Errorf("a refused schedule was kept: %s", s)
			}
		})
	}
}

func TestScheduleEqual(t *testing.T) {
	list, curve := mustParse(t, "5s 20s"), mustExponential(t, 5*time.Second, 4, time.Hour, 3)
	for _, test := range []struct {
		name string
		a, b retry.Schedule
		want bool
	}{
		{"zero", retry.Schedule{}, retry.Schedule{}, true},
		{"same list", list, mustParse(t, "5s,20s"), true},
		{"other list", list, mustParse(t, "5s"), false},
		{"same waits, other kind", list, curve, false},
		{"default, chosen and not", retry.Schedule{}, mustParse(t, defaultText), false},
		{"single attempt and default", retry.Schedule{}, mustParse(t, "none"), false},
	} {
		if got := test.a.Equal(test.b); got != test.want || test.b.Equal(test.a) != test.want {
			t.Errorf("%s: Equal %t, want %t", test.name, got, test.want)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{defaultText, "", "none", "5s,30s", "1.5s", "-1s", "exponential(5s, 4, 24h, 13)", "exponential(1s,NaN,1s,1)", "exponential("} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := retry.ParseSchedule(text)
		if err != nil {
			if !errors.Is(err, retry.ErrBadSchedule) {
				t.Errorf("ParseSchedule(%q): %v, want ErrBadSchedule", text, err)
			}
			return
		}
		requireUsable(t, s)
		if again := mustParse(t, s.String()); !again.Equal(s) || !slices.Equal(waits(again), waits(s)) {
			t.Errorf("%q prints as %s, which reads as %s", text, s, again)
		}
	})
}

func FuzzScheduleJSON(f *testing.F) {
	f.Add([]byte(`{"type":"list","waits_s":[5,30]}`))
	f.Add([]byte(`{"type":"exponential","initial_s":5,"factor":4,"max_s":86400,"attempts":13}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"type":"list","waits_s":[1e308,-1e308]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s retry.Schedule
		if err := json.Unmarshal(b, &s); err != nil {
			return
		}
		requireUsable(t, s)
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("Marshal(%s): %v", s, err)
		}
		var again retry.Schedule
		if err := json.Unmarshal(encoded, &again); err != nil || !again.Equal(s) {
			t.Errorf("%s becomes %s, then %s, %v", b, encoded, again, err)
		}
	})
}

func requireUsable(t *testing.T, s retry.Schedule) {
	t.Helper()
	all := waits(s)
	if len(all) >= retry.MaxAttempts {
		t.Errorf("%s has %d waits", s, len(all))
	}
	for _, wait := range all {
		if wait < retry.MinWait || wait > retry.MaxWait || wait%time.Second != 0 {
			t.Errorf("%s has a wait of %s", s, wait)
		}
	}
}
