package memory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

var alice = memory.Scope{UserID: "alice"}

// start runs a service over a real database until the test ends.
func start(t *testing.T, e memory.Engine) (*memory.Service, *sqlstore.DB, string) {
	t.Helper()
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	var s *memory.Service
	var work sync.WaitGroup
	s = memory.New(memory.Config{
		Store: db, Engine: e, Categorizer: sorterOf(e), Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler),
		Push: func(ctx context.Context, ticket queue.Ticket) error {
			work.Go(func() {
				if err := s.Process(ctx, ticket.IDs); err != nil && !errors.Is(err, errEngine) {
					t.Error(err)
				}
			})
			return nil
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		work.Wait()
	})
	return s, db, project
}

// sorterOf is the engine if it is a categoriser, otherwise the local one.
func sorterOf(e memory.Engine) memory.Categorizer {
	if c, ok := e.(memory.Categorizer); ok {
		return c
	}
	return engine.Local{}
}

func said(text string) memory.Add {
	return memory.Add{Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: alice, Infer: true}
}

func texts(t *testing.T, s *memory.Service, project string) []string {
	t.Helper()
	list, _, err := s.Memories(t.Context(), memory.Query{ProjectID: project})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Text)
	}
	return texts
}

func TestAnUpdateKeepsTheMemory(t *testing.T) {
	s, _, project := start(t, engine.Local{})
	_, first, err := s.AddNow(t.Context(), project, said("I live in Berlin"), nil)
	if err != nil || len(first) != 1 {
		t.Fatalf("%d changes, error %v; want one", len(first), err)
	}
	_, second, err := s.AddNow(t.Context(), project, said("I moved to Lisbon"), nil)
	if err != nil || len(second) != 1 {
		t.Fatalf("%d changes, error %v; want one", len(second), err)
	}
	if c := second[0]; c.Kind != memory.ChangeUpdate || c.Memory.ID != first[0].Memory.ID || c.Before != first[0].Memory.Text {
		t.Errorf("the second add made %+v, want an update of %s", c, first[0].Memory.ID)
	}
	e, third, err := s.AddNow(t.Context(), project, said("I moved to Lisbon"), nil)
	if err != nil || len(third) != 0 || e.Status != memory.EventSucceeded || e.Reason != string(memory.ReasonAlreadyKnown) {
		t.Errorf("a repeat made %d changes, event %s (%s), error %v; want none, because it is known", len(third), e.Status, e.Reason, err)
	}
	history, err := s.History(t.Context(), project, first[0].Memory.ID)
	if err != nil || len(history) != 2 {
		t.Errorf("%d entries of history, want 2; error %v", len(history), err)
	}
}

// TestAddsOfAScopeKeepTheirOrder: many adds at once end in what was said last.
func TestAddsOfAScopeKeepTheirOrder(t *testing.T) {
	s, _, project := start(t, engine.Local{})
	cities := []string{"Berlin", "Lisbon", "Oslo", "Madrid", "Vienna", "Dublin", "Prague", "Athens", "Warsaw", "Zagreb"}
	var last memory.Event
	for _, city := range cities {
		var err error
		if last, err = s.Add(t.Context(), project, said("I live in "+city), nil); err != nil {
			t.Fatal(err)
		}
	}
	end := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		e, _, err := s.Event(t.Context(), project, last.ID)
		if err != nil {
			t.Fatal(err)
		}
		if e.Status.Final() {
			break
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("the last event is not final after 30 s")
		}
	}
	if diff := cmp.Diff([]string{"Lives in Zagreb"}, texts(t, s, project)); diff != "" {
		t.Errorf("memories (-want +got):\n%s", diff)
	}
}

