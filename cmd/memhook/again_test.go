package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// addOnce is an add with an idempotency key. It returns 0 when no answer came.
func (p *process) addOnce(key string, add map[string]any) (status int, event string) {
	p.t.Helper()
	raw, err := json.Marshal(add)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, p.url+"/v3/memories/add/", bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+testKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	var answer struct {
		EventID string `json:"event_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, ""
	}
	return resp.StatusCode, answer.EventID
}

// TestRepeatedAddAtEveryCommitPoint kills a server at each commit while it takes adds
// with idempotency keys. After the restart each is repeated at once: it is answered, with
// the event of the first answer if there was one, and there is one event for each key.
func TestRepeatedAddAtEveryCommitPoint(t *testing.T) {
	adds := map[string]map[string]any{
		"queued":     {"messages": []any{map[string]any{"role": "user", "content": "I live in Berlin"}}, "user_id": "alice"},
		"verbatim":   {"messages": []any{map[string]any{"role": "user", "content": "word for word"}}, "user_id": "bob", "infer": false},
		"verbatim-2": {"messages": []any{map[string]any{"role": "user", "content": "word by word"}}, "user_id": "bob", "infer": false},
	}
	cutOff := 0
	for n := 1; ; n++ {
		if n > 200 {
			t.Fatal("the server outlives no number of commits")
		}
		dir := t.TempDir()
		p := startDoomed(t, dir, strconv.Itoa(n))
		events, done := map[string]string{}, p.url != ""
		for key, add := range adds {
			status, event := 0, ""
			if p.url != "" {
				status, event = p.addOnce(key, add)
			}
			if events[key] = event; status == 0 {
				done = false
				break
			}
		}
		p.kill()
		p = startProcess(t, dir)
		for key, add := range adds {
			began := time.Now()
			status, event := p.addOnce(key, add)
			if status != http.StatusOK || events[key] != "" && event != events[key] {
				t.Errorf("killed at commit %d: %q repeated is answered %d with event %s after %v, want 200 and %s", n, key, status, event, time.Since(began), events[key])
			}
		}
		var list struct{ Data []struct{ ID string } }
		if status := p.call(http.MethodGet, "/api/v2/events?limit=250", nil, &list); status != http.StatusOK || len(list.Data) != len(adds) {
			t.Errorf("killed at commit %d: %d events for %d keys: %v", n, len(list.Data), len(adds), list.Data)
		}
		p.kill()
		if done {
			break
		}
		cutOff++
	}
	t.Logf("killed at %d commits", cutOff)
	if cutOff < 6 {
		t.Errorf("only %d commit points were found", cutOff)
	}
}
