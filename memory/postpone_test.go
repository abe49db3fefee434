package memory_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// A bench is a service whose clock and queue belong to the test.
type bench struct {
	*memory.Service
	db      *sqlstore.DB
	project string
	now     time.Time
}

func newBench(t *testing.T, e memory.Engine) *bench {
	t.Helper()
	b := &bench{db: sqlstoretest.Open(t), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.project, _ = sqlstoretest.Project(t, b.db, "p")
	b.Service = memory.New(memory.Config{
		Store: b.db, Engine: e, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler),
		Push: func(context.Context, queue.Ticket) error { return nil },
		Now:  func() time.Time { return b.now },
	})
	return b
}

// try processes an event as a worker does, and returns it.
func (b *bench) try(t *testing.T, id uuid.UUID) memory.Event {
	t.Helper()
	if err := b.Process(t.Context(), []uuid.UUID{id}); err != nil {
		t.Fatal(err)
	}
	e, _, err := b.Event(t.Context(), b.project, id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnEventWaitsForItsEngine(t *testing.T) {
	away := &memory.LaterError{Reason: "the model cannot be reached"}
	busy := &memory.LaterError{Reason: "the model is busy", After: time.Minute}
	b := newBench(t, &moody{errs: []error{away, busy}})
	e, err := b.Add(t.Context(), b.project, said("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		reason      string
		least, most time.Duration
	}{{away.Reason, 2 * time.Second, 3 * time.Second}, {busy.Reason, time.Minute, time.Minute}} {
		e = b.try(t, e.ID)
		if e.Status != memory.EventPending || e.Reason != want.reason || e.NextAt == nil {
			t.Fatalf("the event is %s (%q), next at %v; want it to wait and say %q", e.Status, e.Reason, e.NextAt, want.reason)
		}
		if wait := e.NextAt.Sub(b.now); wait < want.least || wait > want.most {
			t.Errorf("it waits %v, want %v to %v", wait, want.least, want.most)
		}
		if early := b.try(t, e.ID); early.Tries != e.Tries {
			t.Errorf("it was tried before its time")
		}
		b.now = *e.NextAt
	}
	if e = b.try(t, e.ID); e.Status != memory.EventSucceeded || e.Reason != "" || e.Tries != 3 {
		t.Errorf("the event is %s (%q) after %d tries, want SUCCEEDED after 3", e.Status, e.Reason, e.Tries)
	}
}

func TestAnEventIsGivenUpWhenItsEngineStaysAway(t *testing.T) {
	b := newBench(t, gone{})
	e, err := b.Add(t.Context(), b.project, said("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := b.now
	for e = b.try(t, e.ID); !e.Status.Final(); e = b.try(t, e.ID) {
		b.now = *e.NextAt
	}
	if e.Status != memory.EventFailed || e.Error != "given up after 25 tries: away" {
		t.Errorf("the event is %s (%q), want FAILED with the reason", e.Status, e.Error)
	}
	if took := b.now.Sub(began); took < 3*time.Hour || took > 6*time.Hour {
		t.Errorf("it was given up after %v, want hours", took)
	}
}

// gone is an engine that never can.
type gone struct{}

func (gone) Decide(context.Context, memory.Add, memory.Recall) (memory.Decision, error) {
	return memory.Decision{}, &memory.LaterError{Reason: "away"}
}

// TestRecallByText: what fits a text is found in exactly the scope, and no more
// than was asked for.
func TestRecallByText(t *testing.T) {
	var got []memory.Memory
	asking := asks(func(ctx context.Context, recall memory.Recall) (err error) {
		got, err = recall(ctx, memory.RecallQuery{Scope: alice, Texts: []string{"My dog is named Rex", "the weather"}, Limit: 2})
		return err
	})
	b := newBench(t, asking)
	for _, a := range []struct {
		scope memory.Scope
		text  string
	}{
		{alice, "Works as a nurse at the Charité"},
		{alice, "Has a dog named Rex"},
		{alice, "Walks the dog in the morning"},
		{memory.Scope{UserID: "alice", RunID: "r"}, "The dog is old"},
		{memory.Scope{UserID: "bob"}, "Has a dog named Max"},
	} {
		e, err := b.Add(t.Context(), b.project, memory.Add{Turns: []memory.Turn{{Role: "user", Text: a.text}}, Scope: a.scope}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.try(t, e.ID)
	}
	e, err := b.Add(t.Context(), b.project, said("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.try(t, e.ID)
	var texts []string
	for _, m := range got {
		texts = append(texts, m.Text)
	}
	if len(texts) != 2 || texts[0] != "Has a dog named Rex" || texts[1] != "Walks the dog in the morning" {
		t.Errorf("recall found %q", texts)
	}
}

// asks is an engine that asks for memories and changes nothing.
type asks func(context.Context, memory.Recall) error

func (f asks) Decide(ctx context.Context, _ memory.Add, recall memory.Recall) (memory.Decision, error) {
	return memory.Decision{Reason: memory.ReasonNoFacts}, f(ctx, recall)
}
