package explain

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

// endpoint returns an endpoint of the project, nil when it was deleted.
func (f Facts) endpoint(id uuid.UUID) *delivery.Endpoint {
	for i := range f.Endpoints {
		if f.Endpoints[i].ID == id {
			return &f.Endpoints[i]
		}
	}
	return nil
}

// one judges by one delivery; alike is how many of the event are in its state,
// itself among them.
func (f Facts) one(t delivery.Trail, alike int) Verdict {
	d := t.Delivery
	e := f.endpoint(d.EndpointID)
	v := Verdict{EndpointID: d.EndpointID, Action: OpenEndpoint}
	switch d.Status {
	case delivery.Skipped:
		v.Code, v.Tone, v.Sentence = Skipped, Quiet, f.skipped(t, alike)
		v.Next = "Messages that it wants go out as usual."
	case delivery.Held:
		v.held(t, e, alike, f.Now)
	case delivery.Sending:
		v.sending(t, e, f.Now)
	case delivery.Failed:
		v.gaveUp(t)
	case delivery.Canceled:
		v.Code, v.Tone, v.Action = Canceled, Quiet, NoAction
		if d.Reason == delivery.ReasonSuperseded {
			v.Code = Superseded
		}
		v.Sentence = "Not delivered to " + t.EndpointName + ": " + canceled(d)
	case delivery.Succeeded:
		if all := arrived(f.Trails); alike > 1 {
			v.deliveredAll(all)
		} else {
			v.delivered(t)
		}
	default:
		v.waiting(t, e, f)
	}
	if alike > 1 && d.Status != delivery.Succeeded && d.Status != delivery.Skipped && d.Status != delivery.Held {
		v.Sentence += " " + countAre(alike-1) + " like it."
	}
	if e == nil && v.Action != OpenSystem {
		v.Action = NoAction // its page is gone
	}
	if v.Action == NoAction {
		v.EndpointID = uuid.Nil
	}
	return v
}

func countAre(n int) string {
	if n == 1 {
		return "1 other delivery is"
	}
	return Count(n, "other delivery") + " are"
}

// skipped says why nothing was sent: for one delivery which clause refused it, for
// several who did not want what.
func (f Facts) skipped(t delivery.Trail, alike int) string {
	if alike < 2 || t.Delivery.Reason != delivery.ReasonTypeNotWanted {
		return "Nothing was sent to " + t.EndpointName + ": " + Reason(t)
	}
	var who, types []string
	for _, t := range f.Trails {
		if t.Delivery.Reason == delivery.ReasonTypeNotWanted {
			who, types = addOnce(who, t.EndpointName), addOnce(types, t.MessageType)
		}
	}
	does := " do"
	if len(who) == 1 {
		does = " does"
	}
	s := "Nothing was sent: " + List(who, "and") + does + " not subscribe to " + List(types, "or") + "."
	for _, t := range f.Trails {
		if t.Delivery.Status == delivery.Skipped && t.Delivery.Reason != delivery.ReasonTypeNotWanted {
			s += " " + t.EndpointName + ": " + Reason(t)
		}
	}
	return s
}

// Reason says why a delivery is in its state when no attempt explains it, "" when
// there is nothing to say.
func Reason(t delivery.Trail) string {
	d := t.Delivery
	because := func(s string) string {
		if d.Detail != "" {
			s += " (" + d.Detail + ")"
		}
		return s + "."
	}
	switch d.Reason {
	case delivery.ReasonTypeNotWanted:
		return because("it does not subscribe to " + t.MessageType)
	case delivery.ReasonUserFilter:
		return because("its filter does not take this user")
	case delivery.ReasonAgentFilter:
		return because("its filter does not take this agent")
	case delivery.ReasonAppFilter:
		return because("its filter does not take this app")
	case delivery.ReasonRunFilter:
		return because("its filter does not take this run")
	case delivery.ReasonCategoryFilter:
		return because("its filter does not take these categories")
	case delivery.ReasonMetadataFilter:
		return because("its filter does not take this metadata")
	case delivery.ReasonOwnWrite:
		return because("it ignores what this key or source writes")
	case delivery.ReasonPaused:
		return because("the endpoint is paused")
	case delivery.ReasonDisabled:
		return because("the endpoint is disabled")
	case delivery.ReasonDeleted:
		return because("the endpoint was deleted first")
	case delivery.ReasonSuperseded:
		return because("a newer message of the same memory took its place")
	case delivery.ReasonTurn:
		return because("an earlier message of the same memory goes first")
	case delivery.ReasonErased:
		return because("the memory was erased, and what was said of it with it")
	case delivery.ReasonGone:
		return because("the receiver answered that it wants no more messages, which disabled the endpoint")
	case delivery.ReasonRefused:
		return because("trying again could not help")
	case delivery.ReasonOutOfTries:
		return because("the retry schedule has ended")
	case delivery.ReasonTooOld:
		return because("the next try would have come too late to be of use")
	case delivery.ReasonNone:
		return sentence(d.Detail)
	}
	return because(string(d.Reason))
}

func canceled(d delivery.Delivery) string {
	return Reason(delivery.Trail{Delivery: d})
}

