package engine

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/memory"
)

// A shelf keeps memories as a store does, newest first.
type shelf struct {
	memories []memory.Memory
	made     byte
}

func (s *shelf) hear(t *testing.T, add memory.Add) memory.Decision {
	t.Helper()
	d, err := (Local{}).Decide(context.Background(), add, recallFrom(s.memories))
	if err != nil {
		t.Fatal(err)
	}
	for _, draft := range d.Drafts {
		i := slices.IndexFunc(s.memories, func(m memory.Memory) bool { return m.ID == draft.Target })
		switch draft.Kind {
		case memory.ChangeAdd:
			s.made++
			m := memory.Memory{ID: uuid.UUID{15: s.made}, Scope: draft.Scope, Text: draft.Text, Subject: draft.Subject}
			s.memories = slices.Insert(s.memories, 0, m)
		case memory.ChangeUpdate:
			s.memories[i].Text, s.memories[i].Subject = draft.Text, draft.Subject
		case memory.ChangeDelete:
			s.memories = slices.Delete(s.memories, i, i+1)
		}
	}
	return d
}

func (s *shelf) texts() []string {
	texts := []string{}
	for _, m := range s.memories {
		texts = append(texts, m.Text)
	}
	slices.Sort(texts)
	return texts
}

func TestMemoriesOverTime(t *testing.T) {
	tests := []struct {
		name string
		said []string
		want []string
	}{
		{"move", []string{"I live in Berlin", "I moved to Lisbon"}, []string{"Lives in Lisbon"}},
		{"move with a date", []string{"I live in Berlin", "I moved to Lisbon last year"}, []string{"Moved to Lisbon last year"}},
		{"move away", []string{"I live in Berlin", "I no longer live in Berlin"}, []string{}},
		{"lived once", []string{"I live in Berlin", "I used to live in Berlin", "I live in Rome"}, []string{"Lives in Rome", "Used to live in Berlin"}},
		{"plan to move", []string{"I live in Berlin", "I'm moving to Lisbon in May"}, []string{"Is moving to Lisbon in May", "Lives in Berlin"}},
		{"repeat", []string{"I ordered a Nova 2000", "i ordered a nova 2000!", "I ordered a Nova 3000"}, []string{"Ordered a Nova 2000", "Ordered a Nova 3000"}},
		{"taste lost", []string{"I like coffee", "I don't like coffee any more"}, []string{}},
		{"taste turned", []string{"I hate mushrooms", "I love mushrooms"}, []string{"Loves mushrooms"}},
		{"taste refined", []string{"I like tea", "I like tea with milk", "I like tea"}, []string{"Likes tea with milk"}},
		{"two tastes", []string{"I like tea", "I like coffee", "I no longer like tea"}, []string{"Likes coffee"}},
		{"dog", []string{"I have a dog", "I have a dog named Rex", "I have a dog"}, []string{"Has a dog named Rex"}},
		{"two dogs", []string{"I have a dog named Rex", "I have a dog named Max"}, []string{"Has a dog named Max", "Has a dog named Rex"}},
		{"no dogs", []string{"I have a dog named Rex", "I have a dog named Max", "I don't have a dog anymore"}, []string{}},
		{"more cats", []string{"I have two cats", "We have three cats"}, []string{"Has three cats"}},
		{"sold", []string{"I have a car", "I sold my car"}, []string{"Sold their car"}},
		{"allergy forgotten", []string{"I'm allergic to peanuts", "Forget that I'm allergic to peanuts"}, []string{}},
		{"favorite said twice", []string{"My favorite color is blue", "Blue is my favorite color"}, []string{"Favorite color is blue"}},
		{"job", []string{"I work at Acme", "I work as a nurse at Globex"}, []string{"Works as a nurse at Globex"}},
		{"job lost", []string{"I work at Acme", "I quit my job"}, []string{"Quit their job"}},
		{"firm left", []string{"I work as a nurse at Acme", "I don't work at Acme any more"}, []string{}},
		{"diet", []string{"I'm vegetarian", "I'm vegan now", "I'm not vegan anymore"}, []string{}},
		{"phone", []string{"My phone number is 555-0192", "My new phone number is 555-0193"}, []string{"Phone number is 555-0193"}},
		{"phone forgotten", []string{"My phone number is 555-0192", "please forget my phone number"}, []string{}},
		{"order", []string{"My order #12 was for a lamp", "My order #12 has shipped", "My order #12 arrived"}, []string{"Order #12 arrived", "Order #12 was for a lamp"}},
		{"order forgotten", []string{"My order #12 was for a lamp", "My order #12 has shipped", "Forget my order #12"}, []string{}},
		{"preference", []string{"I prefer aisle seats", "I prefer window seats"}, []string{"Prefers window seats"}},
		{"comparison", []string{"I prefer tea over coffee", "I prefer coffee over tea"}, []string{"Prefers coffee over tea"}},
		{"age", []string{"I'm 34", "I just turned 35"}, []string{"Turned 35"}},
		{"married", []string{"I'm single", "We got married in June"}, []string{"Got married in June"}},
		{"name and nickname", []string{"My name is Jonathan", "Call me Jon"}, []string{"Goes by Jon", "Name is Jonathan"}},
		{"smoking", []string{"I smoke", "I quit smoking"}, []string{"Quit smoking"}},
		{"medicine", []string{"I take metformin", "I stopped taking metformin"}, []string{"Stopped taking metformin"}},
		{"meetings", []string{"I have a meeting on Friday", "I have a meeting on Monday"}, []string{"Has a meeting on Friday", "Has a meeting on Monday"}},
		{"sister moves", []string{"My sister Anna lives in Rome", "My sister Anna moved to Milan"}, []string{"Sister Anna moved to Milan"}},
		{"sister's news", []string{"My sister is a doctor", "My sister is coming on Friday"}, []string{"Sister is a doctor", "Sister is coming on Friday"}},
		{"deadline", []string{"The deadline is March 3", "The deadline was moved to March 10"}, []string{"The deadline was moved to March 10"}},
		{"taken back at once", []string{"I like jazz. Forget that I like jazz."}, []string{}},
		{"corrected at once", []string{"I live in Berlin. Sorry, I live in Bern."}, []string{"Lives in Bern"}},
		{"left and returned", []string{"I work at Acme", "I no longer work at Acme. I work at Acme again."}, []string{"Works at Acme again"}},
		{"old news", []string{"I don't eat meat", "I don't eat meat"}, []string{"Doesn't eat meat"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s shelf
			for _, text := range tt.said {
				s.hear(t, memory.Add{Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: memory.Scope{UserID: "u"}})
			}
			if diff := cmp.Diff(tt.want, s.texts()); diff != "" {
				t.Errorf("after %q (-want +got):\n%s", tt.said, diff)
			}
		})
	}
}
