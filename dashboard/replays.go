package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/explain"
)

const replaysPerPage = 50

type replaysView struct {
	Rows     []replayRow
	Older    string
	MayWrite bool
}

// A replayRow is a bulk replay.
type replayRow struct {
	ID       string
	Page     string
	Badge    badge
	What     string
	Endpoint text
	Done     string
	Total    string
	Filled   string // of the meter's 1000
	By       text
	At       moment
}

var whatWords = map[delivery.What]string{
	delivery.WhatFailed:   "given up",
	delivery.WhatHeld:     "held",
	delivery.WhatSkipped:  "skipped then, wanted now",
	delivery.WhatMissing:  "never sent, wanted now",
	delivery.WhatAll:      "all that are over",
	delivery.WhatMemories: "every memory as it is, as new messages",
}

func (d *Dashboard) replays(v visit) (reply, error) {
	after := uuid.Nil
	if s := v.QueryParam("after"); s != "" {
		c, err := delivery.ParseCursor("after", s)
		if err != nil {
			return reply{}, badFilter(err)
		}
		after = c.ID
	}
	list, err := d.delivery.Replays(v.ctx(), v.project(), after, replaysPerPage+1)
	if err != nil {
		return reply{}, err
	}
	view := replaysView{MayWrite: v.mayWrite()}
	if len(list) > replaysPerPage {
		list = list[:replaysPerPage]
		view.Older = root + "replays?after=" + delivery.Cursor{ID: list[replaysPerPage-1].ID}.String()
	}
	names, err := d.endpointNames(v)
	if err != nil {
		return reply{}, err
	}
	for _, r := range list {
		view.Rows = append(view.Rows, replayRowOf(r, names, v.now))
	}
	return show("replays", "Replays", view), nil
}

// endpointNames are the names of the project's endpoints, by ID.
func (d *Dashboard) endpointNames(v visit) (map[uuid.UUID]string, error) {
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	names := map[uuid.UUID]string{}
	for _, e := range endpoints {
		names[e.ID] = e.Name
	}
	return names, err
}

func replayRowOf(r delivery.BulkReplay, names map[uuid.UUID]string, now time.Time) replayRow {
	row := replayRow{
		ID: delivery.FormatID(delivery.ReplayPrefix, r.ID), Page: replayPath(r.ID), Badge: replayBadge(r.State), What: whatWords[r.Set.What],
		Endpoint: line(names[r.Set.EndpointID]), Done: thousands(r.Done), Total: thousands(r.Total), By: line(r.By), At: momentOf(r.CreatedAt, now), Filled: "1000",
	}
	if row.Endpoint == "" {
		row.Endpoint = "a deleted endpoint"
	}
	if r.Total > 0 {
		row.Filled = fixed(chartUnits * float64(r.Done) / float64(r.Total))
	}
	return row
}

func replayBadge(s delivery.ReplayState) badge {
	switch s {
	case delivery.ReplayRunning:
		return badge{"⇢", "Running", info}
	case delivery.ReplayDone:
		return badge{"✓", "Done", ok}
	}
	return badge{"⊘", "Canceled", quiet}
}

func replayPath(id uuid.UUID) string {
	return root + "replays/" + delivery.FormatID(delivery.ReplayPrefix, id)
}

type replayView struct {
	replayRow
	Verdict  verdict
	Facts    []pair
	Outcome  []badge
	List     string // its deliveries
	Cancel   bool
	Finished *moment
}

func (d *Dashboard) replayPage(v visit) (reply, error) {
	id, err := delivery.ParseID(delivery.ReplayPrefix, v.Param("replay"))
	if err != nil {
		return reply{}, errNotFound
	}
	view, err := d.replayViewOf(v, id)
	r := show("replay", "Replay", view)
	r.live = watch(v, "replay", url.Values{"id": {id.String()}})
	return r, err
}

