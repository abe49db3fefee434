package hookapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/delivery/feed"
)

// feedMargin is how long the answer to a reader that waited may take to be written.
const feedMargin = 10 * time.Second

// The problems of readers. Those that wait are bounded, because each holds a connection.
var (
	errReaders  = &problem{http.StatusTooManyRequests, "too-many-readers", "Too many readers", fmt.Sprintf("This API key has %d readers of the feed waiting, as many as it may have. Let one end, or ask with wait=0s.", feed.MaxOfKey), nil}
	errFeedFull = &problem{http.StatusServiceUnavailable, "too-many-readers", "Too many readers", "This server has as many readers waiting as it may have; ask again later, or with wait=0s.", nil}
	errFeedGone = &problem{http.StatusGone, "cursor-gone", "Cursor gone", "The feed does not have all that follows this cursor: messages behind it were pruned, or it is of another project or database. Fetch what you need of memories and events, then read on from after=start, the oldest message that is kept, or without after, from now on.", nil}
)

type feedInput struct {
	Types    string `query:"types" doc:"Types of messages, separated by commas, as an endpoint's event_types; left out: all but the operational ones."`
	UserID   string `query:"user_id" doc:"Only about this user."`
	AgentID  string `query:"agent_id" doc:"Only about this agent."`
	AppID    string `query:"app_id" doc:"Only about this app."`
	RunID    string `query:"run_id" doc:"Only about this run."`
	Category string `query:"category" doc:"Only about memories of this category."`
	Own      string `query:"own" enum:"yes,no" doc:"no: leave out what was written with this key."`
	After    string `query:"after" doc:"The cursor of an earlier answer; start: the oldest message that is kept; left out: from now on. In a stream the header Last-Event-ID says the same and wins."`
	Wait     string `query:"wait" doc:"How long to wait for a message when there is none, such as 30s, at most 60s; left out: not at all. A stream does not end."`
	Limit    int    `query:"limit" doc:"Most messages of an answer, 1 to 250; left out: 50."`
}

type feedMessage struct {
	ID        string          `json:"id" doc:"The webhook-id of every copy."`
	Type      string          `json:"type"`
	EventID   *string         `json:"event_id"`
	MemoryID  *string         `json:"memory_id"`
	CreatedAt time.Time       `json:"created_at"`
	Cursor    string          `json:"cursor" doc:"Pass it as after to read on behind this message."`
	Body      json.RawMessage `json:"body" doc:"What an endpoint of the format full is sent."`
}

type feedShape struct {
	Data   []feedMessage `json:"data" doc:"Oldest first."`
	Cursor string        `json:"cursor" doc:"Pass it as after for what follows. It moves on past messages that were not asked for, so keep it also when there is no message."`
	More   bool          `json:"more" doc:"There may be more at once."`
}

// query reads the parameters. *delivery.InvalidError; *problem.
func (in *feedInput) query(c call) (q feed.Query, wait time.Duration, err error) {
	q.ProjectID = c.project()
	if q.Limit, err = limit(in.Limit); err != nil {
		return q, 0, err
	}
	if in.Wait != "" {
		if wait, err = time.ParseDuration(in.Wait); err != nil {
			var seconds uint64
			seconds, err = strconv.ParseUint(in.Wait, 10, 16)
			wait = time.Duration(seconds) * time.Second //nolint:gosec // 16 bits
		}
		if err != nil || wait < 0 || wait > feed.MaxWait {
			return q, 0, invalid(fieldShape{"wait", fmt.Sprintf("Must be a time such as 30s, at most %.0fs.", feed.MaxWait.Seconds())})
		}
	}
	if in.Types != "" {
		q.Interest.Types = strings.Split(in.Types, ",")
	}
	for _, one := range []struct {
		value string
		list  *[]string
	}{
		{in.UserID, &q.Interest.Filter.UserIDs},
		{in.AgentID, &q.Interest.Filter.AgentIDs},
		{in.AppID, &q.Interest.Filter.AppIDs},
		{in.RunID, &q.Interest.Filter.RunIDs},
		{in.Category, &q.Interest.Filter.Categories},
	} {
		if one.value != "" {
			*one.list = []string{one.value}
		}
	}
	switch in.Own {
	case "", "yes":
	case "no":
		q.Interest.Filter.IgnoreFrom = []string{c.key.ID}
	default:
		return q, 0, invalid(fieldShape{"own", "Must be yes or no."})
	}
	return q, wait, q.Interest.Validate()
}

