package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"memhook/delivery"
	"memhook/signing/apikey"
)

// TestOwnWritesDoNotComeBack: an endpoint ignores what its agent's key writes, on every
// path of mem0's API that changes memories, and what its source sends.
func TestOwnWritesDoNotComeBack(t *testing.T) {
	n, _ := startNode(t, testConfig(t))
	other, err := n.db.Key(t.Context(), apikey.Hash(n.firstKey))
	if err != nil {
		t.Fatal(err)
	}
	call := func(key, method, path, body string, answer any) {
		t.Helper()
		req, err := http.NewRequest(method, n.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Token "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %s", method, path, resp.Status)
		}
		if answer != nil {
			if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	var agent struct{ ID, Key string }
	call(n.firstKey, http.MethodPost, "/api/v2/keys", `{"name":"agent","scope":"admin"}`, &agent)
	e, err := n.delivery.CreateEndpoint(t.Context(), other.ProjectID, delivery.NewEndpoint{
		Name: "agent", URL: "https://agent.example.com/", EventTypes: []string{delivery.AllTypes}, Paused: true,
		Filter: delivery.Filter{IgnoreFrom: []string{agent.ID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	write := func(key, user string) {
		var added struct{ Results []struct{ ID string } }
		call(key, http.MethodPost, "/v1/memories/", `{"messages":"likes tea","user_id":"`+user+`","infer":false,"async_mode":false}`, &added)
		call(key, http.MethodPut, "/v1/memories/"+added.Results[0].ID+"/", `{"text":"likes coffee"}`, nil)
		call(key, http.MethodDelete, "/v1/memories/"+added.Results[0].ID+"/", "", nil)
		call(key, http.MethodPost, "/v1/memories/", `{"messages":"likes milk","user_id":"`+user+`","infer":false}`, nil)
		await(t, "the queued add is processed", func() bool {
			var list []struct{ ID string }
			call(key, http.MethodGet, "/v1/memories/?user_id="+user, "", &list)
			return len(list) == 1
		})
		call(key, http.MethodDelete, "/v1/memories/?user_id="+user, "", nil)
		await(t, "the memories are deleted", func() bool {
			var list []struct{ ID string }
			call(key, http.MethodGet, "/v1/memories/?user_id="+user, "", &list)
			return len(list) == 0
		})
	}
	of := func(user string) map[delivery.Reason][]string {
		page, err := n.db.Deliveries(t.Context(), delivery.Query{ProjectID: other.ProjectID, Endpoint: e.Name, UserID: user, Limit: delivery.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		types := map[delivery.Reason][]string{}
		for _, row := range page.Rows {
			if d := row.Delivery; d.Type != delivery.MemoryCategorize && !strings.HasPrefix(d.Type, "ingest_") {
				types[d.Reason] = append(types[d.Reason], d.Type)
			} else if d.Reason == delivery.ReasonNone {
				t.Errorf("a delivery of %s has no reason", d.Type)
			}
		}
		for _, list := range types {
			slices.Sort(list)
		}
		return types
	}
	want := []string{delivery.MemoryAdd, delivery.MemoryAdd, delivery.MemoryDelete, delivery.MemoryUpdate}
	write(agent.Key, "alice")
	if got := of("alice"); len(got) != 1 || !slices.Equal(got[delivery.ReasonOwnWrite], want) {
		t.Errorf("what the agent wrote: %v, want %v skipped as its own", got, want)
	}
	write(n.firstKey, "bob")
	if got := of("bob"); len(got) != 1 || !slices.Equal(got[delivery.ReasonPaused], want) {
		t.Errorf("what another key wrote: %v, want %v for it", got, want)
	}
}
