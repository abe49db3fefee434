package delivery

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
)

// sampleType is what a test of the endpoint sends unless told.
func (e Endpoint) sampleType() string {
	for _, t := range EventTypes() {
		if e.Wants(Message{Type: t}) {
			return t
		}
	}
	return MemoryAdd
}

// sample makes a message of a type with made-up content, in the form of real ones.
func sample(typ, projectID string, now time.Time) (Message, bool) {
	if !sampled(typ) {
		return Message{}, false
	}
	m := Message{ID: NewID(), ProjectID: projectID, Type: typ, CreatedAt: now}
	at := now.Format(time.RFC3339Nano)
	details, data := sampleOf(typ, at)
	raw, err := json.Marshal(map[string]any{"event_details": details, "type": typ, "timestamp": at, "data": data})
	if err != nil {
		panic(err) // strings and maps of them
	}
	m.Body = raw
	return m, true
}

func sampled(typ string) bool {
	for _, t := range append(EventTypes(), OperationalTypes()...) {
		if t == typ {
			return true
		}
	}
	return false
}

type object = map[string]any

func sampleOf(typ, at string) (details, data object) {
	event, memory := uuid.NewString(), uuid.NewString()
	details = object{"event_id": event, "user_id": "sample-user", "agent_id": nil, "app_id": nil, "run_id": nil}
	data = object{"event_id": event, "user_id": "sample-user", "agent_id": nil, "app_id": nil, "run_id": nil}
	switch {
	case operational(typ):
		name := strings.ToUpper(strings.ReplaceAll(typ, ".", "_"))
		endpoint := FormatID(EndpointPrefix, uuid.New())
		details = object{"event": name, "event_id": event, "endpoint_id": endpoint}
		data = object{
			"event_id": event, "event": name, "endpoint_id": endpoint, "endpoint_name": "sample", "endpoint_url": "https://example.com/",
			"delivery_id": FormatID(DeliveryPrefix, uuid.New()), "message_type": MemoryAdd, "reason": "sample", "attempts": 1, "failures": 1,
		}
	case strings.HasPrefix(typ, "ingest_"):
		name := strings.ToUpper(typ)
		details["event"], details["status"], details["results"] = name, "SUCCEEDED", []any{}
		data["event"], data["status"], data["results"] = name, "SUCCEEDED", []any{}
	default:
		kind := strings.ToUpper(strings.TrimPrefix(typ, "memory_"))
		const text = "This is a test message from memhook."
		details["id"], details["memory_id"], details["event"], details["data"] = memory, memory, kind, object{"memory": text}
		maps.Copy(data, object{
			"memory_id": memory, "event": kind, "memory": text, "metadata": nil, "categories": []string{"sample"},
			"created_at": at, "updated_at": at, "origin": "ADD",
		})
		if typ == MemoryUpdate {
			data["previous_memory"] = "This was a test message from memhook."
		}
	}
	return details, data
}
