package mem0api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"memhook/memory/mem0api"
	"memhook/memory/sqlstore/sqlstoretest"
)

// mark stands in everything of the first project that nobody else may read.
const mark = "sesame"

// A victim is a project with one of everything, and the IDs of it.
type victim struct {
	*server
	memory, event, webhook, export string
}

func newVictim(t *testing.T) victim {
	t.Helper()
	v := victim{server: newServer(t, nil)}
	post := func(path, body string, into any) {
		t.Helper()
		w := v.send("POST", path, body)
		if w.Code/100 != 2 {
			t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	var added struct {
		EventID string `json:"event_id"`
		Results []struct{ ID string }
	}
	post("/v3/memories/add/", `{"messages": "sesame opens it", "user_id": "alice", "agent_id": "bot", "app_id": "crm", "run_id": "r1",
		"metadata": {"door": "sesame"}, "infer": false}`, &added)
	v.event, v.memory = added.EventID, added.Results[0].ID
	var made struct {
		ID      json.RawMessage `json:"id"`
		Webhook string          `json:"webhook_id"`
	}
	post("/api/v1/webhooks/projects/null/", `{"name": "sesame", "url": "https://sesame.example.com/", "event_types": ["*"]}`, &made)
	v.webhook = made.Webhook
	post("/v1/exports/", `{"schema": {}, "user_id": "alice"}`, &made)
	if err := json.Unmarshal(made.ID, &v.export); err != nil {
		t.Fatal(err)
	}
	post("/v1/users/", `{"user_id": "alice", "metadata": {"door": "sesame"}}`, &made)
	post("/v1/feedback/", `{"memory_id": "`+v.memory+`", "feedback": "POSITIVE", "feedback_reason": "sesame"}`, &made)
	if w := v.send("PATCH", "/api/v1/orgs/organizations/org_default/projects/null/", `{"name": "sesame", "custom_instructions": "sesame"}`); w.Code != http.StatusOK {
		t.Fatalf("name the project: %d %s", w.Code, w.Body)
	}
	if w := v.send("POST", "/api/v1/orgs/organizations/org_default/projects/null/members/", `{"email": "a@example.com"}`); w.Code != http.StatusOK {
		t.Fatalf("add a member: %d %s", w.Code, w.Body)
	}
	return v
}

// path is a route's path with the project's own IDs.
func (v victim) path(r mem0api.Route) string {
	ids := map[string]string{
		":memory": v.memory, ":event": v.event, ":webhook": v.webhook, ":project": v.project, ":org": "org_default", ":type": "user", ":name": "alice",
	}
	segments := strings.Split(r.Pattern, "/")
	for i, s := range segments {
		if id, ok := ids[s]; ok {
			segments[i] = id
		} else if strings.HasPrefix(s, ":") {
			v.t.Fatalf("%s: no ID for %s", r.Pattern, s)
		}
	}
	return strings.Join(segments, "/")
}

// bodies are what a caller could send to reach for the project's data.
func (v victim) bodies() []string {
	const common = `"query": "opens it", "text": "taken over", "metadata": {"taken": true}, "threshold": 0, "fields": ["memory", "metadata"],
		"name": "taken", "url": "https://evil.example.com/", "event_types": ["*"], "is_active": false, "email": "a@example.com", "role": "OWNER",
		"schema": {}, "feedback": "NEGATIVE", "feedback_reason": "taken", "messages": "hello", "async_mode": false, "infer": false, "custom_instructions": "taken"`
	ids := `, "memory_id": "` + v.memory + `", "memories": [{"memory_id": "` + v.memory + `", "text": "taken over"}], "project_id": "` + v.project + `"`
	filters := `, "filters": {"OR": [{"user_id": "*"}, {"memory_ids": ["` + v.memory + `"]}]}`
	return []string{
		`{` + common + ids + filters + `}`,
		`{` + common + ids + `, "filters": {"user_id": "alice"}, "include_merged": true, "show_expired": true}`,
		`{` + common + ids + `, "user_id": "alice"}`,
		`{` + common + ids + `, "user_id": "*", "agent_id": "*"}`,
		`{` + common + ids + filters + `, "memory_export_id": "` + v.export + `"}`,
		`{` + common + `, "agent_id": "bot"}`, `{` + common + `, "app_id": "crm"}`, `{` + common + `, "run_id": "r1"}`,
		``,
	}
}

// state is what the project shows to its own key.
func (v victim) state() string {
	var out strings.Builder
	for _, get := range []string{
		"/v1/memories/?user_id=alice&show_expired=true&include_merged=true", "/v1/memories/" + v.memory + "/", "/v1/memories/" + v.memory + "/history/",
		"/v1/event/" + v.event + "/", "/v1/events/", "/v1/entities/", "/v1/memories/events/", "/v2/entities/user/alice/",
		"/api/v1/webhooks/projects/null/", "/api/v1/orgs/organizations/org_default/projects/",
	} {
		w := v.send("GET", get, "")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), mark) && !strings.Contains(get, "entit") {
			v.t.Fatalf("GET %s: %d %s", get, w.Code, w.Body)
		}
		out.WriteString(get + "\n" + w.Body.String() + "\n")
	}
	w := v.send("POST", "/v1/exports/get/", `{"memory_export_id": "`+v.export+`"}`)
	out.WriteString(w.Body.String())
	return out.String()
}

// TestProjectsAreApart walks every route with another project's key and this
// project's IDs: nothing is shown, nothing changes.
func TestProjectsAreApart(t *testing.T) {
	v := newVictim(t)
	before := v.state()
	_, key := sqlstoretest.Project(t, v.db, "other")
	query := "?" + url.Values{
		"user_id": {"alice"}, "delete_linked": {"true"}, "email": {"a@example.com"}, "page_size": {"200"},
	}.Encode()
	api := mem0api.New(mem0api.Config{Memory: v.server.memory, Delivery: v.delivery, Keys: v.db.Key, Log: discard})
	routes := api.Routes()
	if len(routes) < 50 {
		t.Fatalf("%d routes in the table, want all", len(routes))
	}
	for _, r := range routes {
		if strings.Contains(r.Pattern, ":org/projects/") && !strings.Contains(r.Pattern, ":project") && r.Method == http.MethodPost {
			continue // makes a project of its own
		}
		for _, body := range v.bodies() {
			for _, target := range []string{v.path(r), v.path(r) + query} {
				w := v.send(r.Method, target, body, "Authorization", "Token "+key)
				if strings.Contains(w.Body.String(), mark) || w.Code >= http.StatusInternalServerError {
					t.Errorf("%s %s with %s: %d %s", r.Method, target, body, w.Code, w.Body)
				}
				named := strings.Contains(r.Pattern, ":memory") || strings.Contains(r.Pattern, ":event") ||
					strings.Contains(r.Pattern, ":webhook") || strings.Contains(r.Pattern, ":project")
				if named && w.Code/100 == 2 {
					t.Errorf("%s %s with %s: %d %s, want it refused", r.Method, target, body, w.Code, w.Body)
				}
			}
		}
	}
	v.work()
	if after := v.state(); after != before {
		t.Errorf("the project changed\nbefore: %s\nafter: %s", before, after)
	}
}
