package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTailFollows: after what was before, each change comes once, also when it
// stands in the list and in the stream, and after the server was away.
func TestTailFollows(t *testing.T) {
	row := func(id, second string) string {
		return `{"id":"` + id + `","status":"succeeded","updated_at":"2026-01-02T03:04:0` + second + `Z"}`
	}
	streams := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v2/deliveries" {
			w.Write([]byte(`{"data":[` + row("b", "2") + `,` + row("a", "1") + `],"next_cursor":null}`))
			return
		}
		if streams++; streams == 1 {
			w.Write([]byte(": hello\n\nid: 1\ndata: " + row("b", "2") + "\n\nid: 2\ndata: " + row("a", "3") + "\n\n"))
			return
		}
		if last := r.Header.Get("Last-Event-ID"); last != "2" {
			t.Errorf("the second stream begins after %q, want 2", last)
		}
		w.Write([]byte("id: 3\ndata: " + row("c", "4") + "\n\n"))
	}))
	defer server.Close()
	t.Setenv("MEMHOOK_API_KEY", testKey)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"tail", "--server", server.URL, "--lines", "2", "--count", "4", "-o", "id"}, nil, &stdout, &stderr)
	if got := strings.Fields(stdout.String()); code != 0 || strings.Join(got, " ") != "a b a c" {
		t.Errorf("exit code %d, shown %q, want a b a c; %s", code, got, &stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"tail", "--server", server.URL}, nil, &stdout, &stderr); code != exitInterrupted {
		t.Errorf("interrupted: exit code %d", code)
	}
}
