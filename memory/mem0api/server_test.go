package mem0api_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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
	"memhook/delivery/queue"
	"memhook/memory"
	rules "memhook/memory/engine"
	"memhook/memory/mem0api"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// now is the time in these tests: the example of mem0's documentation.
var now = time.Date(2025, 10, 13, 16, 59, 0, 120e3*1000, time.UTC)

var discard = slog.New(slog.DiscardHandler)

// A server is the API over a real database. Events are processed as they come
// until it is held.
type server struct {
	t        testing.TB
	db       *sqlstore.DB
	memory   *memory.Service
	delivery *delivery.Service
	echo     *echo.Echo
	project  string
	key      string // of scope admin
	keys     map[[sha256.Size]byte]apikey.Key
	log      strings.Builder
	held     atomic.Bool
	working  sync.WaitGroup
	release  chan struct{} // ends what the engine is stuck in
}

func newServer(t testing.TB, change func(*mem0api.Config)) *server {
	t.Helper()
	s := &server{t: t, db: sqlstoretest.Open(t), release: make(chan struct{}), keys: map[[sha256.Size]byte]apikey.Key{}}
	s.project, s.key = sqlstoretest.Project(t, s.db, "default-project")
	s.delivery = delivery.New(delivery.Config{
		Store: s.db, CheckURL: checkURL, Transport: http.DefaultTransport, Log: discard,
		Push: func(context.Context, queue.Ticket) error { return nil }, Now: func() time.Time { return now },
	})
	s.memory = memory.New(memory.Config{
		Store: s.db, Engine: engine{s.release}, Categorizer: rules.Local{}, Push: s.push, Wake: s.delivery.Wake, Log: discard,
		Now: func() time.Time { return now }, Wait: 5 * time.Second,
	})
	s.mount(change)
	ctx, cancel := context.WithCancel(t.Context())
	service := s.memory
	s.working.Go(func() { service.Run(ctx) })
	t.Cleanup(func() {
		close(s.release)
		cancel()
		s.working.Wait()
	})
	return s
}

// mount begins to serve s.memory.
func (s *server) mount(change func(*mem0api.Config)) {
	config := mem0api.Config{
		Memory: s.memory, Delivery: s.delivery, Keys: s.lookUp, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	s.echo = echo.New()
	mem0api.New(config).Register(s.echo)
}

// checkURL stands for the egress guard.
func checkURL(url string) error {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return errors.New("Enter a valid URL.") //nolint:staticcheck // shown as it is
	}
	return nil
}

func (s *server) push(ctx context.Context, ticket queue.Ticket) error {
	if s.held.Load() {
		return errors.New("held")
	}
	s.working.Go(func() { s.process(ticket.IDs) })
	return nil
}

func (s *server) process(ids []uuid.UUID) {
	if err := s.memory.Process(context.WithoutCancel(s.t.Context()), ids); err != nil {
		s.t.Errorf("process %s: %v", ids, err)
	}
}

// work processes what waits.
func (s *server) work() {
	s.t.Helper()
	for {
		ids, err := s.db.DueEvents(s.t.Context(), now, 100)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(ids) == 0 {
			return
		}
		s.process(ids)
	}
}

// deliver sends what waits.
func (s *server) deliver() {
	s.t.Helper()
	endpoints, err := s.db.DueEndpoints(s.t.Context(), now)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range endpoints {
		ids, err := s.db.DueDeliveries(s.t.Context(), e.ID, now, 100)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := s.delivery.Send(s.t.Context(), ids); err != nil {
			s.t.Fatal(err)
		}
	}
}

// send makes a request with the server's key and returns the answer.
func (s *server) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, target, in)
	req.Header.Set("Authorization", "Token "+s.key)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, req)
	return w
}

// count is how many events the project has.
func (s *server) count() int {
	s.t.Helper()
	_, n, err := s.memory.Events(s.t.Context(), memory.EventQuery{ProjectID: s.project, Limit: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// keyFor makes a key of the server's project.
func (s *server) keyFor(scope apikey.Scope) string {
	text := apikey.Generate()
	s.keys[apikey.Hash(text)] = apikey.Key{ProjectID: s.project, Scope: scope, Hash: apikey.Hash(text)}
	return text
}

// lookUp finds keys made here and those in the database.
func (s *server) lookUp(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error) {
	if k, ok := s.keys[hash]; ok {
		return k, nil
	}
	return s.db.Key(ctx, hash)
}

// engine remembers what users say. Some sentences have an effect of their own.
type engine struct{ release chan struct{} }

func (g engine) Decide(ctx context.Context, add memory.Add, recall memory.Recall) (memory.Decision, error) {
	var d memory.Decision
	for _, t := range add.Turns {
		place, lives := strings.CutPrefix(t.Text, "I live in ")
		switch {
		case t.Role != "user":
			continue
		case t.Text == "Refuse this":
			return d, fmt.Errorf("%w: it was told to", memory.ErrRefused)
		case t.Text == "Take your time":
			<-g.release
		case !lives && t.Text != "I am homeless":
			d.Drafts = append(d.Drafts, memory.Draft{Kind: memory.ChangeAdd, Text: t.Text, Scope: add.ScopeOf(t)})
			continue
		}
		known, err := recall(ctx, memory.RecallQuery{Scope: add.Scope, Subjects: []string{"lives_in"}})
		if err != nil {
			return d, err
		}
		draft := memory.Draft{Kind: memory.ChangeAdd, Text: "Lives in " + place, Subject: "lives_in", Scope: add.ScopeOf(t)}
		if len(known) > 0 {
			draft.Kind, draft.Target = memory.ChangeUpdate, known[0].ID
		}
		if len(known) > 0 && !lives {
			draft.Kind = memory.ChangeDelete
		}
		if len(known) > 0 || lives {
			d.Drafts = append(d.Drafts, draft)
		}
	}
	if len(d.Drafts) == 0 {
		d.Reason = memory.ReasonNoFacts
	}
	return d, nil
}
