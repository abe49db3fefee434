package mem0api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"memhook/memory/mem0api"
)

// members are what some route reads of a body or a query.
var members = []string{
	"messages", "user_id", "agent_id", "filters", "metadata", "timestamp", "expiration_date", "custom_categories", "custom_instructions", "output_format",
	"text", "memories", "memory_id", "query", "top_k", "threshold", "fields", "categories", "keywords", "start_date", "page", "page_size", "limit",
	"reference_date", "name", "url", "event_types", "is_active", "email", "role", "schema", "memory_export_id", "feedback", "feedback_reason",
	"description", "memory_policy", "retrieval_criteria", "multilingual", "delete_linked", "show_expired", "event_type", "status",
}

// oddities are values that are wrong somewhere.
var oddities = []string{
	`null`, `true`, `-1`, `1e999`, `""`, `"\ud83d\ude00"`, `"x' OR 1=1 --"`, `[]`, `[[]]`, `[null]`, `{}`, `{"":{}}`, `{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/a"}}}`,
	`"` + strings.Repeat("x", 5000) + `"`, `{"AND":[{"user_id":"*"},{"OR":[]}]}`,
}

// TestNothingBreaksARoute sends every route odd values in members of its body or
// query, beside what the route needs: the answer is JSON and never a 5xx.
func TestNothingBreaksARoute(t *testing.T) {
	v := newVictim(t)
	api := mem0api.New(mem0api.Config{Memory: v.server.memory, Delivery: v.delivery, Keys: v.db.Key, Log: discard})
	needs := map[string]string{
		"messages": `"hi"`, "user_id": `"alice"`, "query": `"sesame"`, "name": `"n"`, "url": `"https://example.com/"`, "event_types": `["memory_add"]`,
		"email": `"b@example.com"`, "schema": `{}`, "memory_id": `"` + v.memory + `"`, "text": `"sesame"`,
	}
	for i, r := range api.Routes() {
		for _, body := range []string{``, `null`, `[]`, `7`, `{`, `{}`, "\xff", strings.Repeat("[", 100)} {
			check(t, v, r, v.path(r), body)
		}
		for j, member := range members {
			for k, oddity := range oddities {
				if (i+j+k)%11 != 0 {
					continue // another route gets it
				}
				if r.Method == http.MethodGet || r.Method == http.MethodDelete {
					check(t, v, r, v.path(r)+"?user_id=alice&"+member+"="+url.QueryEscape(strings.Trim(oddity, `"`)), "")
					continue
				}
				parts := []string{`"` + member + `":` + oddity}
				for name, value := range needs {
					if name != member {
						parts = append(parts, `"`+name+`":`+value)
					}
				}
				check(t, v, r, v.path(r), "{"+strings.Join(parts, ",")+"}")
			}
		}
	}
}

func check(t *testing.T, v victim, r mem0api.Route, target, body string) {
	t.Helper()
	w := v.send(r.Method, target, body)
	if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %.300s with %.300s: %d %.300s", r.Method, target, body, w.Code, w.Body)
	}
}
