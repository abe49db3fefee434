package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"memhook/signing"
)

// testConfig is that of a server on a free port and in its own folder.
func testConfig(t *testing.T) *config {
	t.Helper()
	c, err := demoConfig("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir = t.TempDir()
	return c
}

// startNode runs a server until stop is called or the test ends.
func startNode(t *testing.T, c *config) (n *node, stop func() error) {
	t.Helper()
	n, err := newNode(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.run(ctx) }()
	var once bool
	stop = func() error {
		cancel()
		if once {
			return nil
		}
		once = true
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the server stopped with %v", err)
		}
	})
	return n, stop
}

func fetch(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := w.Body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, w.Body.String()
}

func TestServer(t *testing.T) {
	n, _ := startNode(t, testConfig(t))
	key := []string{"Authorization", "Token " + n.firstKey}
	tests := []struct {
		name, path string
		header     []string
		status     int
		has        string
	}{
		{"health", "/healthz", nil, 200, "ok"},
		{"ready", "/readyz", nil, 200, `"status":"ready"`},
		{"metrics", "/metrics", nil, 200, "memhook_"},
		{"metrics through a proxy", "/metrics", []string{"X-Forwarded-For", "192.0.2.1"}, 401, "need an API key"},
		{"metrics through a proxy with a key", "/metrics", append([]string{"X-Forwarded-For", "192.0.2.1"}, key...), 200, "memhook_"},
		{"API without a key", "/v1/ping/", nil, 401, "Invalid API key"},
		{"API", "/v1/ping/", key, 200, `"status":"ok"`},
		{"pages", "/", nil, 303, ""},
		{"nothing", "/nothing", nil, 404, `"request_id"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := fetch(t, n.url+tt.path, tt.header...)
			if status != tt.status || !strings.Contains(body, tt.has) {
				t.Errorf("GET %s answered %d %q, want %d with %q", tt.path, status, body, tt.status, tt.has)
			}
		})
	}
}

// TestAStartSaysWhatItWaitsFor: a database that is away is waited for, not silently.
func TestAStartSaysWhatItWaitsFor(t *testing.T) {
	c := testConfig(t)
	c.DatabaseURL = "postgres://127.0.0.1:1/memhook"
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody waits here
	var said bytes.Buffer
	if _, err := newNode(ctx, c, slog.New(slog.NewTextHandler(&said, nil))); err == nil {
		t.Fatal("a node without its database was made")
	}
	if !strings.Contains(said.String(), `msg="opening the database" wait_s=30`) {
		t.Errorf("said is %q", said.String())
	}
}

// TestMonitorsMayAskWithHEAD: many do, to save the body.
func TestMonitorsMayAskWithHEAD(t *testing.T) {
	n, _ := startNode(t, testConfig(t))
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		w := httptest.NewRecorder()
		n.http.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, path, nil))
		if w.Code == http.StatusMethodNotAllowed {
			t.Errorf("HEAD %s is not allowed", path)
		}
	}
}

func TestReadyzSaysWhyNot(t *testing.T) {
	n, err := newNode(t.Context(), testConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for state, reason := range map[int32]string{stateStarting: "starting", stateStopping: "stopping"} {
		n.state.Store(state)
		w := httptest.NewRecorder()
		n.http.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var said struct{ Reasons []string }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{reason}, said.Reasons); diff != "" || w.Code != http.StatusServiceUnavailable {
			t.Errorf("answered %d, reasons (-want +got):\n%s", w.Code, diff)
		}
	}
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	n.http.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if !strings.Contains(w.Body.String(), "database") {
		t.Errorf("with a closed database /readyz answered %d %s", w.Code, w.Body)
	}
}

func TestOneServerPerFolder(t *testing.T) {
	c := testConfig(t)
	_, stop := startNode(t, c)
	_, err := newNode(t.Context(), c, slog.New(slog.DiscardHandler))
	if err == nil || exitCode(err) != exitFailed || !strings.Contains(err.Error(), "another memhook server") {
		t.Fatalf("the second server started with %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	n, _ := startNode(t, c)
	if n.firstKey != "" {
		t.Error("the second start made a key again")
	}
	if n.adminKey == "" {
		t.Error("the second start did not find the admin key")
	}
}

func TestFirstStart(t *testing.T) {
	t.Run("files are private", func(t *testing.T) {
		c := testConfig(t)
		n, _ := startNode(t, c)
		entries, err := os.ReadDir(c.DataDir)
		if err != nil || len(entries) < 4 {
			t.Fatalf("%d files, %v", len(entries), err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v, %v; others must not read it", e.Name(), info.Mode(), err)
			}
		}
		if got, err := readSecret(filepath.Join(c.DataDir, adminKeyFile)); err != nil || got != n.firstKey {
			t.Errorf("admin.key has another key than was shown: %v", err)
		}
	})
	t.Run("key brought along", func(t *testing.T) {
		c := testConfig(t)
		c.BootstrapKey = "mh_0123456789abcdef0123456789abcdef"
		n, _ := startNode(t, c)
		if status, body := fetch(t, n.url+"/v1/ping/", "Authorization", "Token "+c.BootstrapKey); status != 200 {
			t.Errorf("the key was answered %d %s", status, body)
		}
		var shown strings.Builder
		welcome(&shown, c, n.url, n.firstKey)
		if strings.Contains(shown.String(), c.BootstrapKey) {
			t.Error("the key was printed")
		}
	})
	t.Run("cut off after the file was written", func(t *testing.T) {
		c := testConfig(t)
		const key = "mh_00000000000000000000000000000000"
		if err := writeNew(filepath.Join(c.DataDir, adminKeyFile), key+"\n"); err != nil {
			t.Fatal(err)
		}
		if n, _ := startNode(t, c); n.firstKey != key {
			t.Errorf("the first key is %q, want the one in the file", n.firstKey)
		}
	})
}

func TestOtherSealingKey(t *testing.T) {
	c := testConfig(t)
	c.SecretKey = signing.GenerateKey()
	n, stop := startNode(t, c)
	api, err := newClient(n.url, n.firstKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.register(t.Context(), "x", "http://127.0.0.1:9/", []string{"*"}); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c.SecretKey = signing.GenerateKey()
	if _, err := newNode(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("with another sealing key the server started with %v", err)
	}
}

func TestStopFinishesRequests(t *testing.T) {
	n, err := newNode(t.Context(), testConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	inside, release := make(chan struct{}), make(chan struct{})
	n.http.Handler.(*echo.Echo).GET("/slow", func(c echo.Context) error {
		close(inside)
		<-release
		return c.String(http.StatusOK, "done")
	})
	refused := make(chan struct{})
	n.http.RegisterOnShutdown(func() { close(refused) })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.run(ctx) }()
	answer := make(chan string, 1)
	go func() {
		_, body := fetch(t, n.url+"/slow")
		answer <- body
	}()
	<-inside
	stop()
	<-refused // it no longer accepts
	if _, err := net.Dial("tcp", n.listener.Addr().String()); err == nil {
		t.Error("a stopping server took a connection")
	}
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request under way was answered %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("run returned %v", err)
	}
}

// TestListen registers at a real server, gets a real callback and leaves.
func TestListen(t *testing.T) {
	n, _ := startNode(t, testConfig(t))
	t.Setenv("MEMHOOK_API_KEY", n.firstKey)
	api, err := newClient(n.url, n.firstKey)
	if err != nil {
		t.Fatal(err)
	}
	var stdout strings.Builder
	ready := &lineWatch{want: "Ready http://", seen: make(chan struct{})}
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"listen", "--register", "--server", n.url, "--types", "memory_add", "--count", "1", "-o", "ndjson"},
			strings.NewReader(""), &stdout, ready)
	}()
	<-ready.seen
	err = api.call(t.Context(), http.MethodPost, "/v1/memories/",
		map[string]any{"user_id": "alice", "messages": "Lives in Berlin", "infer": false}, &struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != exitDone {
		t.Errorf("listen ended with %d\n%s", code, ready.String())
	}
	var got struct {
		Verified bool
		Type     string
	}
	if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil || !got.Verified || got.Type != "memory_add" {
		t.Errorf("listen printed %q, %v", stdout.String(), err)
	}
	var left []webhook
	if err := api.call(t.Context(), http.MethodGet, "/api/v1/webhooks/projects/null/", nil, &left); err != nil || len(left) != 0 {
		t.Errorf("after listen %d webhooks are left, %v", len(left), err)
	}
}

// lineWatch keeps what is written and tells when a text was.
type lineWatch struct {
	strings.Builder
	want string
	seen chan struct{}
}

func (w *lineWatch) Write(p []byte) (int, error) {
	had := strings.Contains(w.String(), w.want)
	n, err := w.Builder.Write(p)
	if !had && strings.Contains(w.String(), w.want) {
		close(w.seen)
	}
	return n, err
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), exitFailed},
		{usagef("x"), exitUsage},
		{errors.Join(failf(exitUnverified, "x"), errors.New("y")), exitUnverified},
		{context.Canceled, exitInterrupted},
		{context.DeadlineExceeded, exitUnreachable},
	}
	for _, tt := range tests {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("exitCode(%v) is %d, want %d", tt.err, got, tt.want)
		}
	}
}
