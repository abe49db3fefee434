package retry

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits of a Schedule.
const (
	MaxAttempts = 50
	MinWait     = time.Second
	MaxWait     = 24 * time.Hour
	MaxFactor   = 10 // of Exponential; the smallest is 1
)

// ErrBadSchedule says that a schedule cannot be used. What follows it is
// written for whoever supplied the schedule.
var ErrBadSchedule = errors.New("invalid retry schedule")

// A Schedule is how long to wait after each failed attempt but the last. The
// zero Schedule is the default one:
//
//	5s 30s 2m 10m 30m 1h 2h 4h 8h 12h 20h 24h
//
// that is 13 attempts in 72 hours. It begins as an exponential with factor
// four and flattens, so that an outage of a weekend is bridged with attempts to
// spare on its last day.
type Schedule struct {
	waits []time.Duration // nil in the zero Schedule, empty for one attempt
	curve *curve          // what waits was computed from, nil for a list
}

// A curve is the arguments of Exponential.
type curve struct {
	initial  time.Duration
	factor   float64
	max      time.Duration
	attempts int
}

var defaultWaits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// List returns a schedule of the given waits, each in whole seconds from
// MinWait to MaxWait. No waits mean one attempt. The error is an
// ErrBadSchedule.
func List(waits ...time.Duration) (Schedule, error) {
	if len(waits) > MaxAttempts-1 {
		return Schedule{}, fmt.Errorf("%w: %d waits make %d attempts, must be at most %d", ErrBadSchedule, len(waits), len(waits)+1, MaxAttempts)
	}
	for i, wait := range waits {
		if err := checkWait(wait); err != nil {
			return Schedule{}, fmt.Errorf("%w: wait %d %w", ErrBadSchedule, i+1, err)
		}
	}
	return Schedule{waits: append([]time.Duration{}, waits...)}, nil
}

// Exponential returns a schedule of up to the given number of attempts, in
// which the first wait is initial and each further one factor times as long, up
// to max, rounded to seconds. The error is an ErrBadSchedule.
func Exponential(initial time.Duration, factor float64, max time.Duration, attempts int) (Schedule, error) {
	if err := checkWait(initial); err != nil {
		return Schedule{}, fmt.Errorf("%w: initial %w", ErrBadSchedule, err)
	}
	if err := checkWait(max); err != nil {
		return Schedule{}, fmt.Errorf("%w: max %w", ErrBadSchedule, err)
	}
	switch {
	case max < initial:
		return Schedule{}, fmt.Errorf("%w: max is %s, must be at least initial, %s", ErrBadSchedule, short(max), short(initial))
	case !(factor >= 1 && factor <= MaxFactor):
		return Schedule{}, fmt.Errorf("%w: factor is %v, must be 1 to %d", ErrBadSchedule, factor, MaxFactor)
	case attempts < 1 || attempts > MaxAttempts:
		return Schedule{}, fmt.Errorf("%w: attempts is %d, must be 1 to %d", ErrBadSchedule, attempts, MaxAttempts)
	}
	waits := make([]time.Duration, attempts-1)
	for i := range waits {
		// MaxFactor to the power of MaxAttempts fits a float64.
		wait := initial.Seconds() * math.Pow(factor, float64(i))
		waits[i] = time.Duration(math.Round(math.Min(wait, max.Seconds()))) * time.Second
	}
	return Schedule{waits, &curve{initial, factor, max, attempts}}, nil
}

func checkWait(wait time.Duration) error {
	if wait < MinWait || wait > MaxWait || wait%time.Second != 0 {
		return fmt.Errorf("is %s, must be %s to %s in whole seconds", short(wait), short(MinWait), short(MaxWait))
	}
	return nil
}

// Attempts returns how many attempts the schedule allows.
func (s Schedule) Attempts() int { return len(s.all()) + 1 }

// Wait returns the pause after the given attempt, the first being 1, and false
// when that was the last.
func (s Schedule) Wait(attempt int) (time.Duration, bool) {
	waits := s.all()
	if attempt > len(waits) {
		return 0, false
	}
	return waits[max(attempt, 1)-1], true
}

// IsZero reports whether s is the default schedule because nobody chose one.
func (s Schedule) IsZero() bool { return s.waits == nil }

// Equal reports whether both print the same. A list and an Exponential with
// the same waits are not equal.
func (s Schedule) Equal(t Schedule) bool {
	return s.IsZero() == t.IsZero() && s.String() == t.String()
}

func (s Schedule) all() []time.Duration {
	if s.IsZero() {
		return defaultWaits
	}
	return s.waits
}

// String returns what ParseSchedule reads: "5s 30s 2m" for a list, "none" for
// one without waits, or "exponential(5s, 4, 24h, 13)".
func (s Schedule) String() string {
	if c := s.curve; c != nil {
		factor := strconv.FormatFloat(c.factor, 'g', -1, 64)
		return fmt.Sprintf("exponential(%s, %s, %s, %d)", short(c.initial), factor, short(c.max), c.attempts)
	}
	waits := s.all()
	if len(waits) == 0 {
		return "none"
	}
	words := make([]string, len(waits))
	for i, wait := range waits {
		words[i] = short(wait)
	}
	return strings.Join(words, " ")
}

// ParseSchedule reads what String returns. A list may also be separated by
// commas. The error is an ErrBadSchedule.
func ParseSchedule(text string) (Schedule, error) {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "exponential("); ok {
		return parseExponential(inner)
	}
	if text == "none" {
		return List()
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) == 0 {
		return Schedule{}, fmt.Errorf(`%w: it is empty; write "none" for a single attempt`, ErrBadSchedule)
	}
	waits := make([]time.Duration, len(words))
	for i, word := range words {
		wait, err := time.ParseDuration(word)
		if err != nil {
			return Schedule{}, badDuration(word)
		}
		waits[i] = wait
	}
	return List(waits...)
}

func parseExponential(inner string) (Schedule, error) {
	inner, closed := strings.CutSuffix(inner, ")")
	args := strings.Split(inner, ",")
	if !closed || len(args) != 4 {
		return Schedule{}, fmt.Errorf("%w: write exponential(initial, factor, max, attempts)", ErrBadSchedule)
	}
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	initial, err := time.ParseDuration(args[0])
	if err != nil {
		return Schedule{}, badDuration(args[0])
	}
	factor, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return Schedule{}, fmt.Errorf("%w: factor %q is not a number", ErrBadSchedule, args[1])
	}
	longest, err := time.ParseDuration(args[2])
	if err != nil {
		return Schedule{}, badDuration(args[2])
	}
	attempts, err := strconv.Atoi(args[3])
	if err != nil {
		return Schedule{}, fmt.Errorf("%w: attempts %q is not a whole number", ErrBadSchedule, args[3])
	}
	return Exponential(initial, factor, longest, attempts)
}

func badDuration(word string) error {
	return fmt.Errorf("%w: %q is not a duration such as 30s, 10m or 2h", ErrBadSchedule, word)
}

// short is Duration.String without zero minutes and seconds at the end.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
