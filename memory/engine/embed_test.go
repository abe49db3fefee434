package engine

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/memory"
)

// embedderAt asks a server that answers with a status and a body.
func embedderAt(t *testing.T, handler http.HandlerFunc) *Embedder {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return NewEmbedder(RemoteConfig{URL: s.URL + "/v1/", Model: "small", Key: modelKey, Log: slog.New(slog.DiscardHandler), Limit: 5 * time.Second})
}

func TestEmbedderAsks(t *testing.T) {
	var asked struct {
		Model string
		Input []string
	}
	e := embedderAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer "+modelKey {
			t.Errorf("%s with %q", r.URL, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"list","data":[{"index":1,"embedding":[0.5,-2]},{"index":0,"embedding":[1,0]}]}`)
	})
	got, err := e.Embed(t.Context(), []string{"tea", strings.Repeat("é", maxEmbedText)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float32{{1, 0}, {0.5, -2}}, got); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	if asked.Model != "small" || len(asked.Input) != 2 || asked.Input[0] != "tea" || len(asked.Input[1]) != maxEmbedText {
		t.Errorf("asked model %s for %d texts", asked.Model, len(asked.Input))
	}
}

func TestEmbedderInTrouble(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		refused bool
		later   bool
	}{
		{"too few", replies(200, `{"data":[{"index":0,"embedding":[1]}]}`), false, false},
		{"the same number twice", replies(200, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`), false, false},
		{"a number too large", replies(200, `{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}`), false, false},
		{"other sizes", replies(200, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`), false, false},
		{"empty", replies(200, `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`), false, false},
		{"huge numbers", replies(200, `{"data":[{"index":0,"embedding":[1e300]},{"index":1,"embedding":[1]}]}`), false, false},
		{"refused", replies(400, `{"error":{"message":"too long"}}`), true, false},
		{"rate limit", replies(429, `{}`, "Retry-After", "3"), false, true},
		{"out of order", replies(500, ``), false, true},
		{"wrong key", replies(401, ``), false, true},
		{"not JSON", replies(200, `hello`), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := embedderAt(t, tt.handler).Embed(t.Context(), []string{"a", "b"})
			var later *memory.LaterError
			if err == nil || errors.Is(err, memory.ErrRefused) != tt.refused || errors.As(err, &later) != tt.later {
				t.Errorf("error %v, want refused %v, later %v", err, tt.refused, tt.later)
			}
		})
	}
}
