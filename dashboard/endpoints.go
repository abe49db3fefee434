package dashboard

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/explain"
	"memhook/retry"
)

type endpointsView struct {
	Rows     []endpointRow
	MayWrite bool
}

// An endpointRow is an endpoint in a list.
type endpointRow struct {
	ID    string
	Page  string
	Name  text
	Host  text
	Badge badge
	Note  string // what the badge cannot say
	Types text
	Last  *moment // the last success
}

func (d *Dashboard) endpoints(v visit) (reply, error) {
	view, err := d.endpointsOf(v)
	r := show("endpoints", "Endpoints", view)
	r.live = watch(v, "endpoints", nil)
	return r, err
}

func (d *Dashboard) endpointsOf(v visit) (endpointsView, error) {
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	return endpointsView{endpointRows(endpoints, v.now), v.mayWrite()}, err
}

func endpointRows(endpoints []delivery.Endpoint, now time.Time) []endpointRow {
	rows := make([]endpointRow, len(endpoints))
	for i, e := range endpoints {
		rows[i] = endpointRow{
			ID: delivery.FormatID(delivery.EndpointPrefix, e.ID), Page: endpointPath(e.ID), Name: line(e.Name), Host: line(hostOf(e.URL)), Badge: endpointBadge(e, now),
			Types: typesOf(e), Last: momentOr(e.Health.LastSuccessAt, now),
		}
		if e.Active() && e.Health.FailingSince != nil {
			rows[i].Note = fmt.Sprintf("%s in a row", explain.Count(e.Health.Failures, "failure"))
		}
	}
	return rows
}

// An endpointHead stands above every page of one endpoint.
type endpointHead struct {
	Page     string
	ID       string
	Name     text
	URL      text
	Badge    badge
	Tab      string
	Paused   bool
	Disabled bool
	Parked   bool     // its breaker is open
	Samples  []string // types that a test can have
	MayWrite bool
}

func headOf(e delivery.Endpoint, v visit, tab string) endpointHead {
	return endpointHead{
		Page: endpointPath(e.ID), ID: delivery.FormatID(delivery.EndpointPrefix, e.ID), Name: line(e.Name), URL: line(e.URL),
		Badge: endpointBadge(e, v.now), Tab: tab, Paused: e.PausedAt != nil, Disabled: e.DisabledAt != nil, Parked: e.Active() && e.Health.Breaker.State == retry.Open, Samples: delivery.EventTypes(), MayWrite: v.mayWrite(),
	}
}

type endpointView struct {
	endpointHead
	Verdict verdict
	Probe   *probeView // that the visitor asked for, nil for none
	Tiles   []tile
	Facts   []pair
	Secrets []secretHint
	Created moment
	Last    *moment
	Would   wouldView
}

// A secretHint tells secrets apart without giving one away.
type secretHint struct {
	Hint    string
	Created moment
	Expires *moment
}

func (d *Dashboard) endpoint(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	view := endpointViewOf(v, e)
	if view.Tiles, err = d.endpointNumbers(v, e); err != nil {
		return reply{}, err
	}
	probe := v.QueryParam("probe")
	if view.Probe, err = d.probeOf(v, e, probe); err != nil {
		return reply{}, err
	}
	view.Would, err = d.wouldReceive(v, e)
	r := show("endpoint", string(view.Name), view)
	r.live = watch(v, "endpoint", url.Values{"id": {view.ID}, "probe": {probe}})
	return r, err
}

// endpointViewOf is what the page shows of the endpoint itself.
func endpointViewOf(v visit, e delivery.Endpoint) endpointView {
	view := endpointView{
		endpointHead: headOf(e, v, "endpoint"), Verdict: endpointVerdict(e, v.now), Facts: endpointFacts(e),
		Created: momentOf(e.CreatedAt, v.now), Last: momentOr(e.Health.LastSuccessAt, v.now),
	}
	for _, s := range e.Secrets {
		if s.Live(v.now) {
			view.Secrets = append(view.Secrets, secretHint{s.Hint(), momentOf(s.CreatedAt, v.now), momentOr(s.ExpiresAt, v.now)})
		}
	}
	return view
}