func (d *Dashboard) replayViewOf(v visit, id uuid.UUID) (replayView, error) {
	r, err := d.delivery.Replay(v.ctx(), v.project(), id)
	if err != nil {
		return replayView{}, err
	}
	outcome, err := d.delivery.ReplayOutcome(v.ctx(), v.project(), id)
	if err != nil {
		return replayView{}, err
	}
	names, err := d.endpointNames(v)
	if err != nil {
		return replayView{}, err
	}
	view := replayView{
		replayRow: replayRowOf(r, names, v.now), Cancel: r.State == delivery.ReplayRunning && v.mayWrite(), Finished: momentOr(r.FinishedAt, v.now),
		List: deliveriesOf(r.Set.EndpointID) + "&trigger=replay",
	}
	view.Verdict = replayVerdict(r, string(view.Endpoint))
	view.Facts = []pair{{"Set", text(view.What)}, {"Frozen", text(momentOf(r.Set.FrozenAt, v.now).Exact)}, {"Rate", text(rateWord(r.PerSecond))}, {"Begun by", view.By}}
	if !r.Set.Since.IsZero() {
		view.Facts = append(view.Facts, pair{"Since", text(momentOf(r.Set.Since, v.now).Exact)})
	}
	counts := map[delivery.ListStatus]int{}
	for s, n := range outcome {
		counts[delivery.ListStatus(s)] = n
	}
	view.Outcome = tally(counts)
	return view, nil
}

func replayVerdict(r delivery.BulkReplay, endpoint string) verdict {
	switch r.State {
	case delivery.ReplayRunning:
		return verdict{Tone: info, Sentence: line(fmt.Sprintf("Sending again to %s: %s of %s are on their way.", endpoint, thousands(r.Done), thousands(r.Total))), Next: line("About " + explain.Span(timeLeft(r)) + " to go.")}
	case delivery.ReplayDone:
		return verdict{Tone: ok, Sentence: line(fmt.Sprintf("All %s deliveries of the set were handed out to %s.", thousands(r.Done), endpoint))}
	}
	return verdict{Tone: quiet, Sentence: line(fmt.Sprintf("Canceled after %s of %s.", thousands(r.Done), thousands(r.Total))), Next: "What was handed out by then is sent."}
}

// timeLeft is about how long a replay goes on.
func timeLeft(r delivery.BulkReplay) time.Duration { return replayTime(r.Total-r.Done, r.PerSecond) }

func replayTime(n int, perSecond float64) time.Duration {
	if perSecond <= 0 {
		perSecond = float64(delivery.ReplayGroup) * 10
	}
	return max(time.Second, time.Duration(float64(n)/perSecond*float64(time.Second)))
}

func rateWord(perSecond float64) string {
	if perSecond <= 0 {
		return "as fast as the endpoint takes them"
	}
	return strconv.FormatFloat(perSecond, 'f', -1, 64) + " a second"
}

// newReplayView is a replay before it begins: what to send again, and then the
// frozen set.
type newReplayView struct {
	Endpoints []choice
	Whats     []choice
	Sinces    []choice
	Rate      string
	Mistake   string
	Preview   *previewView
}

// A previewView is a frozen set, shown before the button that sends it.
type previewView struct {
	Count    string
	None     bool
	Frozen   moment
	Takes    string
	Endpoint text
	Fields   []pair // that the button sends
}

// newReplay asks what to send again. When its address says so it freezes the set
// and counts it, which changes nothing.
func (d *Dashboard) newReplay(v visit) (reply, error) {
	q := v.QueryParams()
	view, err := d.newReplayOf(v, q)
	if err != nil || q.Get("endpoint") == "" || q.Get("what") == "" {
		return show("new-replay", "Replay", view), err
	}
	set, perSecond, err := replaySetOf(q, v.now)
	n := 0
	if err == nil {
		set, n, err = d.delivery.PreviewReplay(v.ctx(), v.project(), set)
	}
	if err != nil {
		return d.replayMistake(view, err)
	}
	view.Preview = &previewView{
		Count: thousands(n), None: n == 0, Frozen: momentOf(set.FrozenAt, v.now), Takes: explain.Span(replayTime(n, perSecond)), Endpoint: endpointLabel(view.Endpoints, q.Get("endpoint")),
		Fields: []pair{
			{"endpoint", line(q.Get("endpoint"))},
			{"what", line(q.Get("what"))},
			{"rate", line(q.Get("rate"))},
			{"expected", text(strconv.Itoa(n))},
			{"frozen_at", text(set.FrozenAt.Format(time.RFC3339Nano))},
		},
	}
	if !set.Since.IsZero() {
		view.Preview.Fields = append(view.Preview.Fields, pair{"since", text(set.Since.Format(time.RFC3339Nano))})
	}
	return show("new-replay", "Replay", view), nil
}

func endpointLabel(choices []choice, id string) text {
	for _, c := range choices {
		if c.Value == id {
			return text(c.Label)
		}
	}
	return ""
}

