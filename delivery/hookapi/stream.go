package hookapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/queue"
)

const (
	// streamEvery is how often a stream looks for changes at least, and streamGroup how
	// many it reads at once.
	streamEvery = 500 * time.Millisecond
	streamGroup = 200
	// streamOverlap is how far a stream looks back: a change becomes visible a little
	// later than the time that it carries.
	streamOverlap = 2 * time.Second
	heartbeat     = 15 * time.Second
	// streamWithin is how long a reader may take to read what it is sent.
	streamWithin = 10 * time.Second
	// maxStreams is how many streams a process has at once.
	maxStreams = 64
)

var errStreams = &problem{http.StatusServiceUnavailable, "too-many-streams", "Too many streams", "This server has as many streams as it may have; ask again later, or poll the list.", nil}

type streamInput struct {
	Filters filters
	After   string `query:"after" doc:"The id of the last event that was seen; left out: from now on. The header Last-Event-ID says the same."`
}

// stream sends the deliveries of the project as they change, until the reader goes.
func (a *API) stream(c call, in *streamInput) (none, error) {
	q := delivery.Query{ProjectID: c.project()}
	if err := q.Apply(in.Filters.Terms, c.now); err != nil {
		return none{}, err
	}
	if err := streamable(q); err != nil {
		return none{}, err
	}
	f := follower{at: delivery.Place{At: c.now}, seen: map[uuid.UUID]time.Time{}}
	if last := c.echo.Request().Header.Get("Last-Event-ID"); last != "" {
		in.After = last
	}
	if in.After != "" {
		cursor, err := delivery.ParseCursor("after", in.After)
		if err != nil {
			return none{}, err
		}
		f.at = delivery.Place{At: timeOf(cursor.Event), ID: cursor.ID}
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		return none{}, errStreams
	}
	a.follow(c, q, f)
	return none{}, nil
}

// streamable refuses filters that a stream cannot decide on.
func streamable(q delivery.Query) error {
	for key, set := range map[string]bool{
		"user": q.UserID != "", "agent": q.AgentID != "", "run": q.RunID != "", "q": q.Text != "",
		"since": !q.Since.IsZero(), "until": !q.Until.IsZero(),
	} {
		if set {
			return invalid(fieldShape{key, "Streams cannot be narrowed by this."})
		}
	}
	return nil
}

// A follower knows where a stream is.
type follower struct {
	at   delivery.Place
	seen map[uuid.UUID]time.Time // what was sent within the overlap, by delivery
}

// next keeps of some rows those that were not sent, and moves on.
func (f *follower) next(rows []delivery.Row) (fresh []delivery.Row) {
	for _, r := range rows {
		d := r.Delivery
		if at, ok := f.seen[d.ID]; ok && !d.UpdatedAt.After(at) {
			continue
		}
		f.seen[d.ID] = d.UpdatedAt
		if d.UpdatedAt.After(f.at.At) {
			f.at = delivery.Place{At: d.UpdatedAt, ID: d.ID}
		}
		fresh = append(fresh, r)
	}
	for id, at := range f.seen {
		if f.at.At.Sub(at) > 2*streamOverlap {
			delete(f.seen, id)
		}
	}
	return fresh
}

func (a *API) follow(c call, q delivery.Query, f follower) {
	w := newEventWriter(c)
	if w.write(": memhook\n\n") != nil {
		return
	}
	changed, stop := a.news.Watch(c.project())
	defer stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		began := time.Now()
		if err := a.sendChanges(c, w, q, &f); err != nil {
			return // the reader has gone, or will come back with what it saw last
		}
		latest, rested := time.After(streamEvery), time.After(queue.LookRest(time.Since(began), streamEvery))
		var news <-chan struct{} // is heard once it has rested
		for look := false; !look; {
			select {
			case <-c.Done():
				return
			case <-a.stopping:
				return
			case <-beat.C:
				if w.write(": here\n\n") != nil {
					return
				}
			case <-rested:
				news = changed
			case <-news:
				look = true
			case <-latest:
				look = true
			}
		}
	}
}

func (a *API) sendChanges(c call, w eventWriter, q delivery.Query, f *follower) error {
	place := delivery.Place{At: f.at.At.Add(-streamOverlap)}
	for {
		rows, at, err := a.delivery.DeliveriesAfter(c, c.project(), place, streamGroup)
		if err != nil {
			return err
		}
		for _, r := range f.next(rows) {
			if !matches(r, q) {
				continue
			}
			data, err := json.Marshal(deliveryOf(r))
			if err != nil {
				return err
			}
			if err := w.write(fmt.Sprintf("id: %s\nevent: delivery\ndata: %s\n\n", placeText(r.Delivery), data)); err != nil {
				return err
			}
		}
		if at == place {
			return nil
		}
		place = at
	}
}

// placeText is where a delivery stands in the order of changes, as a cursor.
func placeText(d delivery.Delivery) string {
	return delivery.Cursor{Event: idAt(d.UpdatedAt), ID: d.ID}.String()
}

// idAt and timeOf keep a time in an ID.
func idAt(t time.Time) (id uuid.UUID) {
	us := uint64(t.UnixMicro())
	for i := range 8 {
		id[i] = byte(us >> (56 - 8*i))
	}
	id[15] = 1 // never Nil
	return id
}

func timeOf(id uuid.UUID) time.Time {
	var us int64
	for _, b := range id[:8] {
		us = us<<8 | int64(b)
	}
	return time.UnixMicro(us).UTC()
}

// matches decides what a list's query does, for one row.
func matches(r delivery.Row, q delivery.Query) bool {
	d := r.Delivery
	var last delivery.Attempt
	if n := len(r.Recent); n > 0 {
		last = r.Recent[n-1]
	}
	switch {
	case q.Status == delivery.Waiting && d.NextAt == nil,
		q.Status == delivery.Retrying && (d.Status != delivery.Pending || d.Attempts == 0),
		q.Status != "" && q.Status != delivery.Waiting && q.Status != delivery.Retrying && string(q.Status) != string(d.Status),
		q.Type != "" && q.Type != d.Type,
		q.Trigger != "" && q.Trigger != d.Trigger,
		q.EventID != uuid.Nil && q.EventID != d.EventID,
		q.MessageID != uuid.Nil && q.MessageID != d.MessageID,
		q.Class != "" && q.Class != last.Class,
		q.Codes.From != 0 && (last.StatusCode < q.Codes.From || last.StatusCode > q.Codes.To):
		return false
	}
	if q.Endpoint == "" {
		return true
	}
	id, err := idOf(delivery.EndpointPrefix, q.Endpoint)
	return err == nil && id == d.EndpointID || strings.Contains(strings.ToLower(r.EndpointName), strings.ToLower(q.Endpoint))
}

// eventWriter writes events with a deadline of their own.
type eventWriter struct {
	*echo.Response
	control *http.ResponseController
}

// newEventWriter begins the answer.
func newEventWriter(c call) eventWriter {
	w := eventWriter{c.echo.Response(), http.NewResponseController(c.echo.Response())}
	h := w.Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	_ = w.control.SetReadDeadline(time.Time{}) // the server's would end the stream
	w.WriteHeader(http.StatusOK)
	return w
}

func (w eventWriter) write(text string) error {
	_ = w.control.SetWriteDeadline(time.Now().Add(streamWithin)) // not every writer has one
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return w.control.Flush()
}
