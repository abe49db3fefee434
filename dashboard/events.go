package dashboard

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

type eventsView struct {
	Tabs     []filterTab
	Menus    []menu
	Hidden   []pair // terms that the form carries along
	Box      string
	Filtered string // the filter in words, "" when there is none
	Clear    string
	Rows     []eventRow
	Pager    pager
	Cut      bool
	Self     string
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
	f, err := filterOf(root+"events", v.QueryParams())
	if err != nil {
		return reply{}, err
	}
	l := memory.EventList{ProjectID: v.project(), Limit: f.limit}
	if err := l.Apply(f.terms, v.now); err != nil {
		return reply{}, badFilter(err)
	}
	if f.after != nil {
		l.After = f.after.ID
	}
	if f.before != nil {
		l.Before = f.before.ID
	}
	page, err := d.memory.EventPage(v.ctx(), l)
	if err != nil {
		return reply{}, err
	}
	view := eventsView{
		Tabs: eventTabs(f), Menus: []menu{kindMenu(f), f.sinceMenu()}, Box: f.box("status", "type", "since"),
		Filtered: string(line(f.terms.String())), Clear: f.path, Cut: page.Cut, Self: f.url("", nil),
	}
	if view.Rows, err = d.eventRows(v, page.Events); err != nil {
		return reply{}, err
	}
	if s := f.value("status"); s != "" {
		view.Hidden = append(view.Hidden, pair{"status", text(s)})
	}
	if page.Newer != uuid.Nil {
		view.Pager.Newer = f.url("before", &delivery.Cursor{ID: page.Newer})
	}
	if page.Older != uuid.Nil {
		view.Pager.Older = f.url("after", &delivery.Cursor{ID: page.Older})
	}
	if len(page.Events) > 0 {
		view.Pager.Showing = explain.Count(len(page.Events), "row") + ", newest first"
	}
	r := show("events", "Events", view)
	r.live = watch(v, "events", listParams(v.QueryParams()))
	r.live.Enter, r.live.Rows = f.after == nil && f.before == nil, f.limit
	return r, nil
}

func eventTabs(f filter) []filterTab {
	current := memory.EventStatus(strings.ToUpper(f.value("status")))
	tabs := []filterTab{{Word: "All", URL: f.with("status", ""), Current: current == ""}}
	for _, s := range []memory.EventStatus{memory.EventPending, memory.EventRunning, memory.EventSucceeded, memory.EventFailed} {
		tabs = append(tabs, filterTab{Word: eventBadge(s).Word, URL: f.with("status", strings.ToLower(string(s))), Current: current == s})
	}
	return tabs
}

func kindMenu(f filter) menu {
	m := menu{Key: "type", Label: "Type", Choices: []choice{{Label: "Any type"}}}
	for _, k := range []memory.EventKind{memory.EventAdd, memory.EventUpdate, memory.EventDelete, memory.EventDeleteAll, memory.EventDeleteUser} {
		m.Choices = append(m.Choices, choice{Value: strings.ToLower(string(k)), Label: string(kindWord(k))})
	}
	return m.choose(strings.ToLower(f.value("type")))
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
	tallies, err := d.delivery.EventTallies(v.ctx(), v.project(), ids)
	if err != nil {
		return nil, err
	}
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = eventRow{
			URL: eventPath(e.ID), ID: e.ID.String(), Short: shortID(e.ID), Badge: eventBadge(e.Status),
			Kind: kindWord(e.Kind), Scope: scopeOf(e.Scope), Changes: changesOf(e, changes[e.ID]), At: momentOf(e.CreatedAt, v.now),
		}
		rows[i].Deliveries = tally(tallies[e.ID])
	}
	return rows, nil
}

// tally shows counts of deliveries by state, the most urgent first. Skipped ones
// count only when there are no others.
func tally(counts map[delivery.ListStatus]int) []badge {
	var list []badge
	for _, s := range []delivery.Status{delivery.Failed, delivery.Held, "retrying", delivery.Sending, delivery.Pending, delivery.Canceled, delivery.Succeeded, delivery.Skipped} {
		n := counts[delivery.ListStatus(s)]
		if n == 0 || s == delivery.Skipped && len(list) > 0 {
			continue
		}
		d := delivery.Delivery{Status: s}
		if s == "retrying" {
			d.Status, d.Attempts = delivery.Pending, 1
		}
		b := deliveryBadge(d)
		b.Word = strconv.Itoa(n) + " " + strings.ToLower(b.Word)
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
