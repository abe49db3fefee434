package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// meaning is an embedder that knows what some words mean.
type meaning struct {
	model string

	mu    sync.Mutex
	err   error
	asked int
}

var dimensions = map[string]int{"car": 0, "automobile": 0, "vehicle": 0, "tea": 1, "drink": 1, "beverage": 1, "berlin": 2, "city": 2}

func (m *meaning) Model() string { return m.model }

func (m *meaning) Embed(_ context.Context, texts []string) ([][]float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.err != nil {
		return nil, m.err
	}
	list := make([][]float32, len(texts))
	for i, text := range texts {
		list[i] = make([]float32, 4)
		list[i][3] = 0.1
		for w := range strings.FieldsSeq(strings.ToLower(text)) {
			if w == "unspeakable" {
				return nil, fmt.Errorf("%w: unspeakable", memory.ErrRefused)
			}
			if d, ok := dimensions[w]; ok {
				list[i][d] = 1
			}
		}
	}
	return list, nil
}

func (m *meaning) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// startWith runs a service with an embedder over a database until it is stopped.
func startWith(t *testing.T, db *sqlstore.DB, e memory.Embedder) (s *memory.Service, stop func()) {
	t.Helper()
	var work sync.WaitGroup
	s = memory.New(memory.Config{
		Store: db, Engine: engine.Local{}, Embedder: e, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler),
		Push: func(ctx context.Context, ticket queue.Ticket) error {
			work.Go(func() {
				if err := s.Process(ctx, ticket.IDs); err != nil {
					t.Error(err)
				}
			})
			return nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		work.Wait()
	})
	t.Cleanup(stop)
	return s, stop
}

// store adds texts as they are and returns the memories.
func store(t *testing.T, s *memory.Service, project string, texts ...string) []memory.Memory {
	t.Helper()
	var list []memory.Memory
	for _, text := range texts {
		add := memory.Add{Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: alice}
		_, changes, err := s.AddNow(t.Context(), project, add, nil)
		if err != nil || len(changes) != 1 {
			t.Fatalf("add %q: %d changes, %v", text, len(changes), err)
		}
		list = append(list, changes[0].Memory)
	}
	return list
}

// until waits until the condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.After(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("it does not hold that %s", what)
		}
	}
}

// found returns the texts that a search finds.
func found(t *testing.T, s *memory.Service, project, text string) (texts []string, hits []memory.Hit) {
	t.Helper()
	hits, err := s.Search(t.Context(), memory.Query{ProjectID: project, Filter: memory.Entity(memory.FieldUser, "alice")}, text, 10, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		texts = append(texts, h.Memory.Text)
	}
	return texts, hits
}

func embedded(t *testing.T, db *sqlstore.DB, model string) func() bool {
	return func() bool {
		left, err := db.Unembedded(t.Context(), model, 1)
		if err != nil {
			t.Fatal(err)
		}
		return len(left) == 0
	}
}

func TestSearchFindsByMeaning(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	s, _ := startWith(t, db, &meaning{model: "m"})
	store(t, s, project, "Drives an old automobile", "Likes tea", "Lives in Berlin")
	until(t, "all texts are embedded", embedded(t, db, "m"))
	texts, hits := found(t, s, project, "Which car is it")
	if len(texts) != 1 || texts[0] != "Drives an old automobile" {
		t.Fatalf("found %q, want the automobile", texts)
	}
	if h := hits[0]; h.Words != 0 || h.Meaning < 0.9 || h.Score != h.Meaning {
		t.Errorf("score %v of words %v and meaning %v", h.Score, h.Words, h.Meaning)
	}
	if texts, hits = found(t, s, project, "tea snow city"); len(texts) != 2 || hits[0].Words < 0.1 || hits[0].Meaning < 0.1 ||
		hits[0].Score <= max(hits[0].Words, hits[0].Meaning) || hits[0].Score > 1 || hits[1].Words != 0 {
		t.Errorf("found %q with %+v", texts, hits)
	}
}

