package mem0api_test

import (
	"crypto/md5" //nolint:gosec // the client sends one
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// A pyClient makes the requests of mem0's Python client as they leave its HTTP
// library. It is written after the wire contract; the client itself needs a Python
// that tests cannot count on.
type pyClient struct {
	*server
	generation string // 0.1, 1.0 or 2.0
	org, id    string // from ping
}

// dict is a Python dict: its order counts.
type dict [][2]any

// newPyClient does what the constructor does. It raises without an organisation
// and a project that are non-empty strings.
func newPyClient(s *server, generation string) *pyClient {
	c := &pyClient{server: s, generation: generation}
	said := c.call("GET", "/v1/ping/", nil, nil).(map[string]any)
	org, isOrg := said["org_id"].(string)
	id, isProject := said["project_id"].(string)
	email, isEmail := said["user_email"].(string)
	if said["status"] != "ok" || !isOrg || !isProject || org == "" || id == "" || !isEmail && said["user_email"] != nil {
		s.t.Fatalf("the constructor raises after %v %q", said, email)
	}
	c.org, c.id = org, id
	return c
}

// call makes a request and returns what response.json() does.
func (c *pyClient) call(method, path string, params, body dict) any {
	c.t.Helper()
	status, answer := c.try(method, path, params, body)
	if status >= 400 {
		c.t.Fatalf("%s %s with %v raises for %d: %v", method, path, body, status, answer)
	}
	return answer
}

func (c *pyClient) try(method, path string, params, body dict) (int, any) {
	c.t.Helper()
	if len(params) > 0 {
		path += "?" + c.encode(params)
	}
	text := ""
	if body != nil {
		text = c.json(body)
	}
	hash := md5.Sum([]byte(c.key)) //nolint:gosec // see the import
	w := c.send(method, path, text, "Mem0-User-ID", hex.EncodeToString(hash[:]), "Content-Type", "application/json", "Accept", "*/*")
	// The client does not follow redirects, parses every answer, and shows an error's
	// detail only when the type begins so.
	if w.Code >= 300 && w.Code < 400 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		c.t.Fatalf("%s %s is answered %d of type %q", method, path, w.Code, w.Header().Get("Content-Type"))
	}
	var answer any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		c.t.Fatalf("%s %s is answered %d %q: %v", method, path, w.Code, w.Body, err)
	}
	if said, ok := answer.(map[string]any); w.Code >= 400 && (!ok || said["detail"] == nil || fmt.Sprintf("%T", said["detail"]) != "string") {
		c.t.Fatalf("%s %s is answered %d without a detail: %s", method, path, w.Code, w.Body)
	}
	return w.Code, answer
}

// encode is how httpx writes query parameters: None is empty, a list repeats its
// key, and a dict is what str makes of it. Since 0.24 a space is a plus sign.
func (c *pyClient) encode(params dict) string {
	var pairs []string
	for _, p := range params {
		list, ok := p[1].([]any)
		if !ok {
			list = []any{p[1]}
		}
		for _, v := range list {
			text := ""
			switch v := v.(type) {
			case nil:
			case string:
				text = v
			case bool:
				text = fmt.Sprint(v)
			default:
				text = pyText(v)
			}
			text = url.QueryEscape(text)
			if c.generation == "0.1" {
				text = strings.ReplaceAll(text, "+", "%20")
			}
			pairs = append(pairs, p[0].(string)+"="+text)
		}
	}
	return strings.Join(pairs, "&")
}