func (d *Dashboard) endpointNumbers(v visit, e delivery.Endpoint) ([]tile, error) {
	stats, err := d.delivery.DeliveryStats(v.ctx(), delivery.StatsQuery{
		ProjectID: v.project(), EndpointID: e.ID, Since: v.now.Truncate(sparkStep).Add(sparkStep - chartSpan), Until: v.now.Truncate(sparkStep).Add(sparkStep), Step: sparkStep,
	})
	return endpointTiles(e, stats.Total), err
}

func endpointTiles(e delivery.Endpoint, t delivery.Tally) []tile {
	list := deliveriesOf(e.ID) + "&since=24h"
	tiles := []tile{
		{Label: "Succeeded", Value: "–", Hint: "no attempt in the last 24 hours", Link: list},
		{Label: "Latency p95", Value: "–", Hint: "of attempts in the last 24 hours"},
		{Label: "Given up", Value: thousands(t.Failed), Hint: "in the last 24 hours", Link: list + "&status=failed"},
		{Label: "Skipped", Value: thousands(t.Skipped), Hint: "not wanted, in the last 24 hours", Link: list + "&status=skipped"},
	}
	if t.Attempts > 0 {
		tiles[0].Value, tiles[0].Unit = cutUnit(share(t.Attempts-t.FailedAttempts, t.Attempts))
		tiles[0].Hint = thousands(t.Attempts-t.FailedAttempts) + " of " + thousands(t.Attempts) + " attempts in the last 24 hours"
	}
	if q := quantile(t.Latency); q != "–" {
		tiles[1].Value, tiles[1].Unit = cutUnit(q)
	}
	if t.Failed > 0 {
		tiles[2].Tone = bad
	}
	return tiles
}

// endpointFacts are its settings in words.
func endpointFacts(e delivery.Endpoint) []pair {
	list := []pair{{"Receives", line(strings.Join(e.EventTypes, ", "))}}
	if typesOf(e) == everyType {
		list[0].Value = everyType
	}
	if e.Description != "" {
		list = append([]pair{{"Description", line(e.Description)}}, list...)
	}
	for _, f := range []struct {
		name string
		ids  []string
	}{{"Users", e.Filter.UserIDs}, {"Agents", e.Filter.AgentIDs}, {"Apps", e.Filter.AppIDs}, {"Runs", e.Filter.RunIDs}, {"Categories", e.Filter.Categories}} {
		if len(f.ids) > 0 {
			list = append(list, pair{text(f.name), line(explain.List(f.ids, "or"))})
		}
	}
	if len(e.Filter.IgnoreFrom) > 0 {
		list = append(list, pair{"Ignores", line("what " + explain.List(e.Filter.IgnoreFrom, "or") + " writes")})
	}
	if len(e.Filter.Metadata) > 0 {
		list = append(list, pair{"Metadata", line(metadataText(e.Filter.Metadata))})
	}
	list = append(list, pair{"Format", text(formatWords[e.Format])}, pair{"Time limit", text(explain.Span(e.Deadline()) + " for each attempt")}, pair{"Retries after", scheduleOf(e)})
	if e.Order != delivery.Unordered {
		list = append(list, pair{"Order", text(orderWords[e.Order])})
	}
	if e.RatePerSecond > 0 {
		list = append(list, pair{"Rate", text("at most " + rateWord(e.RatePerSecond))})
	}
	if len(e.Headers) > 0 {
		list = append(list, pair{"Headers", line(strings.Join(entries(headerLines(e.Headers)), ", "))})
	}
	if len(e.KeyPairs) > 0 {
		list = append(list, pair{"Signed with", "HMAC-SHA256 and ed25519"})
	}
	return list
}

// endpointOf reads the endpoint that the path names.
func (d *Dashboard) endpointOf(v visit) (delivery.Endpoint, error) {
	id, err := delivery.ParseID(delivery.EndpointPrefix, v.Param("endpoint"))
	if err != nil {
		return delivery.Endpoint{}, errNotFound
	}
	return d.delivery.Endpoint(v.ctx(), v.key.ProjectID, id)
}

