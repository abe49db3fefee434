package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// first reads a clause that begins with "I" or "we". It tells whether the
// clause was one, kept or not.
func (x *extractor) first(ws, lead []word) bool {
	ws = trimTail(ws)
	if len(ws) < 2 {
		return true
	}
	x.meet(ws)
	p, ok := parse(ws[1:])
	if !ok {
		x.verbatim(ws)
		return true
	}
	if p.lemma == "be" && p.tense == present && !p.negated && x.named(p.rest) {
		return true
	}
	if p.tense == possible && (ws[0].low == "we" && ws[1].oneOf("should", "could", "can", "might") || hasWord(p.rest, "if") ||
		p.lemma == "have" && p.first().is(verbPast)) {
		return true
	}
	if p.passing() || !p.says() && !(p.lemma == "be" && len(p.rest) > 0 && p.rest[0].is(number)) {
		return true
	}
	if x.changed(p) {
		return true
	}
	s := p.slot()
	x.point(p)
	t := p.write(s, len(lead) > 0)
	t.lead(lead)
	x.add(t, s.settled(p), p.intent())
	return true
}

// changed reads "I changed my name to Lee".
func (x *extractor) changed(p *predicate) bool {
	if p.lemma != "change" && p.lemma != "update" || p.tense != ended || !p.first().is(possessI) {
		return false
	}
	for i, w := range p.rest {
		if w.low == "to" && i > 1 && i+1 < len(p.rest) && attributeOf(p.rest[1:i]) != "" {
			x.valued(p.rest[1:i], p.rest[i+1:])
			return true
		}
	}
	return false
}

// intent tells what the predicate does to memories of its slot.
func (p *predicate) intent() intent {
	switch {
	case p.ceased:
		return negate
	case p.tense == habit:
		return outlive
	}
	return assert
}

// settled leaves the slot out where the fact does not say what is so now.
func (s slot) settled(p *predicate) slot {
	perfect := strings.HasPrefix(p.head.b.String(), "has ") // has lived there for years
	over := p.tense == ended && (p.lemma == "live" || p.lemma == "work") && !perfect
	if over || p.lemma == "be" && p.tense == ended && s.subject != "" || p.tense == possible && s.subject != "moving_to" {
		return slot{}
	}
	return s
}

// write returns the predicate as a memory. With a lead it is said when it was.
func (p *predicate) write(s slot, led bool) *text {
	moved := (p.lemma == "move" || p.lemma == "relocate") && p.tense == ended && !p.negated && !p.ceased
	if moved && !led && s.subject == "lives_in" {
		if where := p.destination(); where != nil {
			var t text
			t.add("lives in")
			t.words(where, user)
			return &t
		}
	}
	t := &text{}
	t.b.WriteString(p.head.b.String())
	t.words(p.rest, user)
	switch {
	case s.subject == "age" && p.lemma == "be" && len(p.rest) == 1:
		t.add("years old")
	case p.anyMore:
		t.add("any more")
	}
	return t
}

// destination returns the place in "moved to Lisbon" when nothing else is said
// with it, so that it reads as where the user lives.
func (p *predicate) destination() []word {
	ws := p.rest
	if len(ws) > 0 && ws[0].low == "from" {
		for i, w := range ws {
			if w.low == "to" {
				ws = ws[i:]
				break
			}
		}
	}
	if len(ws) < 2 || ws[0].low != "to" || ws[1].is(possessI) || ws[1].oneOf("a", "an") {
		return nil
	}
	ws = ws[1:]
	for i, w := range ws {
		if w.low == "from" && i > 0 && !anyIs(ws[i:], timeWord|number) {
			return ws[:i]
		}
		if w.is(preposition|timeWord|number|verbIng|conjunction) && !(w.is(verbIng) && w.upper()) {
			return nil
		}
	}
	return ws
}

// named reads "I'm Anna", also with more: "I'm Anna, 34, from Berlin".
func (x *extractor) named(rest []word) bool {
	n := nameLength(rest)
	if n == 0 {
		return false
	}
	var t text
	t.add("name is")
	t.words(rest[:n], user)
	x.add(&t, one("name"), assert)
	for rest = rest[n:]; len(rest) > 0; {
		for len(rest) > 0 && (rest[0].is(punct) || rest[0].low == "and") {
			rest = rest[1:]
		}
		end := 0
		for end < len(rest) && rest[end].low != "," {
			end++
		}
		if end > 0 {
			x.also(rest[:end])
		}
		rest = rest[end:]
	}
	return true
}

// also notes what is said beside the name.
func (x *extractor) also(ws []word) {
	s := copulaSlot(ws)
	var t text
	if ws[0].is(attribute) && len(ws) > 1 {
		x.valued(ws[:1], ws[1:])
		return
	}
	if s.subject == "" && !ws[0].is(determiner) {
		return
	}
	t.add("is")
	t.words(ws, user)
	if s.subject == "age" && len(ws) == 1 {
		t.add("years old")
	}
	x.add(&t, s, assert)
}

// nameLength returns how many words of "I'm ..." are a name.
func nameLength(rest []word) int {
	n := 0
	for n < len(rest) && n < 4 && properName(rest[n]) {
		n++
	}
	if n == 0 || n < len(rest) && !rest[n].is(punct) && !rest[n].oneOf("from", "and", "here") {
		return 0
	}
	return n
}

// properName tells whether the word looks like a part of a person's name.
func properName(w word) bool {
	if !w.upper() || w.kind&^(guessed|verbPast|verbIng|imperative|verbBase|event) != 0 {
		return false
	}
	_, size := utf8.DecodeRuneInString(w.text)
	for _, r := range w.text[size:] {
		if unicode.IsLower(r) {
			return true
		}
	}
	return false // OK, HIV
}
