package mem0api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// hostileAdds are bodies that an add must refuse, with what it must say.
var hostileAdds = []struct {
	name, body string
	status     int
	detail     string // a part of it
}{
	{"empty", "", 400, "the request body is empty"},
	{"not JSON", "messages=hi", 400, "line 1, column 1: expected a value"},
	{"cut off", `{"messages": [{"role": "user"`, 400, "line 1, column 30: unexpected end"},
	{"an array", `[]`, 400, "must be a JSON object"},
	{"a string", `"hi"`, 400, "must be a JSON object"},
	{"null", `null`, 400, "must be a JSON object"},
	{"too deep", `{"user_id": "u", "messages": "x", "metadata": ` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65), 400, "more than 64 levels"},
	{"too large", `{"user_id": "u", "messages": "` + strings.Repeat("x", 1<<20) + `"}`, 413, "larger than 1048576 bytes"},
	{"NUL", `{"user_id": "u", "messages": "a\u0000b"}`, 400, "NUL"},
	{"raw NUL", "{\"user_id\": \"u\", \"messages\": \"a\x00b\"}", 400, "control character"},
	{"NUL in metadata", `{"user_id": "u", "messages": "hi", "metadata": {"\u0000": 1}}`, 400, "NUL"},
	{"lone surrogate", `{"user_id": "u", "messages": "\ud83d"}`, 400, "surrogate"},
	{"not UTF-8", "{\"user_id\": \"u\", \"messages\": \"\xff\"}", 400, "not valid UTF-8"},
	{"no messages", `{"user_id": "u"}`, 400, "messages is required"},
	{"null messages", `{"user_id": "u", "messages": null}`, 400, "messages is required"},
	{"empty messages", `{"user_id": "u", "messages": []}`, 400, "messages is required"},
	{"empty text", `{"user_id": "u", "messages": ""}`, 400, "messages is required"},
	{"messages a number", `{"user_id": "u", "messages": 1}`, 400, "messages must be an array of objects, an object or a string"},
	{"a message a string", `{"user_id": "u", "messages": ["hi"]}`, 400, "messages[0] must be an object"},
	{"role a number", `{"user_id": "u", "messages": [{"role": 1, "content": "x"}]}`, 400, "messages[0].role must be a string"},
	{"role missing", `{"user_id": "u", "messages": [{"role": "user", "content": "x"}, {"content": "x"}]}`, 400, "messages[1].role is required"},
	{"role of one message", `{"user_id": "u", "messages": {"role": [], "content": "x"}}`, 400, "messages.role must be a string"},
	{"content missing", `{"user_id": "u", "messages": [{"role": "user"}]}`, 400, "messages[0].content is required"},
	{"content a number", `{"user_id": "u", "messages": [{"role": "user", "content": 1}]}`, 400, "messages[0].content must be a string"},
	{"a part a string", `{"user_id": "u", "messages": [{"role": "user", "content": ["x"]}]}`, 400, "messages[0].content[0] must be an object"},
	{"a part without a type", `{"user_id": "u", "messages": [{"role": "user", "content": [{"text": "x"}]}]}`, 400, "messages[0].content[0].type is required"},
	{"text of a part", `{"user_id": "u", "messages": [{"role": "user", "content": {"type": "text", "text": 1}}]}`, 400, "messages[0].content.text must be a string"},
	{"name a number", `{"user_id": "u", "messages": [{"role": "user", "content": "x", "name": 1}]}`, 400, "messages[0].name must be a string"},
	{"no entity", `{"messages": "hi", "org_id": "o", "project_id": "p"}`, 400, "One of the filters: app_id, user_id, agent_id, run_id is required!"},
	{"null entity", `{"messages": "hi", "user_id": null}`, 400, "One of the filters"},
	{"empty entity", `{"messages": "hi", "user_id": ""}`, 400, "user_id must be a non-empty string"},
	{"entity an object", `{"messages": "hi", "run_id": {}}`, 400, "run_id must be a non-empty string"},
	{"entity a boolean", `{"messages": "hi", "app_id": true}`, 400, "app_id must be a non-empty string"},
	{"entity too long", `{"messages": "hi", "user_id": "` + strings.Repeat("u", 1025) + `"}`, 400, "user_id may have at most 1024 bytes"},
	{"entity a huge number", `{"messages": "hi", "user_id": 1e999}`, 400, "user_id must be a non-empty string"},
	{"filters a string", `{"messages": "hi", "filters": "user_id"}`, 400, "filters must be an object"},
	{"entity in filters", `{"messages": "hi", "filters": {"AND": [{"user_id": []}]}}`, 400, "filters.AND[0].user_id must be a non-empty string"},
	{"async_mode a string", `{"messages": "hi", "user_id": "u", "async_mode": "false"}`, 400, "async_mode must be true or false"},
	{"infer a number", `{"messages": "hi", "user_id": "u", "infer": 0}`, 400, "infer must be true or false"},
	{"immutable a string", `{"messages": "hi", "user_id": "u", "immutable": ""}`, 400, "immutable must be true or false"},
	{"metadata a string", `{"messages": "hi", "user_id": "u", "metadata": "{}"}`, 400, "metadata must be an object"},
	{"metadata an array", `{"messages": "hi", "user_id": "u", "metadata": []}`, 400, "metadata must be an object"},
	{"timestamp a string", `{"messages": "hi", "user_id": "u", "timestamp": "now"}`, 400, "timestamp must be an integer"},
	{"timestamp a fraction", `{"messages": "hi", "user_id": "u", "timestamp": 1.5}`, 400, "timestamp must be an integer"},
	{"timestamp in milliseconds", `{"messages": "hi", "user_id": "u", "timestamp": 1760374740000}`, 400, "timestamp must be Unix seconds"},
	{"timestamp huge", `{"messages": "hi", "user_id": "u", "timestamp": 99999999999999999999999}`, 400, "timestamp must be an integer"},
	{"date with a time", `{"messages": "hi", "user_id": "u", "expiration_date": "2026-01-01T00:00:00Z"}`, 400, "expiration_date must be a date of the form YYYY-MM-DD"},
	{"date that is none", `{"messages": "hi", "user_id": "u", "expiration_date": "2026-02-30"}`, 400, "expiration_date must be a date"},
	{"date a number", `{"messages": "hi", "user_id": "u", "expiration_date": 20260101}`, 400, "expiration_date must be a string"},
	{"includes", `{"messages": "hi", "user_id": "u", "includes": []}`, 400, "includes must be a string"},
	{"excludes", `{"messages": "hi", "user_id": "u", "excludes": 1}`, 400, "excludes must be a string"},
	{"custom_instructions", `{"messages": "hi", "user_id": "u", "custom_instructions": {}}`, 400, "custom_instructions must be a string"},
	{"agent_custom_instructions", `{"messages": "hi", "user_id": "u", "agent_custom_instructions": 1}`, 400, "agent_custom_instructions must be a string"},
	{"custom_categories an object", `{"messages": "hi", "user_id": "u", "custom_categories": {}}`, 400, "custom_categories must be an array"},
	{"a bare category", `{"messages": "hi", "user_id": "u", "custom_categories": [{"a": "b"}, "c"]}`, 400, "custom_categories[1] must be an object"},
	{"a category's description", `{"messages": "hi", "user_id": "u", "custom_categories": [{"a": 1}]}`, 400, "custom_categories[0].a must be a string"},
	{"output_format", `{"messages": "hi", "user_id": "u", "output_format": 1}`, 400, "output_format must be a string"},
	{"the last of two", `{"messages": "hi", "user_id": "u", "infer": true, "infer": "yes"}`, 400, "infer must be true or false"},
	{"too many messages", `{"user_id": "u", "messages": [` + strings.Repeat(`{"role":"user","content":"x"},`, 1000) + `{"role":"user","content":"x"}]}`, 400, "messages may have at most 1000 items"},
	{"verbatim too long", `{"user_id": "u", "infer": false, "messages": "` + strings.Repeat("x", 1<<16+1) + `"}`, 400, "at most 65536 bytes"},
}

