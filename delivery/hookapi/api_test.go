package hookapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

func TestEndpointsLife(t *testing.T) {
	s := newSite(t)
	made := s.must("POST", "/api/v2/endpoints", map[string]any{
		"name": "crm", "url": "https://crm.example.com/hook", "event_types": []string{"memory_add"}, "headers": map[string]string{"x-team": "blue"},
		"filter": map[string]any{"user_ids": []string{"alice"}}, "rate_per_second": 5, "timeout_s": 3,
		"schedule": map[string]any{"type": "list", "waits_s": []int{1, 2}}, "ed25519": true,
	})
	id := made["id"].(string)
	if !strings.HasPrefix(made["secret"].(string), "whsec_") || !strings.HasPrefix(made["public_key"].(string), "whpk_") {
		t.Errorf("created %v", made)
	}
	got := s.must("GET", "/api/v2/endpoints/"+id, nil)
	if got["secret"] != nil || got["headers"].(map[string]any)["X-Team"] == "blue" {
		t.Errorf("secrets are shown: %v", got)
	}
	got = s.must("PATCH", "/api/v2/endpoints/"+id, map[string]any{"name": "CRM", "schedule": nil, "rate_per_second": 0})
	if got["name"] != "CRM" || got["schedule"] != nil || got["rate_per_second"] != 0.0 || got["timeout_s"] != 3.0 {
		t.Errorf("changed to %v", got)
	}
	for _, step := range []struct{ action, state string }{{"pause", "paused"}, {"resume", "active"}, {"enable", "active"}} {
		got = s.must("POST", "/api/v2/endpoints/"+id+"/"+step.action, nil)
		if state := got["standing"].(map[string]any)["state"]; state != step.state {
			t.Errorf("after %s it is %v, want %s", step.action, state, step.state)
		}
	}
	rotated := s.must("POST", "/api/v2/endpoints/"+id+"/secret/rotate", map[string]any{"overlap_s": 60})
	if rotated["secret"] == made["secret"] || len(rotated["live"].([]any)) != 2 {
		t.Errorf("rotated: %v", rotated["live"])
	}
	if shown := s.must("POST", "/api/v2/endpoints/"+id+"/secret/reveal", nil); shown["secret"] != rotated["secret"] {
		t.Errorf("revealed %v, want %v", shown["secret"], rotated["secret"])
	}
	s.must("DELETE", "/api/v2/endpoints/"+id, nil)
	if a := s.do(s.admin, "GET", "/api/v2/endpoints/"+id, nil); a.status != http.StatusNotFound {
		t.Errorf("a deleted endpoint is answered with %d", a.status)
	}
	var actions []string
	for _, e := range s.must("GET", "/api/v2/audit?subject="+id, nil)["data"].([]any) {
		actions = append(actions, e.(map[string]any)["action"].(string))
	}
	want := []string{"endpoint.delete", "endpoint.reveal_secret", "endpoint.rotate_secret", "endpoint.enable", "endpoint.resume", "endpoint.pause", "endpoint.change", "endpoint.create"}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestADeliveryIsShownAndExplained(t *testing.T) {
	s := newSite(t)
	crm := s.endpoint("crm")
	s.answer = answerWith(http.StatusServiceUnavailable)
	e := s.add(s.project, "Lives in Lisbon")

	list := s.must("GET", "/api/v2/deliveries?status=retrying&code=5xx&user=alice", nil)
	if n := len(list["data"].([]any)); n != 1 {
		t.Fatalf("%d deliveries, want 1: %v", n, list)
	}
	one := list["data"].([]any)[0].(map[string]any)
	id := one["id"].(string)
	if one["endpoint_id"] != crm || one["event_id"] != e.ID.String() || one["attempts"] != 1.0 {
		t.Errorf("delivery %v", one)
	}
	if diff := cmp.Diff(one, s.must("GET", "/api/v2/deliveries/"+id, nil)); diff != "" {
		t.Errorf("by its ID (-list +get):\n%s", diff)
	}
	attempt := s.must("GET", "/api/v2/deliveries/"+id+"/attempts/1", nil)
	if attempt["response_body"] != "taken" || attempt["status_code"] != 503.0 || attempt["sentence"] != "The endpoint answered 503." {
		t.Errorf("attempt %v", attempt)
	}
	attempts := s.must("GET", "/api/v2/deliveries/"+id+"/attempts", nil)["data"].([]any)
	if diff := cmp.Diff([]any{attempt}, attempts); diff != "" {
		t.Errorf("attempts (-one +list):\n%s", diff)
	}
	why := s.must("GET", "/api/v2/events/"+e.ID.String()+"/explain", nil)
	if why["code"] == "" || len(why["deliveries"].([]any)) != 1 || !strings.Contains(why["sentence"].(string), "503") {
		t.Errorf("explained: %v", why)
	}
	if v := s.must("GET", "/api/v2/deliveries/"+id+"/explain", nil); v["sentence"] != why["sentence"] {
		t.Errorf("the delivery is explained by %v, its event by %v", v["sentence"], why["sentence"])
	}
	message := s.must("GET", "/api/v2/messages/"+one["message_id"].(string), nil)
	if body := message["body"].(map[string]any); body["type"] != "memory_add" {
		t.Errorf("message %v", message)
	}
	if m := s.must("GET", "/api/v2/messages?event="+e.ID.String(), nil)["data"].([]any); len(m) != 1 {
		t.Errorf("%d messages of the event", len(m))
	}
	event := s.must("GET", "/api/v2/events/"+e.ID.String(), nil)
	if changes := event["changes"].([]any); len(changes) != 1 || changes[0].(map[string]any)["memory"] != "Lives in Lisbon" {
		t.Errorf("event %v", event)
	}
	counts := s.must("GET", "/api/v2/deliveries/counts?since=1h", nil)["counts"].(map[string]any)
	if counts["all"].(map[string]any)["count"] != 1.0 || counts["retrying"].(map[string]any)["count"] != 1.0 || counts["failed"].(map[string]any)["count"] != 0.0 {
		t.Errorf("counts %v", counts)
	}
	match := s.must("POST", "/api/v2/endpoints/"+crm+"/match", map[string]any{"event_id": e.ID.String()})
	if match["receives"] != true || len(match["verdicts"].([]any)) != 1 {
		t.Errorf("match %v", match)
	}
	s.must("PATCH", "/api/v2/endpoints/"+crm, map[string]any{"filter": map[string]any{"user_ids": []string{"bob"}}})
	match = s.must("POST", "/api/v2/endpoints/"+crm+"/match", map[string]any{"event_id": e.ID.String()})
	if match["receives"] != false || !strings.Contains(fmt.Sprint(match["verdicts"]), "its filter does not take this user") {
		t.Errorf("match with a filter: %v", match)
	}
	match = s.must("POST", "/api/v2/endpoints/"+crm+"/match", map[string]any{"message": map[string]any{"type": "memory_add", "user_id": "bob"}})
	if match["receives"] != true {
		t.Errorf("match of a described message: %v", match)
	}
}

func TestPagesOfTheAPI(t *testing.T) {
	s := newSite(t)
	s.endpoint("crm")
	for i := range 5 {
		s.add(s.project, fmt.Sprint("fact ", i))
	}
	for _, path := range []string{"/api/v2/deliveries?", "/api/v2/deliveries?user=alice&", "/api/v2/events?", "/api/v2/messages?"} {
		seen := map[string]bool{}
		next, pages := "", 0
		for ; pages < 10; pages++ {
			list := s.must("GET", path+"limit=2"+next, nil)
			for _, row := range list["data"].([]any) {
				seen[row.(map[string]any)["id"].(string)] = true
			}
			cursor, ok := list["next_cursor"].(string)
			if !ok {
				break
			}
			next = "&after=" + cursor
		}
		if len(seen) != 5 || pages != 2 {
			t.Errorf("%s has %d rows on %d pages, want 5 on 3", path, len(seen), pages+1)
		}
	}
}

func TestKeysLife(t *testing.T) {
	s := newSite(t)
	made := s.must("POST", "/api/v2/keys", map[string]any{"name": "ci", "scope": "read"})
	key := made["key"].(string)
	if a := s.do(key, "GET", "/api/v2/project", nil); a.status != http.StatusOK || a.json(t)["scope"] != "read" {
		t.Errorf("the new key gets %d, %s", a.status, a.raw)
	}
	if a := s.do(s.admin, "GET", "/api/v2/keys", nil); strings.Contains(string(a.raw), key) || !strings.Contains(string(a.raw), made["id"].(string)) {
		t.Errorf("keys: %s", a.raw)
	}
	s.must("DELETE", "/api/v2/keys/"+made["id"].(string), nil)
	if a := s.do(key, "GET", "/api/v2/project", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a revoked key gets %d", a.status)
	}
	for _, k := range s.must("GET", "/api/v2/keys", nil)["data"].([]any) {
		k := k.(map[string]any)
		if k["scope"] != "admin" || k["revoked_at"] != nil {
			continue
		}
		a := s.do(s.admin, "DELETE", "/api/v2/keys/"+k["id"].(string), nil)
		if a.status != http.StatusConflict || a.json(t)["type"] != "urn:memhook:problem:last-key" {
			t.Errorf("the last admin key is revoked: %d, %s", a.status, a.raw)
		}
	}
}

// pathOf fills the path of a route with IDs.
func pathOf(pattern string, ids map[string]string) string {
	segments := strings.Split(pattern, "/")
	for i, seg := range segments {
		if name, ok := strings.CutPrefix(seg, ":"); ok {
			segments[i] = ids[name]
		}
	}
	return strings.Join(segments, "/")
}

// body returns what a route is sent.
func (s *site) body(route string, ids map[string]string) any {
	given, ok := bodies[route].(map[string]any)
	if !ok {
		return nil
	}
	given = maps.Clone(given)
	if _, ok := given["endpoint_id"]; ok {
		given["endpoint_id"] = ids["endpoint"]
	}
	if _, ok := given["memory_id"]; ok {
		given["memory_id"] = ids["memory"]
	}
	if _, ok := given["frozen_at"]; ok {
		given["frozen_at"] = s.clock()
	}
	return given
}

// ids returns an ID for each name in a path, of things that are there.
func (s *site) ids() map[string]string {
	s.t.Helper()
	crm := s.endpoint("crm")
	e := s.add(s.project, "Lives in Lisbon")
	one := s.must("GET", "/api/v2/deliveries", nil)["data"].([]any)[0].(map[string]any)
	key := s.must("POST", "/api/v2/keys", map[string]any{"name": "spare"})
	return map[string]string{
		"endpoint": crm, "event": e.ID.String(), "delivery": one["id"].(string), "message": one["message_id"].(string),
		"number": "1", "key": key["id"].(string), "source": s.source(), "replay": s.replay(crm),
		"erasure": s.erase("Has a secret"), "memory": s.memoryOf(e),
	}
}

// bodies are what routes with required fields are sent.
var bodies = map[string]any{
	"POST /api/v2/endpoints":                 map[string]any{"name": "x", "url": "https://x.example.com/"},
	"POST /api/v2/keys":                      map[string]any{"name": "x"},
	"POST /api/v2/sources":                   map[string]any{"name": "x"},
	"POST /api/v2/replays/preview":           map[string]any{"endpoint_id": "", "what": "failed"},
	"POST /api/v2/erasures/preview":          map[string]any{"memory_id": ""},
	"POST /api/v2/erasures":                  map[string]any{"memory_id": ""},
	"POST /api/v2/replays":                   map[string]any{"endpoint_id": "", "what": "failed", "frozen_at": "", "count": 0},
	"POST /api/v2/endpoints/:endpoint/match": map[string]any{"message": map[string]any{"type": "memory_add"}},
}

func TestOtherProjectsFindNothing(t *testing.T) {
	s := newSite(t)
	ids := s.ids()
	_, stranger := sqlstoretest.Project(t, s.db, "other")
	for _, r := range s.api.Routes() {
		name := r.Method + " " + r.Pattern
		if strings.HasSuffix(r.Pattern, "/stream") {
			continue // TestStreamIsOfTheProject
		}
		a := s.do(stranger, r.Method, pathOf(r.Pattern, ids), s.body(name, ids))
		if strings.Contains(r.Pattern, "/:") && a.status != http.StatusNotFound {
			t.Errorf("%s with another project's key: %d, %s", name, a.status, a.raw)
		}
		for what, id := range ids {
			if what != "number" && strings.Contains(string(a.raw), id) {
				t.Errorf("%s with another project's key shows the %s: %s", name, what, a.raw)
			}
		}
	}
}

func TestScopesAndMissingKeys(t *testing.T) {
	s := newSite(t)
	ids := s.ids()
	for _, r := range s.api.Routes() {
		name := r.Method + " " + r.Pattern
		if a := s.do("", r.Method, pathOf(r.Pattern, ids), s.body(name, ids)); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s without a key: %d", name, a.status)
		}
		if r.Scope == apikey.Admin {
			if a := s.do(s.reader, r.Method, pathOf(r.Pattern, ids), s.body(name, ids)); a.status != http.StatusForbidden {
				t.Errorf("%s with a key that may read: %d, want 403", name, a.status)
			}
		} else if r.Method != http.MethodGet && !strings.HasSuffix(r.Pattern, "/match") && !strings.HasSuffix(r.Pattern, "/preview") {
			t.Errorf("%s changes something and is open to a key that may read", name)
		}
	}
}

