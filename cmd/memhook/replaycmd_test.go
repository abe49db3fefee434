package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// TestReplayOfAChangedSet: somebody else sends the set again between the preview and
// the start, so nothing is started and the command ends with its own code.
func TestReplayOfAChangedSet(t *testing.T) {
	p := startProcess(t, t.TempDir())
	add := map[string]any{"messages": "Lives in Lisbon", "user_id": "alice", "infer": false, "async_mode": false}
	if status := p.call(http.MethodPost, "/v1/memories/", add, new(any)); status != http.StatusOK {
		t.Fatalf("add: status %d\n%s", status, p.log)
	}
	var endpoint, page struct {
		ID   string
		Data []struct{ State string }
	}
	late := map[string]any{"name": "late", "url": "http://127.0.0.1:1/hook", "event_types": []string{"memory_add"}}
	if status := p.call(http.MethodPost, "/api/v2/endpoints", late, &endpoint); status != http.StatusCreated {
		t.Fatalf("register: status %d\n%s", status, p.log)
	}
	server, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(server)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/api/v2/replays" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			first := httptest.NewRequest(http.MethodPost, r.URL.Path, bytes.NewReader(body))
			first.Header = r.Header.Clone()
			first.Header.Del("Idempotency-Key")
			answer := httptest.NewRecorder()
			forward.ServeHTTP(answer, first)
			if answer.Code != http.StatusCreated {
				t.Errorf("the other replay: %d %s", answer.Code, answer.Body)
			}
			await(t, "the other replay is done", func() bool {
				return p.call(http.MethodGet, "/api/v2/replays", nil, &page) == http.StatusOK && len(page.Data) == 1 && page.Data[0].State == "done"
			})
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()

	t.Setenv("MEMHOOK_API_KEY", testKey)
	t.Setenv("MEMHOOK_SERVER", proxy.URL)
	var stdout, stderr strings.Builder
	code := run(t.Context(), []string{"replay", endpoint.ID, "--what", "missing", "--yes"}, strings.NewReader(""), &stdout, &stderr)
	if code != exitChanged || stdout.String() != "" {
		t.Errorf("the command ends with %d and prints %q, want %d and nothing", code, &stdout, exitChanged)
	}
	if !strings.Contains(stderr.String(), "changed") {
		t.Errorf("the error is %q, want that the set has changed", &stderr)
	}
}
