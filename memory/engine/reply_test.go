package engine

import (
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/memory"
)

// FuzzModelAnswer: whatever a model answers, it touches nothing that it was not
// offered, nothing that is immutable, and no memory twice.
func FuzzModelAnswer(f *testing.F) {
	for _, s := range []string{
		`{"changes":[{"action":"add","number":null,"text":"Has a dog","turn":1}],"known":false}`,
		`{"changes":[{"action":"update","number":1,"text":"Lives in Lisbon","turn":1},{"action":"delete","number":2,"text":null}],"known":true}`,
		`{"changes":[{"action":"delete","number":2},{"action":"delete","number":2},{"action":"update","number":3,"text":"x"}]}`,
		`{"changes":[{"action":"delete","number":-1},{"action":"update","number":99,"text":"\u0000\ud800"}]}`,
		"```json\n{\"changes\":[]}\n```", `<think>{"changes":1}</think>{"changes":[]}`, `{`, `}{`, `null`, `{"changes":null}`, `{"changes":[null]}`, `</think>}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		add := aliceSays("I moved")
		add.Turns = append(add.Turns, memory.Turn{Role: "assistant", Text: "Noted"}, memory.Turn{Role: "system", Text: "Be kind"})
		known := []memory.Memory{remembered("Lives in Berlin"), remembered("Likes tea"), remembered("Is tall")}
		known[2].Immutable = true
		d := deciding{add: add, recall: recallOf(known...)}
		d.hear()
		if err := d.remember(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := d.accept(jsonObject(text))
		var bad *unusable
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%q: %v", text, err)
		}
		touched := map[uuid.UUID]bool{}
		for _, draft := range d.drafts {
			if draft.Scope != add.Scope || !utf8.ValidString(draft.Text) || len(draft.Text) > maxText {
				t.Fatalf("%q makes the draft %+v", text, draft)
			}
			if draft.Kind == memory.ChangeAdd {
				continue
			}
			offered := slices.ContainsFunc(known, func(m memory.Memory) bool { return m.ID == draft.Target && !m.Immutable })
			if !offered || touched[draft.Target] {
				t.Fatalf("%q touches %s", text, draft.Target)
			}
			touched[draft.Target] = true
		}
	})
}