func TestHostileInputIsRefused(t *testing.T) {
	s := newSite(t)
	ids := s.ids()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	bad := []string{
		"", "{", "[]", "null", `"x"`, "{}{}", "\xff", `{"name":"\u0000"}`, `{"name":` + deep + `}`, `{"nmae":"x"}`, `{"name":1,"url":2}`,
		`{"name":null,"url":null}`, `{"name":"x","url":"https://x.example.com","timeout_s":1e308}`, `{"name":"x","url":"` + strings.Repeat("x", 3000) + `"}`,
		`{"name":"` + strings.Repeat("x", 300) + `","url":"https://x.example.com"}`, `{"overlap_s":-1}`, `{"overlap_s":1e300}`, `{"schedule":{"type":"x"}}`,
		`{"event_id":"x"}`, `{"headers":{"a b":"c"}}`, `{"filter":{"metadata":{"k":` + deep[:60] + deep[140:] + `}}}`, `{"rate_per_second":1e308}`, `{"scope":"root"}`,
		`{"a":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
	queries := []string{
		"limit=x", "limit=-1", "limit=251", "limit=99999999999999999999", "after=x", "after=" + strings.Repeat("A", 5000), "nope=1", "status=x",
		"code=9", "since=x", "q=%22", "q=%00", "user=%00", "user=%ff", "endpoint=%00", "type=%00", "subject=%00", "event=1", "q=" + strings.Repeat("a", 3000),
	}
	for _, r := range s.api.Routes() {
		path, sep := pathOf(r.Pattern, ids), "?"
		if strings.HasSuffix(path, "/stream") {
			path, sep = path+"?status=x", "&" // is refused, so that it ends
		}
		if r.Method == http.MethodGet {
			for _, q := range queries {
				if a := s.do(s.admin, r.Method, path+sep+q, nil); a.status >= 500 {
					t.Errorf("%s %s?%s: %d, %s", r.Method, r.Pattern, q, a.status, a.raw)
				}
			}
		} else if r.Method != http.MethodDelete {
			for _, b := range bad {
				if a := s.do(s.admin, r.Method, path, b); a.status >= 500 {
					t.Errorf("%s %s with %.60q: %d, %s", r.Method, r.Pattern, b, a.status, a.raw)
				}
			}
		}
		for _, id := range []string{"x", "%00", "%ff", "..", strings.Repeat("9", 3000), "0"} {
			hostile := map[string]string{}
			for name := range ids {
				hostile[name] = id
			}
			if sep == "&" {
				continue
			}
			if a := s.do(s.admin, r.Method, pathOf(r.Pattern, hostile), bodies[r.Method+" "+r.Pattern]); a.status >= 500 || strings.Contains(r.Pattern, "/:") && a.status < 300 {
				t.Errorf("%s %s with the ID %.20q: %d, %s", r.Method, r.Pattern, id, a.status, a.raw)
			}
		}
	}
}

func TestProblemsNameTheField(t *testing.T) {
	s := newSite(t)
	crm := s.endpoint("crm")
	for _, tt := range []struct {
		method, path string
		body         any
		field, text  string
	}{
		{"POST", "/api/v2/endpoints", `{}`, "name", "This field is required."},
		{"POST", "/api/v2/endpoints", `{"nmae":"x","name":"x","url":"https://x.example.com"}`, "nmae", "There is no such field."},
		{"POST", "/api/v2/endpoints", `{"name":5,"url":"https://x.example.com"}`, "name", "Must be a text."},
		{"POST", "/api/v2/endpoints", `{"name":"x","url":"https://x.example.com","event_types":"x"}`, "event_types", "Must be a list, each of its items a text."},
		{"POST", "/api/v2/endpoints", `{"name":"x","url":"https://x.example.com","filter":{"user_id":["a"]}}`, "filter.user_id", "There is no such field."},
		{"POST", "/api/v2/endpoints", `{"name":"x","url":"https://x.example.com","timeout_s":31}`, "timeout_s", "Must be between 1 and 30 seconds."},
		{"PATCH", "/api/v2/endpoints/" + crm, `{"name":null}`, "name", "Must not be null."},
		{"PATCH", "/api/v2/endpoints/" + crm, `{"schedule":{"type":"none"}}`, "schedule", "type is \"none\""},
		{"GET", "/api/v2/deliveries?stauts=failed", nil, "stauts", "There is no such filter. Did you mean status?"},
		{"GET", "/api/v2/messages?limit=1000", nil, "limit", "Must be from 1 to 250."},
		{"GET", "/api/v2/endpoints?limit=1", nil, "limit", "There is no such parameter."},
		{"GET", "/api/v2/events?after=zzz", nil, "after", "This is not a cursor"},
		{"POST", "/api/v2/endpoints", `{`, "", "The request body is not valid JSON."},
	} {
		a := s.do(s.admin, tt.method, tt.path, tt.body)
		p := a.json(t)
		if a.status != http.StatusBadRequest || a.header.Get("Content-Type") != "application/problem+json" || p["type"] != "urn:memhook:problem:invalid-request" || p["request_id"] != "req-1" {
			t.Errorf("%s %s: %d, %s", tt.method, tt.path, a.status, a.raw)
			continue
		}
		first := p["errors"].([]any)[0].(map[string]any)
		if first["field"] != tt.field || !strings.Contains(first["detail"].(string), tt.text) {
			t.Errorf("%s %s with %v: %v, want %s: %s", tt.method, tt.path, tt.body, first, tt.field, tt.text)
		}
	}
	a := s.do(s.admin, "GET", "/api/v2/events/01936000-0000-7000-8000-000000000001/explain", nil)
	if a.status != http.StatusNotFound || !strings.Contains(string(a.raw), "kept for 30 d") {
		t.Errorf("an event that was pruned: %d, %s", a.status, a.raw)
	}
	if a := s.do(s.admin, "GET", "/api/v2/endpoints/", nil); a.status != http.StatusOK {
		t.Errorf("GET with a final slash: %d", a.status)
	}
	if a := s.do(s.admin, "PUT", "/api/v2/endpoints/", nil); a.header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT with a final slash: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	if a := s.do(s.admin, "PUT", "/api/v2/endpoints", nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	if a := s.do(s.admin, "GET", "/api/v2/nothing", nil); a.status != http.StatusNotFound || a.json(t)["type"] != "urn:memhook:problem:no-such-path" {
		t.Errorf("no such path: %d, %s", a.status, a.raw)
	}
}

func TestNoWorkerIsSaid(t *testing.T) {
	s := newSite(t)
	e, err := s.memory.Add(t.Context(), s.project, memory.Add{Turns: []memory.Turn{{Role: "user", Text: "hi"}}, Scope: memory.Scope{UserID: "alice"}}, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for idle, want := range map[bool]string{false: "event_pending", true: "event_no_worker"} {
		s.idle.Store(idle)
		if got := s.must("GET", "/api/v2/events/"+e.ID.String()+"/explain", nil); got["code"] != want {
			t.Errorf("no worker is %t: %v, want %s", idle, got["code"], want)
		}
	}
}

func TestStats(t *testing.T) {
	s := newSite(t)
	crm := s.endpoint("crm")
	s.add(s.project, "a fact")
	s.answer = answerWith(http.StatusInternalServerError)
	s.add(s.project, "another")
	got := s.must("GET", "/api/v2/stats?since=1h&step_s=300&endpoint="+crm, nil)
	total := got["total"].(map[string]any)
	if total["created"] != 2.0 || total["succeeded"] != 1.0 || total["attempts"] != 2.0 || total["failed_attempts"] != 1.0 {
		t.Errorf("total %v", total)
	}
	if n := len(got["series"].([]any)); n < 12 || n > 14 {
		t.Errorf("an hour has %d steps of 5 minutes", n)
	}
	if got["oldest_waiting_at"] == nil || got["endpoints"].(map[string]any)[crm] == nil {
		t.Errorf("stats %v", got)
	}
	for _, bad := range []string{"since=1m&until=1h", "step_s=61", "since=300d&step_s=60", "endpoint=x", "since=9999d", "step_s=9000000000"} {
		if a := s.do(s.admin, "GET", "/api/v2/stats?"+bad, nil); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d, %s", bad, a.status, a.raw)
		}
	}
	for _, span := range []string{"1m", "1h", "24h", "7d", "30d", "360d"} {
		if n := len(s.must("GET", "/api/v2/stats?since="+span, nil)["series"].([]any)); n > 64 {
			t.Errorf("%s has %d steps", span, n)
		}
	}
}

func TestSendAgainAndCancel(t *testing.T) {
	s := newSite(t)
	crm := s.endpoint("crm")
	s.answer = answerWith(http.StatusInternalServerError)
	s.add(s.project, "a fact")
	id := s.must("GET", "/api/v2/deliveries", nil)["data"].([]any)[0].(map[string]any)["id"].(string)
	if got := s.must("POST", "/api/v2/deliveries/"+id+"/cancel", nil); got["status"] != "canceled" {
		t.Errorf("canceled: %v", got)
	}
	a := s.do(s.admin, "POST", "/api/v2/deliveries/"+id+"/cancel", nil)
	if a.status != http.StatusConflict || a.json(t)["type"] != "urn:memhook:problem:wrong-state" {
		t.Errorf("canceled twice: %d, %s", a.status, a.raw)
	}
	if got := s.must("POST", "/api/v2/deliveries/"+id+"/resend", nil); got["status"] != "pending" || got["trigger"] != "manual" {
		t.Errorf("sent again: %v", got)
	}
	if got := s.must("POST", "/api/v2/endpoints/"+crm+"/test", map[string]any{"type": "memory_delete"}); got["trigger"] != "test" || got["event_id"] != nil || got["type"] != "memory_delete" {
		t.Errorf("test: %v", got)
	}
	s.must("POST", "/api/v2/endpoints/"+crm+"/pause", nil)
	if a := s.do(s.admin, "POST", "/api/v2/deliveries/"+id+"/resend", nil); a.status != http.StatusConflict {
		t.Errorf("sent again while paused: %d, %s", a.status, a.raw)
	}
}

func TestProbe(t *testing.T) {
	s := newSite(t)
	crm := s.endpoint("crm")
	refused := func(kind string) {
		t.Helper()
		a := s.do(s.admin, "POST", "/api/v2/endpoints/"+crm+"/probe", nil)
		if a.status != http.StatusConflict || a.json(t)["type"] != "urn:memhook:problem:"+kind {
			t.Errorf("probe: %d, %s; want %s", a.status, a.raw, kind)
		}
	}
	refused("not-parked")
	s.answer = answerWith(http.StatusInternalServerError)
	for i := range 10 {
		s.add(s.project, fmt.Sprint("fact ", i))
	}
	got := s.must("POST", "/api/v2/endpoints/"+crm+"/probe", nil)
	if got["endpoint_id"] != crm || got["trigger"] != "manual" || got["status"] != "pending" {
		t.Errorf("probe %v", got)
	}
	if a := s.do(s.reader, "POST", "/api/v2/endpoints/"+crm+"/probe", nil); a.status != http.StatusForbidden {
		t.Errorf("a probe with a read key: %d", a.status)
	}
	entry := s.must("GET", "/api/v2/audit", nil)["data"].([]any)[0].(map[string]any)
	if entry["action"] != "endpoint.probe" || entry["subject"] != crm || entry["detail"] != got["id"] {
		t.Errorf("audit entry %v", entry)
	}
	for _, one := range s.must("GET", "/api/v2/deliveries", nil)["data"].([]any) {
		s.must("POST", "/api/v2/deliveries/"+one.(map[string]any)["id"].(string)+"/cancel", nil)
	}
	refused("nothing-waits")
}

func TestReplaysLife(t *testing.T) {
	s := newSite(t)
	crm := s.endpoint("crm")
	for i := range 3 {
		s.add(s.project, fmt.Sprint("fact ", i))
	}
	set := map[string]any{"endpoint_id": crm, "what": "all"}
	s.pass(time.Second)
	preview := s.must("POST", "/api/v2/replays/preview", set)
	if preview["count"] != 3.0 {
		t.Fatalf("preview %v", preview)
	}
	set["frozen_at"], set["count"] = preview["frozen_at"], 2
	if a := s.do(s.admin, "POST", "/api/v2/replays", set); a.status != http.StatusConflict || a.json(t)["type"] != "urn:memhook:problem:changed-since-preview" {
		t.Errorf("another count: %d, %s", a.status, a.raw)
	}
	set["count"], set["rate_per_second"] = 3, 1
	made := s.must("POST", "/api/v2/replays", set)
	path := "/api/v2/replays/" + made["id"].(string)
	if made["state"] != "running" || made["total"] != 3.0 {
		t.Errorf("made %v", made)
	}
	if got := s.must("POST", path+"/cancel", nil); got["state"] != "canceled" {
		t.Errorf("canceled %v", got)
	}
	if list := s.must("GET", "/api/v2/replays", nil)["data"].([]any); len(list) != 1 {
		t.Errorf("%d replays", len(list))
	}
}

func TestSourcesLife(t *testing.T) {
	s := newSite(t)
	made := s.must("POST", "/api/v2/sources", map[string]any{"name": "hosted", "verification": "github", "dedupe_window_s": 60})
	path := "/api/v2/sources/" + made["id"].(string)
	if !strings.HasPrefix(made["path"].(string), "/in/") || made["secret"] == nil {
		t.Errorf("created %v", made)
	}
	got := s.must("PATCH", path, map[string]any{"paused": true, "name": "mine"})
	if got["paused_at"] == nil || got["name"] != "mine" || got["secret"] != nil || got["dedupe_window_s"] != 60.0 {
		t.Errorf("changed to %v", got)
	}
	if shown := s.must("POST", path+"/reveal", nil); shown["secret"] != made["secret"] || shown["path"] != made["path"] {
		t.Errorf("revealed %v", shown)
	}
	if a := s.do(s.admin, "POST", "/api/v2/sources", map[string]any{"name": "x", "verification": "magic"}); a.status != http.StatusBadRequest || !strings.Contains(string(a.raw), `"field":"verification"`) {
		t.Errorf("an unknown verification: %d, %s", a.status, a.raw)
	}
	s.must("DELETE", path, nil)
	if n := len(s.must("GET", "/api/v2/sources", nil)["data"].([]any)); n != 0 {
		t.Errorf("%d sources after deleting the only one", n)
	}
}

func TestTooManyEndpoints(t *testing.T) {
	s := newSite(t)
	for i := range delivery.MaxEndpoints {
		s.endpoint(fmt.Sprint("e", i))
	}
	a := s.do(s.admin, "POST", "/api/v2/endpoints", map[string]any{"name": "one more", "url": "https://x.example.com"})
	if a.status != http.StatusConflict || a.json(t)["type"] != "urn:memhook:problem:too-many-endpoints" {
		t.Errorf("one more endpoint: %d, %s", a.status, a.raw)
	}
}