// readFeed answers with messages, at once or when there is one.
func (a *API) readFeed(c call, in *feedInput) (feedShape, error) {
	if c.echo.Request().Method == http.MethodGet && strings.Contains(c.echo.Request().Header.Get(echo.HeaderAccept), "text/event-stream") {
		_, err := a.streamFeed(c, in)
		return feedShape{}, err
	}
	q, wait, err := in.query(c)
	if err != nil {
		return feedShape{}, err
	}
	if q.After, err = a.feed.Open(c, q.ProjectID, in.After); err != nil {
		return feedShape{}, err
	}
	if wait > 0 {
		leave, err := a.feed.Enter(c.key.ID)
		if err != nil {
			return feedShape{}, err
		}
		defer leave()
		control := http.NewResponseController(c.echo.Response())
		_ = control.SetReadDeadline(time.Time{}) // the server's would end the wait
		_ = control.SetWriteDeadline(time.Now().Add(wait + feedMargin))
	}
	b, err := a.feed.Wait(c, q, wait)
	if err != nil {
		return feedShape{}, err
	}
	shape := feedShape{Data: make([]feedMessage, len(b.Entries)), Cursor: b.Next.String(), More: b.More}
	for i, e := range b.Entries {
		shape.Data[i] = feedMessageOf(e)
	}
	return shape, nil
}

func feedMessageOf(e feed.Entry) feedMessage {
	m := messageOf(e.Message, true)
	return feedMessage{ID: m.ID, Type: m.Type, EventID: m.EventID, MemoryID: m.MemoryID, CreatedAt: m.CreatedAt, Cursor: e.Place.String(), Body: m.Body}
}

// streamFeed sends messages as they come, until the reader goes.
func (a *API) streamFeed(c call, in *feedInput) (none, error) {
	q, _, err := in.query(c)
	if err != nil {
		return none{}, err
	}
	if last := c.echo.Request().Header.Get("Last-Event-ID"); last != "" {
		in.After = last
	}
	if q.After, err = a.feed.Open(c, q.ProjectID, in.After); err != nil {
		return none{}, err
	}
	leave, err := a.feed.Enter(c.key.ID)
	if err != nil {
		return none{}, err
	}
	defer leave()
	b, err := a.feed.Read(c, q) // whether the cursor is gone is said before the stream begins
	if err != nil {
		return none{}, err
	}
	w := newEventWriter(c)
	for {
		if w.messages(b) != nil {
			return none{}, nil
		}
		select {
		case <-a.feed.Stopping():
			return none{}, nil
		default:
		}
		q.After = b.Next
		if b, err = a.feed.Wait(c, q, heartbeat); err != nil {
			return none{}, nil // the reader has gone, or will come back with what it saw last
		}
	}
}

// messages writes a part of the feed. The ID goes out also when there is no message, so
// that a reader who comes back need not pass again what it does not want.
func (w eventWriter) messages(b feed.Batch) error {
	for _, e := range b.Entries {
		data, err := json.Marshal(feedMessageOf(e))
		if err != nil {
			return err
		}
		if err := w.write(fmt.Sprintf("id: %s\nevent: message\ndata: %s\n\n", e.Place, data)); err != nil {
			return err
		}
	}
	return w.write(fmt.Sprintf(": here\nid: %s\n\n", b.Next))
}
