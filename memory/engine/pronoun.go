package engine

import "strings"

// meet remembers a relative or pet that the words mention.
func (x *extractor) meet(ws []word) {
	for i, w := range ws {
		if !w.is(possessI) {
			continue
		}
		for k := i + 1; k < len(ws) && k < i+5; k++ {
			if !ws[k].is(relation | pet) {
				continue
			}
			for k+1 < len(ws) && ws[k+1].upper() && !ws[k+1].is(punct|timeWord) {
				k++
			}
			var t text
			t.words(ws[i+1:k+1], user)
			x.person = strings.TrimSuffix(t.finish(), "'s")
			x.thing = x.person
			break
		}
	}
}

// point remembers what "it" would mean after the predicate.
func (x *extractor) point(p *predicate) {
	if p.tense == ongoing {
		return
	}
	switch p.lemma {
	case "have", "own", "order", "buy", "purchase", "get", "receive", "adopt":
	default:
		return
	}
	rest := p.rest
	for len(rest) > 0 && rest[0].is(determiner|possessI) {
		rest = rest[1:]
	}
	np := nounPhrase(p.rest)
	if len(np) == 0 {
		return
	}
	for len(np) > 1 && np[0].is(adverb) {
		np = np[1:]
	}
	x.recallNoun(np)
	if anyIs(np, relation|pet) {
		x.person = x.thing
	}
}

func (x *extractor) recallNoun(np []word) {
	var t text
	t.words(np, user)
	x.thing = t.finish()
}

// pronoun reads a clause about somebody or something mentioned before.
func (x *extractor) pronoun(ws []word) {
	ws = trimTail(ws)
	who, w := x.person, ws[0]
	if w.low == "it" && x.correct(ws[1:]) {
		return
	}
	if w.low == "it" || w.low == "its" || who == "" && w.oneOf("they", "their") {
		who = x.thing
	}
	if who == "" || len(ws) < 3 {
		return
	}
	var s slot
	var t text
	t.add(who)
	switch {
	case w.is(possess3):
		if verbAt(ws, 0) < 2 {
			return
		}
		t.b.WriteString("'s")
		s = personSlot(strings.ToLower(who)+" "+ws[1].low, ws[2:])
	case idleNews(w, ws[1:]):
		return
	case w.low != "it":
		s = personSlot(strings.ToLower(who), ws[1:])
	}
	t.words(ws[1:], user)
	x.add(&t, s, assert)
}

// correct reads the second half of "My name isn't Steve, it's Stefan".
func (x *extractor) correct(rest []word) bool {
	n := len(x.facts) - 1
	if x.wrong == nil || n < 0 || len(rest) < 2 || !rest[0].oneOf("'s", "is") {
		return false
	}
	x.facts = x.facts[:n]
	x.valued(x.wrong, rest[1:])
	return true
}

// idleNews tells whether what is said about somebody, or about "it", is about
// the moment.
func idleNews(w word, rest []word) bool {
	if w.low != "it" {
		return len(rest) < 4 && rest[0].is(be) && rest[len(rest)-1].is(transient)
	}
	for _, r := range rest {
		if r.is(be | filler | modal) {
			continue
		}
		return r.is(transient | deictic | smallTalk | vague)
	}
	return true
}