// held judges a delivery that waits for a person.
func (v *Verdict) held(t delivery.Trail, e *delivery.Endpoint, alike int, now time.Time) {
	v.Tone, v.Action = Warn, ResumeEndpoint
	verb := "resuming"
	switch t.Delivery.Reason {
	case delivery.ReasonGone:
		v.Code, v.Action, verb = HeldGone, EnableEndpoint, "enabling"
		v.Sentence = "Held: " + t.EndpointName + " answered that it wants no more messages, which disabled it."
	case delivery.ReasonDisabled:
		v.Code, v.Action, verb = HeldDisabled, EnableEndpoint, "enabling"
		v.Sentence = "Held: " + t.EndpointName + disabledWhy(e, now) + "."
	default:
		v.Code = HeldPaused
		v.Sentence = "Held: " + t.EndpointName + pausedWhy(e, now) + "."
	}
	if alike == 1 {
		v.Next = "The delivery waits and loses no tries; " + verb + " the endpoint sends it."
	} else {
		v.Next = Count(alike, "delivery") + " of this event wait and lose no tries; " + verb + " the endpoint sends them."
	}
}

func pausedWhy(e *delivery.Endpoint, now time.Time) string {
	if e == nil || e.PausedAt == nil {
		return " is paused"
	}
	s := " was paused " + Span(now.Sub(*e.PausedAt)) + " ago"
	if e.PausedBy != "" {
		s += " by " + e.PausedBy
	}
	return s
}

func disabledWhy(e *delivery.Endpoint, now time.Time) string {
	if e == nil || e.DisabledAt == nil {
		return " is disabled, because the receiver asked for it or failed for too long"
	}
	s := " was disabled " + Span(now.Sub(*e.DisabledAt)) + " ago"
	switch e.DisabledReason {
	case delivery.DisabledGone:
		s += ": the receiver asked for no more messages"
	case delivery.DisabledFailing:
		s += ": it did nothing but fail for days"
	}
	return s
}

func (v *Verdict) sending(t delivery.Trail, e *delivery.Endpoint, now time.Time) {
	v.Code, v.Tone, v.Action = Sending, Info, NoAction
	v.Sentence = fmt.Sprintf("Sending to %s now, attempt %d", t.EndpointName, t.Delivery.Attempts+1)
	if used := now.Sub(t.Delivery.UpdatedAt); e != nil && used >= 0 && used < 24*time.Hour {
		v.Sentence += fmt.Sprintf(": %d s of its %d s are used", int(used.Seconds()), int(e.Deadline().Seconds()))
	}
	v.Sentence += "."
}

// gaveUp judges a delivery that is not tried again by itself.
func (v *Verdict) gaveUp(t delivery.Trail) {
	v.Code, v.Tone = GaveUp, Bad
	v.Sentence = "Not delivered to " + t.EndpointName + ", and given up"
	if n := len(t.List); n > 0 {
		last := t.List[n-1]
		v.Sentence += " after " + Count(n, "attempt")
		if n > 1 {
			v.Sentence += " in " + Span(last.StartedAt.Sub(t.List[0].StartedAt))
		}
		v.Sentence += ". " + Attempt(last)
		v.Next = Advice(last)
		v.Code = failureCode(last)
		if v.Code == Unauthorized {
			v.Action = OpenPlayground
		}
	} else {
		v.Sentence += "."
	}
	if t.Delivery.Reason == delivery.ReasonTooOld {
		v.Sentence += " The next try would have come too late to be of use."
		if v.Code == GaveUp {
			v.Code = GaveUpTooOld
		}
	}
}

func failureCode(a delivery.Attempt) Code {
	switch {
	case a.Class == retry.ClassBlockedAddress:
		return Blocked
	case a.Class == retry.ClassRedirect:
		return Redirected
	case a.Class == retry.ClassTooLarge:
		return TooLarge
	case denied(a.StatusCode):
		return Unauthorized
	case a.StatusCode >= 400 && a.StatusCode < 500:
		return Refused
	}
	return GaveUp
}

func (v *Verdict) delivered(t delivery.Trail) {
	v.Code, v.Tone, v.Action = Delivered, OK, NoAction
	v.Sentence = "Delivered to " + t.EndpointName
	if len(t.List) == 0 {
		v.Sentence += "."
		return
	}
	last := t.List[len(t.List)-1]
	if len(t.List) > 1 {
		v.Code = DeliveredLate
		v.Sentence += fmt.Sprintf(" on attempt %d, %s after the first", last.Number, Span(last.StartedAt.Sub(t.List[0].StartedAt)))
	}
	v.Sentence += fmt.Sprintf(": it answered %d in %s", last.StatusCode, Took(last.Duration))
	if last.RemoteAddr != "" {
		v.Sentence += " from " + last.RemoteAddr
	}
	v.Sentence += "."
	if webPage(last) {
		v.Code, v.Tone, v.Action = DeliveredHTML, Warn, OpenEndpoint
		v.Next = "But the answer was a web page: check that the URL leads to a receiver and not to a site or a sign-in page."
	}
}

func (v *Verdict) deliveredAll(trails []delivery.Trail) {
	v.Code, v.Tone, v.Action = Delivered, OK, NoAction
	var slowest time.Duration
	retried := 0
	for _, t := range trails {
		if len(t.List) > 0 {
			last := t.List[len(t.List)-1]
			slowest = max(slowest, last.Duration)
			if webPage(last) && v.Next == "" {
				v.Code, v.Tone = DeliveredHTML, Warn
				v.Next = "But " + t.EndpointName + " answered with a web page: check that its URL leads to a receiver."
			}
		}
		if len(t.List) > 1 {
			retried++
		}
	}
	v.Sentence = fmt.Sprintf("Delivered: all %d messages arrived", len(trails))
	if retried > 0 {
		v.Sentence += fmt.Sprintf(", %d after retries", retried)
		if v.Code == Delivered {
			v.Code = DeliveredLate
		}
	}
	v.Sentence += ". The slowest answer took " + Took(slowest) + "."
}
