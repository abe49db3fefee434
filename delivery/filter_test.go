package delivery_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"memhook/delivery"
)

func TestRefuses(t *testing.T) {
	m := delivery.Message{Type: delivery.MemoryAdd, Facets: delivery.Facets{
		UserID: "alice", RunID: "r1", Categories: []string{"food", "travel"}, Writer: "key_1",
		Metadata: json.RawMessage(`{"tier":"gold","n":1,"o":{"a":[1,2]},"big":9007199254740993}`),
	}}
	meta := func(key, value string) delivery.Filter {
		return delivery.Filter{Metadata: map[string]json.RawMessage{key: json.RawMessage(value)}}
	}
	tests := []struct {
		name   string
		types  []string
		filter delivery.Filter
		reason delivery.Reason
		detail string
	}{
		{name: "no filter"},
		{name: "every type", types: []string{"*"}},
		{name: "other type", types: []string{delivery.MemoryDelete}, reason: delivery.ReasonTypeNotWanted, detail: "the endpoint wants memory_delete; this is memory_add"},
		{name: "user", filter: delivery.Filter{UserIDs: []string{"bob", "alice"}}},
		{name: "other user", filter: delivery.Filter{UserIDs: []string{"bob"}}, reason: delivery.ReasonUserFilter, detail: `user_id is "alice"; wanted: "bob"`},
		{name: "no agent", filter: delivery.Filter{AgentIDs: []string{"a"}}, reason: delivery.ReasonAgentFilter, detail: `agent_id is missing; wanted: "a"`},
		{name: "no app", filter: delivery.Filter{AppIDs: []string{"a"}}, reason: delivery.ReasonAppFilter, detail: `app_id is missing; wanted: "a"`},
		{name: "other run", filter: delivery.Filter{UserIDs: []string{"alice"}, RunIDs: []string{"r2"}}, reason: delivery.ReasonRunFilter, detail: `run_id is "r1"; wanted: "r2"`},
		{name: "another writer", filter: delivery.Filter{IgnoreFrom: []string{"key_2"}}},
		{name: "its own write", filter: delivery.Filter{IgnoreFrom: []string{"key_2", "key_1"}}, reason: delivery.ReasonOwnWrite, detail: "written by key_1"},
		{name: "category", filter: delivery.Filter{Categories: []string{"work", "travel"}}},
		{name: "other category", filter: delivery.Filter{Categories: []string{"work"}}, reason: delivery.ReasonCategoryFilter, detail: `categories are "food", "travel"; wanted one of: "work"`},
		{name: "metadata", filter: meta("tier", `"gold"`)},
		{name: "metadata number by value", filter: meta("n", `1.0`)},
		{name: "metadata object by members", filter: meta("o", `{"a": [1, 2]}`)},
		{name: "other metadata", filter: meta("tier", `"silver"`), reason: delivery.ReasonMetadataFilter, detail: `metadata.tier is "gold"; wanted: "silver"`},
		{name: "no metadata", filter: meta("colour", `"red"`), reason: delivery.ReasonMetadataFilter, detail: `metadata.colour is missing; wanted: "red"`},
		{name: "long number stays exact", filter: meta("big", `9007199254740992`), reason: delivery.ReasonMetadataFilter, detail: `metadata.big is 9007199254740993; wanted: 9007199254740992`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := delivery.Endpoint{EventTypes: tt.types, Filter: tt.filter}
			if e.EventTypes == nil {
				e.EventTypes = []string{delivery.MemoryAdd}
			}
			reason, detail := e.Refuses(m)
			if reason != tt.reason || detail != tt.detail {
				t.Errorf("refused with %q, %q; want %q, %q", reason, detail, tt.reason, tt.detail)
			}
		})
	}
}

func TestOperationalTypesAreAskedForByName(t *testing.T) {
	m := delivery.Message{Type: delivery.EndpointFailingType}
	all := delivery.Endpoint{EventTypes: []string{delivery.AllTypes}}
	if all.Wants(m) {
		t.Error("an endpoint for all types gets an operational message")
	}
	named := delivery.Endpoint{EventTypes: []string{delivery.EndpointFailingType}, Filter: delivery.Filter{UserIDs: []string{"alice"}}}
	if !named.Wants(m) {
		t.Error("an endpoint that names the type does not get it: filters do not apply")
	}
}

func TestEndpointSettingsAreChecked(t *testing.T) {
	s := start(t)
	many := map[string]string{}
	for i := range delivery.MaxHeaders + 1 {
		many["X-"+strings.Repeat("a", i+1)] = "v"
	}
	tests := []struct {
		field  string
		change func(*delivery.NewEndpoint)
	}{
		{"description", func(n *delivery.NewEndpoint) { n.Description = strings.Repeat("x", delivery.MaxDescription+1) }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = many }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"content-TYPE": "v"} }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"Webhook-Extra": "v"} }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"Memhook-Extra": "v"} }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"Transfer-Encoding": "v"} }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"Host": "v"} }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"bad name": "v"} }},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"X-A": "v\r\nX-B: w"} }},
		{"headers", func(n *delivery.NewEndpoint) {
			n.Headers = delivery.Headers{"X-A": strings.Repeat("v", delivery.MaxHeaderValue+1)}
		}},
		{"headers", func(n *delivery.NewEndpoint) { n.Headers = delivery.Headers{"X-A": delivery.Mask} }},
		{"filter.user_ids", func(n *delivery.NewEndpoint) { n.Filter.UserIDs = []string{""} }},
		{"filter.categories", func(n *delivery.NewEndpoint) { n.Filter.Categories = make([]string, delivery.MaxFilterValues+1) }},
		{"filter.metadata", func(n *delivery.NewEndpoint) {
			n.Filter.Metadata = map[string]json.RawMessage{"k": json.RawMessage(`{`)}
		}},
		{"rate_per_second", func(n *delivery.NewEndpoint) { n.RatePerSecond = -1 }},
		{"rate_per_second", func(n *delivery.NewEndpoint) { n.RatePerSecond = delivery.MaxRate * 2 }},
		{"timeout_s", func(n *delivery.NewEndpoint) { n.Timeout = delivery.MaxTimeout * 2 }},
		{"event_types", func(n *delivery.NewEndpoint) { n.EventTypes = []string{"endpoint.exploded"} }},
	}
	for _, tt := range tests {
		n := delivery.NewEndpoint{Name: "x", URL: "https://example.com/", EventTypes: []string{"*"}}
		tt.change(&n)
		_, err := s.delivery.CreateEndpoint(t.Context(), s.project, n)
		var invalid *delivery.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tt.field {
			t.Errorf("registering %+v: error %v, want one that names %s", n, err, tt.field)
		}
	}
}
