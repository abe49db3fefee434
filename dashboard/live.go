package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
)

const (
	heartbeat = 15 * time.Second
	// writeWithin is how long a browser may take to read what it is sent.
	writeWithin = 10 * time.Second
	// beatEvery is how often pages look at what the hub does not watch: events,
	// endpoints, memories, the audit log.
	beatEvery = time.Second
	// redrawEvery is how often a page with sums is drawn anew while rows change.
	redrawEvery = 2 * time.Second
)

// A liveView is what the layout needs to watch a page.
type liveView struct {
	Stream string // URL of the server-sent events
	Poll   string // URL that is asked instead when the session has too many streams
	Cursor string // the last change that the page has
	Enter  bool   // new rows enter by themselves: the page is the first of a list
	Rows   int    // that a page of the list has at most
}

// watch is the live part of a page: which view it is, and what the view needs.
func watch(v visit, view string, params url.Values) *liveView {
	q := url.Values{"view": {view}}
	for name, values := range params {
		if name != "after" && name != "before" {
			q[name] = values
		}
	}
	cursor := cursorText(v.now)
	q.Set("from", cursor)
	l := &liveView{Cursor: cursor, Stream: root + "live?" + q.Encode()}
	q.Set("poll", "1")
	l.Poll = root + "live?" + q.Encode()
	return l
}

