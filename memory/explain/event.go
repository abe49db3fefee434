package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// overdue is how late something may start before a verdict worries. The pump finds
// a lost ticket within seconds.
const overdue = 30 * time.Second

// Facts are what a verdict is made from.
type Facts struct {
	Event     memory.Event
	Changes   []memory.Change
	Trails    []delivery.Trail
	Endpoints []delivery.Endpoint // of the project; one that is missing was deleted
	// Ahead is how many deliveries of the same endpoint are due before one that is
	// due. Those that are missing have none.
	Ahead    map[uuid.UUID]delivery.Count
	NoWorker bool // it is known that no worker runs
	Now      time.Time
}

// An Answer is the verdict about an event, and about each of its deliveries.
type Answer struct {
	Verdict
	Deliveries []DeliveryVerdict
}

// A DeliveryVerdict is the verdict about one delivery.
type DeliveryVerdict struct {
	Verdict
	Trail delivery.Trail
}

// Event judges an event.
func Event(f Facts) Answer {
	a := Answer{Verdict: f.verdict()}
	for _, t := range f.Trails {
		a.Deliveries = append(a.Deliveries, DeliveryVerdict{f.one(t, 1), t})
	}
	return a
}

// Delivery judges one delivery by itself. Of the facts, it needs Endpoints, Ahead,
// NoWorker and Now.
func Delivery(t delivery.Trail, f Facts) Verdict {
	f.Trails = []delivery.Trail{t}
	return f.one(t, 1)
}

// Missing is the verdict about an ID that nothing is stored under. Records are
// kept for the retention; 0 says that they are kept for ever.
func Missing(id string, retention time.Duration, now time.Time) Verdict {
	v := Verdict{Code: Unknown, Tone: Warn, Sentence: "Nothing is stored under this ID in this project."}
	if retention == 0 {
		v.Next = "Check that it is complete, and that the key is of the right project."
		return v
	}
	kept := "Events, messages, deliveries and attempts are kept for " + Span(retention)
	v.Next = kept + "; an older one has been removed. Otherwise check that the ID is complete, and the key of the right project."
	if made, ok := madeAt(id); ok && now.Sub(made) > retention {
		v.Sentence = "Nothing is stored under this ID any more: it was made " + Span(now.Sub(made)) + " ago."
		v.Next = kept + "."
	}
	return v
}

// madeAt reads the time in a version 7 UUID, which may have a prefix.
func madeAt(id string) (time.Time, bool) {
	u, err := uuid.Parse(id[max(0, len(id)-36):])
	if err != nil || u.Version() != 7 {
		return time.Time{}, false
	}
	s, ns := u.Time().UnixTime()
	return time.Unix(s, ns), true
}

func (f Facts) verdict() Verdict {
	e := f.Event
	switch {
	case e.Status == memory.EventPending:
		return f.pending()
	case e.Status == memory.EventRunning:
		return Verdict{
			Code: EventRunning, Tone: Info, Sentence: "A worker is processing this event. Its callbacks are made when that is done.",
			Next: again(e.Tries),
		}
	case e.Status == memory.EventFailed:
		return Verdict{
			Code: EventFailed, Tone: Bad, Next: "Correct the request and add it again.",
			Sentence: "Processing failed, so no memory changed and no memory message was made: " + sentence(e.Error),
		}
	case len(f.Changes) == 0 && e.Kind != memory.EventRelay && settled(f.Trails):
		return Verdict{Code: NothingNew, Tone: Info, Sentence: nothingNew(e), Next: reports(f.Trails)}
	case len(f.Trails) == 0:
		return Verdict{
			Code: NoEndpoint, Tone: Warn, Sentence: "Nobody was told: the project had no endpoint when this happened.",
			Next: "Messages are made for the endpoints of the moment; later ones do not get them.", Action: CreateEndpoint,
		}
	}
	first, alike := Worst(f.Trails)
	v := f.one(first, alike)
	if Urgency(first.Delivery) > Urgency(delivery.Delivery{Status: delivery.Succeeded}) {
		v.Next = join(v.Next, theOthers(f.Trails, first.Delivery))
	}
	return v
}

// theOthers says what becomes of the deliveries that are unlike the first.
func theOthers(trails []delivery.Trail, first delivery.Delivery) string {
	var held, coming, arrived int
	for _, t := range trails {
		switch d := t.Delivery; {
		case Urgency(d) == Urgency(first):
		case d.Status == delivery.Held:
			held++
		case d.Status == delivery.Pending, d.Status == delivery.Sending:
			coming++
		case d.Status == delivery.Succeeded:
			arrived++
		}
	}
	var said []string
	for _, group := range []struct {
		n        int
		one, are string
	}{{arrived, " arrived", " arrived"}, {coming, " is under way", " are under way"}, {held, " is held", " are held"}} {
		switch {
		case group.n == 1:
			said = append(said, Count(1, "other delivery")+group.one)
		case group.n > 1:
			said = append(said, Count(group.n, "other delivery")+group.are)
		}
	}
	return sentence(strings.Join(said, ", "))
}

func (f Facts) pending() Verdict {
	e, late := f.Event, time.Duration(0)
	if e.NextAt != nil {
		late = f.Now.Sub(*e.NextAt)
	}
	switch {
	case f.NoWorker:
		return Verdict{
			Code: EventNoWorker, Tone: Bad, Sentence: "Accepted, and safe on disk, but no worker runs to process it.",
			Next: "Start a node with --role worker or all.", Action: OpenSystem,
		}
	case late > overdue:
		return Verdict{
			Code: EventOverdue, Tone: Warn, Sentence: "Accepted, and not processed yet: it has been waiting for " + Span(late) + ".",
			Next: "An older event of the same scope goes first. If there is none, see that a worker runs.", Action: OpenSystem,
		}
	}
	return Verdict{Code: EventPending, Tone: Info, Sentence: "Accepted, and waiting to be processed. Its callbacks are made when that is done."}
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
		return Count(n, "report") + " that the job is done arrived."
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

// Urgency orders deliveries by how much they need a person.
func Urgency(d delivery.Delivery) int {
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

// Worst returns the delivery that most needs a person, and how many are like it.
func Worst(trails []delivery.Trail) (first delivery.Trail, alike int) {
	for _, t := range trails {
		switch had, has := Urgency(first.Delivery), Urgency(t.Delivery); {
		case alike == 0 || has > had:
			first, alike = t, 1
		case has == had:
			alike++
		}
	}
	return first, alike
}
