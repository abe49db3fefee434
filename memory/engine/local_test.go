package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/memory"
)

var _ memory.Engine = Local{}

func userSays(texts ...string) memory.Add {
	add := memory.Add{Scope: memory.Scope{UserID: "u"}, Infer: true}
	for _, t := range texts {
		add.Turns = append(add.Turns, memory.Turn{Role: "user", Text: t})
	}
	return add
}

func decide(t testing.TB, add memory.Add, known ...memory.Memory) memory.Decision {
	t.Helper()
	d, err := Local{}.Decide(context.Background(), add, recallFrom(known))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestScopes(t *testing.T) {
	add := memory.Add{
		Scope: memory.Scope{UserID: "u", AgentID: "a", RunID: "r"}, SplitAttribution: true,
		Turns: []memory.Turn{
			{Role: "user", Text: "I live in Rome."},
			{Role: "assistant", Text: "I've booked your flight to Oslo."},
			{Role: "user", Text: "I'm vegan."},
		},
	}
	ofUser, ofAgent := memory.Scope{UserID: "u", RunID: "r"}, memory.Scope{AgentID: "a", RunID: "r"}
	var asked []memory.Scope
	d, err := Local{}.Decide(t.Context(), add, func(_ context.Context, q memory.RecallQuery) ([]memory.Memory, error) {
		asked = append(asked, q.Scope)
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]memory.Scope{}
	for _, draft := range d.Drafts {
		got[draft.Text] = draft.Scope
	}
	want := map[string]memory.Scope{
		"Lives in Rome": ofUser, "Is vegan": ofUser, "Assistant booked the user's flight to Oslo": ofAgent,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scopes of drafts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]memory.Scope{ofUser, ofAgent}, asked); diff != "" {
		t.Errorf("scopes recalled (-want +got):\n%s", diff)
	}
}

func TestReasons(t *testing.T) {
	home := memory.Memory{ID: uuid.UUID{1}, Scope: memory.Scope{UserID: "u"}, Text: "Lives in Rome", Subject: "lives_in"}
	tests := []struct {
		name  string
		turns []memory.Turn
		want  memory.Reason
	}{
		{"no turns", nil, memory.ReasonNoText},
		{"blank", []memory.Turn{{Role: "user", Text: " \n\t\u200b"}}, memory.ReasonNoText},
		{"no text", []memory.Turn{{Role: "user"}, {Role: "assistant"}}, memory.ReasonNoText},
		{"system only", []memory.Turn{{Role: "system", Text: "I live in Rome."}}, memory.ReasonNoText},
		{"tool only", []memory.Turn{{Role: "tool", Text: "I live in Rome."}}, memory.ReasonNoText},
		{"small talk", []memory.Turn{{Role: "user", Text: "hi!"}}, memory.ReasonNoFacts},
		{"known", []memory.Turn{{Role: "user", Text: "I live in Rome"}}, memory.ReasonAlreadyKnown},
		{"known and small talk", []memory.Turn{{Role: "user", Text: "I live in Rome"}, {Role: "user", Text: "ok"}}, memory.ReasonAlreadyKnown},
		{"new", []memory.Turn{{Role: "user", Text: "I live in Bern"}}, ""},
		{"known and new", []memory.Turn{{Role: "user", Text: "I live in Rome. I'm vegan."}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, memory.Add{Turns: tt.turns, Scope: home.Scope}, home)
			if d.Reason != tt.want || (d.Reason == "") != (len(d.Drafts) > 0) {
				t.Errorf("Decide gave reason %q and %d drafts, want reason %q", d.Reason, len(d.Drafts), tt.want)
			}
		})
	}
}

func TestVerbatimMemoryIsKnown(t *testing.T) {
	stored := memory.Memory{ID: uuid.UUID{1}, Scope: memory.Scope{UserID: "u"}, Text: "I ordered a Nova 2000."}
	if d := decide(t, userSays("I ordered a Nova 2000."), stored); d.Reason != memory.ReasonAlreadyKnown {
		t.Errorf("Decide of a sentence stored as it was said gave %+v, want %s", d, memory.ReasonAlreadyKnown)
	}
}

func TestOldestContradictionStays(t *testing.T) {
	scope := memory.Scope{UserID: "u"}
	newer := memory.Memory{ID: uuid.UUID{2}, Scope: scope, Text: "Lives in Rome", Subject: "lives_in"}
	older := memory.Memory{ID: uuid.UUID{1}, Scope: scope, Text: "Lives in Bern", Subject: "lives_in", Immutable: true}
	d := decide(t, userSays("I live in Oslo"), newer, older)
	want := []memory.Draft{{Kind: memory.ChangeUpdate, Target: newer.ID, Text: "Lives in Oslo", Subject: "lives_in", Scope: scope}}
	if diff := cmp.Diff(want, d.Drafts); diff != "" {
		t.Errorf("drafts (-want +got):\n%s", diff)
	}
}

