package dashboard

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/explain"
)

type deliveriesView struct {
	Tabs     []filterTab
	Menus    []menu
	Hidden   []pair // terms that the form carries along
	Box      string
	Filtered string // the filter in words, "" when there is none
	Clear    string
	Rows     []deliveryRow
	Pager    pager
	Cut      bool
	Self     string
	Replay   string // the page that sends a set again
	Said     string // what became of the last action
	MayWrite bool
}

// A deliveryRow is a delivery in a list.
type deliveryRow struct {
	ID       string
	Page     string
	Badge    badge
	Type     text
	Endpoint text
	Host     text
	Chips    []chip
	Earlier  int
	Note     text // instead of chips: why nothing was sent
	Took     string
	Next     *moment
	Made     moment
	MayWrite bool
}

// menuKeys are the keys of the list that have a tab or menu.
var menuKeys = []string{"status", "endpoint", "type", "since"}

func (d *Dashboard) deliveries(v visit) (reply, error) {
	f, err := filterOf(root+"deliveries", listParams(v.QueryParams()))
	if err != nil {
		return reply{}, err
	}
	q := delivery.Query{ProjectID: v.project(), After: f.after, Before: f.before, Limit: f.limit}
	if err := q.Apply(f.terms, v.now); err != nil {
		return reply{}, badFilter(err)
	}
	page, err := d.delivery.Deliveries(v.ctx(), q)
	if err != nil {
		return reply{}, err
	}
	counts, err := d.delivery.DeliveryCounts(v.ctx(), q)
	if err != nil {
		return reply{}, err
	}
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	if err != nil {
		return reply{}, err
	}
	view := deliveriesView{
		Tabs: deliveryTabs(f, counts), Menus: []menu{endpointMenu(f, endpoints), typeMenu(f), f.sinceMenu()}, Box: f.box(menuKeys...),
		Filtered: string(line(f.terms.String())), Clear: f.path, Rows: deliveryRows(page.Rows, endpoints, v), Cut: page.Cut, Self: f.url("", nil), MayWrite: v.mayWrite(),
	}
	if s := f.value("status"); s != "" {
		view.Hidden = append(view.Hidden, pair{"status", text(s)})
	}
	view.Replay = root + "replays/new?" + url.Values{"endpoint": {chosenOf(view.Menus[0])}, "since": {"24h"}}.Encode()
	view.Said = saidOf(v.QueryParams())
	if page.Newer != nil {
		view.Pager.Newer = f.url("before", page.Newer)
	}
	if page.Older != nil {
		view.Pager.Older = f.url("after", page.Older)
	}
	if len(page.Rows) > 0 {
		view.Pager.Showing = explain.Count(len(page.Rows), "row") + ", newest first"
	}
	r := show("deliveries", "Deliveries", view)
	params, first := listParams(v.QueryParams()), f.after == nil && f.before == nil
	if first {
		params.Set("first", "1")
	}
	r.live = watch(v, "deliveries", params)
	r.live.Enter, r.live.Rows = first, f.limit
	return r, nil
}

// chosenOf is the value that a menu is set to, "" for all.
func chosenOf(m menu) string {
	for _, c := range m.Choices {
		if c.Chosen {
			return c.Value
		}
	}
	return ""
}

// saidOf says what became of sending chosen rows again, which the address tells.
func saidOf(q url.Values) string {
	sent, err := strconv.Atoi(q.Get("sent"))
	left, bad := strconv.Atoi(q.Get("left"))
	if err != nil || bad != nil || sent < 0 || left < 0 {
		return ""
	}
	s := explain.Count(sent, "delivery") + " sent again."
	if left > 0 {
		s += " " + explain.Count(left, "other") + " could not be: being sent at this moment, or the endpoint is not active."
	}
	return s
}

