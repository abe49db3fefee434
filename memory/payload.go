package memory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
)

// Bounds of a source's JSON.
const (
	maxDepth = 64
	// maxHops is how often one change may be relayed. More is a loop: an endpoint
	// of the chain is a source of it.
	maxHops = 16
)

// A payload is what a source sent, read as far as a message needs it.
type payload struct {
	raw     json.RawMessage            // as received; of no JSON, an object that holds it
	members map[string]json.RawMessage // of an object
	details map[string]json.RawMessage // mem0's event_details, nil when there are none
	scope   Scope
	hops    int // times it was relayed before
}

// foreign holds a body that is no JSON.
type foreign struct {
	ContentType string `json:"content_type"`
	BodyBase64  []byte `json:"body_base64"`
}

func readPayload(contentType string, body []byte) (payload, error) {
	p := payload{raw: body}
	if len(bytes.TrimSpace(body)) == 0 {
		return p, &InvalidError{Text: "the request body is empty"}
	}
	if len(body) > MaxRelay {
		return p, ErrTooLarge
	}
	if !json.Valid(body) || !utf8.Valid(body) {
		wrapped, err := json.Marshal(foreign{contentType, body})
		if len(wrapped) > MaxRelay {
			return p, ErrTooLarge
		}
		p.raw = wrapped
		return p, err
	}
	if depth(body) > maxDepth {
		return p, &InvalidError{Text: fmt.Sprintf("the JSON is nested more than %d levels deep", maxDepth)}
	}
	p.members = object(body)
	p.details = object(p.members["event_details"])
	p.scope = Scope{
		UserID: p.entity("user_id"), AgentID: p.entity("agent_id"), AppID: p.entity("app_id"), RunID: p.entity("run_id"),
	}
	_ = json.Unmarshal(object(p.members["data"])["hops"], &p.hops) // what is no number counts as none
	if p.hops >= maxHops {
		return p, &InvalidError{Text: fmt.Sprintf("this change has been relayed %d times; is an endpoint of the chain also a source of it?", p.hops)}
	}
	return p, nil
}

// object returns the members of a JSON object, nil for anything else.
func object(raw json.RawMessage) (members map[string]json.RawMessage) {
	_ = json.Unmarshal(raw, &members)
	return members
}

// text returns a member that is a string, "" otherwise.
func (p payload) text(name string) string { return stringOf(p.members[name]) }

