package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A voice is who said something, which decides what the pronouns become: a
// memory has no "I" that could be mistaken for somebody else.
type voice uint8

const (
	user voice = iota
	agent
)

// pronouns are what a voice's pronouns become. The user is "they" wherever a pronoun is needed, so
// that verbs in the middle of a sentence stay as they are.
var pronouns = [2]map[string]string{
	{
		"i": "they", "we": "they", "me": "them", "us": "them", "my": "their", "our": "their", "mine": "theirs",
		"ours": "theirs", "myself": "themselves", "ourselves": "themselves",
	},
	{
		"you": "the user", "your": "the user's", "yours": "the user's", "yourself": "themselves",
		"i": "the assistant", "we": "the assistant", "me": "the assistant", "my": "its", "our": "its",
	},
}

// A text is a memory being written.
type text struct{ b strings.Builder }

// add writes a word that is not the speaker's own.
func (t *text) add(s string) {
	if t.b.Len() > 0 {
		t.b.WriteByte(' ')
	}
	t.b.WriteString(s)
}

// words writes the speaker's words with the pronouns changed.
func (t *text) words(ws []word, v voice) {
	for i, w := range ws {
		if t.b.Len() > 0 && (w.gap || i == 0 && !w.is(punct) && w.low[0] != '\'') {
			t.b.WriteByte(' ')
		}
		t.b.WriteString(spoken(ws, i, v))
	}
}

// raw writes words as they are.
func (t *text) raw(ws []word) {
	for _, w := range ws {
		if t.b.Len() > 0 && w.gap {
			t.b.WriteByte(' ')
		}
		t.b.WriteString(w.text)
	}
}

// spoken is the word at ws[i] as a memory has it.
func spoken(ws []word, i int, v voice) string {
	w := ws[i]
	if i > 0 && ws[i-1].is(subjectI) && v == user {
		switch w.low {
		case "am":
			return "are"
		case "'m":
			return "'re"
		case "was":
			return "were"
		}
	}
	if p, ok := pronouns[v][w.low]; ok && w.kind != 0 {
		return p
	}
	return w.text
}

// finish returns the text with a capital, within its limit.
func (t *text) finish() string {
	return capital(cut(strings.TrimRight(t.b.String(), " ,;:-–—"), maxText))
}

// capital makes the first letter a capital one, except in words such as iPhone
// and in addresses.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if !unicode.IsLower(r) {
		return s
	}
	first, _, _ := strings.Cut(s, " ")
	second, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(second) || strings.ContainsAny(first, "@/") {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// trimTail drops closing marks and words that add nothing: "now", "please".
func trimTail(ws []word) []word {
	bracket := opened(ws)
	for len(ws) > 0 {
		w := ws[len(ws)-1]
		switch {
		case w.is(punct) && !w.oneOf(")", "'"):
		case w.is(punct) && w.low == ")" && !bracket:
		case w.oneOf("now", "too", "please", "btw", "lol", "haha", "though", "even", "actually", "tbh", "thanks", "pls"):
		case len(ws) > 2 && pair(ws, "as", "well"), pair(ws, "thank", "you"), pair(ws, "right", "now"), pair(ws, "you", "know"):
			ws = ws[:len(ws)-1]
		case len(ws) > 3 && ws[len(ws)-3].low == "by" && pair(ws, "the", "way"):
			ws = ws[:len(ws)-2]
		default:
			return ws
		}
		ws = ws[:len(ws)-1]
	}
	return ws
}

func opened(ws []word) bool {
	for _, w := range ws {
		if strings.Contains(w.text, "(") {
			return true
		}
	}
	return false
}

// pair tells whether the words end with a and b.
func pair(ws []word, a, b string) bool {
	return len(ws) > 1 && ws[len(ws)-2].low == a && ws[len(ws)-1].low == b
}
