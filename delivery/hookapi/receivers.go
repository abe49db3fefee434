package hookapi

import (
	"reflect"
	"slices"
	"strings"

	"memhook/delivery"
	"memhook/memory"
	"memhook/signing"
)

// aboutReceived says what the description of a message leaves out.
const aboutReceived = "Sent to every endpoint that wants it, in the format full; thin has IDs only, and mem0 only event_details. " +
	"Any 2xx is success. More members may be added. Relayed messages have types and data of their own."

// receivedHeaders are the headers of each request that a receiver gets.
func receivedHeaders() []parameter {
	text, number := &schema{Type: "string"}, &schema{Type: "integer"}
	trigger := &schema{Type: "string"}
	for _, t := range []delivery.Trigger{delivery.Scheduled, delivery.Manual, delivery.Replay, delivery.Test} {
		trigger.Enum = append(trigger.Enum, string(t))
	}
	return []parameter{
		{signing.HeaderID, "header", true, "ID of the message, msg_…: the same on every attempt and replay. Tell repeats by it.", text},
		{signing.HeaderTimestamp, "header", true, "Unix seconds of this attempt. Refuse one that is more than five minutes away.", number},
		{signing.HeaderSignature, "header", true, "By Standard Webhooks: v1, and the base64 of the HMAC-SHA256 of id.timestamp.body, keyed with " +
			"what stands in base64 after whsec_; v1a, and ed25519's when the endpoint has it. Spaces are between several, and one that matches is enough.", text},
		{"Memhook-Event-Type", "header", true, "The type of the body, for logs. It is not signed.", text},
		{"Memhook-Attempt", "header", true, "1 for the first attempt, for logs.", number},
		{"Memhook-Delivery", "header", true, "ID of the delivery, for logs.", text},
		{"Memhook-Trigger", "header", true, "Why it is sent, for logs.", trigger},
		{delivery.HeaderTrace, "header", false, "W3C Trace Context, when the server traces.", text},
	}
}

// webhooks describes what receivers get, made from what is sent.
func (s schemas) webhooks() map[string]map[string]operation {
	list := map[string]map[string]operation{}
	describe := func(typ string, body *schema) {
		s.unbound(body)
		list[typ] = map[string]operation{"post": {
			ID: "receive_" + strings.ReplaceAll(typ, ".", "_"), Summary: typ, Description: aboutReceived, Tags: []string{"Receivers"}, Parameters: receivedHeaders(),
			RequestBody: &content{true, map[string]ofMedia{"application/json": {body}}},
			Responses:   map[string]response{"2XX": {Description: "The message was taken."}},
		}}
	}
	envelope, data := memory.Bodies()
	for typ, one := range data {
		body := s.fields(reflect.TypeOf(envelope), true)
		body.Properties["type"], body.Properties["data"] = &schema{Type: "string", Enum: []string{typ}}, s.of(reflect.TypeOf(one), "")
		describe(typ, body)
	}
	for _, typ := range delivery.OperationalTypes() {
		body := s.fields(reflect.TypeOf(delivery.NoticeBody()), true)
		body.Properties["type"] = &schema{Type: "string", Enum: []string{typ}}
		describe(typ, body)
	}
	return list
}

// unbound lets a body that is sent have more members than are described, and null for
// a list.
func (s schemas) unbound(sc *schema) {
	if name, ok := strings.CutPrefix(sc.Ref, componentRef); ok {
		sc = s[name]
	}
	if sc.Additional == false {
		sc.Additional = nil
	}
	for _, p := range sc.Properties {
		if p.Items != nil {
			orNullSchema(p)
		}
		s.unbound(p)
	}
}

// docsReceived is what receivers get, on the page for people.
type docsReceived struct {
	About   string
	Headers []docsField
	Types   []docsField
}

func docsReceivedOf(d document) docsReceived {
	v := docsReceived{About: aboutReceived}
	for _, p := range receivedHeaders() {
		v.Headers = append(v.Headers, docsField{p.Name, p.Description, docsTypeOf(p.Schema), p.Required})
	}
	for typ, ways := range d.Webhooks {
		v.Types = append(v.Types, docsField{Name: typ, Type: docsTypeOf(ways["post"].RequestBody.Content["application/json"].Schema.Properties["data"])})
	}
	slices.SortFunc(v.Types, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return v
}
