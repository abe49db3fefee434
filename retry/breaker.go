package retry

import (
	"math"
	"time"
)

// When a Breaker opens: after this many endpoint-level failures in a row, or
// when this share of at least so many attempts failed within the last five
// minutes. The first catches an endpoint that is down, the second one that
// still lets something through.
const (
	breakerRow   = 10
	breakerShare = 0.8
	breakerLeast = 20
)

// breakerRamp is how many requests at once prove that the endpoint is back.
const breakerRamp = 8

// Unlimited is the Limit of a closed Breaker.
const Unlimited = math.MaxInt

// A BreakerState is one of Closed, Open and Probing.
type BreakerState string

// The states of a Breaker.
const (
	Closed  BreakerState = ""        // deliveries go out
	Open    BreakerState = "open"    // deliveries are parked
	Probing BreakerState = "probing" // a few go out, more with each success
)

// String returns the state's name.
func (s BreakerState) String() string {
	if s == Closed {
		return "closed"
	}
	return string(s)
}

// A Breaker says whether an endpoint is worth trying now. It is a value: Record
// returns the next one. The zero Breaker is closed. All fields are for storage.
//
// While it is open, deliveries are parked without spending attempts. A probe,
// one delivery like any other, goes out after 30 s, then after 1, 2 and 5 min,
// then every 10 min. When one succeeds, 2 may be under way at once, then 4, then
// 8; when those 8 have succeeded too, it closes.
type Breaker struct {
	State    BreakerState `json:"state,omitempty"`
	Failures int          `json:"failures,omitempty"` // in a row, while closed
	Minute   int64        `json:"minute,omitempty"`   // Unix minute that Recent[0] counts
	Recent   [5]Tally     `json:"recent,omitzero"`    // one for each minute, newest first
	ProbeAt  time.Time    `json:"probe_at,omitzero"`  // of the next probe, while open
	Probes   int          `json:"probes,omitempty"`   // failed since it was last closed
	Ramp     int          `json:"ramp,omitempty"`     // attempts at once, while probing
	Passed   int          `json:"passed,omitempty"`   // successes at this Ramp
}

// A Tally counts the attempts of a minute.
type Tally struct {
	Total  int `json:"total,omitempty"`
	Failed int `json:"failed,omitempty"` // of Total
}

// Limit returns how many attempts may be under way at once: none while
// deliveries are parked, one when a probe is due, Unlimited while closed.
func (b Breaker) Limit(now time.Time) int {
	switch {
	case b.State == Probing:
		return b.Ramp
	case b.State != Open:
		return Unlimited
	case now.Before(b.ProbeAt):
		return 0
	}
	return 1
}

// Record returns the Breaker after an attempt that ended now. An attempt that
// was interrupted, or sent nowhere, changes nothing.
func (b Breaker) Record(o Outcome, now time.Time) Breaker {
	switch failed := o.endpointFailure(); {
	case o.unheard():
		return b
	case b.State == Open:
		return b.recordOpen(failed, now)
	case b.State == Probing:
		return b.recordProbing(failed, now)
	default:
		return b.recordClosed(failed, now)
	}
}

// Count returns the Breaker with the attempts of another one added to those of the
// last five minutes. A caller that does not store every success keeps them apart
// and adds them with the next failure.
func (b Breaker) Count(o Breaker) Breaker {
	b, o = b.turn(o.Minute), o.turn(b.Minute)
	for i := range b.Recent {
		b.Recent[i].Total += o.Recent[i].Total
		b.Recent[i].Failed += o.Recent[i].Failed
	}
	return b
}

func (b Breaker) recordClosed(failed bool, now time.Time) Breaker {
	b = b.turn(now.Unix() / 60)
	b.Recent[0].Total++
	if !failed {
		b.Failures = 0
		return b
	}
	b.Recent[0].Failed++
	b.Failures++
	if b.Failures >= breakerRow || b.mostlyFailing() {
		return Breaker{State: Open, ProbeAt: now.Add(probeWait(0))}
	}
	return b
}

func (b Breaker) recordOpen(failed bool, now time.Time) Breaker {
	early := now.Before(b.ProbeAt)
	switch {
	case failed && early: // sent before it opened, and no news
	case failed:
		b.Probes++
		b.ProbeAt = now.Add(probeWait(b.Probes))
	case early: // sent before it opened, or by hand: worth asking again
		b.ProbeAt = now
	default:
		return Breaker{State: Probing, Probes: b.Probes, Ramp: 2}
	}
	return b
}

func (b Breaker) recordProbing(failed bool, now time.Time) Breaker {
	if failed {
		return Breaker{State: Open, Probes: b.Probes + 1, ProbeAt: now.Add(probeWait(b.Probes + 1))}
	}
	b.Passed++
	if b.Passed < b.Ramp {
		return b
	}
	if b.Ramp >= breakerRamp {
		return Breaker{}
	}
	b.Ramp, b.Passed = b.Ramp*2, 0
	return b
}

// turn makes Recent[0] count the given minute. A clock that went back goes on
// counting in the newest.
func (b Breaker) turn(minute int64) Breaker {
	passed := minute - b.Minute
	if passed <= 0 {
		return b
	}
	var recent [5]Tally
	if passed < int64(len(recent)) {
		copy(recent[passed:], b.Recent[:])
	}
	b.Minute, b.Recent = minute, recent
	return b
}

func (b Breaker) mostlyFailing() bool {
	var sum Tally
	for _, t := range b.Recent {
		sum.Total += t.Total
		sum.Failed += t.Failed
	}
	return sum.Total >= breakerLeast && float64(sum.Failed) >= breakerShare*float64(sum.Total)
}

// probeWait is the pause before the next probe after so many failed ones.
func probeWait(failed int) time.Duration {
	switch failed {
	case 0:
		return 30 * time.Second
	case 1:
		return time.Minute
	case 2:
		return 2 * time.Minute
	case 3:
		return 5 * time.Minute
	}
	return 10 * time.Minute
}
