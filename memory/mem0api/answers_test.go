package mem0api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/memory"
	"memhook/memory/mem0api"
	"memhook/memory/sqlstore/sqlstoretest"
)

// TestTimeLimit holds that a processed add is not waited for without end, and that
// its work goes on.
func TestTimeLimit(t *testing.T) {
	s := newServer(t, nil)
	s.memory = memory.New(memory.Config{
		Store: s.db, Engine: engine{s.release}, Push: s.push, Wake: s.delivery.Wake, Log: discard,
		Now: func() time.Time { return now }, Wait: time.Millisecond,
	})
	s.mount(nil)
	s.held.Store(true)
	w := s.send(http.MethodPost, "/v3/memories/add/", `{"messages": "Late", "user_id": "u", "async_mode": false}`)
	var late struct {
		Detail  string
		EventID string `json:"event_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &late); err != nil || w.Code != http.StatusGatewayTimeout || late.Detail == "" {
		t.Fatalf("POST: %d %s, want 504 with detail and event_id", w.Code, w.Body)
	}
	s.work()
	w = s.send(http.MethodGet, "/v1/event/"+late.EventID+"/", "")
	var event struct {
		Status  string
		Results []struct{ Memory string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &event); err != nil || event.Status != "SUCCEEDED" || len(event.Results) != 1 {
		t.Errorf("GET event: %d %s, want SUCCEEDED with one result", w.Code, w.Body)
	}
}

// TestDeliveries holds what an event shows about its deliveries.
func TestDeliveries(t *testing.T) {
	s := newServer(t, nil)
	s.held.Store(true)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "/busy") {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		io.WriteString(w, "thanks\xff")
	}))
	defer receiver.Close()
	hooks := map[string]string{}
	for _, hook := range []struct{ name, types string }{{"good", `"memory_add"`}, {"busy", `"memory_add"`}, {"other", `"memory_delete"`}} {
		w := s.send(http.MethodPost, "/api/v1/webhooks/projects/"+s.project+"/",
			`{"name": "`+hook.name+`", "url": "`+receiver.URL+"/"+hook.name+`", "event_types": [`+hook.types+`]}`)
		var made struct {
			ID string `json:"webhook_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated {
			t.Fatalf("create webhook: %d %s", w.Code, w.Body)
		}
		hooks[hook.name] = made.ID
	}
	w := s.send(http.MethodPost, "/v1/memories/", `{"messages": "Hi", "user_id": "u", "infer": false}`)
	var queued struct {
		Results []struct {
			EventID string `json:"event_id"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &queued); err != nil || len(queued.Results) != 1 {
		t.Fatalf("add: %d %s", w.Code, w.Body)
	}
	s.work()
	s.deliver()

	w = s.send(http.MethodGet, "/v1/event/"+queued.Results[0].EventID+"/", "")
	var event struct{ Deliveries []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &event); err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]any{}
	for _, d := range event.Deliveries {
		if d["message_type"] == "memory_add" {
			got[d["endpoint_name"].(string)] = d
		}
	}
	for name, id := range hooks {
		if d := got[name]; d["endpoint_id"] != id || d["webhook_id"] != id || d["url"] != receiver.URL+"/"+name ||
			!strings.HasPrefix(d["id"].(string), "dlv_") || !strings.HasPrefix(d["message_id"].(string), "msg_") {
			t.Errorf("delivery to %s: %v, want endpoint %s", name, d, id)
		}
	}
	states := map[string][]any{}
	for name, d := range got {
		states[name] = []any{d["status"], d["reason"], d["next_attempt_at"] != nil, len(d["attempts"].([]any))}
	}
	if diff := cmp.Diff(map[string][]any{
		"good":  {"succeeded", nil, false, 1},
		"busy":  {"pending", nil, true, 1},
		"other": {"skipped", "type_not_wanted", false, 0},
	}, states); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	good, busy := got["good"]["attempts"].([]any)[0].(map[string]any), got["busy"]["attempts"].([]any)[0].(map[string]any)
	for _, a := range []map[string]any{good, busy} {
		for _, name := range []string{"started_at", "duration_ms", "phases", "response_headers", "remote_addr"} {
			if a[name] == nil {
				t.Errorf("attempt has no %s: %v", name, a)
			}
			delete(a, name)
		}
	}
	if diff := cmp.Diff(map[string]any{
		"number": 1.0, "trigger": "scheduled", "status_code": 200.0, "error_class": nil, "error": nil, "retry_after_s": nil,
		"next_attempt_at": nil, "response_body": "thanks\uFFFD", "truncated": false,
	}, good); diff != "" {
		t.Errorf("good attempt (-want +got):\n%s", diff)
	}
	if busy["status_code"] != 503.0 || busy["error_class"] == nil || busy["error"] == nil || busy["retry_after_s"] != 120.0 || busy["next_attempt_at"] == nil {
		t.Errorf("busy attempt: %v, want 503 with its error and Retry-After", busy)
	}
}

func TestPageLinks(t *testing.T) {
	for _, test := range []struct {
		name   string
		config mem0api.Config
		header []string
		want   string
	}{
		{"host", mem0api.Config{}, nil, "http://example.com"},
		{"forwarded but not trusted", mem0api.Config{}, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}, "http://example.com"},
		{"forwarded", mem0api.Config{TrustForwarded: true}, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "mem.example, proxy"}, "https://mem.example"},
		{"public URL", mem0api.Config{PublicURL: "https://mem.example:8443/base/"}, nil, "https://mem.example:8443/base"},
		{"public URL wins", mem0api.Config{PublicURL: "https://mem.example", TrustForwarded: true}, []string{"X-Forwarded-Host", "other"}, "https://mem.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, func(c *mem0api.Config) {
				c.PublicURL, c.TrustForwarded = test.config.PublicURL, test.config.TrustForwarded
			})
			for range 3 {
				s.send(http.MethodPost, "/v1/memories/", `{"messages": "Hi", "user_id": "u"}`)
			}
			w := s.send(http.MethodGet, "//v1/events?page=2&page_size=1&x=a%20b", "", test.header...)
			var got struct{ Next, Previous string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Next != test.want+"/v1/events/?page=3&page_size=1&x=a+b" || got.Previous != test.want+"/v1/events/?page=1&page_size=1&x=a+b" {
				t.Errorf("next %s, previous %s, want them to begin with %s/v1/events/", got.Next, got.Previous, test.want)
			}
		})
	}
}

// TestOtherProject holds that nothing of another project can be seen or changed.
func TestOtherProject(t *testing.T) {
	s := newServer(t, nil)
	w := s.send(http.MethodPost, "/v3/memories/add/", `{"messages": "Mine", "user_id": "u", "infer": false}`)
	var added struct {
		EventID string `json:"event_id"`
		Results []struct{ ID string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &added); err != nil || len(added.Results) != 1 {
		t.Fatalf("add: %d %s", w.Code, w.Body)
	}
	w = s.send(http.MethodPost, "/api/v1/webhooks/projects/null/", `{"name": "n", "url": "https://example.com", "event_types": ["*"]}`)
	var hook struct {
		ID string `json:"webhook_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &hook); err != nil || hook.ID == "" {
		t.Fatalf("create webhook: %d %s", w.Code, w.Body)
	}
	_, foreign := sqlstoretest.Project(t, s.db, "other")
	id := added.Results[0].ID
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/v1/event/" + added.EventID + "/", ""},
		{"GET", "/v1/memories/" + id + "/", ""},
		{"GET", "/v1/memories/" + id + "/history/", ""},
		{"PUT", "/v1/memories/" + id + "/", `{"text": "stolen"}`},
		{"DELETE", "/v1/memories/" + id + "/", ""},
		{"DELETE", "/v1/memories/" + id + "/?delete_linked=true", ""},
		{"PUT", "/v1/batch/", `{"memories": [{"memory_id": "` + id + `", "text": "stolen"}]}`},
		{"DELETE", "/v1/batch/", `{"memories": [{"memory_id": "` + id + `"}]}`},
		{"GET", "/v2/entities/user/u/", ""},
		{"DELETE", "/v2/entities/user/u/", ""},
		{"DELETE", "/v1/entities/user/u/", ""},
		{"PUT", "/api/v1/webhooks/" + hook.ID + "/", `{"name": "stolen"}`},
		{"DELETE", "/api/v1/webhooks/" + hook.ID + "/", ""},
	} {
		if w := s.send(r.method, r.path, r.body, "Authorization", "Token "+foreign); w.Code != http.StatusNotFound {
			t.Errorf("%s %s with a foreign key: %d %s, want 404", r.method, r.path, w.Code, w.Body)
		}
	}
	if w := s.send("GET", "/v1/memories/"+id+"/", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Mine") {
		t.Errorf("GET with the own key: %d %s, want the memory as it was", w.Code, w.Body)
	}
}

// TestTooManyWebhooks holds the answer at the limit.
func TestTooManyWebhooks(t *testing.T) {
	s := newServer(t, nil)
	create := func() *httptest.ResponseRecorder {
		return s.send(http.MethodPost, "/api/v1/webhooks/projects/null/", `{"name": "n", "url": "https://example.com", "event_types": ["memory_add"]}`)
	}
	for i := range 50 {
		if w := create(); w.Code != http.StatusCreated {
			t.Fatalf("webhook %d: %d %s", i, w.Code, w.Body)
		}
	}
	want := `{"detail":"A project can have at most 50 webhooks.","non_field_errors":["A project can have at most 50 webhooks."]}`
	if w := create(); w.Code != http.StatusBadRequest || w.Body.String() != want {
		t.Errorf("webhook 50: %d %s, want 400 %s", w.Code, w.Body, want)
	}
}