func TestVerbatimStoresEachTextOnce(t *testing.T) {
	s, _, project := start(t, engine.Local{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			add := memory.Add{Scope: alice, Turns: []memory.Turn{
				{Role: "user", Text: "exactly this"}, {Role: "assistant", Text: "and that"}, {Role: "system", Text: "not this"},
			}}
			if _, _, err := s.AddNow(t.Context(), project, add, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := texts(t, s, project); len(got) != 2 {
		t.Errorf("20 equal adds at once made %q, want each text once", got)
	}
}

func TestDeleteAllDeletesInGroups(t *testing.T) {
	s, _, project := start(t, engine.Local{})
	for i := range 450 {
		add := memory.Add{Scope: alice, Turns: []memory.Turn{{Role: "user", Text: fmt.Sprint("fact ", i)}}}
		if i%45 == 0 {
			add.Scope = memory.Scope{UserID: "bob"}
		}
		if _, err := s.Add(t.Context(), project, add, nil); err != nil {
			t.Fatal(err)
		}
	}
	await := func(want int) {
		t.Helper()
		end := time.After(30 * time.Second)
		for {
			_, n, err := s.Memories(t.Context(), memory.Query{ProjectID: project, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			if n == want {
				return
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-end:
				t.Fatalf("%d memories after 30 s, want %d", n, want)
			}
		}
	}
	await(450)
	filter := memory.Filter{Cond: &memory.Condition{Field: memory.FieldUser, Op: memory.OpEqual, Text: []string{"alice"}}}
	e, err := s.DeleteAll(t.Context(), memory.EventDeleteAll, memory.Query{ProjectID: project, Filter: filter}, nil)
	if err != nil {
		t.Fatal(err)
	}
	await(10)
	end := time.After(30 * time.Second)
	for {
		got, changes, err := s.Event(t.Context(), project, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status == memory.EventSucceeded && len(changes) == 440 {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-end:
			t.Fatalf("the event is %s with %d changes, want SUCCEEDED with 440", got.Status, len(changes))
		}
	}
}

var errEngine = errors.New("engine is out")

// moody is an engine that refuses, fails or takes long.
type moody struct {
	mu   sync.Mutex
	errs []error
	hang chan struct{}
}

func (m *moody) Decide(context.Context, memory.Add, memory.Recall) (memory.Decision, error) {
	if m.hang != nil {
		<-m.hang
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.errs) == 0 {
		return memory.Decision{Drafts: []memory.Draft{{Kind: memory.ChangeAdd, Text: "x", Scope: alice}}}, nil
	}
	err := m.errs[0]
	m.errs = m.errs[1:]
	return memory.Decision{}, err
}

func TestARefusedEventFails(t *testing.T) {
	s, _, project := start(t, &moody{errs: []error{fmt.Errorf("%w: no such model", memory.ErrRefused)}})
	e, changes, err := s.AddNow(t.Context(), project, said("x"), nil)
	if err != nil || e.Status != memory.EventFailed || !strings.Contains(e.Error, "no such model") || len(changes) != 0 {
		t.Errorf("event %s (%q), %d changes, error %v; want FAILED with the reason", e.Status, e.Error, len(changes), err)
	}
}

func TestASlowEventTellsItsCaller(t *testing.T) {
	hang := make(chan struct{})
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	s := memory.New(memory.Config{
		Store: db, Engine: &moody{hang: hang}, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler), Wait: 50 * time.Millisecond,
		Push: func(context.Context, queue.Ticket) error { return nil },
	})
	e, _, err := s.AddNow(t.Context(), project, said("x"), nil)
	if !errors.Is(err, memory.ErrTimeout) {
		t.Fatalf("error %v, want ErrTimeout", err)
	}
	if got, _, err := s.Event(t.Context(), project, e.ID); err != nil || got.Status != memory.EventPending {
		t.Errorf("the event is %s, error %v; want it to go on", got.Status, err)
	}
}

func TestBadAddsAreRefused(t *testing.T) {
	s, _, project := start(t, engine.Local{})
	for _, tt := range []struct {
		name  string
		add   memory.Add
		field string
	}{
		{"no turns", memory.Add{Scope: alice}, "messages"},
		{"no scope", memory.Add{Turns: said("x").Turns}, ""},
		{"long ID", memory.Add{Turns: said("x").Turns, Scope: memory.Scope{RunID: strings.Repeat("x", 2000)}}, "run_id"},
		{"bad UTF-8", said("a\xff"), "messages[0].content"},
		{"long text", memory.Add{Turns: said(strings.Repeat("x", memory.MaxText+1)).Turns, Scope: alice}, "messages[0].content"},
		{"bad date", memory.Add{Turns: said("x").Turns, Scope: alice, ExpirationDate: "2026-02-30"}, "expiration_date"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Add(t.Context(), project, tt.add, nil)
			var invalid *memory.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != tt.field {
				t.Errorf("error %v, want an InvalidError of field %q", err, tt.field)
			}
		})
	}
	if _, n, err := s.Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 1}); err != nil || n != 0 {
		t.Errorf("%d events are stored, error %v; want none", n, err)
	}
}

func TestStructuredAttributes(t *testing.T) {
	for _, tt := range []struct {
		at   string
		want memory.Attributes
	}{
		{"2025-10-13T16:59:00Z", memory.Attributes{Day: 13, Hour: 16, Year: 2025, Month: 10, Minute: 59, Quarter: 4, DayOfWeek: "monday", DayOfYear: 286, WeekOfYear: 42}},
		{"2025-11-01T02:13:00-07:00", memory.Attributes{Day: 1, Hour: 9, Year: 2025, Month: 11, Minute: 13, Quarter: 4, IsWeekend: true, DayOfWeek: "saturday", DayOfYear: 305, WeekOfYear: 44}},
		{"2026-07-10T06:13:00-07:00", memory.Attributes{Day: 10, Hour: 13, Year: 2026, Month: 7, Minute: 13, Quarter: 3, DayOfWeek: "friday", DayOfYear: 191, WeekOfYear: 28}},
		{"2021-01-01T00:00:00Z", memory.Attributes{Day: 1, Year: 2021, Month: 1, Quarter: 1, DayOfWeek: "friday", DayOfYear: 1, WeekOfYear: 53}},
		{"2024-12-30T00:00:00Z", memory.Attributes{Day: 30, Year: 2024, Month: 12, Quarter: 4, DayOfWeek: "monday", DayOfYear: 365, WeekOfYear: 1}},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, memory.StructuredAttributes(at)); diff != "" {
			t.Errorf("attributes of %s (-want +got):\n%s", tt.at, diff)
		}
	}
}

// TestBodies compares what each format's receivers get with golden files, with IDs
// and times made equal.
func TestBodies(t *testing.T) {
	s, db, project := start(t, engine.Local{})
	endpoint := delivery.Endpoint{
		ID: delivery.NewID(), ProjectID: project, Name: "all", URL: "https://example.com", EventTypes: []string{delivery.AllTypes}, Format: delivery.Full,
	}
	if err := db.InsertEndpoint(t.Context(), endpoint); err != nil {
		t.Fatal(err)
	}
	first := said("I live in Berlin")
	first.Metadata = json.RawMessage(`{"source":"chat","n":1}`)
	_, changes, err := s.AddNow(t.Context(), project, first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.AddNow(t.Context(), project, said("I moved to Lisbon"), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), project, changes[0].Memory.ID); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	now := time.Now().Add(time.Hour)
	ids, err := db.DueDeliveries(t.Context(), endpoint.ID, now, 100)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := db.ClaimDeliveries(t.Context(), ids, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	byMessage := map[uuid.UUID]delivery.Message{}
	for _, c := range claims {
		byMessage[c.Message.ID] = c.Message
	}
	for _, typ := range []string{delivery.MemoryAdd, delivery.MemoryUpdate, delivery.MemoryDelete, delivery.MemoryCategorize, delivery.IngestJobCompleted} {
		for _, m := range byMessage {
			if m.Type != typ || (typ == delivery.IngestJobCompleted && !strings.Contains(string(m.Body), `"event":"ADD"`)) {
				continue
			}
			for _, format := range []delivery.Format{delivery.Full, delivery.Thin, delivery.Mem0} {
				body, err := m.Payload(format)
				if err != nil {
					t.Fatal(err)
				}
				block := fmt.Sprintf("%s %s\n%s\n\n", typ, format, stable(t, body))
				if !strings.Contains(got.String(), block) { // the update is categorised as the add was
					got.WriteString(block)
				}
			}
		}
	}
	path := filepath.Join("testdata", "bodies.golden")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("bodies (-want +got; UPDATE=1 rewrites the file):\n%s", diff)
	}
}

// stable replaces what differs between runs.
func stable(t *testing.T, body []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for _, s := range values(v) {
		if _, err := uuid.Parse(s); err == nil {
			text = strings.ReplaceAll(text, s, "ID")
		}
		if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
			text = strings.ReplaceAll(text, s, "TIME")
		}
	}
	return text
}

// values returns every string in a decoded JSON value.
func values(v any) []string {
	var list []string
	switch v := v.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, item := range v {
			list = append(list, values(item)...)
		}
	case map[string]any:
		for _, item := range v {
			list = append(list, values(item)...)
		}
	}
	return list
}
