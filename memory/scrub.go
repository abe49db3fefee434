package memory

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// erasedData is the data of a message that says that a memory is to be forgotten. It
// has no word of what the memory said.
type erasedData struct {
	EventID   uuid.UUID  `json:"event_id"`
	MemoryID  uuid.UUID  `json:"memory_id"`
	Event     ChangeKind `json:"event"`
	Memory    string     `json:"memory"`
	Erased    bool       `json:"erased"`
	ErasureID string     `json:"erasure_id"`
	scopeIDs
	Metadata   json.RawMessage `json:"metadata"`
	Categories []string        `json:"categories"`
	UpdatedAt  string          `json:"updated_at"`
	Origin     EventKind       `json:"origin"`
}

// ErasureMessage is the message that a memory is to be forgotten: a memory_delete
// without its text. Filters decide by what the memory was.
func ErasureMessage(erasureID uuid.UUID, m Memory, at time.Time) delivery.Message {
	ids := idsOf(m.Scope)
	return delivery.Message{
		ID: delivery.NewID(), ProjectID: m.ProjectID, EventID: erasureID, MemoryID: m.ID, Type: delivery.MemoryDelete, CreatedAt: at,
		Facets: facets(m.Scope, m.Categories, m.Metadata),
		Body: render(body{
			EventDetails: eventDetails{ID: &m.ID, Data: &memoryText{}, Event: string(ChangeDelete), EventID: erasureID, scopeIDs: ids},
			Type:         delivery.MemoryDelete, Timestamp: Timestamp(at),
			Data: erasedData{
				EventID: erasureID, MemoryID: m.ID, Event: ChangeDelete, Erased: true,
				ErasureID: delivery.FormatID(ErasurePrefix, erasureID), scopeIDs: ids, UpdatedAt: Timestamp(at), Origin: EventDelete,
			},
		}),
	}
}

// kept are the members of a stored body that say which memory and event it is about.
// Whatever else is in a body goes.
var kept = []string{
	"id", "memory_id", "event_id", "event", "status", "user_id", "agent_id", "app_id", "run_id", "created_at", "updated_at", "origin",
}

// ScrubbedBody is a stored message's body without what it says of a memory.
func ScrubbedBody(stored []byte) []byte {
	members := object(stored)
	scrubbed := map[string]json.RawMessage{"erased": json.RawMessage("true")}
	for _, name := range []string{"type", "timestamp"} {
		if v, ok := members[name]; ok && plain(v) {
			scrubbed[name] = v
		}
	}
	for _, name := range []string{"event_details", "data"} {
		inner := object(members[name])
		if inner == nil {
			continue
		}
		left := map[string]json.RawMessage{}
		for _, k := range kept {
			if v, ok := inner[k]; ok && plain(v) {
				left[k] = v
			}
		}
		scrubbed[name] = mustMarshal(left)
	}
	return mustMarshal(scrubbed)
}

// ScrubbedPayload is the request of an event without what was said in it.
func ScrubbedPayload(stored []byte) json.RawMessage {
	members := object(stored)
	scrubbed := map[string]json.RawMessage{"erased": json.RawMessage("true")}
	for _, name := range []string{"user_id", "agent_id", "app_id", "run_id", "infer", "async_mode"} {
		if v, ok := members[name]; ok && plain(v) {
			scrubbed[name] = v
		}
	}
	return mustMarshal(scrubbed)
}

// plain tells whether a value has nothing inside.
func plain(v json.RawMessage) bool {
	v = bytes.TrimSpace(v)
	return len(v) > 0 && v[0] != '{' && v[0] != '['
}

func mustMarshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // members were read as JSON
	}
	return raw
}

// minQuote is how long a text must be to count as quoted by a longer one, in bytes. A
// shorter one, such as "Tea", stands in sentences that are about something else.
const minQuote = 16

// Quotes tells whether a request repeats one of the texts word for word.
func Quotes(payload []byte, texts []string) bool {
	var v any
	if json.Unmarshal(payload, &v) != nil {
		return false
	}
	return quotes(v, texts)
}

func quotes(v any, texts []string) bool {
	switch v := v.(type) {
	case string:
		v = strings.TrimSpace(v)
		return slices.ContainsFunc(texts, func(t string) bool {
			t = strings.TrimSpace(t)
			return t != "" && (v == t || len(t) >= minQuote && strings.Contains(v, t))
		})
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return quotes(v, texts) })
	case map[string]any:
		for _, v := range v {
			if quotes(v, texts) {
				return true
			}
		}
	}
	return false
}
