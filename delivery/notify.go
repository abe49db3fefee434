package delivery

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/retry"
)

// notice is the body of an operational message. No memory text is in it.
type noticeBody struct {
	EventDetails noticeDetails `json:"event_details"`
	Type         string        `json:"type"`
	Timestamp    string        `json:"timestamp"`
	Data         noticeData    `json:"data"`
}

type noticeDetails struct {
	Event      string    `json:"event"`
	EventID    uuid.UUID `json:"event_id"`
	EndpointID string    `json:"endpoint_id"`
}

type noticeData struct {
	EventID      uuid.UUID   `json:"event_id"` // whose delivery led to it
	Event        string      `json:"event"`
	EndpointID   string      `json:"endpoint_id"`
	EndpointName string      `json:"endpoint_name"`
	EndpointURL  string      `json:"endpoint_url"` // without user and query
	DeliveryID   string      `json:"delivery_id"`
	MessageType  string      `json:"message_type"`
	Reason       string      `json:"reason,omitempty"`
	Attempts     int         `json:"attempts"`
	LastStatus   int         `json:"last_status,omitempty"`
	LastClass    retry.Class `json:"last_class,omitempty"`
	FailingSince *time.Time  `json:"failing_since,omitempty"`
	Failures     int         `json:"failures"`
}

// NoticeBody returns what the API's description is made from: the body of an operational
// message in the format full.
func NoticeBody() any { return noticeBody{} }

// notify makes the operational message that the attempt gave rise to. It belongs
// to the event of the attempt's delivery: that is where it is shown, and with that
// it is pruned.
func (r Result) notify(typ string, e Endpoint, reason string) Message {
	d, now := r.Claim.Delivery, r.At()
	event := strings.ToUpper(strings.ReplaceAll(typ, ".", "_"))
	body := noticeBody{
		EventDetails: noticeDetails{event, d.EventID, FormatID(EndpointPrefix, e.ID)},
		Type:         typ, Timestamp: now.Format(time.RFC3339Nano),
		Data: noticeData{
			EventID: d.EventID, Event: event, EndpointID: FormatID(EndpointPrefix, e.ID), EndpointName: e.Name, EndpointURL: plainURL(e.URL),
			DeliveryID: FormatID(DeliveryPrefix, d.ID), MessageType: r.Claim.Message.Type, Reason: reason,
			Attempts: r.Attempt.Number, LastStatus: r.Attempt.StatusCode, LastClass: r.Attempt.Class,
			FailingSince: e.Health.FailingSince, Failures: e.Health.Failures,
		},
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // every member is of a type that has JSON
	}
	return Message{
		ID: NewID(), ProjectID: d.ProjectID, EventID: d.EventID, MemoryID: uuid.Nil, Type: typ, Body: raw, CreatedAt: now,
	}
}

// exhausted tells that a delivery is given up. That of an operational message is
// not told of: two endpoints that are down would go on telling of each other.
func (r Result) exhausted(e Endpoint) []Message {
	if r.Status != Failed || operational(r.Claim.Message.Type) {
		return nil
	}
	return []Message{r.notify(DeliveryExhaustedType, e, string(r.Reason))}
}

// plainURL leaves out what may be secret.
func plainURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// NotifyOf returns the endpoints that are told of an operational message about
// another endpoint, or about a delivery to it.
func NotifyOf(m Message, about uuid.UUID, endpoints []Endpoint) []Endpoint {
	var told []Endpoint
	for _, e := range endpoints {
		if e.ID != about && e.Wants(m) {
			told = append(told, e)
		}
	}
	return told
}
