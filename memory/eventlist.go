package memory

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// An EventList selects events of one project, newest first. Zero fields do not
// constrain.
type EventList struct {
	ProjectID string
	Kind      EventKind
	Status    EventStatus
	UserID    string
	AgentID   string
	RunID     string
	Since     time.Time // accepted at or after
	Until     time.Time // accepted before
	Text      string    // in the request or the error; letter case does not count

	After  uuid.UUID // the page after this event
	Before uuid.UUID // the page before this event
	Limit  int       // 0: delivery.DefaultPage
}

// An EventPage is a part of a list of events.
type EventPage struct {
	Events []Event
	Older  uuid.UUID // for After; Nil at the end
	Newer  uuid.UUID // for Before; Nil on the first page
	// Cut says that the search stopped before the page was full, because it had
	// looked at as many events as one request may. Older goes on from there.
	Cut bool
}

// eventKeys are the keys of an EventList in the filter language.
var eventKeys = []string{"status", "type", "since", "until", "user", "agent", "run"}

// EventFilterKeys lists the keys that EventList.Apply knows.
func EventFilterKeys() []string { return append([]string(nil), eventKeys...) }

// Apply narrows the list to a filter. *delivery.InvalidError.
func (l *EventList) Apply(f delivery.Terms, now time.Time) error {
	l.Text = f.Text()
	return f.EachKey(eventKeys, func(key, value string) (err error) {
		switch key {
		case "status":
			l.Status = EventStatus(strings.ToUpper(value))
			if s := l.Status; s != EventPending && s != EventRunning && !s.Final() {
				err = &delivery.InvalidError{Field: key, Text: fmt.Sprintf("%.64q is not a valid choice. Valid: pending, running, succeeded, failed.", value)}
			}
		case "type":
			l.Kind = EventKind(strings.ToUpper(value))
		case "since":
			l.Since, err = delivery.ParseWhen(key, value, now)
		case "until":
			l.Until, err = delivery.ParseWhen(key, value, now)
		case "user":
			l.UserID = value
		case "agent":
			l.AgentID = value
		case "run":
			l.RunID = value
		}
		return err
	})
}
