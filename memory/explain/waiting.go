package explain

import (
	"fmt"
	"time"

	"memhook/delivery"
	"memhook/retry"
)

// waiting judges a delivery whose next try is to come: first by what keeps its
// endpoint from getting any, then by its own due time.
func (v *Verdict) waiting(t delivery.Trail, e *delivery.Endpoint, f Facts) {
	v.Tone, v.Code, v.Action = Info, Waiting, NoAction
	now, d := f.Now, t.Delivery
	v.Sentence = "Waiting for its first try to " + t.EndpointName
	if n := len(t.List); n > 0 {
		v.Tone, v.Code = Warn, Retrying
		v.Sentence = fmt.Sprintf("Not delivered to %s yet: %s failed. %s", t.EndpointName, Count(n, "attempt"), Attempt(t.List[n-1]))
	}
	late := time.Duration(0)
	if d.NextAt != nil {
		late = now.Sub(*d.NextAt)
	}
	if e != nil && v.endpointWaits(t, *e, late >= 0, f) {
		return
	}
	due := "is due now"
	if late < 0 {
		due = "is in " + Span(-late)
	}
	if len(t.List) == 0 {
		v.Sentence += ", which " + due + "."
	} else {
		v.Next = "The next try " + due + remaining(t, e, now) + "."
		v.Next = join(v.Next, mendable(t.List[len(t.List)-1]))
	}
	if late <= overdue {
		return
	}
	v.Code, v.Tone, v.Action = Overdue, Warn, OpenSystem
	v.Next = "It is overdue by " + Span(late) + ": the endpoint has too many requests under way, or no worker runs."
	if f.NoWorker {
		v.Tone, v.Next = Bad, "It is overdue by "+Span(late)+", and no worker runs: start a node with --role worker or all."
	}
}

// endpointWaits says what holds the endpoint up, if anything does.
func (v *Verdict) endpointWaits(t delivery.Trail, e delivery.Endpoint, due bool, f Facts) bool {
	s, now := e.Standing(f.Now), f.Now
	ahead := f.Ahead[t.Delivery.ID]
	switch {
	case s.State == delivery.EndpointParked && s.Until != nil:
		v.Code, v.Tone, v.Action = Parked, Warn, OpenEndpoint
		v.stop(t)
		v.Next = t.EndpointName + " failed too often, so its deliveries are parked and lose no tries. The next probe is " + in(*s.Until, now) +
			"; when the receiver is mended, it can be probed at once."
	case t.Delivery.Reason == delivery.ReasonTurn && e.Order != delivery.Unordered:
		v.Code = WaitsOrder
		v.stop(t)
		v.Next = e.Name + " gets the messages of a memory in order, and " + t.Delivery.Detail + " goes first. This one follows when that one is delivered or given up."
	case !due:
		return false
	case s.State == delivery.EndpointWaiting && s.Until != nil:
		v.Code = WaitsAsked
		v.stop(t)
		v.Next = t.EndpointName + " answered that it is busy, so it is left alone; the next request goes out " + in(*s.Until, now) + "."
	case s.State == delivery.EndpointProbing:
		v.Code, v.Action = Parked, OpenEndpoint
		v.stop(t)
		v.Next = t.EndpointName + " is coming back: a few requests go out at once, and more with each success." + behind(ahead)
	case s.PerSecond > 0 && ahead.N > 0:
		v.Code, v.Action = WaitsRate, OpenEndpoint
		v.stop(t)
		about := time.Duration(float64(ahead.N+1) / s.PerSecond * float64(time.Second))
		v.Next = fmt.Sprintf("%s gets at most %s.%s Its turn comes in about %s.", t.EndpointName, rate(s.PerSecond), behind(ahead), Span(max(about, time.Second)))
	case ahead.N > 0:
		v.Code = WaitsTurn
		v.stop(t)
		v.Next = "Others of the same endpoint go first." + behind(ahead)
	default:
		return false
	}
	return true
}

// stop ends the sentence about a delivery that was not tried yet.
func (v *Verdict) stop(t delivery.Trail) {
	if len(t.List) == 0 {
		v.Sentence += "."
	}
}

func behind(c delivery.Count) string {
	switch {
	case c.More:
		return fmt.Sprintf(" More than %d are ahead of it.", c.N)
	case c.N == 1:
		return " 1 is ahead of it."
	case c.N > 1:
		return fmt.Sprintf(" %d are ahead of it.", c.N)
	}
	return ""
}

func in(t, now time.Time) string {
	if d := t.Sub(now); d >= time.Second {
		return "in " + Span(d)
	}
	return "due now"
}

// rate prints requests per second, or per minute or hour when they are few.
func rate(perSecond float64) string {
	for _, unit := range []struct {
		name    string
		seconds float64
	}{{"second", 1}, {"minute", 60}} {
		if n := perSecond * unit.seconds; n >= 1 {
			return fmt.Sprintf("%.4g a %s", n, unit.name)
		}
	}
	return fmt.Sprintf("%.4g an hour", perSecond*3600)
}

// remaining says how many tries are left after the next one's, and until when.
func remaining(t delivery.Trail, e *delivery.Endpoint, now time.Time) string {
	var schedule retry.Schedule
	if e != nil && e.Schedule != nil {
		schedule = *e.Schedule
	}
	left := schedule.Attempts() - t.Delivery.Tries
	if left < 1 || t.Delivery.NextAt == nil {
		return ""
	}
	end := *t.Delivery.NextAt
	for i := t.Delivery.Tries + 1; ; i++ {
		wait, ok := schedule.Wait(i)
		if !ok {
			break
		}
		end = end.Add(wait)
	}
	if left == 1 {
		return "; it is the last one"
	}
	if limit := t.Delivery.RoundAt.Add(retry.DefaultMaxAge); end.After(limit) {
		end = limit
	}
	return fmt.Sprintf("; %d tries remain, until about %s", left, clock(end, now))
}

// mendable is the advice about a failure that will not go away by itself.
func mendable(a delivery.Attempt) string {
	switch code := a.StatusCode; {
	case a.Class == retry.ClassInterrupted, code >= 500, code == 429:
		return ""
	}
	return Advice(a)
}