// endpointVerdict says in a sentence how an endpoint does.
func endpointVerdict(e delivery.Endpoint, now time.Time) verdict {
	s := e.Standing(now)
	failing := ""
	if s.FailingSince != nil {
		failing = fmt.Sprintf("Failing for %s: %s in a row. ", explain.Span(now.Sub(*s.FailingSince)), explain.Count(s.Failures, "failure"))
	}
	switch s.State {
	case delivery.EndpointPaused:
		by := "by a person"
		if s.PausedBy != "" {
			by = "by " + s.PausedBy
		}
		return verdict{
			Tone: warn, Sentence: line("Paused " + ago(now.Sub(*s.Since)) + " " + by + "."),
			Next: "New deliveries are held and lose no tries. Resume the endpoint to send them.",
		}
	case delivery.EndpointDisabled:
		why := "nothing but failures came from it for five days"
		if s.Reason == delivery.DisabledGone {
			why = "the receiver asked for no more messages"
		}
		return verdict{
			Tone: bad, Sentence: line("Disabled " + ago(now.Sub(*s.Since)) + ", because " + why + "."),
			Next: "New deliveries are held and lose no tries. Enable the endpoint to send them.",
		}
	case delivery.EndpointWaiting:
		return verdict{
			Tone: warn, Sentence: line(failing + "The receiver asked to be left alone."),
			Next: line("The next request goes out in " + explain.Span(s.Until.Sub(now)) + ". Until then deliveries wait and lose no tries."),
		}
	case delivery.EndpointParked:
		next := "The next probe is due now."
		if s.Until.After(now) {
			next = "The next probe goes out in " + explain.Span(s.Until.Sub(now)) + "."
		}
		return verdict{Tone: bad, Sentence: line(failing + "Deliveries wait and lose no tries."), Next: line(next)}
	case delivery.EndpointProbing:
		return verdict{Tone: warn, Sentence: line(failing + "A few deliveries go out to see whether it is back."), Next: "Each success lets more through."}
	}
	switch {
	case failing != "":
		return verdict{
			Tone: bad, Sentence: line(failing),
			Next: "Its deliveries are tried again by the schedule.", Link: deliveriesOf(e.ID) + "&status=retrying", Action: "See what the receiver answered",
		}
	case e.Health.LastSuccessAt == nil:
		return verdict{
			Tone: info, Sentence: "Enabled, and not used yet: nothing it wants has happened so far.",
			Next: "Add a memory to see the first callback.", Link: root, Action: "How to",
		}
	}
	return verdict{Tone: ok, Sentence: line("Receiving: the last message arrived " + momentOf(*e.Health.LastSuccessAt, now).Ago + ".")}
}

// ago is a time that has passed, in a sentence.
func ago(d time.Duration) string {
	if d < time.Second {
		return "just now"
	}
	return explain.Span(d) + " ago"
}

// deliveriesOf is the list of an endpoint's deliveries.
func deliveriesOf(endpoint uuid.UUID) string {
	return root + "deliveries?endpoint=" + delivery.FormatID(delivery.EndpointPrefix, endpoint)
}

var formatWords = map[delivery.Format]string{
	delivery.Full: "full", delivery.Thin: "thin: IDs only", delivery.Mem0: "mem0: as the hosted service sends it",
}

var orderWords = map[delivery.Order]string{
	delivery.InOrder: "the messages of a memory one after another", delivery.Latest: "the messages of a memory one after another, without what is out of date",
}

const everyType text = "all types"

func typesOf(e delivery.Endpoint) text {
	if len(e.EventTypes) == 1 && e.EventTypes[0] != delivery.AllTypes {
		return line(e.EventTypes[0])
	}
	for _, t := range e.EventTypes {
		if t == delivery.AllTypes {
			return everyType
		}
	}
	return text(explain.Count(len(e.EventTypes), "type"))
}

// waits are the waits of a schedule, as it is entered.
var waits = regexp.MustCompile(`(\d+)([a-z]+)`)

// scheduleOf prints the waits between attempts.
func scheduleOf(e delivery.Endpoint) text {
	schedule := retry.Schedule{} // the default one
	if e.Schedule != nil {
		schedule = *e.Schedule
	}
	s := schedule.String()
	if !strings.HasPrefix(s, "exponential") {
		s = strings.ReplaceAll(s, " ", ", ")
	}
	return line(waits.ReplaceAllString(s, "$1\u00A0$2"))
}

func endpointPath(id uuid.UUID) string {
	return root + "endpoints/" + delivery.FormatID(delivery.EndpointPrefix, id)
}

// hostOf returns where a URL leads, without its query, which may hold a token.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host + u.EscapedPath()
}
