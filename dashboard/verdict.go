package dashboard

import (
	"fmt"
	"strings"
	"time"

	"memhook/delivery"
	"memhook/memory"
)

// A verdict answers "why did my callback not arrive?" for one event.
type verdict struct {
	Tone     tone
	Sentence text
	Next     text   // what happens or helps next, "" when nothing is left to say
	Link     string // the page of the one action that helps, "" when there is none
	Action   string // its name
}

// overdue is how late something may start before the verdict worries. The pump
// finds a lost ticket within seconds.
const overdue = 30 * time.Second

// verdictOf judges an event by its changes and the trails of its messages. The
// first case that holds is the answer; of several deliveries, the one that most
// needs a person.
func verdictOf(e memory.Event, changes []memory.Change, trails []delivery.Trail, now time.Time) verdict {
	switch {
	case e.Status == memory.EventPending:
		return pendingVerdict(e, now)
	case e.Status == memory.EventRunning:
		return verdict{
			Tone: info, Sentence: "A worker is processing this event. Its callbacks are made when that is done.",
			Next: line(again(e.Tries)),
		}
	case e.Status == memory.EventFailed:
		return verdict{
			Tone: bad, Sentence: line("Processing failed, so no memory changed and no memory message was made: " + sentence(e.Error)),
			Next: "Correct the request and add it again.",
		}
	case len(changes) == 0 && settled(trails):
		return verdict{Tone: info, Sentence: line(nothingNew(e)), Next: line(reports(trails))}
	case len(trails) == 0:
		return verdict{
			Tone: warn, Sentence: "Nobody was told: the project had no endpoint when this happened.",
			Next: "Messages are made for the endpoints of the moment; later ones do not get them.",
			Link: newEndpointPath, Action: "Register an endpoint",
		}
	}
	first, alike := worst(trails)
	v := deliveryVerdict(first, alike, trails, now)
	if others := len(arrived(trails)); first.Delivery.Status != delivery.Succeeded && others > 0 {
		v.Next = line(strings.TrimSpace(string(v.Next) + " " + count(others, "other delivery") + " arrived."))
	}
	return v
}

func pendingVerdict(e memory.Event, now time.Time) verdict {
	v := verdict{Tone: info, Sentence: "Accepted, and waiting to be processed. Its callbacks are made when that is done."}
	if e.NextAt != nil && now.Sub(*e.NextAt) > overdue {
		v.Tone = warn
		v.Sentence = line("Accepted, and not processed yet: it has been waiting for " + long(now.Sub(*e.NextAt)) + ".")
		v.Next = "An older event of the same scope goes first. If there is none, see that a worker runs."
	}
	return v
}

func again(tries int) string {
	if tries < 2 {
		return ""
	}
	return fmt.Sprintf("This is try %d: earlier ones did not end, because the worker stopped or the engine could not be reached.", tries)
}

// nothingNew says why an event made no change.
func nothingNew(e memory.Event) string {
	why := "there was nothing new to remember"
	switch memory.Reason(e.Reason) {
	case memory.ReasonNoFacts:
		why = "nothing worth keeping was said"
	case memory.ReasonAlreadyKnown:
		why = "everything said is remembered already"
	case memory.ReasonNoText:
		why = "no turn had text that could be stored"
	default:
		if e.Kind != memory.EventAdd {
			why = "no memory matched"
		}
	}
	return "No memory changed, because " + why + ". So no memory message was made."
}

// reports says what became of the messages about an event that changed nothing.
func reports(trails []delivery.Trail) string {
	if n := len(arrived(trails)); n > 0 {
		return count(n, "report") + " that the job is done arrived."
	}
	return ""
}

// settled tells whether no delivery failed or is under way.
func settled(trails []delivery.Trail) bool {
	for _, t := range trails {
		if t.Delivery.Status != delivery.Succeeded && t.Delivery.Status != delivery.Skipped {
			return false
		}
	}
	return true
}

func arrived(trails []delivery.Trail) (list []delivery.Trail) {
	for _, t := range trails {
		if t.Delivery.Status == delivery.Succeeded {
			list = append(list, t)
		}
	}
	return list
}

// urgency orders deliveries by how much they need a person.
func urgency(d delivery.Delivery) int {
	switch {
	case d.Status == delivery.Failed:
		return 7
	case d.Status == delivery.Held:
		return 6
	case d.Status == delivery.Pending && d.Attempts > 0:
		return 5
	case d.Status == delivery.Sending:
		return 4
	case d.Status == delivery.Pending:
		return 3
	case d.Status == delivery.Canceled:
		return 2
	case d.Status == delivery.Succeeded:
		return 1
	}
	return 0
}

// worst returns the delivery that most needs a person, and how many are like it.
func worst(trails []delivery.Trail) (first delivery.Trail, alike int) {
	for _, t := range trails {
		switch had, has := urgency(first.Delivery), urgency(t.Delivery); {
		case alike == 0 || has > had:
			first, alike = t, 1
		case has == had:
			alike++
		}
	}
	return first, alike
}

