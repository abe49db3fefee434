package memory_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// benchDimensions is the size of the vectors: that of the larger usual models.
const benchDimensions = 1536

// BenchmarkSearch searches the 10,000 memories of one user, by words and by meaning
// too, in stores of different sizes. MEMHOOK_BENCH_STORE has another size for the
// large one.
func BenchmarkSearch(b *testing.B) {
	large := 200_000
	if n, err := strconv.Atoi(os.Getenv("MEMHOOK_BENCH_STORE")); err == nil {
		large = n
	}
	for _, size := range []int{10_000, large} {
		b.Run(fmt.Sprintf("store=%d", size), func(b *testing.B) {
			db := sqlstoretest.Open(b)
			project, _ := sqlstoretest.Project(b, db, "p")
			fill(b, db, project, size)
			for _, e := range []memory.Embedder{nil, randomVectors{}} {
				name := "words"
				if e != nil {
					name = "meaning"
				}
				b.Run(name, func(b *testing.B) { searchOften(b, db, project, e) })
			}
		})
	}
}

func searchOften(b *testing.B, db *sqlstore.DB, project string, e memory.Embedder) {
	s := memory.New(memory.Config{
		Store: db, Engine: engine.Local{}, Embedder: e, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler),
		Push: func(context.Context, queue.Ticket) error { return nil },
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		hits, err := s.Search(b.Context(), ofAlice(project), "Which tea does she like in the morning?", 10, 0.1)
		if err != nil || len(hits) != 10 {
			b.Fatalf("%d hits, %v", len(hits), err)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-min(after.HeapAlloc, before.HeapAlloc))/(1<<20), "MiB-kept")
}

// fill stores 10,000 memories of alice among those of others.
func fill(b *testing.B, db *sqlstore.DB, project string, size int) {
	b.Helper()
	const group = 2000
	words := []string{"tea", "coffee", "morning", "Berlin", "hiking", "work", "sister", "dog", "piano", "train", "book", "order", "hotel", "peanuts", "garden"}
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() string { return words[rnd.IntN(len(words))] }
	now := time.Now().UTC().Truncate(time.Microsecond)
	for first := 0; first < size; first += group {
		c := memory.Completion{Event: memory.Event{
			ID: delivery.NewID(), ProjectID: project, Kind: memory.EventAdd, Status: memory.EventSucceeded, Scope: alice,
			CreatedAt: now, UpdatedAt: now, CompletedAt: &now,
		}}
		var vectors []memory.Embedded
		for i := first; i < first+group; i++ {
			m := memory.Memory{
				ID: delivery.NewID(), ProjectID: project, Scope: alice, State: memory.Active, CreatedAt: now, UpdatedAt: now,
				Text: fmt.Sprintf("Likes %s with %s and %s on day %d", word(), word(), word(), i),
			}
			if i%(size/10_000) != 0 { // alice's are spread over the store
				m.Scope = memory.Scope{UserID: "user-" + strconv.Itoa(i%997)}
			}
			c.Changes = append(c.Changes, memory.Change{ID: delivery.NewID(), EventID: c.Event.ID, Kind: memory.ChangeAdd, Memory: m, At: now})
			vectors = append(vectors, memory.Embedded{ID: m.ID, Hash: m.Hash(), Vector: memory.NewVector(randomVector(rnd))})
		}
		if _, err := db.CompleteEvent(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		if err := db.SaveVectors(b.Context(), "random", vectors); err != nil {
			b.Fatal(err)
		}
	}
}

func randomVector(rnd *rand.Rand) []float32 {
	v := make([]float32, benchDimensions)
	for i := range v {
		v[i] = rnd.Float32() - 0.4
	}
	return v
}

// randomVectors is an embedder that takes no time.
type randomVectors struct{}

func (randomVectors) Model() string { return "random" }

func (randomVectors) Embed(_ context.Context, texts []string) ([][]float32, error) {
	list := make([][]float32, len(texts))
	for i := range list {
		list[i] = randomVector(rand.New(rand.NewPCG(3, uint64(i))))
	}
	return list, nil
}
