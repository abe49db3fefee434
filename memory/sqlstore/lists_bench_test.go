package sqlstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// A list is one that somebody asks for.
type list struct {
	name string
	// page reads a page, and tells how many rows it has.
	page func(ctx context.Context, s seeded, limit int) (int, error)
}

// deliveryFilters are what lists of deliveries are narrowed by, good and bad.
var deliveryFilters = []string{
	"", "status:succeeded", "status:failed", "status:held", "status:canceled", "status:waiting", "status:retrying endpoint:e1",
	"status:skipped endpoint:e3", "status:failed endpoint:e9", "endpoint:e0", "endpoint:e9", "endpoint:e type:memory_update",
	"code:503", "code:5xx since:24h", "code:404", "error:dns", "error:connect_timeout", "type:memory_delete", "type:memory_update", "type:memory_none",
	"trigger:test", "trigger:replay", "since:7d until:6d status:failed", "since:9d until:8d endpoint:e9",
	"user:user7", "user:user7 status:failed", "user:big", "user:big status:held", "user:quiet", "user:single", "user:nobody", "user:big agent:rare", "user:big since:1h",
	"agent:a1", "agent:rare", "run:run9", "words", "haystack", "absent since:2d",
}

// eventFilters are the same for events.
var eventFilters = []string{
	"", "status:succeeded", "status:failed", "status:pending", "status:running", "type:add", "type:delete_all", "type:relay",
	"user:user7", "user:big", "user:big status:failed", "user:quiet type:delete_all", "user:single", "user:nobody", "user:big agent:rare", "user:big since:1h",
	"agent:a1", "agent:rare status:failed", "run:run9", "since:9d until:8d", "words", "haystack", "absent",
}

func lists(t testing.TB, s seeded) []list {
	t.Helper()
	now := time.Now()
	var all []list
	for _, typed := range deliveryFilters {
		q := delivery.Query{ProjectID: s.project}
		apply(t, typed, q.Apply, now)
		add := func(where string, q delivery.Query) {
			all = append(all, list{"deliveries" + where + " " + typed, func(ctx context.Context, s seeded, limit int) (int, error) {
				q.Limit = limit
				p, err := s.Deliveries(ctx, q)
				return len(p.Rows), err
			}})
		}
		add("", q)
		cursor := delivery.Cursor{ID: s.id("c", s.n/3)}
		if q.UserID+q.AgentID+q.RunID != "" {
			cursor.Event = s.id("8", s.n/3)
		}
		q.After = &cursor
		add(" deep", q)
		q.After, q.Before = nil, &cursor
		add(" back", q)
		q.Before, q.IDs = nil, []uuid.UUID{s.id("c", 5), s.id("c", s.n/2), s.id("c", s.n-1)}
		add(" of some", q)
	}
	for _, typed := range eventFilters {
		q := memory.EventList{ProjectID: s.project}
		apply(t, typed, q.Apply, now)
		add := func(where string, q memory.EventList) {
			all = append(all, list{"events" + where + " " + typed, func(ctx context.Context, s seeded, limit int) (int, error) {
				q.Limit = limit
				p, err := s.EventPage(ctx, q)
				return len(p.Events), err
			}})
		}
		add("", q)
		cursor := s.id("8", s.n/3)
		q.After = cursor
		add(" deep", q)
		q.After, q.Before = q.Before, cursor
		add(" back", q)
	}
	for name, f := range memoryFilters {
		l := memory.MemoryList{Query: memory.Query{ProjectID: s.project, Filter: f, Today: "2026-01-01"}}
		add := func(where string, l memory.MemoryList) {
			all = append(all, list{"memories" + where + " " + name, func(ctx context.Context, s seeded, limit int) (int, error) {
				l.Limit = limit
				p, err := s.MemoryPage(ctx, l)
				return len(p.Memories), err
			}})
		}
		add("", l)
		id := s.id("a", s.n/3)
		place := memory.MemoryPlace{CreatedAt: time.UnixMilli(s.start + int64(s.n/3)*864000000/int64(s.n)), ID: id}
		l.After = &place
		add(" deep", l)
		l.After, l.Before = nil, &place
		add(" back", l)
	}
	return all
}