// deliveryVerdict judges by one delivery; alike more are in its state.
func deliveryVerdict(t delivery.Trail, alike int, trails []delivery.Trail, now time.Time) verdict {
	d := t.Delivery
	page := endpointPath(d.EndpointID)
	v := verdict{Link: page, Action: "Open the endpoint"}
	switch d.Status {
	case delivery.Skipped:
		v.Tone, v.Sentence = quiet, line(skipped(trails))
		v.Next = "Messages of other types go out as usual."
	case delivery.Held:
		v.Tone, v.Sentence = warn, line(held(t))
		v.Next, v.Action = line(resumeSends(alike)), "Resume it there"
	case delivery.Sending:
		v.Tone, v.Link = info, ""
		v.Sentence = line(fmt.Sprintf("Sending to %s now, attempt %d.", t.EndpointName, d.Attempts+1))
	case delivery.Failed:
		v.Tone, v.Sentence, v.Next = bad, line(gaveUp(t)), line(advice(t))
	case delivery.Canceled:
		v.Tone, v.Link = quiet, ""
		v.Sentence = line("Not delivered to " + t.EndpointName + ": the endpoint was deleted first.")
	case delivery.Succeeded:
		v.Tone, v.Sentence, v.Link = ok, line(delivered(arrived(trails))), ""
	default:
		v.Link = ""
		v.waiting(t, now)
	}
	if alike > 1 && d.Status != delivery.Succeeded && d.Status != delivery.Skipped && d.Status != delivery.Held {
		v.Sentence += line(fmt.Sprintf(" %s like it.", countAre(alike-1)))
	}
	if v.Link == "" {
		v.Action = ""
	}
	return v
}

func countAre(n int) string {
	if n == 1 {
		return "1 other delivery is"
	}
	return count(n, "other delivery") + " are"
}

// waiting judges a delivery whose next try is to come.
func (v *verdict) waiting(t delivery.Trail, now time.Time) {
	d := t.Delivery
	due := "is due now"
	late := time.Duration(0)
	if d.NextAt != nil && d.NextAt.After(now) {
		due = "is in " + long(d.NextAt.Sub(now))
	} else if d.NextAt != nil {
		late = now.Sub(*d.NextAt)
	}
	v.Tone = info
	if len(t.List) == 0 {
		v.Sentence = line("Waiting for its first try to " + t.EndpointName + ", which " + due + ".")
	} else {
		v.Tone = warn
		v.Sentence = line(fmt.Sprintf("Not delivered to %s yet: %s failed. %s", t.EndpointName, count(len(t.List), "attempt"), cause(t.List[len(t.List)-1])))
		v.Next = line("The next try " + due + ".")
	}
	if late > overdue {
		v.Tone = warn
		v.Next = line("It is overdue by " + long(late) + ": the endpoint has too many requests under way or asked to be left alone, or no worker runs.")
	}
}

func skipped(trails []delivery.Trail) string {
	var who, types []string
	for _, t := range trails {
		who, types = addOnce(who, t.EndpointName), addOnce(types, t.MessageType)
	}
	return "Nothing was sent: " + list(who, "and") + does(len(who)) + " not subscribe to " + list(types, "or") + "."
}

func does(n int) string {
	if n == 1 {
		return " does"
	}
	return " do"
}

func addOnce(to []string, s string) []string {
	for _, have := range to {
		if have == s {
			return to
		}
	}
	return append(to, s)
}

// list joins up to four names: a, b and 2 more.
func list(names []string, word string) string {
	const most = 4
	if len(names) > most {
		rest := len(names) - most + 1
		names = append(names[:most-1:most-1], fmt.Sprintf("%d more", rest))
		word = "and"
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + word + " " + names[len(names)-1]
}

func held(t delivery.Trail) string {
	switch t.Delivery.Reason {
	case delivery.ReasonGone:
		return "Held: " + t.EndpointName + " answered that it wants no more messages, which disabled it."
	case delivery.ReasonDisabled:
		return "Held: " + t.EndpointName + " is disabled, because the receiver asked for it or failed for too long."
	}
	return "Held: " + t.EndpointName + " is paused."
}

func resumeSends(n int) string {
	if n == 1 {
		return "The delivery waits and loses no tries; resuming the endpoint sends it."
	}
	return count(n, "delivery") + " of this event wait and lose no tries; resuming the endpoint sends them."
}

func gaveUp(t delivery.Trail) string {
	s := "Not delivered to " + t.EndpointName + ", and given up"
	if n := len(t.List); n > 0 {
		s += " after " + count(n, "attempt")
		if n > 1 {
			s += " in " + long(t.List[n-1].StartedAt.Sub(t.List[0].StartedAt))
		}
		s += ". " + cause(t.List[n-1])
	} else {
		s += "."
	}
	if t.Delivery.Reason == delivery.ReasonTooOld {
		s += " " + reasonWords[delivery.ReasonTooOld]
	}
	return s
}

func delivered(trails []delivery.Trail) string {
	if len(trails) > 1 {
		return deliveredAll(trails)
	}
	t := trails[0]
	if len(t.List) == 0 {
		return "Delivered to " + t.EndpointName + "."
	}
	last := t.List[len(t.List)-1]
	s := "Delivered to " + t.EndpointName
	if len(t.List) > 1 {
		s += fmt.Sprintf(" on attempt %d, %s after the first", last.Number, long(last.StartedAt.Sub(t.List[0].StartedAt)))
	}
	s += fmt.Sprintf(": it answered %d in %s", last.StatusCode, brief(last.Duration))
	if last.RemoteAddr != "" {
		s += " from " + last.RemoteAddr
	}
	return s + "."
}

func deliveredAll(trails []delivery.Trail) string {
	var slowest time.Duration
	retried := 0
	for _, t := range trails {
		if len(t.List) > 0 {
			slowest = max(slowest, t.List[len(t.List)-1].Duration)
		}
		if len(t.List) > 1 {
			retried++
		}
	}
	s := fmt.Sprintf("Delivered: all %d messages arrived", len(trails))
	if retried > 0 {
		s += fmt.Sprintf(", %d after retries", retried)
	}
	return s + ". The slowest answer took " + brief(slowest) + "."
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
