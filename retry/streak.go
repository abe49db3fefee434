package retry

import "time"

// When an endpoint that only fails is spoken of, and when it is disabled,
// counted from the first failure since its last success. None of it happens
// before so many attempts failed over such a span: a handful of failures says
// little, and neither does one bad hour.
const (
	warnAfter      = 24 * time.Hour
	warnAgainAfter = 96 * time.Hour
	disableAfter   = 5 * 24 * time.Hour

	streakLeast = 10
	streakSpan  = 12 * time.Hour
)

// An Alarm is how bad a Streak is. They are in order: a caller that keeps the
// worst one it has announced announces each once.
type Alarm int

// The alarms.
const (
	AlarmNone    Alarm = iota
	AlarmWarn          // failing for 24 hours
	AlarmLast          // failing for 96 hours: a day is left
	AlarmDisable       // failing for 5 days: disable it, and hold its deliveries
)

// A Streak is the failures of an endpoint since its last success. It is a
// value: Record returns the next one. The zero Streak has none.
type Streak struct {
	Failures int       `json:"failures,omitempty"`
	FirstAt  time.Time `json:"first_at,omitzero"`
	LastAt   time.Time `json:"last_at,omitzero"`
}

// Record returns the Streak after an attempt that ended now. A success ends
// it; an attempt that was interrupted, or sent nowhere, changes nothing.
func (s Streak) Record(o Outcome, now time.Time) Streak {
	switch {
	case o.unheard():
		return s
	case o.Verdict() == Delivered:
		return Streak{}
	case s.Failures == 0:
		s.FirstAt = now
	}
	s.Failures++
	s.LastAt = now
	return s
}

// Alarm returns what the streak has come to.
func (s Streak) Alarm(now time.Time) Alarm {
	if s.Failures < streakLeast || s.LastAt.Sub(s.FirstAt) < streakSpan {
		return AlarmNone
	}
	switch age := now.Sub(s.FirstAt); {
	case age >= disableAfter:
		return AlarmDisable
	case age >= warnAgainAfter:
		return AlarmLast
	case age >= warnAfter:
		return AlarmWarn
	}
	return AlarmNone
}
