package dashboard

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

const (
	eventsPerPage = 25
	// maxTally is how many changes an event in a list may have for its deliveries
	// to be counted there. Beyond it the page of the event tells.
	maxTally = 20
	// maxSkip is how far back a list goes.
	maxSkip = 100_000
)

type eventsView struct {
	Filters []filterTab
	Status  string // of the filter, "" for all
	Rows    []eventRow
	Newer   string // URLs, "" when there are none
	Older   string
	Showing string
}

type filterTab struct {
	Word    string
	URL     string
	Current bool
}

// An eventRow is an event in a list.
type eventRow struct {
	URL        string
	ID         string
	Short      string
	Badge      badge
	Kind       text
	Scope      []pair
	Changes    string
	Deliveries []badge // one per state, with how many in its word
	At         moment
}

type pair struct{ Name, Value text }

func (d *Dashboard) events(v visit) (reply, error) {
	q, err := eventListOf(v.QueryParams(), v.now)
	if err != nil {
		return reply{}, err
	}
	events, total, err := d.memory.Events(v.ctx(), memory.EventQuery{
		ProjectID: v.key.ProjectID, Status: q.status, To: q.until, Offset: q.skip, Limit: eventsPerPage,
	})
	if err != nil {
		return reply{}, err
	}
	view := eventsView{Filters: filterTabs(q.status), Status: strings.ToLower(string(q.status))}
	if view.Rows, err = d.eventRows(v, events); err != nil {
		return reply{}, err
	}
	if q.skip > 0 {
		newer := q
		newer.skip = max(0, q.skip-eventsPerPage)
		view.Newer = newer.url()
	}
	if q.skip+len(events) < total && q.skip+eventsPerPage <= maxSkip {
		older := q
		older.skip += eventsPerPage
		view.Older = older.url()
	}
	if len(events) > 0 {
		view.Showing = strconv.Itoa(q.skip+1) + " to " + strconv.Itoa(q.skip+len(events)) + " of " + count(total, "event") + ", newest first"
	}
	return show("events", "Events", view), nil
}

// An eventList is what the URL of the list says. A page further back counts from
// until, so that new events do not shift its rows.
type eventList struct {
	status memory.EventStatus
	until  time.Time
	skip   int
}

func eventListOf(q url.Values, now time.Time) (eventList, error) {
	l := eventList{until: now.Add(time.Minute)} // with the clocks of other nodes
	if s := q.Get("status"); s != "" {
		l.status = memory.EventStatus(strings.ToUpper(s))
		if eventBadge(l.status).Icon == "?" {
			return l, &failure{400, "Unknown filter", "The status in the address must be pending, running, succeeded or failed."}
		}
	}
	if s := q.Get("until"); s != "" {
		us, err := strconv.ParseInt(s, 10, 64)
		if err != nil || us < 0 {
			return l, errPage
		}
		l.until = time.UnixMicro(us).UTC()
	}
	if s := q.Get("skip"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > maxSkip {
			return l, errPage
		}
		l.skip = n
	}
	return l, nil
}

var errPage = &failure{400, "Unknown page", "The address does not name a page of the list. Go back to the newest events."}

func (l eventList) url() string {
	q := url.Values{}
	if l.status != "" {
		q.Set("status", strings.ToLower(string(l.status)))
	}
	if l.skip > 0 {
		q.Set("skip", strconv.Itoa(l.skip))
		q.Set("until", strconv.FormatInt(l.until.UnixMicro(), 10))
	}
	if len(q) == 0 {
		return root + "events"
	}
	return root + "events?" + q.Encode()
}

func filterTabs(current memory.EventStatus) []filterTab {
	tabs := []filterTab{{"All", root + "events", current == ""}}
	for _, s := range []memory.EventStatus{memory.EventPending, memory.EventRunning, memory.EventSucceeded, memory.EventFailed} {
		tabs = append(tabs, filterTab{eventBadge(s).Word, eventList{status: s}.url(), current == s})
	}
	return tabs
}

// eventRows returns the rows of events of the visitor's project.
func (d *Dashboard) eventRows(v visit, events []memory.Event) ([]eventRow, error) {
	ids := make([]uuid.UUID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	changes, err := d.memory.ChangesOf(v.ctx(), ids)
	if err != nil {
		return nil, err
	}
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = eventRow{
			URL: eventPath(e.ID), ID: e.ID.String(), Short: shortID(e.ID), Badge: eventBadge(e.Status),
			Kind: kindWord(e.Kind), Scope: scopeOf(e.Scope), Changes: changesOf(e, changes[e.ID]), At: momentOf(e.CreatedAt, v.now),
		}
		if len(changes[e.ID]) > maxTally {
			continue
		}
		trails, err := d.delivery.TrailsByEvent(v.ctx(), v.key.ProjectID, e.ID)
		if err != nil {
			return nil, err
		}
		rows[i].Deliveries = tally(trails)
	}
	return rows, nil
}

// tally counts deliveries by state, the most urgent first. Skipped ones count
// only when there are no others.
func tally(trails []delivery.Trail) []badge {
	const states = 8 // of urgency
	var n [states]int
	var like [states]badge
	for _, t := range trails {
		u := explain.Urgency(t.Delivery)
		n[u]++
		like[u] = deliveryBadge(t.Delivery)
	}
	var list []badge
	for u := states - 1; u >= 0; u-- {
		if n[u] == 0 || u == 0 && len(list) > 0 {
			continue
		}
		b := like[u]
		b.Word = strconv.Itoa(n[u]) + " " + strings.ToLower(b.Word)
		list = append(list, b)
	}
	return list
}

func changesOf(e memory.Event, changes []memory.Change) string {
	var added, updated, deleted int
	for _, c := range changes {
		switch c.Kind {
		case memory.ChangeAdd:
			added++
		case memory.ChangeUpdate:
			updated++
		case memory.ChangeDelete:
			deleted++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{added, "added"}, {updated, "updated"}, {deleted, "deleted"}} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+" "+p.word)
		}
	}
	if len(parts) == 0 && e.Status.Final() {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// kindWord is the kind of an event for people.
func kindWord(k memory.EventKind) text {
	switch k {
	case memory.EventAdd:
		return "Add"
	case memory.EventUpdate:
		return "Update"
	case memory.EventDelete:
		return "Delete"
	case memory.EventDeleteAll:
		return "Delete all"
	case memory.EventDeleteUser:
		return "Delete user"
	}
	return line(string(k))
}

func scopeOf(s memory.Scope) []pair {
	var list []pair
	for _, p := range []struct{ name, value string }{
		{"user", s.UserID}, {"agent", s.AgentID}, {"app", s.AppID}, {"run", s.RunID},
	} {
		if p.value != "" {
			list = append(list, pair{text(p.name), line(p.value)})
		}
	}
	return list
}

func eventPath(id uuid.UUID) string { return root + "events/" + id.String() }

// shortID is the ends of an ID: the first part tells the time, the last is random.
func shortID(id uuid.UUID) string {
	s := id.String()
	return s[:8] + "…" + s[len(s)-4:]
}
