package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// onceServer answers POST with what f writes, behind idempotency.
type onceServer struct {
	*echo.Echo
	t   *testing.T
	db  *sqlstore.DB
	key string
	now atomic.Pointer[time.Time]
}

func newOnceServer(t *testing.T, f echo.HandlerFunc) *onceServer {
	t.Helper()
	s := &onceServer{Echo: echo.New(), t: t, db: sqlstoretest.Open(t)}
	_, s.key = sqlstoretest.Project(t, s.db, "p")
	s.pass(0)
	s.Use((&node{log: slog.New(slog.DiscardHandler)}).recoverPanics,
		idempotency{s.db, s.db.Key, func() time.Time { return *s.now.Load() }, slog.New(slog.DiscardHandler)}.middleware)
	s.POST("/do", f)
	return s
}

func (s *onceServer) pass(d time.Duration) {
	now := time.Now()
	if had := s.now.Load(); had != nil {
		now = had.Add(d)
	}
	s.now.Store(&now)
}

func (s *onceServer) post(key, once, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/do", strings.NewReader(body))
	r.Header.Set("Authorization", "Token "+key)
	if once != "" {
		r.Header.Set("Idempotency-Key", once)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestIdempotencyKeyCarriesOutOnce(t *testing.T) {
	var n atomic.Int32
	s := newOnceServer(t, func(c echo.Context) error {
		body, _ := io.ReadAll(c.Request().Body)
		return c.JSON(http.StatusCreated, map[string]any{"n": n.Add(1), "body": string(body)})
	})
	first := s.post(s.key, "k1", "a")
	again := s.post(s.key, "k1", "a")
	if first.Code != http.StatusCreated || first.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("first: %d, replayed %q", first.Code, first.Header().Get("Idempotency-Replayed"))
	}
	if again.Code != first.Code || again.Body.String() != first.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" ||
		again.Header().Get("Content-Type") != first.Header().Get("Content-Type") {
		t.Errorf("again: %d %q, want the first answer %q", again.Code, again.Body, first.Body)
	}
	if other := s.post(s.key, "k1", "b"); other.Code != http.StatusConflict {
		t.Errorf("another body: %d", other.Code)
	}
	if w := s.post(s.key, "k2", "a"); w.Code != http.StatusCreated || n.Load() != 2 {
		t.Errorf("another key: %d, carried out %d times", w.Code, n.Load())
	}
	if s.post(s.key, "", "a"); n.Load() != 3 {
		t.Errorf("without a key: carried out %d times, want 3", n.Load())
	}
	_, stranger := sqlstoretest.Project(t, s.db, "other")
	if w := s.post(stranger, "k1", "b"); w.Code != http.StatusCreated {
		t.Errorf("another project's key of the same name: %d", w.Code)
	}
	s.pass(25 * time.Hour)
	if w := s.post(s.key, "k1", "b"); w.Code != http.StatusCreated {
		t.Errorf("after a day: %d", w.Code)
	}
	for _, bad := range []string{"a b", "é", strings.Repeat("k", 256)} {
		if w := s.post(s.key, bad, "a"); w.Code != http.StatusBadRequest {
			t.Errorf("key %.10q: %d", bad, w.Code)
		}
	}
	if left, err := s.db.PruneAnswers(t.Context(), s.now.Load().Add(time.Hour)); err != nil || left != 3 {
		t.Errorf("%d answers pruned, error %v, want 3", left, err)
	}
}

func TestIdempotencyKeepsNoFault(t *testing.T) {
	var n atomic.Int32
	s := newOnceServer(t, func(c echo.Context) error {
		switch n.Add(1) {
		case 1:
			return errors.New("broken")
		case 2:
			panic("broken")
		case 3:
			return echo.NewHTTPError(http.StatusTooManyRequests, "later")
		case 4:
			return echo.NewHTTPError(http.StatusUnprocessableEntity, "no")
		}
		return c.NoContent(http.StatusOK)
	})
	for i, want := range []int{500, 500, 429, 422, 422} {
		if w := s.post(s.key, "k", "a"); w.Code != want {
			t.Errorf("try %d: %d, want %d", i+1, w.Code, want)
		}
	}
	if n.Load() != 4 {
		t.Errorf("carried out %d times, want 4", n.Load())
	}
}

func TestIdempotencyOfConcurrentRequests(t *testing.T) {
	var n atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	s := newOnceServer(t, func(c echo.Context) error {
		n.Add(1)
		entered <- struct{}{}
		<-release
		return c.String(http.StatusOK, "done")
	})
	var wg sync.WaitGroup
	answers := make(chan *httptest.ResponseRecorder, 8)
	ask := func() { answers <- s.post(s.key, "k", "a") }
	wg.Go(ask)
	<-entered
	for range cap(answers) - 1 {
		wg.Go(ask)
	}
	close(release)
	wg.Wait()
	close(answers)
	for w := range answers {
		if w.Code != http.StatusOK || w.Body.String() != "done" {
			t.Errorf("status %d with %q", w.Code, w.Body)
		}
	}
	if n.Load() != 1 {
		t.Errorf("carried out %d times, want once", n.Load())
	}
}

// TestIdempotencyAfterACrash leaves a claim behind as a process that died would.
func TestIdempotencyAfterACrash(t *testing.T) {
	s := newOnceServer(t, func(c echo.Context) error { return c.String(http.StatusOK, "done") })
	k, err := s.db.Key(t.Context(), apikey.Hash(s.key))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/do", strings.NewReader("a"))
	hash, err := hashRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	claim := func() (sqlstore.Answer, *sqlstore.Reservation) {
		t.Helper()
		a, r, err := s.db.ClaimAnswer(t.Context(), k.ProjectID, "k", hash, *s.now.Load(), idempotencyLife)
		if err != nil {
			t.Fatal(err)
		}
		return a, r
	}
	_, first := claim()
	if first == nil || first.Again {
		t.Fatalf("the first reservation is %+v", first)
	}
	if a, r := claim(); r != nil || a.Status != 0 {
		t.Fatalf("a second request gets %+v and status %d while the first goes on", r, a.Status)
	}
	if n, err := s.db.FreeAnswers(t.Context(), *s.now.Load()); err != nil || n != 1 {
		t.Errorf("freed %d, error %v", n, err)
	}
	if _, r := claim(); r == nil || !r.Again || r.EventID != first.EventID {
		t.Errorf("after a restart the reservation is %+v, want one again of event %s", r, first.EventID)
	}
	s.pass(2 * time.Minute)
	if w := s.post(s.key, "k", "a"); w.Code != http.StatusOK {
		t.Errorf("after the crash: %d, want 200", w.Code)
	}
}

// TestIdempotencyAfterAFault: an add that was accepted, but answered with a fault because
// that was not known, makes no second event when it is repeated.
func TestIdempotencyAfterAFault(t *testing.T) {
	var m *memory.Service
	var project string
	fault := true
	s := newOnceServer(t, func(c echo.Context) error {
		add := memory.Add{Turns: []memory.Turn{{Role: "user", Text: "Likes tea"}}, Scope: memory.Scope{UserID: "alice"}, Infer: true}
		e, err := m.Add(c.Request().Context(), project, add, nil)
		if err != nil {
			return err
		}
		if fault {
			return echo.NewHTTPError(http.StatusServiceUnavailable, "the commit's outcome was lost")
		}
		return c.String(http.StatusOK, e.ID.String())
	})
	m = memory.New(memory.Config{
		Store: s.db, Engine: engine.Local{}, Log: slog.New(slog.DiscardHandler), Push: func(context.Context, queue.Ticket) error { return nil }, Wake: func(...delivery.Due) {},
	})
	k, err := s.db.Key(t.Context(), apikey.Hash(s.key))
	if err != nil {
		t.Fatal(err)
	}
	project = k.ProjectID
	if got := s.post(s.key, "k1", "a"); got.Code != http.StatusServiceUnavailable {
		t.Fatalf("the first is answered %d", got.Code)
	}
	fault = false
	got := s.post(s.key, "k1", "a")
	list, n, err := s.db.Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 10})
	if err != nil || n != 1 || got.Code != http.StatusOK || got.Body.String() != list[0].ID.String() {
		t.Errorf("%d events, error %v; the repeat is answered %d %q", n, err, got.Code, got.Body)
	}
}