func stringOf(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// entity returns an entity's ID from event_details, or from beside them. What
// cannot be one counts as none.
func (p payload) entity(name string) string {
	id := stringOf(p.details[name])
	if id == "" {
		id = p.text(name)
	}
	if len(id) > MaxEntityID || strings.ContainsRune(id, 0) {
		return ""
	}
	return id
}

// depth is how many arrays and objects of valid JSON are open at once at most.
func depth(raw []byte) int {
	open, deepest, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}

// mem0Types are the messages of mem0's hosted service, by event_details.event.
var mem0Types = map[string]string{
	"ADD": delivery.MemoryAdd, "UPDATE": delivery.MemoryUpdate, "DELETE": delivery.MemoryDelete, "CATEGORIZE": delivery.MemoryCategorize,
	"INGEST_JOB_COMPLETED":           delivery.IngestJobCompleted,
	"INGEST_JOB_PARTIALLY_COMPLETED": delivery.IngestJobPartiallyCompleted,
	"INGEST_JOB_FAILED":              delivery.IngestJobFailed,
	"INGEST_JOB_CANCELLED":           delivery.IngestJobCancelled,
}

// typeHeaders name the type of an event whose body does not.
var typeHeaders = []string{"X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key", "X-Shopify-Topic", "X-Event-Type", "X-Webhook-Topic"}

// messageType is the type of the message made of a request.
func (p payload) messageType(h http.Header) string {
	if t, ok := mem0Types[stringOf(p.details["event"])]; ok {
		return t
	}
	for _, member := range []string{"type", "event", "event_type"} {
		if name := p.text(member); name != "" {
			return delivery.RelayType(name)
		}
	}
	for _, header := range typeHeaders {
		if name := h.Get(header); name != "" {
			return delivery.RelayType(name)
		}
	}
	return delivery.RelayReceived
}

// origin says where a relayed message comes from.
type origin struct {
	EventID  uuid.UUID         `json:"event_id"`
	Origin   EventKind         `json:"origin"`
	SourceID string            `json:"source_id"`
	Source   string            `json:"source"`
	Headers  map[string]string `json:"headers"`
	Hops     int               `json:"hops"`
}

// record is the payload of a source's event: the request as it came, and where
// it came from.
func record(s Source, headers map[string]string, raw json.RawMessage) json.RawMessage {
	about, err := json.Marshal(struct {
		SourceID string            `json:"source_id"`
		Source   string            `json:"source"`
		Headers  map[string]string `json:"headers"`
	}{delivery.FormatID(SourcePrefix, s.ID), s.Name, headers})
	if err != nil {
		panic(err) // strings always have JSON
	}
	// Not marshalled together: that would spell the body anew.
	about = append(about[:len(about)-1], `,"body":`...)
	return append(append(about, raw...), '}')
}

// relayMessage is the message about a source's request.
func relayMessage(s Source, e Event, headers map[string]string, p payload, h http.Header) delivery.Message {
	msg := delivery.Message{
		ID: delivery.NewID(), ProjectID: e.ProjectID, EventID: e.ID, Type: p.messageType(h), CreatedAt: e.CreatedAt,
	}
	from := origin{e.ID, EventRelay, delivery.FormatID(SourcePrefix, s.ID), s.Name, headers, max(0, p.hops) + 1}
	b := relayBody{Type: msg.Type, Timestamp: Timestamp(e.CreatedAt)}
	if strings.HasPrefix(msg.Type, delivery.RelayPrefix) {
		b.Data = struct {
			origin
			scopeIDs
			Payload json.RawMessage `json:"payload"`
		}{from, idsOf(p.scope), p.raw}
		msg.Facets = facets(p.scope, nil, nil)
		msg.Body = marshal(b)
		return msg
	}
	msg.MemoryID = p.memoryID()
	b.EventDetails = p.members["event_details"]
	data := relayedChange{origin: from, scopeIDs: idsOf(p.scope), Event: stringOf(p.details["event"])}
	if msg.MemoryID != uuid.Nil {
		data.MemoryID = &msg.MemoryID
	}
	short := data
	short.Truncated = true
	data.Memory = stringOf(object(p.details["data"])["memory"])
	data.PreviousMemory = stringOf(p.details["previous_memory"])
	_ = json.Unmarshal(p.details["categories"], &data.Categories) // what is no list of strings counts as none
	if object(p.details["metadata"]) != nil {
		data.Metadata = p.details["metadata"]
	}
	msg.Facets = facets(p.scope, data.Categories, data.Metadata)
	b.Data = data
	if msg.Body = marshal(b); len(msg.Body) > delivery.MaxPayload {
		b.Data = short // event_details have it all
		msg.Body = marshal(b)
	}
	return msg
}

// relayBody is a body whose event_details, if any, come from elsewhere.
type relayBody struct {
	EventDetails json.RawMessage `json:"event_details,omitempty"`
	Type         string          `json:"type"`
	Timestamp    string          `json:"timestamp"`
	Data         any             `json:"data"`
}

// relayedChange is the data of a message about a change in another memory
// service.
type relayedChange struct {
	origin
	MemoryID       *uuid.UUID `json:"memory_id,omitempty"`
	Event          string     `json:"event"`
	Memory         string     `json:"memory"`
	PreviousMemory string     `json:"previous_memory,omitempty"`
	Truncated      bool       `json:"truncated,omitempty"`
	scopeIDs
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	Categories []string        `json:"categories,omitempty"`
}

// memoryID is the memory that event_details are about, uuid.Nil when they do not
// say so in a way that has a place here.
func (p payload) memoryID() uuid.UUID {
	for _, name := range []string{"id", "memory_id"} {
		if id, err := uuid.Parse(stringOf(p.details[name])); err == nil {
			return id
		}
	}
	return uuid.Nil
}

func marshal(b relayBody) []byte {
	out, err := json.Marshal(b)
	if err != nil {
		panic(err) // raw members were read as JSON
	}
	return out
}