// TestATextsVectorGoesWithIt: what no longer stands there is not found by its
// meaning either.
func TestATextsVectorGoesWithIt(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := &meaning{model: "m"}
	s, _ := startWith(t, db, e)
	m := store(t, s, project, "Drives an automobile")[0]
	until(t, "it is embedded", embedded(t, db, "m"))
	e.fail(errors.New("away"))
	tea := "Likes tea"
	if _, err := s.Update(t.Context(), project, memory.Edit{ID: m.ID, Text: &tea}); err != nil {
		t.Fatal(err)
	}
	left, err := db.Unembedded(t.Context(), "m", 5)
	if err != nil || len(left) != 1 || left[0].Text != tea {
		t.Errorf("without a vector are %+v, %v; want the new text", left, err)
	}
	// A vector of the old text comes too late.
	late := memory.Embedded{ID: m.ID, Hash: m.Hash(), Vector: memory.NewVector([]float32{1})}
	if err := db.SaveVectors(t.Context(), "m", []memory.Embedded{late}); err != nil {
		t.Fatal(err)
	}
	if embedded(t, db, "m")() {
		t.Error("a vector of another text was kept")
	}
}

// TestAnEmbedderThatIsAwayCostsNothing: adds succeed, words find, and the vectors
// come later.
func TestAnEmbedderThatIsAwayCostsNothing(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := &meaning{model: "m", err: &memory.LaterError{Reason: "away"}}
	s, stop := startWith(t, db, e)
	store(t, s, project, "Drives an automobile")
	if texts, _ := found(t, s, project, "automobile"); len(texts) != 1 {
		t.Errorf("found %q by words", texts)
	}
	if texts, _ := found(t, s, project, "car"); len(texts) != 0 {
		t.Errorf("found %q by a meaning that nobody knows", texts)
	}
	stop()
	e.fail(nil)
	s, _ = startWith(t, db, e)
	until(t, "it is embedded after all", embedded(t, db, "m"))
	if texts, _ := found(t, s, project, "car"); len(texts) != 1 {
		t.Errorf("found %q, want the automobile", texts)
	}
}

// TestAnotherModelEmbedsAgain: vectors of different models are not compared.
func TestAnotherModelEmbedsAgain(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	s, stop := startWith(t, db, &meaning{model: "m"})
	store(t, s, project, "Drives an automobile", "Likes tea")
	until(t, "both are embedded", embedded(t, db, "m"))
	stop()
	for _, model := range []string{"l", "n"} { // before and after it in the index
		if list, err := db.Unembedded(t.Context(), model, 10); err != nil || len(list) != 2 {
			t.Errorf("%d texts wait for model %s, %v; want 2", len(list), model, err)
		}
	}
	s, _ = startWith(t, db, &meaning{model: "n"})
	until(t, "both are embedded again", embedded(t, db, "n"))
	if texts, _ := found(t, s, project, "car"); len(texts) != 1 {
		t.Errorf("found %q, want the automobile", texts)
	}
}

// TestARefusedTextStopsNoOther: it is left without a vector, and found by its words.
func TestARefusedTextStopsNoOther(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := &meaning{model: "m", err: errors.New("not yet")}
	s, stop := startWith(t, db, e)
	store(t, s, project, "Likes tea", "Something unspeakable happened", "Drives an automobile")
	stop()
	e.fail(nil)
	s, _ = startWith(t, db, e)
	until(t, "all are dealt with", embedded(t, db, "m"))
	for query, want := range map[string]string{"car": "Drives an automobile", "drink": "Likes tea", "What happened?": "Something unspeakable happened"} {
		if texts, _ := found(t, s, project, query); len(texts) != 1 || texts[0] != want {
			t.Errorf("%q found %q, want %q", query, texts, want)
		}
	}
}
