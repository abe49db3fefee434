package memory

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"memhook/delivery"
)

// FuzzPayload: whatever a source sends is refused in words, or becomes a message
// that is JSON in every format, of a type that an endpoint can ask for, beside an
// event that has the body as it came.
func FuzzPayload(f *testing.F) {
	for _, body := range []string{
		`{"event_details":{"id":"0193a1f0-0000-7000-8000-000000000001","data":{"memory":"x"},"event":"ADD","user_id":"a","metadata":{"k":1},"categories":["c"]}}`,
		`{"event_details":{"event":"CATEGORIZE","memory_id":7,"categories":"none","metadata":[]},"data":{"hops":-3}}`,
		`{"type":"invoice.paid","data":{"hops":2}}`, `{"event":{"a":1},"user_id":"\u0000"}`, `[[["x\"]"]]]`, `"text"`, `null`, "a=1&b=2", "\xff\xfe", " ", `{"type":"` + strings.Repeat("é.", 200) + `"}`,
	} {
		f.Add(body, "push", "application/json")
	}
	f.Fuzz(func(t *testing.T, body, event, contentType string) {
		h := http.Header{"X-Github-Event": {event}, "Content-Type": {contentType}}
		s := Source{ID: delivery.NewID(), ProjectID: "proj_1", Name: "s", Window: time.Hour, Verification: VerifyNone}
		r, err := s.relay(h, []byte(body), time.Now())
		if err != nil {
			return
		}
		for _, format := range []delivery.Format{delivery.Full, delivery.Thin, delivery.Mem0} {
			if raw, err := r.Message.Payload(format); err != nil || !json.Valid(raw) {
				t.Errorf("%q in the format %s: %q, %v", body, format, raw, err)
			}
		}
		if typ := r.Message.Type; !delivery.IsRelayType(typ) && !strings.HasPrefix(typ, "memory_") && !strings.HasPrefix(typ, "ingest_job_") {
			t.Errorf("%q has the type %q", body, typ)
		}
		if json.Valid([]byte(body)) && !bytes.HasSuffix(r.Event.Payload, []byte(`,"body":`+body+`}`)) && strings.ToValidUTF8(body, "") == body {
			t.Errorf("%q is recorded as %q", body, r.Event.Payload)
		}
		if !json.Valid(r.Event.Payload) || strings.ContainsRune(r.Event.Scope.UserID, 0) {
			t.Errorf("%q makes the event %+v", body, r.Event)
		}
	})
}

func TestDepth(t *testing.T) {
	for body, want := range map[string]int{
		`1`: 0, `{}`: 1, `[[]]`: 2, `{"a":[{}]}`: 3, `"[["`: 0, `{"[\"[":"]"}`: 1, `[[],[]]`: 2, `["\\",[]]`: 2,
	} {
		if got := depth([]byte(body)); got != want {
			t.Errorf("depth of %s is %d, want %d", body, got, want)
		}
	}
}