func cursorText(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

func parseCursor(s string) (time.Time, bool) {
	us, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMicro(us).UTC(), err == nil && us > 0
}

// An update is what a page is told.
type update struct {
	Cursor string  `json:"cursor"`
	Swap   string  `json:"swap"`  // fragments that say themselves where they belong
	Fresh  []fresh `json:"fresh"` // rows that the page may not have
	Stale  bool    `json:"stale"` // too much changed for a list to follow
}

// fresh is a new row of a list.
type fresh struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// A drawer makes the update of one view from what changed.
type drawer func(v visit, c change) (update, error)

// A pace keeps a page from being drawn more often than redrawEvery: at once after a
// quiet time, else with a beat.
type pace struct {
	dirty bool
	last  time.Time
}

// due notes that something changed, and tells whether to draw now.
func (p *pace) due(now time.Time, c change, changed bool) bool {
	p.dirty = p.dirty || changed
	if !p.dirty || !c.beat && now.Sub(p.last) < redrawEvery {
		return false
	}
	p.dirty, p.last = false, now
	return true
}

// live answers with a stream of server-sent events, or once with what changed since
// a cursor.
func (d *Dashboard) live(v visit) (reply, error) {
	q := v.QueryParams()
	from, ok := parseCursor(q.Get("from"))
	if !ok {
		return reply{}, errNotFound
	}
	draw, err := d.drawerOf(v, q, from)
	if err != nil {
		return reply{}, err
	}
	if q.Get("poll") != "" {
		return d.pollOnce(v, draw, q.Get("at"), from)
	}
	return reply{done: true}, d.stream(v, draw, from)
}

// pollOnce is for pages without a stream.
func (d *Dashboard) pollOnce(v visit, draw drawer, at string, from time.Time) (reply, error) {
	if since, ok := parseCursor(at); ok {
		from = since
	}
	rows, err := d.changesSince(v, from)
	if err != nil {
		return reply{}, err
	}
	u, err := d.updateOf(v, draw, change{rows: rows, at: v.now, more: len(rows) > maxChanged, beat: true})
	if err != nil {
		return reply{}, err
	}
	return reply{done: true}, v.JSON(http.StatusOK, u)
}

func (d *Dashboard) changesSince(v visit, from time.Time) ([]delivery.Row, error) {
	rows, _, err := d.delivery.DeliveriesAfter(v.ctx(), v.project(), delivery.Place{At: from.Add(-overlap)}, pollRows)
	return rows, err
}

func (d *Dashboard) updateOf(v visit, draw drawer, c change) (update, error) {
	u, err := draw(v, c)
	u.Cursor, u.Stale = cursorText(c.at), c.more
	return u, err
}

// stream sends updates until the page goes, a newer stream takes its place, or the
// session ends. A page that comes back says what it saw last.
func (d *Dashboard) stream(v visit, draw drawer, from time.Time) error {
	s := d.hub.open(v.session.ID, v.project())
	if s == nil {
		return &failure{http.StatusServiceUnavailable, "Stopping", "The server is stopping."}
	}
	defer d.hub.close(s)
	if at, ok := parseCursor(v.Request().Header.Get("Last-Event-ID")); ok {
		from = at
	}
	w := newEventWriter(v)
	rows, err := d.changesSince(v, from)
	if err != nil {
		return err
	}
	if err := w.comment("here"); err != nil { // so that the page knows at once
		return nil
	}
	first := change{rows: rows, at: v.now, more: len(rows) > maxChanged, beat: true}
	if err := d.sendChange(v, w, draw, first); err != nil {
		return d.endStream(w, err)
	}
	alive, beat := time.NewTicker(heartbeat), time.NewTicker(beatEvery)
	defer alive.Stop()
	defer beat.Stop()
	for {
		var c change
		select {
		case <-v.ctx().Done():
			return nil
		case <-s.bye:
			return ignore(w.event("bye", "", "newer"))
		case <-s.ended:
			return nil
		case <-alive.C:
			if !d.stillSignedIn(v) {
				return ignore(w.event("bye", "", "ended"))
			}
			if w.comment("still here") != nil {
				return nil
			}
			continue
		case <-beat.C:
			c = change{at: d.now().UTC(), beat: true}
		case c = <-s.changes:
		}
		v.now = d.now().UTC()
		if err := d.sendChange(v, w, draw, c); err != nil {
			return d.endStream(w, err)
		}
	}
}

// endStream ends a stream that could not go on. A page whose subject was deleted is
// told so, that it does not come back; any other comes back by itself.
func (d *Dashboard) endStream(w *eventWriter, err error) error {
	if failureOf(err) == errNotFound {
		return ignore(w.event("bye", "", "gone"))
	}
	return nil
}

func ignore(error) error { return nil }

func (d *Dashboard) stillSignedIn(v visit) bool {
	again := visit{Context: v.Context, now: d.now().UTC()}
	return d.visitor(&again) == nil && again.signedIn()
}

// sendChange tells the page what a change means to it, if anything.
func (d *Dashboard) sendChange(v visit, w *eventWriter, draw drawer, c change) error {
	u, err := d.updateOf(v, draw, c)
	if err != nil {
		return err
	}
	if u.Stale {
		if err := w.event("stale", u.Cursor, "many"); err != nil {
			return err
		}
	}
	for _, f := range u.Fresh {
		raw, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if err := w.event("fresh", "", string(raw)); err != nil {
			return err
		}
	}
	if u.Swap == "" {
		return nil
	}
	return w.event("", u.Cursor, u.Swap)
}

// An eventWriter writes server-sent events.
type eventWriter struct {
	w *http.ResponseController
	c echo.Context
}

func newEventWriter(v visit) *eventWriter {
	h := v.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	v.Response().WriteHeader(http.StatusOK)
	w := &eventWriter{http.NewResponseController(v.Response().Writer), v.Context}
	_ = w.w.SetReadDeadline(time.Time{}) // the server's would end the stream
	return w
}

// event sends one event; name and id may be "".
func (w *eventWriter) event(name, id, data string) error {
	var b bytes.Buffer
	if name != "" {
		fmt.Fprintf(&b, "event: %s\n", name)
	}
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	for l := range strings.SplitSeq(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data), "\n") {
		fmt.Fprintf(&b, "data: %s\n", l)
	}
	b.WriteByte('\n')
	return w.write(b.Bytes())
}

func (w *eventWriter) comment(text string) error { return w.write([]byte(": " + text + "\n\n")) }

func (w *eventWriter) write(b []byte) error {
	if err := w.w.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	if _, err := w.c.Response().Write(b); err != nil {
		return err
	}
	return w.w.Flush()
}

// fragment draws a template that pages share.
func (d *Dashboard) fragment(b *strings.Builder, name string, view any) error {
	if err := d.pages["fragments"].ExecuteTemplate(b, name, view); err != nil {
		return fmt.Errorf("fragment %s: %w", name, err)
	}
	return nil
}

// Close ends all streams; the server calls it when it stops.
func (d *Dashboard) Close() { d.hub.end() }

// idParam reads an ID of the stream's address.
func idParam(prefix string, q url.Values) (uuid.UUID, error) {
	id, err := delivery.ParseID(prefix, q.Get("id"))
	if err != nil {
		return id, errNotFound
	}
	return id, nil
}
