package memory_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/sqlstore"
	"memhook/signing"
)

// A row is what a test wants of a memory.
type row struct {
	Text     string
	State    memory.State
	Replaced string // the text of the one that took its place
	Linked   []string
}

// rows are all memories of a project, in the order in which they were made.
func rows(t *testing.T, s *memory.Service, project string) []row {
	t.Helper()
	list, _, err := s.Memories(t.Context(), memory.Query{ProjectID: project, IncludeMerged: true})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b memory.Memory) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	texts := map[uuid.UUID]string{}
	for _, m := range list {
		texts[m.ID] = m.Text
	}
	var rows []row
	for _, m := range list {
		r := row{Text: m.Text, State: m.State, Replaced: texts[m.ReplacedBy]}
		for _, id := range m.Linked {
			r.Linked = append(r.Linked, texts[id])
		}
		rows = append(rows, r)
	}
	return rows
}

func TestAdditivePolicy(t *testing.T) {
	for _, test := range []struct {
		name string
		say  []string
		want []row
	}{
		{"contradicted", []string{"I live in Berlin", "I moved to Lisbon"}, []row{
			{"Lives in Berlin", memory.Superseded, "Lives in Lisbon", nil}, {"Lives in Lisbon", memory.Active, "", []string{"Lives in Berlin"}},
		}},
		{"said in more words", []string{"I have a dog", "I have a dog named Rex"}, []row{
			{"Has a dog", memory.Merged, "Has a dog named Rex", nil}, {"Has a dog named Rex", memory.Active, "", []string{"Has a dog"}},
		}},
		{"taken back", []string{"I work at Acme", "I no longer work at Acme"}, []row{
			{"Works at Acme", memory.Superseded, "No longer works at Acme", nil},
			{"No longer works at Acme", memory.Active, "", []string{"Works at Acme"}},
		}},
		{"known", []string{"I live in Berlin", "I live in Berlin"}, []row{{"Lives in Berlin", memory.Active, "", nil}}},
		{"side by side", []string{"I like tea", "I like jazz"}, []row{{"Likes tea", memory.Active, "", nil}, {"Likes jazz", memory.Active, "", nil}}},
		{"forgotten because it was asked for", []string{"I like jazz", "Forget that I like jazz"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _, project := start(t, engine.Local{})
			for _, text := range test.say {
				add := said(text)
				add.Policy = memory.Additive
				if _, _, err := s.AddNow(t.Context(), project, add, nil); err != nil {
					t.Fatal(err)
				}
			}
			if diff := gocmp.Diff(test.want, rows(t, s, project)); diff != "" {
				t.Errorf("memories after %q (-want +got):\n%s", test.say, diff)
			}
		})
	}
}

