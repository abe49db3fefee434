package memory_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// remember stores texts as memories of alice, each a second newer than the one
// before.
func remember(t testing.TB, db *sqlstore.DB, project string, texts ...string) {
	t.Helper()
	now := time.Date(2025, 10, 13, 16, 59, 0, 0, time.UTC)
	c := memory.Completion{Event: memory.Event{
		ID: delivery.NewID(), ProjectID: project, Kind: memory.EventAdd, Status: memory.EventSucceeded, Scope: alice, Infer: true,
		CreatedAt: now, UpdatedAt: now, CompletedAt: &now,
	}}
	for i, text := range texts {
		at := now.Add(time.Duration(i) * time.Second)
		m := memory.Memory{ID: delivery.NewID(), ProjectID: project, Scope: alice, Text: text, State: memory.Active, CreatedAt: at, UpdatedAt: at}
		c.Changes = append(c.Changes, memory.Change{ID: delivery.NewID(), EventID: c.Event.ID, Kind: memory.ChangeAdd, Memory: m, At: at})
	}
	if _, err := db.CompleteEvent(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// searcher is a service over a real database that does no work of its own.
func searcher(t testing.TB) (*memory.Service, *sqlstore.DB, string) {
	t.Helper()
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	return memory.New(memory.Config{
		Store: db, Engine: engine.Local{}, Wake: func(...delivery.Due) {}, Log: slog.New(slog.DiscardHandler),
		Push: func(context.Context, queue.Ticket) error { return nil },
	}), db, project
}

func ofAlice(project string) memory.Query {
	return memory.Query{ProjectID: project, Filter: memory.Entity(memory.FieldUser, "alice")}
}

func TestSearch(t *testing.T) {
	life := []string{
		"Is allergic to peanuts", "Likes green tea and black tea", "Lives in Lisbon", "Has two cats named Miso and Nori",
		"Works as a nurse at the city hospital", "Likes hiking in the mountains", "Drinks green smoothies", "Owns three watches and a box",
	}
	for _, tt := range []struct {
		name      string
		memories  []string
		query     string
		topK      int
		threshold float64
		want      []string
	}{
		{"question", life, "Where does the user live?", 10, 0.3, []string{"Lives in Lisbon"}},
		{"more words first", life, "green tea", 10, 0.1, []string{"Likes green tea and black tea", "Drinks green smoothies"}},
		{"weak ones fall under the threshold", life, "black tea or green tea", 10, 0.5, []string{"Likes green tea and black tea"}},
		{"one main word of several", life, "Which food allergies or peanuts should I avoid tonight?", 10, 0.3, []string{"Is allergic to peanuts"}},
		{"best alone", life, "green tea", 1, 0.1, []string{"Likes green tea and black tea"}},
		{"query in plural", life, "boxes", 10, 0.3, []string{"Owns three watches and a box"}},
		{"memory in plural", life, "watch", 10, 0.3, []string{"Owns three watches and a box"}},
		{"possessive and case", life, "MISO's", 10, 0.3, []string{"Has two cats named Miso and Nori"}},
		{"no word shared", life, "quantum physics", 10, 0.1, nil},
		{"stop words do not find", life, "what is at the weather", 10, 0.1, nil},
		{"only stop words", []string{"They who are", "Tea"}, "who are they", 10, 0.3, []string{"They who are"}},
		{"no word at all", life, "?!", 10, 0.1, nil},
		{"without threshold the rest follows, newest first", life[:3], "peanuts", 10, 0, []string{life[0], life[2], life[1]}},
		{"without threshold and words, newest first", life[:3], "?!", 2, 0, []string{life[2], life[1]}},
		{
			"shorter first",
			[]string{"Tea with milk, sugar, lemon, honey and biscuits", "Drinks tea"},
			"tea", 10, 0.1,
			[]string{"Drinks tea", "Tea with milk, sugar, lemon, honey and biscuits"},
		},
		{"rarer first", []string{"Likes tea", "Hates tea", "Sells tea", "Sells coffee"}, "coffee tea", 1, 0.1, []string{"Sells coffee"}},
		{"a word all have", []string{"Likes tea", "Hates tea"}, "tea", 10, 0.3, []string{"Hates tea", "Likes tea"}},
		{"equals newest first", []string{"Saw Rome", "Saw Rome", "Saw Oslo"}, "Rome", 10, 0.3, []string{"Saw Rome", "Saw Rome"}},
		{"one memory", []string{"Likes green tea"}, "What do you know about my tea?", 10, 0.3, []string{"Likes green tea"}},
		{"letters beyond ASCII", []string{"ΟΔΥΣΣΕΥΣ Straße", "Łódź"}, "łÓDŹ", 10, 0.3, []string{"Łódź"}},
		{"no spaces between words", []string{"我喜欢绿茶", "我住在北京"}, "绿茶", 10, 0.3, []string{"我喜欢绿茶"}},
		{"digits", []string{"Room 101", "Room 102"}, "101", 10, 0.3, []string{"Room 101"}},
		{"no candidates", nil, "tea", 10, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, db, project := searcher(t)
			remember(t, db, project, tt.memories...)
			hits, err := s.Search(t.Context(), ofAlice(project), tt.query, tt.topK, tt.threshold)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			last := 1.0
			for _, h := range hits {
				got = append(got, h.Memory.Text)
				if h.Score < tt.threshold || h.Score > last {
					t.Errorf("%q has score %g after %g", h.Memory.Text, h.Score, last)
				}
				last = h.Score
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("search for %q (-want +got):\n%s", tt.query, diff)
			}
		})
	}
}

// TestSearchFilters holds that a filter which SQL cannot decide selects the same.
func TestSearchFilters(t *testing.T) {
	s, db, project := searcher(t)
	remember(t, db, project, "Likes TÉA", "Drinks tea")
	q := ofAlice(project)
	q.Filter = memory.And(q.Filter, memory.Filter{Cond: &memory.Condition{Field: memory.FieldText, Op: memory.OpIContains, Text: []string{"téa"}}})
	hits, err := s.Search(t.Context(), q, "téa tea", 10, 0)
	if err != nil || len(hits) != 1 || hits[0].Memory.Text != "Likes TÉA" {
		t.Errorf("search found %v, error %v", hits, err)
	}
}
