package dashboard

import (
	"fmt"
	"slices"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

// What the overview shows.
const (
	recentEvents = 6
	recentSpan   = 24 * time.Hour
	// maxSparks is for how many endpoints it draws what they did; the others are
	// in the list of endpoints.
	maxSparks = 12
)

type overviewView struct {
	Attention verdict
	Steps     []step // until the first delivery has arrived
	BaseURL   text   // for the example call of a step
	Tiles     []tile
	Chart     chart
	Events    []eventRow
	Endpoints []endpointStat
	MoreOf    int // endpoints that are not shown
	MayWrite  bool
}

// A step is one of the three from nothing to the first callback.
type step struct {
	Number int
	Text   string
	Done   bool
	Now    bool // the first that is not done
	Link   string
	Action string
	Call   bool // shows the example call
}

// A tile is one number.
type tile struct {
	Label string
	Value string
	Unit  string
	Hint  string
	Tone  tone
	Link  string
}

// An endpointStat is an endpoint with what it did in the last day.
type endpointStat struct {
	endpointRow
	Spark   []bar
	Success string
	P95     string
}

func (d *Dashboard) overview(v visit) (reply, error) {
	view, err := d.overviewOf(v)
	r := show("overview", "Overview", view)
	r.live = watch(v, "overview", nil)
	return r, err
}

func (d *Dashboard) overviewOf(v visit) (overviewView, error) {
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	if err != nil {
		return overviewView{}, err
	}
	page, err := d.memory.EventPage(v.ctx(), memory.EventList{ProjectID: v.project(), Limit: recentEvents})
	if err != nil {
		return overviewView{}, err
	}
	stats, err := d.delivery.DeliveryStats(v.ctx(), delivery.StatsQuery{
		ProjectID: v.project(), Since: v.now.Truncate(chartStep).Add(chartStep - chartSpan), Until: v.now.Truncate(chartStep).Add(chartStep), Step: chartStep,
	})
	if err != nil {
		return overviewView{}, err
	}
	oldest, waits, err := d.delivery.OldestWaiting(v.ctx(), v.project())
	if err != nil {
		return overviewView{}, err
	}
	failed, err := d.failedEvents(v)
	if err != nil {
		return overviewView{}, err
	}
	view := overviewView{
		Attention: attentionOf(endpoints, failed, v.now), MayWrite: v.mayWrite(),
		Steps: stepsOf(endpoints, len(page.Events) > 0), BaseURL: line(d.baseURL(v.Request())),
		Tiles: tilesOf(stats.Total, oldest, waits, v.now), Chart: volumeChart(stats.Series, v.now),
	}
	if view.Events, err = d.eventRows(v, page.Events); err != nil {
		return view, err
	}
	view.Endpoints, err = d.endpointStats(v, mostUrgent(endpoints), stats)
	view.MoreOf = len(endpoints) - len(view.Endpoints)
	return view, err
}

// failedEvents counts the events that failed in the last day, up to a page of them.
func (d *Dashboard) failedEvents(v visit) (int, error) {
	page, err := d.memory.EventPage(v.ctx(), memory.EventList{
		ProjectID: v.project(), Status: memory.EventFailed, Since: v.now.Add(-recentSpan), Limit: delivery.MaxPage,
	})
	return len(page.Events), err
}

// mostUrgent returns the endpoints that need somebody first, at most maxSparks.
func mostUrgent(endpoints []delivery.Endpoint) []delivery.Endpoint {
	rank := func(e delivery.Endpoint) int {
		switch {
		case e.DisabledAt != nil:
			return 0
		case e.Health.FailingSince != nil:
			return 1
		case e.PausedAt != nil:
			return 2
		}
		return 3
	}
	list := slices.Clone(endpoints)
	slices.SortStableFunc(list, func(a, b delivery.Endpoint) int { return rank(a) - rank(b) })
	return list[:min(len(list), maxSparks)]
}

func (d *Dashboard) endpointStats(v visit, endpoints []delivery.Endpoint, all delivery.Stats) ([]endpointStat, error) {
	rows := endpointRows(endpoints, v.now)
	list := make([]endpointStat, len(rows))
	for i, e := range endpoints {
		list[i] = endpointStat{endpointRow: rows[i], Success: "–", P95: "–"}
		t, ok := all.Endpoints[e.ID]
		if !ok {
			continue
		}
		list[i].Success, list[i].P95 = share(t.Attempts-t.FailedAttempts, t.Attempts), quantile(t.Latency)
		one, err := d.delivery.DeliveryStats(v.ctx(), delivery.StatsQuery{
			ProjectID: v.project(), EndpointID: e.ID, Since: v.now.Truncate(sparkStep).Add(sparkStep - chartSpan), Until: v.now.Truncate(sparkStep).Add(sparkStep), Step: sparkStep,
		})
		if err != nil {
			return nil, err
		}
		list[i].Spark = spark(one.Series)
	}
	return list, nil
}

func tilesOf(t delivery.Tally, oldest time.Time, waits bool, now time.Time) []tile {
	day := "in the last 24 hours"
	tiles := []tile{
		{Label: "Succeeded", Value: "–", Hint: "no delivery ended " + day, Link: root + "deliveries?status=succeeded&since=24h"},
		{Label: "Latency p95", Value: "–", Hint: "of attempts " + day},
		{Label: "Oldest waiting", Value: "none", Hint: "every delivery is done", Link: root + "deliveries?status=waiting"},
		{Label: "Given up", Value: thousands(t.Failed), Hint: "deliveries " + day, Link: root + "deliveries?status=failed&since=24h"},
	}
	if n := t.Succeeded + t.Failed; n > 0 {
		tiles[0].Value, tiles[0].Unit = cutUnit(share(t.Succeeded, n))
		tiles[0].Hint = thousands(t.Succeeded) + " of " + thousands(n) + " " + day
	}
	if q := quantile(t.Latency); q != "–" {
		tiles[1].Value, tiles[1].Unit = cutUnit(q)
	}
	if waits {
		tiles[2].Value, tiles[2].Hint = explain.Span(now.Sub(oldest)), "since it was made"
	}
	if t.Failed > 0 {
		tiles[3].Tone = bad
	}
	return tiles
}

// cutUnit parts a number from its unit.
func cutUnit(s string) (value, unit string) {
	for i, r := range s {
		if r == ' ' {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// share prints a part of a whole. It is 100 % only when nothing is missing.
func share(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case part == whole:
		return "100 %"
	case p > 99.9:
		return "99.9 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}

func quantile(h delivery.Histogram) string {
	const p95 = 0.95
	if q := h.Quantile(p95); q > 0 {
		return brief(q.Round(time.Millisecond))
	}
	return "–"
}

// attentionOf says in a sentence what needs a person. failed is how many events
// failed in the last day.
func attentionOf(endpoints []delivery.Endpoint, failed int, now time.Time) verdict {
	var disabled, failing, paused []delivery.Endpoint
	for _, e := range endpoints {
		switch {
		case e.DisabledAt != nil:
			disabled = append(disabled, e)
		case e.PausedAt != nil:
			paused = append(paused, e)
		case e.Health.FailingSince != nil:
			failing = append(failing, e)
		}
	}
	events := verdict{
		Tone: bad, Link: root + "events?status=failed", Action: "See the failed events",
		Sentence: line(explain.Count(failed, "event") + " failed in the last 24 hours."),
	}
	var v verdict
	switch {
	case len(disabled) > 0:
		v = endpointsVerdict(bad, disabled, "disabled: deliveries to it are held", "disabled: deliveries to them are held")
	case len(failing) == 1:
		h := failing[0].Health
		v = endpointsVerdict(bad, failing, fmt.Sprintf("failing: %s in a row, the first %s ago",
			explain.Count(h.Failures, "attempt"), explain.Span(now.Sub(*h.FailingSince))), "")
		v.Link, v.Action = deliveriesOf(failing[0].ID)+"&status=retrying", "See what it answers"
	case len(failing) > 1:
		v = endpointsVerdict(bad, failing, "", "failing")
	case failed > 0:
		return events
	case len(paused) > 0:
		v = endpointsVerdict(warn, paused, "paused: deliveries to it are held", "paused: deliveries to them are held")
	case len(endpoints) == 0:
		return verdict{
			Tone: info, Sentence: "No endpoint is registered yet, so nobody is told when a memory changes.",
		}
	default:
		return verdict{Tone: ok, Sentence: line("Nothing needs you: " + enabled(len(endpoints)) + ", and no event failed in the last 24 hours.")}
	}
	if failed > 0 {
		v.Next = events.Sentence
	}
	return v
}

func enabled(n int) string {
	if n == 1 {
		return "the endpoint is enabled"
	}
	return fmt.Sprintf("all %d endpoints are enabled", n)
}

func endpointsVerdict(t tone, endpoints []delivery.Endpoint, one, many string) verdict {
	if len(endpoints) == 1 {
		return verdict{
			Tone: t, Sentence: line(endpoints[0].Name + " is " + one + "."),
			Link: endpointPath(endpoints[0].ID), Action: "Open the endpoint",
		}
	}
	names := make([]string, len(endpoints))
	for i, e := range endpoints {
		names[i] = e.Name
	}
	return verdict{
		Tone: t, Sentence: line(fmt.Sprintf("%s are %s.", explain.List(names, "and"), many)),
		Link: root + "endpoints", Action: "See the endpoints",
	}
}

// stepsOf returns the way to the first callback, nil once one has arrived.
func stepsOf(endpoints []delivery.Endpoint, hasEvents bool) []step {
	for _, e := range endpoints {
		if e.Health.LastSuccessAt != nil {
			return nil
		}
	}
	steps := []step{
		{Text: "Register the URL that gets the callbacks.", Done: len(endpoints) > 0, Link: newEndpointPath, Action: "Register an endpoint"},
		{Text: "Add a memory, with any mem0 client or this call.", Done: hasEvents && len(endpoints) > 0, Call: true},
		{Text: "Open the event here to see its callback arrive.", Link: root + "events", Action: "See the events"},
	}
	marked := false
	for i := range steps {
		steps[i].Number = i + 1
		steps[i].Now = !steps[i].Done && !marked
		marked = marked || steps[i].Now
	}
	return steps
}
