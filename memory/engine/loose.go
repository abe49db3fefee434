package engine

import "strings"

// arranged reads a statement about something with a date that is not said to
// be the user's: "The meeting was moved to Tuesday."
func (x *extractor) arranged(ws []word) bool {
	ws = trimTail(ws)
	if len(ws) < 4 || ws[0].low != "the" {
		return false
	}
	v := verbAt(ws, 1)
	if v == 0 || !anyIs(ws[1:v], event) || !anyIs(ws[v:], timeWord|number) || ws[v].is(modal) && ws[v].low != "will" {
		return false
	}
	var t text
	t.words(ws, user)
	x.add(&t, one(key(ws[1:v])), assert)
	return true
}

// ours reads a statement whose predicate is the user's: "Anna is my sister".
func (x *extractor) ours(ws []word) bool {
	ws = trimTail(ws)
	for k := 1; k+2 < len(ws) && k < 6; k++ {
		if !ws[k].oneOf("is", "are", "was", "'s") || !ws[k+1].is(possessI) {
			continue
		}
		if ws[0].is(deictic|pronounYou|whWord|pronoun3) || idle(ws[k+2:], ws[k:]) {
			return true
		}
		if a := attributeOf(ws[k+2:]); strings.HasPrefix(a, "favorite:") {
			x.valued(ws[k+2:], ws[:k])
			return true
		}
		var t text
		t.words(ws, user)
		x.add(&t, slot{}, assert)
		return true
	}
	return false
}

// verbatim keeps a statement whose grammar is not understood, when it is the
// user's own and says enough.
func (x *extractor) verbatim(ws []word) {
	ws = trimTail(ws)
	own, verb, content := false, false, 0
	for i, w := range ws {
		own = own || w.is(subjectI|possessI) || w.low == "me" && i > 0
		verb = verb || finite(ws, i)
		if w.content() {
			content++
		}
	}
	if !own || !verb || content < 3 || len(ws) < 5 || ws[0].is(imperative|pronounYou|deictic|conjunction) || ws[0].low == "there" {
		return
	}
	if i := indexOf(ws, subjectI); i >= 0 && i+1 < len(ws) {
		if p, ok := parse(ws[i+1:]); !ok || p.passing() {
			return
		}
	}
	var t text
	t.words(ws, user)
	x.add(&t, slot{}, assert)
}

func indexOf(ws []word, c class) int {
	for i, w := range ws {
		if w.is(c) {
			return i
		}
	}
	return -1
}