func deliveryTabs(f filter, counts map[delivery.ListStatus]delivery.Count) []filterTab {
	current := f.value("status")
	tab := func(word string, s delivery.ListStatus) filterTab {
		return filterTab{Word: word, URL: f.with("status", string(s)), Current: current == string(s), Count: countOf(counts[s])}
	}
	tabs := []filterTab{
		tab("All", ""), tab("Succeeded", delivery.ListStatus(delivery.Succeeded)), tab("Waiting", delivery.Waiting),
		tab("Failed", delivery.ListStatus(delivery.Failed)), tab("Held", delivery.ListStatus(delivery.Held)),
		tab("Skipped", delivery.ListStatus(delivery.Skipped)),
	}
	known := false
	for _, t := range tabs {
		known = known || t.Current
	}
	if canceled := delivery.ListStatus(delivery.Canceled); counts[canceled].N > 0 || current == string(canceled) {
		tabs = append(tabs, tab("Canceled", canceled))
	} else if !known {
		tabs = append(tabs, tab(title(string(line(current))), delivery.ListStatus(current)))
	}
	return tabs
}

func endpointMenu(f filter, endpoints []delivery.Endpoint) menu {
	m := menu{Key: "endpoint", Label: "Endpoint", Choices: []choice{{Label: "Any endpoint"}}}
	value := f.value("endpoint")
	for _, e := range endpoints {
		id := delivery.FormatID(delivery.EndpointPrefix, e.ID)
		if value == e.Name {
			value = id
		}
		m.Choices = append(m.Choices, choice{Value: id, Label: string(line(e.Name))})
	}
	return m.choose(value)
}

func typeMenu(f filter) menu {
	m := menu{Key: "type", Label: "Type", Choices: []choice{{Label: "Any type"}}}
	for _, t := range append(delivery.EventTypes(), delivery.OperationalTypes()...) {
		m.Choices = append(m.Choices, choice{Value: t, Label: t})
	}
	return m.choose(f.value("type"))
}

func deliveryRows(rows []delivery.Row, endpoints []delivery.Endpoint, v visit) []deliveryRow {
	list := make([]deliveryRow, len(rows))
	for i, r := range rows {
		list[i] = deliveryRowOf(r, endpointOf(r.Delivery, endpoints), v.now, v.mayWrite())
	}
	return list
}

func deliveryRowOf(r delivery.Row, e delivery.Endpoint, now time.Time, mayWrite bool) deliveryRow {
	d := r.Delivery
	row := deliveryRow{
		ID: delivery.FormatID(delivery.DeliveryPrefix, d.ID), Page: deliveryPath(d.ID), Badge: deliveryBadge(d), Type: line(d.Type),
		Endpoint: line(r.EndpointName), Host: line(hostOf(r.EndpointURL)), Made: momentOf(d.CreatedAt, now), MayWrite: mayWrite,
	}
	for _, a := range r.Recent {
		row.Chips = append(row.Chips, chipOf(a))
	}
	row.Earlier = max(0, d.Attempts-len(r.Recent))
	if n := len(r.Recent); n > 0 {
		row.Took = brief(r.Recent[n-1].Duration)
	} else {
		row.Note = line(noteOf(d))
	}
	row.Next = momentOr(e.NextTry(d, now), now)
	return row
}

// noteOf says why nothing was sent for a delivery.
func noteOf(d delivery.Delivery) string {
	switch {
	case d.Reason == delivery.ReasonTypeNotWanted && d.Detail != "":
		wants, _, _ := strings.Cut(strings.TrimPrefix(d.Detail, "the endpoint "), ";") // the type is in the row
		return wants
	case d.Detail != "":
		return d.Detail
	case d.Reason != delivery.ReasonNone:
		return explain.Reason(delivery.Trail{Delivery: d, MessageType: d.Type})
	case d.Status == delivery.Pending:
		return "not tried yet"
	}
	return ""
}

func deliveryPath(id uuid.UUID) string {
	return root + "deliveries/" + delivery.FormatID(delivery.DeliveryPrefix, id)
}

// title is a text with a capital letter.
func title(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