// TestAdditiveResults: what took the place of something is the only result and the
// only message; the history of the old one tells.
func TestAdditiveResults(t *testing.T) {
	s, db, project := start(t, engine.Local{})
	subscribe(t, db, project, delivery.AllTypes)
	add := said("I live in Berlin")
	add.Policy = memory.Additive
	_, first, err := s.AddNow(t.Context(), project, add, nil)
	if err != nil {
		t.Fatal(err)
	}
	add.Turns[0].Text = "I moved to Lisbon"
	e, second, err := s.AddNow(t.Context(), project, add, nil)
	if err != nil || len(second) != 1 || second[0].Kind != memory.ChangeAdd {
		t.Fatalf("results %+v, error %v; want one ADD", second, err)
	}
	want := []string{delivery.MemoryAdd, delivery.MemoryCategorize, delivery.IngestJobCompleted}
	if diff := gocmp.Diff(want, types(t, db, project, e.ID)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	history, err := s.History(t.Context(), project, first[0].Memory.ID)
	if err != nil || len(history) != 2 || history[1].Kind != memory.ChangeReplace || history[1].Memory.Text != history[1].Before {
		t.Errorf("history %+v, error %v; want the replacement last", history, err)
	}
	if _, err := s.UpdateProject(t.Context(), project, func(p *memory.Project) error {
		p.Settings = memory.Settings{memory.SettingPolicy: json.RawMessage(`"consolidating"`)}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	add.Turns[0].Text = "I moved to Oslo"
	if _, third, err := s.AddNow(t.Context(), project, add, nil); err != nil || len(third) != 1 || third[0].Kind != memory.ChangeUpdate {
		t.Errorf("results %+v, error %v; want an UPDATE by the project's own policy", third, err)
	}
}

func subscribe(t *testing.T, db *sqlstore.DB, project string, types ...string) {
	t.Helper()
	e := delivery.Endpoint{
		ID: delivery.NewID(), ProjectID: project, Name: "x", URL: "https://example.com/", EventTypes: types, Format: delivery.Full,
		Secrets: []delivery.LiveSecret{{Secret: signing.GenerateSecret()}},
	}
	if err := db.InsertEndpoint(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// types are the types of an event's messages in their order.
func types(t *testing.T, db *sqlstore.DB, project string, event uuid.UUID) []string {
	t.Helper()
	trails, err := db.TrailsByEvent(t.Context(), project, event)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, trail := range trails {
		list = append(list, trail.MessageType)
	}
	return list
}

func TestCategoriesComeWithTheMemory(t *testing.T) {
	s, db, project := start(t, engine.Local{})
	custom := func(p *memory.Project) error {
		p.Settings = memory.Settings{memory.SettingCategories: json.RawMessage(`[{"drinks": "coffee, tea"}, "places"]`)}
		return nil
	}
	added := func(text string, infer bool, list string) (memory.Event, memory.Memory) {
		t.Helper()
		add := said(text)
		add.Infer, add.Categories = infer, json.RawMessage(list)
		e, changes, err := s.AddNow(t.Context(), project, add, nil)
		if err != nil || len(changes) != 1 {
			t.Fatalf("add %q: %d changes, error %v", text, len(changes), err)
		}
		m, err := s.Memory(t.Context(), project, changes[0].Memory.ID)
		if err != nil {
			t.Fatal(err)
		}
		return e, m
	}
	check := func(m memory.Memory, want ...string) {
		t.Helper()
		if diff := gocmp.Diff(append([]string{}, want...), m.Categories); diff != "" {
			t.Errorf("categories of %q (-want +got):\n%s", m.Text, diff)
		}
	}
	e, m := added("I like green tea", true, "")
	check(m, "food", "user_preferences")
	if got := types(t, db, project, e.ID); got != nil {
		t.Errorf("messages %v although there is no endpoint", got)
	}
	if _, err := s.UpdateProject(t.Context(), project, custom); err != nil {
		t.Fatal(err)
	}
	_, m2 := added("I like coffee", false, "")
	check(m2, "drinks")
	_, m3 := added("I like jazz", true, `[{"noise": "jazz"}]`)
	check(m3, "noise")
	if again, err := s.Memory(t.Context(), project, m.ID); err != nil {
		t.Error(err)
	} else {
		check(again, "food", "user_preferences")
	}

	subscribe(t, db, project, delivery.MemoryCategorize)
	text := "Nice places"
	edited, err := s.Update(t.Context(), project, memory.Edit{ID: m.ID, Text: &text})
	if err != nil {
		t.Fatal(err)
	}
	check(edited, "places")
	history, err := s.History(t.Context(), project, m.ID)
	if err != nil || len(history) != 2 {
		t.Fatalf("%d entries of history, error %v", len(history), err)
	}
	body := bodyOf(t, db, project, history[1].EventID, delivery.MemoryCategorize)
	want := `{"event_details":{"memory_id":"` + m.ID.String() + `","event":"CATEGORIZE","categories":["places"],`
	if !strings.HasPrefix(body, want) {
		t.Errorf("body %s, want it to begin with %s", body, want)
	}
}

// TestAFilterTakesEveryMessageOfItsUser: what a filter accepts of a memory it accepts
// of its categories, now and when it is replayed out of the stored bodies.
func TestAFilterTakesEveryMessageOfItsUser(t *testing.T) {
	s, db, project := start(t, engine.Local{})
	metadata := json.RawMessage(`{"plan":"pro"}`)
	filters := map[string]delivery.Filter{
		"user":     {UserIDs: []string{"alice"}},
		"category": {Categories: []string{"food"}},
		"metadata": {Metadata: map[string]json.RawMessage{"plan": json.RawMessage(`"pro"`)}},
	}
	endpoints := map[uuid.UUID]string{}
	for name, filter := range filters {
		e := delivery.Endpoint{
			ID: delivery.NewID(), ProjectID: project, Name: name, URL: "https://example.com/", Format: delivery.Full,
			EventTypes: []string{delivery.MemoryAdd, delivery.MemoryCategorize}, Filter: filter,
		}
		if err := db.InsertEndpoint(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		endpoints[e.ID] = name
	}
	add := said("I like pizza")
	add.Metadata = metadata
	event, _, err := s.AddNow(t.Context(), project, add, nil)
	if err != nil {
		t.Fatal(err)
	}
	trails, err := db.TrailsByEvent(t.Context(), project, event.ID)
	if err != nil {
		t.Fatal(err)
	}
	wanted := 0
	for _, trail := range trails {
		if trail.MessageType == delivery.IngestJobCompleted {
			continue
		}
		wanted++
		if d := trail.Delivery; d.Status != delivery.Pending {
			t.Errorf("%s to the endpoint with a filter of %s is %s: %s", trail.MessageType, endpoints[d.EndpointID], d.Status, d.Detail)
		}
	}
	if wanted != 2*len(filters) {
		t.Errorf("%d deliveries, want two to each of %d endpoints", wanted, len(filters))
	}
	body := bodyOf(t, db, project, event.ID, delivery.MemoryCategorize)
	if want := `"metadata":{"plan":"pro"}`; !strings.Contains(body, want) {
		t.Errorf("body %s, want %s in it, which a replay's filter decides on", body, want)
	}
}

// TestMoreThanOneAddKeeps: what was left out is told, and what was kept is there.
func TestMoreThanOneAddKeeps(t *testing.T) {
	s, db, project := start(t, engine.Local{})
	subscribe(t, db, project, delivery.IngestJobCompleted, delivery.IngestJobPartiallyCompleted)
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "I ordered item number %d. ", i)
	}
	e, changes, err := s.AddNow(t.Context(), project, said(text.String()), nil)
	if err != nil || len(changes) != 50 || e.Reason != string(memory.ReasonTooManyFacts) {
		t.Fatalf("%d changes, reason %q, error %v; want 50, because there were more", len(changes), e.Reason, err)
	}
	body := bodyOf(t, db, project, e.ID, delivery.IngestJobPartiallyCompleted)
	if want := `{"event_details":{"event":"INGEST_JOB_PARTIALLY_COMPLETED"`; !strings.HasPrefix(body, want) {
		t.Errorf("body %.200s, want it to begin with %s", body, want)
	}
}

// bodyOf is the body of an event's message of a type.
func bodyOf(t *testing.T, db *sqlstore.DB, project string, event uuid.UUID, typ string) string {
	t.Helper()
	trails, err := db.TrailsByEvent(t.Context(), project, event)
	if err != nil {
		t.Fatal(err)
	}
	for _, trail := range trails {
		if trail.MessageType == typ && trail.Delivery.Status == delivery.Pending {
			claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{trail.Delivery.ID}, *trail.Delivery.NextAt, nil)
			if err != nil || len(claims) != 1 {
				t.Fatalf("claim: %d, error %v", len(claims), err)
			}
			return string(claims[0].Message.Body)
		}
	}
	t.Fatalf("event %s has no pending %s", event, typ)
	return ""
}

// unsorted is an engine whose categoriser is out of reach.
type unsorted struct{ engine.Local }

func (unsorted) Categorize(context.Context, []string, []memory.Category) ([][]string, error) {
	return nil, errEngine
}

func TestAFailingCategorizerCostsNoMemory(t *testing.T) {
	s, _, project := start(t, unsorted{})
	e, changes, err := s.AddNow(t.Context(), project, said("I like tea"), nil)
	if err != nil || e.Status != memory.EventSucceeded || len(changes) != 1 || changes[0].Memory.Categories != nil {
		t.Errorf("event %s with %+v, error %v; want one memory without categories", e.Status, changes, err)
	}
}