func (d *Dashboard) newReplayOf(v visit, q url.Values) (newReplayView, error) {
	view := newReplayView{Rate: q.Get("rate")}
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	for _, e := range endpoints {
		id := delivery.FormatID(delivery.EndpointPrefix, e.ID)
		view.Endpoints = append(view.Endpoints, choice{Value: id, Label: string(line(e.Name)), Chosen: id == q.Get("endpoint")})
	}
	for _, w := range delivery.Whats() {
		view.Whats = append(view.Whats, choice{Value: string(w), Label: title(whatWords[w]), Chosen: string(w) == q.Get("what") || q.Get("what") == "" && w == delivery.WhatFailed})
	}
	for _, s := range []struct{ value, label string }{{"24h", "Last 24 hours"}, {"7d", "Last 7 days"}, {"", "Everything on record"}} {
		view.Sinces = append(view.Sinces, choice{Value: s.value, Label: s.label, Chosen: s.value == q.Get("since")})
	}
	return view, err
}

// replaySetOf reads a set from a form or an address.
func replaySetOf(q url.Values, now time.Time) (set delivery.ReplaySet, perSecond float64, err error) {
	if set.EndpointID, err = delivery.ParseID(delivery.EndpointPrefix, q.Get("endpoint")); err != nil {
		return set, 0, err
	}
	set.What = delivery.What(q.Get("what"))
	if s := q.Get("since"); s != "" {
		if set.Since, err = delivery.ParseWhen("since", s, now); err != nil {
			return set, 0, err
		}
	}
	if s := q.Get("frozen_at"); s != "" {
		if set.FrozenAt, err = time.Parse(time.RFC3339Nano, s); err != nil {
			return set, 0, &delivery.InvalidError{Field: "frozen_at", Text: "Must be what the preview returned."}
		}
	}
	if s := strings.TrimSpace(q.Get("rate")); s != "" {
		if perSecond, err = strconv.ParseFloat(s, 64); err != nil {
			return set, 0, &delivery.InvalidError{Field: "rate", Text: "Write a number of deliveries per second."}
		}
	}
	return set, perSecond, nil
}

func (d *Dashboard) replayMistake(view newReplayView, err error) (reply, error) {
	var invalid *delivery.InvalidError
	var changed *delivery.ChangedError
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &invalid):
		view.Mistake = string(line(title(invalid.Field) + ": " + invalid.Text))
	case errors.As(err, &changed):
		status = http.StatusConflict
		view.Mistake = fmt.Sprintf("The set has changed since it was counted: it had %s and has %s now. Nothing was sent; count it again.", thousands(changed.Expected), thousands(changed.Found))
	case errors.Is(err, delivery.ErrInactive):
		status, view.Mistake = http.StatusConflict, errInactive.text
	default:
		return reply{}, err
	}
	r := show("new-replay", "Replay", view)
	r.status = status
	return r, nil
}

// createReplay begins to send a frozen set, if it still is what was shown.
func (d *Dashboard) createReplay(v visit) (reply, error) {
	view, err := d.newReplayOf(v, v.fields)
	if err != nil {
		return reply{}, err
	}
	set, perSecond, err := replaySetOf(v.fields, v.now)
	expected, bad := strconv.Atoi(v.fields.Get("expected"))
	if err == nil && bad != nil {
		err = &delivery.InvalidError{Field: "expected", Text: "Must be what the preview returned."}
	}
	var made delivery.BulkReplay
	if err == nil {
		made, err = d.delivery.CreateReplay(v.ctx(), v.project(), set, expected, perSecond, "key ••••"+v.key.Hint)
	}
	if err != nil {
		return d.replayMistake(view, err)
	}
	d.note(v, "replay.create", delivery.FormatID(delivery.ReplayPrefix, made.ID), fmt.Sprintf("%d deliveries, %s", made.Total, set.What))
	return goTo(replayPath(made.ID)), nil
}

func (d *Dashboard) cancelReplay(v visit) (reply, error) {
	id, err := delivery.ParseID(delivery.ReplayPrefix, v.Param("replay"))
	if err != nil {
		return reply{}, errNotFound
	}
	if _, err := d.delivery.CancelReplay(v.ctx(), v.project(), id); err != nil {
		return reply{}, actionFailure(err)
	}
	d.note(v, "replay.cancel", delivery.FormatID(delivery.ReplayPrefix, id), "")
	return goTo(replayPath(id)), nil
}