func TestHostileAdds(t *testing.T) {
	s := newServer(t, nil)
	for _, path := range []string{"/v1/memories/", "/v3/memories/add/"} {
		for _, test := range hostileAdds {
			t.Run(path+" "+test.name, func(t *testing.T) {
				w := s.send(http.MethodPost, path, test.body)
				var got struct {
					Detail, Error string
					Details       struct{ Message string }
				}
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
					t.Fatalf("answer is not JSON: %v: %s", err, w.Body)
				}
				if w.Code != test.status || !strings.Contains(got.Detail, test.detail) {
					t.Fatalf("answer %d %s, want %d and %q", w.Code, w.Body, test.status, test.detail)
				}
				if w.Code == 400 && (got.Error != "400 Bad Request" || got.Details.Message != got.Detail) {
					t.Errorf("answer %s, want error and details as mem0 has them", w.Body)
				}
			})
		}
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d events are stored, want none", n)
	}
}

// TestOddAdds are bodies that clients may send and that must work.
func TestOddAdds(t *testing.T) {
	for _, test := range []struct{ name, body string }{
		{"members twice", `{"messages": [], "messages": "hi", "user_id": "u", "infer": false, "infer": true}`},
		{"escaped names", `{"mess\u0061ges": [{"r\u006fle": "user", "content": "\ud83d\ude00"}], "user_id": 12.5}`},
		{"nulls", `{"messages": "hi", "user_id": "u", "agent_id": null, "metadata": null, "timestamp": null, "expiration_date": null,
			"infer": null, "async_mode": null, "custom_categories": null, "filters": null, "includes": null, "output_format": null}`},
		{"leftovers", `{"messages": "hi", "user_id": "u", "enable_graph": 1, "version": [], "org_id": {}, "api_version": "v2", "filter_memories": true}`},
		{"categories", `{"messages": "hi", "user_id": "u", "custom_categories": [{"a": "b", "c": null}]}`},
		{"huge numbers in metadata", `{"messages": "hi", "user_id": "u", "metadata": {"n": 1e999, "m": 123456789012345678901234567890}}`},
		{"deep", `{"messages": "hi", "user_id": "u", "metadata": ` + strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 64)},
		{"unknown role", `{"messages": [{"role": "developer", "content": "x"}], "user_id": "u"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, nil)
			for _, path := range []string{"/v1/memories/", "/v3/memories/add/"} {
				if w := s.send(http.MethodPost, path, test.body); w.Code != http.StatusOK {
					t.Errorf("POST %s: %d %s, want 200", path, w.Code, w.Body)
				}
			}
			if n := s.count(); n != 2 {
				t.Errorf("%d events are stored, want 2", n)
			}
			if w := s.send(http.MethodGet, "/v1/events/", ""); w.Code != http.StatusOK {
				t.Errorf("GET /v1/events/: %d %s, want 200", w.Code, w.Body)
			}
		})
	}
}

// TestHostileBodies sends what no route can take to every route that reads a body.
func TestHostileBodies(t *testing.T) {
	s := newServer(t, nil)
	w := s.send(http.MethodPost, "/v3/memories/add/", `{"messages": "Keep me", "user_id": "u", "infer": false}`)
	var added struct{ Results []struct{ ID string } }
	if err := json.Unmarshal(w.Body.Bytes(), &added); err != nil || len(added.Results) != 1 {
		t.Fatalf("add: %d %s", w.Code, w.Body)
	}
	memory, id := "/v1/memories/"+added.Results[0].ID+"/", added.Results[0].ID
	before := s.send(http.MethodGet, memory, "").Body.String()
	events := s.count()
	bodies := []struct {
		name, body string
		status     int
	}{
		{"empty", "", 400},
		{"cut off", `{"text": "x`, 400},
		{"an array", `[{}]`, 400},
		{"a number", `1`, 400},
		{"NUL", `{"text": "\u0000", "name": "\u0000"}`, 400},
		{"not UTF-8", "{\"text\": \"\xc3\"}", 400},
		{"lone surrogate", `{"text": "\udfff"}`, 400},
		{"too deep", strings.Repeat(`{"metadata":`, 65) + "1" + strings.Repeat("}", 65), 400},
		{"too large", `{"text": "` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"wrong types", `{"text": [], "metadata": 1, "timestamp": {}, "expiration_date": 1, "filters": [], "user_id": {}, "memories": {},
			"name": [], "url": {}, "event_types": 1, "is_active": 0, "fields": 1, "categories": {}, "page": []}`, 400},
		{"huge numbers", `{"text": "x", "timestamp": 1e400, "page": 1e400, "filters": {"user_id": "u", "created_at": {"gte": 1e400}},
			"memories": [1e400], "name": 1e400}`, 400},
	}
	for _, r := range []struct{ method, path string }{
		{"PUT", memory},
		{"PUT", "/v1/batch/"},
		{"DELETE", "/v1/batch/"},
		{"POST", "/v2/memories/"},
		{"POST", "/v3/memories/"},
		{"POST", "/api/v1/webhooks/projects/" + s.project + "/"},
		{"PUT", "/api/v1/webhooks/ep_" + id + "/"},
	} {
		for _, b := range bodies {
			w := s.send(r.method, r.path, b.body)
			if detail := detailOf(t, w); w.Code != b.status || detail == "" {
				t.Errorf("%s %s, %s: %d %s, want %d", r.method, r.path, b.name, w.Code, w.Body, b.status)
			}
		}
	}
	if after := s.send(http.MethodGet, memory, "").Body.String(); after != before {
		t.Errorf("the memory is %s, want it as it was: %s", after, before)
	}
	if n := s.count(); n != events {
		t.Errorf("%d events are stored, want %d", n, events)
	}
	if w := s.send(http.MethodGet, "/api/v1/webhooks/projects/null/", ""); w.Body.String() != "[]" {
		t.Errorf("webhooks are stored: %s", w.Body)
	}
}

// TestWrongFields holds the name of the mistaken field on the routes besides add.
func TestWrongFields(t *testing.T) {
	s := newServer(t, nil)
	const id = "00000000-0000-4000-8000-000000000000"
	for _, test := range []struct{ method, path, body, detail string }{
		{"PUT", "/v1/memories/" + id + "/", `{"text": 1}`, "text must be a string"},
		{"PUT", "/v1/memories/" + id + "/", `{"metadata": []}`, "metadata must be an object or null"},
		{"PUT", "/v1/memories/" + id + "/", `{"timestamp": true}`, "timestamp must be Unix seconds or an ISO 8601 date-time"},
		{"PUT", "/v1/memories/" + id + "/", `{"timestamp": "soon"}`, "timestamp must be Unix seconds or an ISO 8601 date-time"},
		{"PUT", "/v1/memories/" + id + "/", `{"timestamp": 1e300}`, "timestamp must be Unix seconds of a year from 0 to 9999"},
		{"PUT", "/v1/memories/" + id + "/", `{"expiration_date": ""}`, "expiration_date must be a date of the form YYYY-MM-DD, or null"},
		{"PUT", "/v1/memories/" + id + "/", `{"expiration_date": 1}`, "expiration_date must be a string"},
		{"PUT", "/v1/batch/", `{"memories": [1]}`, "memories[0] must be an object with memory_id"},
		{"PUT", "/v1/batch/", `{"memories": [{"text": "x"}]}`, "memories[0].memory_id is required"},
		{"PUT", "/v1/batch/", `{"memories": [{"memory_id": 1, "text": "x"}]}`, "memories[0].memory_id must be a string"},
		{"DELETE", "/v1/batch/", `{"memories": "all"}`, "memories must be an array of objects"},
		{"POST", "/v2/memories/", `{"user_id": "u", "limit": 0}`, "limit must be at least 1"},
		{"POST", "/v2/memories/", `{"user_id": "u", "top_k": "1"}`, "top_k must be an integer"},
		{"POST", "/v2/memories/", `{"user_id": "u", "output_format": 1}`, "output_format must be a string"},
		{"POST", "/v3/memories/", `{"filters": {"user_id": "u"}, "fields": [1]}`, "fields[0] must be a string"},
		{"POST", "/v3/memories/", `{"filters": {"user_id": "u"}, "page_size": "5"}`, "page_size must be an integer"},
		{"POST", "/v3/memories/", `{"filters": {"user_id": "u"}, "start_date": "1"}`, "start_date must be a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)"},
		{"POST", "/v3/memories/", `{"filters": "x"}`, "filters must be an object"},
		{"GET", "/v1/memories/?user_id=u&metadata=%5B1%5D", "", "metadata must be an object"},
		{"GET", "/v1/memories/?user_id=u&limit=x", "", "limit must be an integer from 1 to 200"},
		{"GET", "/v1/memories/?user_id=u&page_size=x", "", "page_size must be an integer"},
		{"GET", "/v1/events/?start_date=x", "", "start_date must be a date of the form YYYY-MM-DD or an ISO 8601 date-time"},
		{"DELETE", "/v1/memories/?user_id=u&filters=%7B", "", "filters is neither JSON nor Python notation: unexpected end at character 2"},
	} {
		w := s.send(test.method, test.path, test.body)
		if got := detailOf(t, w); w.Code != http.StatusBadRequest || got != test.detail {
			t.Errorf("%s %s %s: %d %q, want 400 %q", test.method, test.path, test.body, w.Code, got, test.detail)
		}
	}
	tooMany := `{"memories": [` + strings.Repeat(`{"memory_id": "`+id+`", "text": "x"},`, 1000) + `{"memory_id": "` + id + `", "text": "x"}]}`
	w := s.send(http.MethodPut, "/v1/batch/", tooMany)
	if got := detailOf(t, w); w.Code != http.StatusBadRequest || got != "Maximum of 1000 memories can be updated/deleted in a single request" {
		t.Errorf("1001 edits: %d %q, want 400 Maximum of 1000 …", w.Code, got)
	}
}

func BenchmarkAdd(b *testing.B) {
	s := newServer(b, nil)
	s.held.Store(true)
	body := `{"messages":[{"role":"user","content":"` + strings.Repeat("I ordered a Nova 2000. ", 40) + `"}],"user_id":"user-123"}`
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if w := s.send(http.MethodPost, "/v1/memories/", body); w.Code != http.StatusOK {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
}
