package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestServeWithALanguageModel: a real server asks a model, waits while the model is
// out of order, and sorts what it remembers.
func TestServeWithALanguageModel(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer sk-1" {
			t.Errorf("asked with %q: %v", r.Header, err)
		}
		w.Header().Set("Content-Type", "application/json")
		if down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		answer := `{"changes":[{"action":"add","number":null,"text":"Speaks Welsh","turn":1}],"known":false}`
		if strings.Contains(string(asked), "You sort memories") {
			answer = `{"memories":[{"number":1,"categories":[1]}]}`
		}
		choice := map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": answer}}
		if err := json.NewEncoder(w).Encode(map[string]any{"choices": []any{choice}}); err != nil {
			t.Error(err)
		}
	}))
	defer model.Close()

	c := testConfig(t)
	c.LLM = modelConfig{URL: model.URL + "/v1", Model: "small", Key: "sk-1"}
	n, _ := startNode(t, c)
	api, err := newClient(n.url, n.firstKey)
	if err != nil {
		t.Fatal(err)
	}
	var added struct {
		Results []struct {
			EventID string `json:"event_id"`
		}
	}
	add := map[string]any{"user_id": "alice", "messages": "Dw i'n siarad Cymraeg"}
	if err := api.call(t.Context(), http.MethodPost, "/v1/memories/", add, &added); err != nil {
		t.Fatal(err)
	}
	type event struct {
		Status   string
		Metadata struct{ Reason string }
		Results  []struct{ Memory string }
	}
	look := func() (e event) {
		if err := api.call(t.Context(), http.MethodGet, "/v1/event/"+added.Results[0].EventID+"/", nil, &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	await(t, "the event says why it waits", func() bool {
		e := look()
		return e.Status == "PENDING" && strings.Contains(e.Metadata.Reason, "out of order (HTTP 500)")
	})
	down.Store(false)
	await(t, "the event is done", func() bool { return look().Status == "SUCCEEDED" })
	if e := look(); len(e.Results) != 1 || e.Results[0].Memory != "Speaks Welsh" || e.Metadata.Reason != "" {
		t.Errorf("the event is %+v", e)
	}
	var list []struct {
		Memory     string
		Categories []string
	}
	if err := api.call(t.Context(), http.MethodGet, "/v1/memories/?user_id=alice", nil, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Memory != "Speaks Welsh" || len(list[0].Categories) != 1 || list[0].Categories[0] != "personal_details" {
		t.Errorf("the memories are %+v", list)
	}
}

// TestStopWithASilentModel: a server does not wait for a model that does not answer.
func TestStopWithASilentModel(t *testing.T) {
	asked := make(chan struct{}, 1)
	silent := make(chan struct{})
	model := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-silent
	}))
	defer model.Close()
	defer close(silent)
	c := testConfig(t)
	c.LLM = modelConfig{URL: model.URL, Model: "small"}
	n, stop := startNode(t, c)
	api, err := newClient(n.url, n.firstKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := api.call(t.Context(), http.MethodPost, "/v1/memories/", map[string]any{"user_id": "alice", "messages": "I like tea"}, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	<-asked
	began := time.Now()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

// TestServeWithAnEmbeddingModel: a real server finds what shares no word with the
// query.
func TestServeWithAnEmbeddingModel(t *testing.T) {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer sk-2" {
			t.Errorf("asked %s with %q: %v", r.URL, r.Header, err)
		}
		list := []any{}
		for i, text := range asked.Input {
			vector := []float64{0.1, 0, 1}
			if strings.Contains(text, "car") || strings.Contains(text, "automobile") {
				vector = []float64{0.1, 1, 0}
			}
			list = append(list, map[string]any{"index": i, "embedding": vector})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"data": list}); err != nil {
			t.Error(err)
		}
	}))
	defer model.Close()
	c := testConfig(t)
	c.Embed = modelConfig{URL: model.URL + "/v1", Model: "small", Key: "sk-2"}
	n, _ := startNode(t, c)
	api, err := newClient(n.url, n.firstKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Drives an old automobile", "Grows roses"} {
		add := map[string]any{"user_id": "alice", "messages": text, "infer": false}
		if err := api.call(t.Context(), http.MethodPost, "/v3/memories/add/", add, &struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	var found struct {
		Results []struct {
			Memory    string
			Score     float64
			Breakdown struct{ Semantic, BM25 float64 } `json:"score_breakdown"`
		}
	}
	await(t, "it is found by its meaning", func() bool {
		query := map[string]any{"query": "Which car?", "filters": map[string]any{"user_id": "alice"}, "threshold": 0.3}
		if err := api.call(t.Context(), http.MethodPost, "/v3/memories/search/", query, &found); err != nil {
			t.Fatal(err)
		}
		return len(found.Results) > 0
	})
	if r := found.Results[0]; len(found.Results) != 1 || r.Memory != "Drives an old automobile" || r.Breakdown.Semantic < 0.9 || r.Breakdown.BM25 != 0 {
		t.Errorf("found %+v", found.Results)
	}
}