// pyText is str of a value.
func pyText(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			return `"` + v + `"`
		}
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`).Replace(v) + "'"
	case dict:
		var parts []string
		for _, p := range v {
			parts = append(parts, pyText(p[0])+": "+pyText(p[1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, pyText(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// json is json.dumps: with spaces and in ASCII until httpx 0.28.
func (c *pyClient) json(v any) string {
	comma, colon := ", ", ": "
	if c.generation == "2.0" {
		comma, colon = ",", ":"
	}
	var parts []string
	switch v := v.(type) {
	case dict:
		for _, p := range v {
			parts = append(parts, c.json(p[0])+colon+c.json(p[1]))
		}
		return "{" + strings.Join(parts, comma) + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, c.json(item))
		}
		return "[" + strings.Join(parts, comma) + "]"
	}
	raw, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.generation == "2.0" {
		return string(raw)
	}
	var b strings.Builder
	for _, r := range string(raw) {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String()
}

// own adds what the older generations put into most bodies and queries.
func (c *pyClient) own(d dict) dict {
	if c.generation == "2.0" {
		return d
	}
	return append(slices.Clone(d), [2]any{"org_id", c.org}, [2]any{"project_id", c.id})
}

// add is client.add with a string.
func (c *pyClient) add(text, user string, more dict) map[string]any {
	c.t.Helper()
	body := dict{{"messages", []any{dict{{"role", "user"}, {"content", text}}}}, {"user_id", user}}
	path := "/v1/memories/"
	switch c.generation {
	case "0.1":
		body = append(body, [2]any{"output_format", "v1.1"}, [2]any{"version", "v2"})
	case "1.0":
		body = append(body, [2]any{"output_format", "v1.1"}, [2]any{"async_mode", true})
	case "2.0":
		path = "/v3/memories/add/"
	}
	return c.call("POST", path, nil, c.own(append(body, more...))).(map[string]any)
}

// getAll is client.get_all; the client wraps a bare array.
func (c *pyClient) getAll(user string, params dict) map[string]any {
	c.t.Helper()
	var answer any
	switch c.generation {
	case "0.1":
		answer = c.call("GET", "/v1/memories/", c.own(append(dict{{"user_id", user}}, params...)), nil)
	case "1.0":
		answer = c.call("POST", "/v2/memories/", params, c.own(dict{{"user_id", user}}))
	case "2.0":
		answer = c.call("POST", "/v3/memories/", params, dict{{"filters", dict{{"user_id", user}}}})
	}
	if list, ok := answer.([]any); ok {
		return map[string]any{"results": list}
	}
	return answer.(map[string]any)
}

// search is client.search.
func (c *pyClient) search(query, user string) []any {
	c.t.Helper()
	var answer any
	switch c.generation {
	case "0.1":
		answer = c.call("POST", "/v1/memories/search/", nil, c.own(dict{{"query", query}, {"user_id", user}, {"output_format", "v1.1"}}))
	case "1.0":
		answer = c.call("POST", "/v2/memories/search/", nil, c.own(dict{{"query", query}, {"filters", dict{{"AND", []any{dict{{"user_id", user}}}}}}}))
	case "2.0":
		answer = c.call("POST", "/v3/memories/search/", nil, dict{{"query", query}, {"filters", dict{{"user_id", user}}}, {"top_k", 5}})
	}
	if list, ok := answer.([]any); ok {
		return list
	}
	return answer.(map[string]any)["results"].([]any)
}

func memoriesIn(answer map[string]any) (texts []string) {
	for _, m := range answer["results"].([]any) {
		texts = append(texts, m.(map[string]any)["memory"].(string))
	}
	return texts
}

// TestPythonOnTheWire goes through the methods of the Python client as three of its
// generations send them.
func TestPythonOnTheWire(t *testing.T) {
	for _, generation := range []string{"0.1", "1.0", "2.0"} {
		t.Run(generation, func(t *testing.T) {
			s := newServer(t, nil)
			c := newPyClient(s, generation)
			const user = "José O'Neil 😀"
			s.held.Store(true)
			queued := c.add("I live in Zürich 😀", user, dict{{"metadata", dict{{"a", nil}, {"b", true}}}})
			first := queued["results"].([]any)[0].(map[string]any)
			if first["status"] != "PENDING" || c.call("GET", "/v1/event/"+first["event_id"].(string)+"/", nil, nil).(map[string]any)["status"] != "PENDING" {
				t.Fatalf("the add was answered %v", queued)
			}
			s.held.Store(false)
			s.work()
			stored := c.add("Likes tea", user, dict{{"infer", false}, {"async_mode", false}})["results"].([]any)[0].(map[string]any)
			if stored["event"] != "ADD" || stored["memory"] != "Likes tea" {
				t.Fatalf("the processed add was answered %v", stored)
			}
			if diff := cmp.Diff([]string{"Likes tea", "Lives in Zürich 😀"}, memoriesIn(c.getAll(user, nil))); diff != "" {
				t.Errorf("get_all (-want +got):\n%s", diff)
			}
			if page := c.getAll(user, dict{{"page", 2}, {"page_size", 1}}); page["count"] != 2.0 || page["next"] != nil || len(memoriesIn(page)) != 1 {
				t.Errorf("the second page is %v", page)
			}
			if hits := c.search("Zürich", user); len(hits) == 0 || hits[0].(map[string]any)["memory"] != "Lives in Zürich 😀" {
				t.Errorf("search found %v", hits)
			}
			c.edit(t, stored["id"].(string))
			c.manage(t)
			c.remove(t, user)
		})
	}
}

// edit changes one memory and reads it.
func (c *pyClient) edit(t *testing.T, id string) {
	path := "/v1/memories/" + id + "/"
	body := dict{{"text", "Likes green tea"}}
	if c.generation == "2.0" {
		body = append(body, [2]any{"metadata", dict{{"k", []any{1, 2.5}}}}, [2]any{"timestamp", 1760374740.5})
	}
	c.call("PUT", path, c.own(nil), body)
	if m := c.call("GET", path, c.own(nil), nil).(map[string]any); m["memory"] != "Likes green tea" || m["hash"] == "" {
		t.Errorf("get returned %v", m)
	}
	if h := c.call("GET", path+"history/", c.own(nil), nil).([]any); len(h) != 2 {
		t.Errorf("history has %d entries", len(h))
	}
	batch := []any{dict{{"memory_id", id}, {"text", "Likes black tea"}}}
	if said := c.call("PUT", "/v1/batch/", nil, dict{{"memories", batch}}).(map[string]any); said["message"] != "Successfully updated 1 memories" {
		t.Errorf("batch_update said %v", said)
	}
	rated := c.call("POST", "/v1/feedback/", nil, dict{{"memory_id", id}, {"feedback", "POSITIVE"}, {"feedback_reason", nil}}).(map[string]any)
	if rated["feedback"] != "POSITIVE" {
		t.Errorf("feedback said %v", rated)
	}
	for status, path := range map[int]string{400: "/v1/memories/x/", 404: "/v1/memories/00000000-0000-7000-8000-000000000000/"} {
		if got, _ := c.try("GET", path, nil, nil); got != status {
			t.Errorf("%s raises for %d, want %d", path, got, status)
		}
	}
	if status, said := c.try("POST", "/v1/memories/", nil, dict{{"messages", []any{}}, {"user_id", "x"}}); status != 400 {
		t.Errorf("an empty add raises for %d: %v", status, said)
	}
}

// manage calls webhooks, exports, summaries and the project.
func (c *pyClient) manage(t *testing.T) {
	hooks := "/api/v1/webhooks/projects/" + c.id + "/"
	made := c.call("POST", hooks, nil, dict{{"name", "w"}, {"url", "https://example.com/h"}, {"event_types", []any{"memory_add"}}}).(map[string]any)
	one := "/api/v1/webhooks/" + made["webhook_id"].(string) + "/"
	c.call("PUT", one, nil, dict{{"name", "v"}})
	if list := c.call("GET", hooks, nil, nil).([]any); len(list) != 1 || list[0].(map[string]any)["name"] != "v" {
		t.Errorf("get_webhooks returned %v", list)
	}
	c.call("DELETE", one, nil, nil)

	filters := dict{{"user_id", "José O'Neil 😀"}}
	c.held.Store(true)
	export := c.call("POST", "/v1/exports/", nil, c.own(dict{{"schema", `{"type":"object","properties":{}}`}, {"filters", filters}})).(map[string]any)
	c.work()
	c.held.Store(false)
	c.call("POST", "/v1/exports/get/", nil, c.own(dict{{"memory_export_id", export["id"]}}))
	c.call("POST", "/v1/summary/", nil, c.own(dict{{"filters", filters}}))

	project := "/api/v1/orgs/organizations/" + c.org + "/projects/" + c.id + "/"
	c.call("PATCH", project, nil, dict{{"custom_instructions", "Être bref"}, {"custom_categories", []any{dict{{"thé", "tea"}}}}})
	got := c.call("GET", project, dict{{"fields", []any{"custom_instructions", "custom_categories"}}}, nil).(map[string]any)
	if got["custom_instructions"] != "Être bref" {
		t.Errorf("get_project returned %v", got)
	}
}

// remove deletes everything there is.
func (c *pyClient) remove(t *testing.T, user string) {
	params := dict{{"user_id", user}}
	if c.generation == "2.0" {
		params = dict{{"filters", dict{{"user_id", user}}}}
	}
	c.held.Store(true)
	if said := c.call("DELETE", "/v1/memories/", c.own(params), nil).(map[string]any); said["event_id"] == nil {
		t.Errorf("delete_all said %v", said)
	}
	c.work()
	c.held.Store(false)
	if left := memoriesIn(c.getAll(user, nil)); len(left) != 0 {
		t.Errorf("after delete_all %q are left", left)
	}
	c.add("Is tall", "a b", dict{{"infer", false}, {"async_mode", false}})
	c.held.Store(true)
	users := c.call("GET", "/v1/entities/", c.own(nil), nil).(map[string]any)["results"].([]any)
	for _, u := range users {
		e := u.(map[string]any)
		path := "/v2/entities/" + e["type"].(string) + "/" + url.PathEscape(e["name"].(string)) + "/"
		if c.generation == "0.1" {
			path = "/v1/entities/" + e["type"].(string) + "/" + e["id"].(string) + "/"
		}
		c.call("DELETE", path, c.own(nil), nil)
	}
	c.work()
	if left := memoriesIn(c.getAll("a b", nil)); len(left) != 0 {
		t.Errorf("after delete_users %q are left", left)
	}
}