func TestRecallError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Local{}.Decide(t.Context(), userSays("I live in Rome"), func(context.Context, memory.RecallQuery) ([]memory.Memory, error) {
		return nil, broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("Decide with a broken recall gave %v, want %v", err, broken)
	}
}

func TestSmallTalkRecallsNothing(t *testing.T) {
	_, err := Local{}.Decide(t.Context(), userSays("thanks!", "what is backpropagation?"), nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestLimits(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "I ordered item number %d. ", i)
	}
	if d := decide(t, userSays(b.String())); len(d.Drafts) != maxFacts || d.Reason != memory.ReasonTooManyFacts {
		t.Errorf("200 facts gave %d drafts, reason %q; want %d, because there are more", len(d.Drafts), d.Reason, maxFacts)
	}
	long := "I ordered " + strings.Repeat("très étrange 😀 ", 1000)
	d := decide(t, userSays(long))
	if len(d.Drafts) != 1 || len(d.Drafts[0].Text) > maxText || !utf8.ValidString(d.Drafts[0].Text) {
		t.Errorf("a sentence of %d bytes gave %d drafts", len(long), len(d.Drafts))
	}
}

// Hostile texts of a mebibyte are read in time that grows with their length.
// The limit is far above what they take: it is there to catch a square.
func TestHostileTextsAreFast(t *testing.T) {
	const size = 1 << 20
	for _, part := range []string{
		"a", " ", ".", "\n", "\"", "'", "(", ")", "—", "I ", "my ", "and my ", "I,", "\"I ", "'I ", "my and I ", "if I ", "I like ", "é",
		"\xff", "\u200b", "because I ", "forget my ", "I am a,", "my sister who ", "as a ", "...", ". ", "that . ", "a . at — ", "?!", "私", "- ", "I have a my and ", "`", "# ",
	} {
		start := time.Now()
		decide(t, userSays(strings.Repeat(part, size/len(part))))
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%d bytes of %q took %v", size, part, took)
		}
	}
}

func checkDecision(t *testing.T, d memory.Decision) {
	t.Helper()
	if len(d.Drafts) > maxFacts {
		t.Errorf("%d drafts, want at most %d", len(d.Drafts), maxFacts)
	}
	for _, draft := range d.Drafts {
		if !utf8.ValidString(draft.Text) || !utf8.ValidString(draft.Subject) {
			t.Errorf("not UTF-8: %+v", draft)
		}
		if draft.Text == "" && draft.Kind != memory.ChangeDelete || len(draft.Text) > maxText || len(draft.Subject) > 2*maxKey+20 {
			t.Errorf("text of %d and subject of %d bytes", len(draft.Text), len(draft.Subject))
		}
		if strings.ContainsFunc(draft.Text, unicode.IsControl) {
			t.Errorf("control character in %q", draft.Text)
		}
	}
}

func FuzzDecide(f *testing.F) {
	for _, name := range []string{"chats.jsonl", "heldout.jsonl"} {
		for _, c := range readChats(f, name) {
			for i, turn := range c.Turns {
				f.Add(turn[1], turn[0] == "assistant", c.Turns[0][1], i%2 == 0)
			}
		}
	}
	f.Add("I like \xff\xfe\u0000 \U0001f600 tea", false, "\u2028my dog’s “name” is", true)
	f.Fuzz(func(t *testing.T, a string, agent bool, b string, split bool) {
		add := userSays(a, b, a)
		if agent {
			add.Turns[0].Role = "assistant"
		}
		add.Scope.AgentID, add.SplitAttribution = "a", split
		var known []memory.Memory
		for i, d := range decide(t, add).Drafts {
			if d.Kind == memory.ChangeAdd {
				known = append(known, memory.Memory{ID: uuid.UUID{byte(i + 1)}, Scope: d.Scope, Text: d.Text, Subject: d.Subject})
			}
		}
		first := decide(t, add, known...)
		checkDecision(t, first)
		if diff := cmp.Diff(first, decide(t, add, known...)); diff != "" {
			t.Errorf("decided differently the second time:\n%s", diff)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	tests := []struct{ name, text string }{
		{"one fact", "I ordered a Nova 2000"},
		{"two facts", "Hi! I live in Berlin and work as a nurse. What should I cook tonight?"},
		{"no fact", "Can you explain how TCP congestion control works?"},
		{"paragraph", "So yesterday was crazy. I missed my train to Hamburg, then my phone died, and my boss Peter called me five times. " +
			"Anyway, I finally got home at midnight. By the way, I'm starting a new job at Bosch in September!"},
	}
	recall := func(context.Context, memory.RecallQuery) ([]memory.Memory, error) { return nil, nil }
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			add := userSays(tt.text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (Local{}).Decide(context.Background(), add, recall); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