// numbered are the lists of mem0's API that have numbers of pages and say how many rows
// there are in all, and what counts. Their deepest pages pass over an index.
func numbered(s seeded) []list {
	events := func(offset int) func(context.Context, seeded, int) (int, error) {
		return func(ctx context.Context, s seeded, limit int) (int, error) {
			list, _, err := s.Events(ctx, memory.EventQuery{ProjectID: s.project, Limit: limit, Offset: offset})
			return len(list), err
		}
	}
	memories := func(user string, offset int) func(context.Context, seeded, int) (int, error) {
		return func(ctx context.Context, s seeded, limit int) (int, error) {
			q := memory.Query{ProjectID: s.project, Filter: memory.Entity(memory.FieldUser, user), Today: "2026-01-01", Limit: limit, Offset: offset}
			list, _, err := s.Memories(ctx, q)
			return len(list), err
		}
	}
	return []list{
		{"numbered events first", events(0)},
		{"numbered events last", events(s.n - 200)},
		{"numbered memories of a user first", memories("user77", 0)},
		{"numbered memories of a fifth first", memories("big", 0)},
		{"numbered memories of a fifth last", memories("big", s.n*7/40-200)},
		{"counts stats", func(ctx context.Context, s seeded, _ int) (int, error) {
			st, err := s.Stats(ctx, s.project)
			return st.Memories, err
		}},
		{"counts entities", func(ctx context.Context, s seeded, _ int) (n int, err error) {
			err = s.EachEntity(ctx, memory.EntityQuery{ProjectID: s.project}, func(memory.EntitySummary) error { n++; return nil })
			return n, err
		}},
		{"counts deliveries by status", func(ctx context.Context, s seeded, _ int) (int, error) {
			counts, err := s.DeliveryCounts(ctx, delivery.Query{ProjectID: s.project})
			return len(counts), err
		}},
	}
}

// memoryFilters are the same for memories.
var memoryFilters = map[string]memory.Filter{
	"": {}, "user:big": memory.Entity(memory.FieldUser, "big"), "user:single": memory.Entity(memory.FieldUser, "single"), "agent:a1": memory.Entity(memory.FieldAgent, "a1"),
	"category:misc": category("misc"), "category:old": category("old"), "user:big category:old": memory.And(memory.Entity(memory.FieldUser, "big"), category("old")),
}

func category(name string) memory.Filter {
	return memory.Filter{Cond: &memory.Condition{Field: memory.FieldCategories, Op: memory.OpEqual, Text: []string{name}}}
}

func apply(t testing.TB, typed string, to func(delivery.Terms, time.Time) error, now time.Time) {
	t.Helper()
	terms, err := delivery.ParseTerms(typed)
	if err == nil {
		err = to(terms, now)
	}
	if err != nil {
		t.Fatalf("%s: %v", typed, err)
	}
}

// BenchmarkLists reads pages of lists whose tables have a million rows each, on both
// databases. It prints the 95th percentile, and fails beyond what a page may take.
//
//	go test -run '^$' -bench Lists -benchtime 100x -timeout 1h ./memory/sqlstore
func BenchmarkLists(b *testing.B) {
	sqlite, postgres := seed(b, 1_000_000)
	for name, s := range map[string]seeded{"sqlite": sqlite, "postgres": postgres} {
		for _, l := range append(lists(b, s), numbered(s)...) {
			for limit, most := range map[int]time.Duration{50: 25 * time.Millisecond, 200: 60 * time.Millisecond} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, l.name, limit), func(b *testing.B) {
					var took []time.Duration
					rows := 0
					for b.Loop() {
						began := time.Now()
						n, err := l.page(b.Context(), s, limit)
						if err != nil {
							b.Fatal(err)
						}
						rows = n
						took = append(took, time.Since(began))
					}
					slices.Sort(took)
					p95 := took[len(took)*95/100]
					b.ReportMetric(float64(p95.Microseconds())/1000, "p95-ms")
					b.ReportMetric(float64(rows), "rows")
					b.ReportMetric(0, "ns/op")
					if paged := !strings.HasPrefix(l.name, "numbered") && !strings.HasPrefix(l.name, "counts"); paged && len(took) >= 20 && p95 > most {
						b.Errorf("95%% of the pages took %s or less, more than %s", p95, most)
					}
				})
			}
		}
	}
}
