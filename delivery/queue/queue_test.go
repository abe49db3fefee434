package queue

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
)

func TestMux(t *testing.T) {
	ids := []uuid.UUID{uuid.New(), uuid.New()}
	ticket, err := Ticket{Kind: "look", IDs: ids}.task()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		task    *asynq.Task
		handler Handler
		log     string // part of what is logged, "" for nothing
	}{
		{name: "handled", task: ticket, handler: func(context.Context, []uuid.UUID) error { return nil }},
		{name: "error", task: ticket, handler: func(context.Context, []uuid.UUID) error { return errors.New("database is gone") }, log: "database is gone"},
		{name: "retry is skipped", task: ticket, handler: func(context.Context, []uuid.UUID) error { return asynq.SkipRetry }, log: "skip retry"},
		{name: "panic", task: ticket, handler: func(context.Context, []uuid.UUID) error { panic("mistake") }, log: "panic: mistake"},
		{name: "unknown kind", task: asynq.NewTask("other", ticket.Payload()), log: "handler not found"},
		{name: "kind with a known prefix", task: asynq.NewTask("looking", ticket.Payload()), log: "handler not found"},
		{name: "half an ID", task: asynq.NewTask("look", ticket.Payload()[:24]), log: "payload of 24 bytes"},
		{name: "no ID", task: asynq.NewTask("look", nil), log: "payload of 0 bytes"},
		{name: "too many IDs", task: asynq.NewTask("look", make([]byte, 16*(MaxIDs+1))), log: "payload of 528 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			var got []uuid.UUID
			registry := prometheus.NewRegistry()
			m := NewMetrics(registry)
			mux := Mux(map[string]Handler{"look": func(ctx context.Context, ids []uuid.UUID) error {
				got = ids
				return tt.handler(ctx, ids)
			}}, slog.New(slog.NewTextHandler(&out, nil)), m)

			if err := mux.ProcessTask(t.Context(), tt.task); err != nil {
				t.Errorf("ProcessTask = %v: asynq would keep the task", err)
			}
			if tt.handler != nil && !slices.Equal(got, ids) {
				t.Errorf("the handler got %v, want %v", got, ids)
			}
			if tt.handler == nil && got != nil {
				t.Errorf("the handler got %v, want it left alone", got)
			}
			if (tt.log == "") != (out.Len() == 0) || !strings.Contains(out.String(), tt.log) {
				t.Errorf("logged %q, want %q in it", out.String(), tt.log)
			}
			result := "ok"
			if tt.log != "" {
				result = "error"
			}
			if n := counted(t, registry, "memhook_queue_tickets_total", tt.task.Type(), result); n != 1 {
				t.Errorf("%v tickets counted as %s, want 1", n, result)
			}
		})
	}
}

// counted returns the counter with these label values, in the order of the
// labels' names.
func counted(t *testing.T, g prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestLocalWithoutWorkers(t *testing.T) {
	b := NewLocal(asynq.NewServeMux(), Lanes{"quick": 1})
	registry := prometheus.NewRegistry()
	b.Instrument(NewMetrics(registry))
	ticket := Ticket{Kind: "look", Lane: "quick", IDs: []uuid.UUID{uuid.New()}}
	for i := range laneSize {
		if err := b.Push(t.Context(), ticket); err != nil {
			t.Fatalf("push %d: %v", i+1, err)
		}
	}
	if err := b.Push(t.Context(), ticket); !errors.Is(err, ErrFull) {
		t.Errorf("push %d = %v, want ErrFull", laneSize+1, err)
	}
	if n := counted(t, registry, "memhook_queue_pushes_total", "local", "quick", "ok"); n != laneSize {
		t.Errorf("%v pushes counted as ok, want %d", n, laneSize)
	}
	if n := counted(t, registry, "memhook_queue_pushes_total", "local", "quick", "full"); n != 1 {
		t.Errorf("%v pushes counted as full, want 1", n)
	}
}

func TestWindow(t *testing.T) {
	w := &window{idsPerTicket: 1}
	w.measured(100)
	if n := w.waiting.Load(); n != 100 {
		t.Errorf("100 tickets of one ID each: %d IDs wait, want 100", n)
	}
	w.ids.Add(320)
	w.tickets.Add(10)
	w.measured(100)
	if n := w.waiting.Load(); n != 1650 {
		t.Errorf("100 tickets after pushes of 32 IDs: %d IDs wait, want 1650", n)
	}
	w.measured(0)
	if n := w.waiting.Load(); n != 0 {
		t.Errorf("an empty lane: %d IDs wait, want 0", n)
	}
}

// FuzzTicket: what comes out of a task went in, and nothing else comes out.
func FuzzTicket(f *testing.F) {
	f.Add("look", []byte{})
	f.Add("delivery:send", make([]byte, 16))
	f.Add("memory:process", make([]byte, 16*MaxIDs))
	f.Add("", make([]byte, 17))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		ids, err := idsOf(asynq.NewTask(kind, payload))
		if err != nil {
			return
		}
		if len(ids) == 0 || len(ids) > MaxIDs {
			t.Fatalf("%d IDs from a payload of %d bytes", len(ids), len(payload))
		}
		task, err := Ticket{Kind: kind, IDs: ids}.task()
		if kind == "" {
			return
		}
		if err != nil || !bytes.Equal(task.Payload(), payload) || task.Type() != kind {
			t.Errorf("back again: %v, %v; want payload %x", task, err, payload)
		}
	})
}
