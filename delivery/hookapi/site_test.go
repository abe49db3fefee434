package hookapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/delivery/hookapi"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
	"memhook/signing/apikey"
)

// A site is the API over a real store, with the work behind it done when a test
// says so.
type site struct {
	*httptest.Server
	t        testing.TB
	db       *sqlstore.DB
	memory   *memory.Service
	delivery *delivery.Service
	feed     *feed.Feed
	api      *hookapi.API
	project  string
	admin    string // keys
	reader   string

	idle   atomic.Bool // no worker runs
	mu     sync.Mutex
	now    time.Time
	due    []delivery.Due
	answer func(*http.Request) (*http.Response, error) // of receivers
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, db: sqlstoretest.Open(t), now: time.Now().UTC().Truncate(time.Microsecond), answer: answerWith(http.StatusOK)}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	push := func(context.Context, queue.Ticket) error { return nil }
	s.memory = memory.New(memory.Config{
		Store: s.db, Push: push, Log: log, Now: s.clock, Engine: verbatim{},
		Wake: func(due ...delivery.Due) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.due = append(s.due, due...)
		},
	})
	s.delivery = delivery.New(delivery.Config{
		Store: s.db, CheckURL: func(string) error { return nil }, Push: push, Log: log, Now: s.clock, Version: "test",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return s.answer(r) }),
		Policy:    retry.Policy{MaxAge: retry.DefaultMaxAge},
	})
	s.feed = feed.New(feed.Config{Store: s.db, Log: log})
	s.api = hookapi.New(hookapi.Config{
		Memory: s.memory, Delivery: s.delivery, Feed: s.feed, KeyStore: s.db, Keys: s.db.Key, Log: log, Now: s.clock,
		Retention: 720 * time.Hour, Version: "test", NoWorker: func(context.Context) bool { return s.idle.Load() },
	})
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, "req-1")
			return next(c)
		}
	})
	s.api.Register(e)
	s.Server = httptest.NewServer(e)
	t.Cleanup(s.Close)
	s.project, s.admin = sqlstoretest.Project(t, s.db, "p")
	s.reader = s.newKey(s.project, apikey.Read)
	return s
}

func answerWith(code int) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: code, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader("taken")), Request: r,
		}, nil
	}
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) newKey(project string, scope apikey.Scope) string {
	s.t.Helper()
	key := apikey.Generate()
	if err := s.db.InsertKey(s.t.Context(), apikey.Key{
		ID: "key_" + uuid.NewString(), ProjectID: project, Name: "k", Scope: scope, Hash: apikey.Hash(key), Hint: apikey.Hint(key), CreatedAt: s.clock(),
	}); err != nil {
		s.t.Fatal(err)
	}
	return key
}

// add makes an event that stores a text as a memory, processes it and sends what
// is due.
func (s *site) add(project, text string) memory.Event {
	s.t.Helper()
	e, err := s.memory.Add(s.t.Context(), project, memory.Add{
		Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: memory.Scope{UserID: "alice"}, Infer: true,
	}, []byte(`{"user_id":"alice"}`))
	if err == nil {
		err = s.memory.Process(s.t.Context(), []uuid.UUID{e.ID})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.send()
	return e
}

func (s *site) send() {
	s.t.Helper()
	s.mu.Lock()
	var ids []uuid.UUID
	for _, d := range s.due {
		ids = append(ids, d.DeliveryID)
	}
	s.due = nil
	s.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	if err := s.delivery.Send(s.t.Context(), ids); err != nil {
		s.t.Fatal(err)
	}
}

// An answer is what a request got.
type answer struct {
	status int
	header http.Header
	raw    []byte
}

// json reads the answer's body.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.raw, &v); err != nil {
		t.Fatalf("status %d with %q: %v", a.status, a.raw, err)
	}
	return v
}

// do makes a request. body is sent as it is when it is a string, else as JSON.
func (s *site) do(key, method, path string, body any) answer {
	s.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, raw}
}

// must makes a request with the admin key that has to succeed.
func (s *site) must(method, path string, body any) map[string]any {
	s.t.Helper()
	a := s.do(s.admin, method, path, body)
	if a.status >= 300 {
		s.t.Fatalf("%s %s: status %d, %s", method, path, a.status, a.raw)
	}
	if len(a.raw) == 0 {
		return nil
	}
	return a.json(s.t)
}

// endpoint registers one and returns its ID.
func (s *site) endpoint(name string) string {
	s.t.Helper()
	return s.must("POST", "/api/v2/endpoints", map[string]any{
		"name": name, "url": "https://" + name + ".example.com/hook", "event_types": []string{"memory_add"},
	})["id"].(string)
}

// verbatim stores each turn as a memory.
type verbatim struct{}

func (verbatim) Decide(_ context.Context, a memory.Add, _ memory.Recall) (memory.Decision, error) {
	var d memory.Decision
	for _, turn := range a.Turns {
		d.Drafts = append(d.Drafts, memory.Draft{Kind: memory.ChangeAdd, Text: turn.Text, Scope: a.Scope})
	}
	return d, nil
}

// source sets one up and returns its ID.
func (s *site) source() string {
	s.t.Helper()
	return s.must("POST", "/api/v2/sources", map[string]any{"name": "hosted"})["id"].(string)
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// replay begins one of an endpoint and returns its ID.
func (s *site) replay(endpoint string) string {
	s.t.Helper()
	set := map[string]any{"endpoint_id": endpoint, "what": "all", "rate_per_second": 0.01}
	s.pass(time.Second)
	preview := s.must("POST", "/api/v2/replays/preview", map[string]any{"endpoint_id": endpoint, "what": "all"})
	set["frozen_at"], set["count"] = preview["frozen_at"], preview["count"]
	return s.must("POST", "/api/v2/replays", set)["id"].(string)
}
