package dashboard

import (
	"context"
	"crypto/sha256"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
	"memhook/signing/apikey"
)

// A site is the dashboard over a real store, with the work behind it done when a
// test says so.
type site struct {
	*httptest.Server
	t        testing.TB
	db       *sqlstore.DB
	memory   *memory.Service
	delivery *delivery.Service
	ui       *Dashboard

	mu      sync.Mutex
	now     time.Time
	revoked map[[sha256.Size]byte]bool
	scopes  map[[sha256.Size]byte]apikey.Scope
	due     []delivery.Due
	answer  func(*http.Request) (*http.Response, error) // of receivers
	decide  func(memory.Add) memory.Decision
	broken  error // of looking up a key
	ticking bool  // the clock goes on by itself
	began   time.Time
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type engine func(memory.Add) memory.Decision

func (f engine) Decide(_ context.Context, a memory.Add, _ memory.Recall) (memory.Decision, error) {
	return f(a), nil
}

func newSite(t testing.TB, change ...func(*Config)) *site {
	t.Helper()
	s := &site{
		t: t, db: sqlstoretest.Open(t), now: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
		revoked: map[[sha256.Size]byte]bool{}, scopes: map[[sha256.Size]byte]apikey.Scope{},
		answer: answerWith(http.StatusOK, "ok"), began: time.Now(),
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	push := func(context.Context, queue.Ticket) error { return nil }
	s.memory = memory.New(memory.Config{
		Store: s.db, Push: push, Log: log, Now: s.clock,
		Engine: engine(func(a memory.Add) memory.Decision { return s.decide(a) }),
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
	c := Config{Memory: s.memory, Delivery: s.delivery, Sessions: s.db, KeyStore: s.db, Keys: s.key, Log: log, Now: s.clock}
	for _, f := range change {
		f(&c)
	}
	s.ui = New(c)
	e := echo.New()
	s.ui.Register(e)
	s.Server = httptest.NewServer(e)
	t.Cleanup(s.Close)
	return s
}

func answerWith(code int, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: code, Header: http.Header{"Content-Type": {"text/plain"}, "Set-Cookie": {"sid=hidden"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ticking {
		return s.now.Add(time.Since(s.began))
	}
	return s.now
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// key is the store's, with keys revoked and scopes changed as tests ask.
func (s *site) key(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error) {
	k, err := s.db.Key(ctx, hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return apikey.Key{}, s.broken
	}
	if s.revoked[hash] {
		return apikey.Key{}, memory.ErrNotFound
	}
	if scope, ok := s.scopes[hash]; ok {
		k.Scope = scope
	}
	return k, err
}

// add makes an event that stores each text as a memory, and processes it.
func (s *site) add(project string, texts ...string) memory.Event {
	s.t.Helper()
	var turns []memory.Turn
	for _, text := range texts {
		turns = append(turns, memory.Turn{Role: "user", Text: text})
	}
	e, err := s.memory.Add(s.t.Context(), project, memory.Add{Turns: turns, Scope: memory.Scope{UserID: "alice"}}, []byte(`{"user_id":"alice"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.memory.Process(s.t.Context(), []uuid.UUID{e.ID}); err != nil {
		s.t.Fatal(err)
	}
	return e
}

// send makes one attempt for whatever is due.
func (s *site) send() {
	s.t.Helper()
	s.mu.Lock()
	var ids []uuid.UUID
	for _, d := range s.due {
		ids = append(ids, d.DeliveryID)
	}
	s.mu.Unlock()
	if err := s.delivery.Send(s.t.Context(), ids); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) endpoint(project, name, url string, types ...string) delivery.Endpoint {
	s.t.Helper()
	e, err := s.delivery.CreateEndpoint(s.t.Context(), project, delivery.NewEndpoint{Name: name, URL: url, EventTypes: types})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// A browser follows no redirect by itself.
type browser struct {
	t    testing.TB
	http *http.Client
	base string
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{s.t, &c, s.URL}
}

// signedIn returns a browser that has signed in with the key.
func (s *site) signedIn(key string) *browser {
	s.t.Helper()
	b := s.browser()
	token, err := s.ui.startSession(s.t.Context(), apikey.Hash(key), s.clock())
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: token, Path: "/"}})
	return b
}

type answer struct {
	*http.Response
	text string
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	resp, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

// post sends a form as a page of the dashboard would.
func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("form") {
		form.Set("form", newToken())
	}
	r := b.form(path, form)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func (b *browser) form(path string, form url.Values) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// is checks an answer's status.
func (a answer) is(t testing.TB, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s answered %d, want %d:\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.text)
	}
	return a
}

// leads checks that an answer is a redirect to a path.
func (a answer) leads(t testing.TB, to string) {
	t.Helper()
	if got := a.is(t, http.StatusSeeOther).Header.Get("Location"); got != to {
		t.Fatalf("%s %s leads to %s, want %s", a.Request.Method, a.Request.URL, got, to)
	}
}

// has checks that a page has each of the texts.
func (a answer) has(t testing.TB, texts ...string) {
	t.Helper()
	shown := html.UnescapeString(a.text) // a + in a secret is written &#43;
	for _, s := range texts {
		if !strings.Contains(a.text, s) && !strings.Contains(shown, s) {
			t.Errorf("%s has no %q:\n%s", a.Request.URL, s, a.text)
		}
	}
}

// lacks checks that a page has none of the texts.
func (a answer) lacks(t testing.TB, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(a.text, s) {
			t.Errorf("%s has %q:\n%s", a.Request.URL, s, a.text)
		}
	}
}

// only returns the ID of an event's one delivery.
func (s *site) only(project string, event uuid.UUID) string {
	s.t.Helper()
	trails, err := s.delivery.TrailsByEvent(s.t.Context(), project, event)
	if err != nil || len(trails) != 1 {
		s.t.Fatalf("%d deliveries of event %s (%v), want one", len(trails), event, err)
	}
	return delivery.FormatID(delivery.DeliveryPrefix, trails[0].Delivery.ID)
}
