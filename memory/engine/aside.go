package engine

import "strings"

// aside finds what a question or a request says by the way: "What can I cook
// for my wife who is allergic to nuts?"
func (x *extractor) aside(ws []word) {
	for i, w := range ws {
		switch {
		case w.is(possessI) && i > 0:
			x.relative(ws[i+1:])
			x.given(ws[i:])
		case w.low == "as" && i+2 < len(ws) && ws[i+1].is(determiner):
			if n := nounEnd(ws[i+1:]); i == 0 || ws[i-1].is(punct) {
				x.role(ws[i+1 : i+1+n])
			}
		}
		if len(x.facts) == maxRead {
			return
		}
	}
}

func nounEnd(ws []word) int {
	for i, w := range ws {
		if w.is(punct | conjunction | subjectI) {
			return i
		}
	}
	return len(ws)
}

// relative reads "[my] wife Mia who is allergic to nuts".
func (x *extractor) relative(ws []word) {
	for k := 1; k < len(ws) && k < 5; k++ {
		if !ws[k].oneOf("who", "that") || !anyIs(ws[:k], relation|pet) || ws[k-1].is(punct) && k < 2 {
			continue
		}
		rest := ws[k+1:]
		rest = trimTail(rest[:nounEnd(rest)])
		if len(rest) < 2 || !rest[0].is(be|have|do|modal|verbThird|verbPast) {
			return
		}
		np := trimTail(ws[:k])
		var t text
		t.words(np, user)
		t.words(rest, user)
		x.add(&t, personSlot(key(np), rest), assert)
		return
	}
}

// given reads "my address: 12 Rua Augusta", which has no verb.
func (x *extractor) given(ws []word) bool {
	for k := 2; k < len(ws) && k < 6; k++ {
		if !ws[k].is(punct) || !ws[k].oneOf(":", "=", ",", "-") {
			continue
		}
		a, value := attributeOf(ws[1:k]), trimTail(ws[k+1:])
		if a == "" || len(value) == 0 || ws[k].low == "," && !isValue(value) {
			return true
		}
		x.valued(ws[1:k], value)
		return true
	}
	return true
}

// valued notes the value of one of the user's attributes.
func (x *extractor) valued(np, value []word) {
	s := one(attributeOf(np))
	if len(np) > 1 && np[0].oneOf("new", "current") {
		np = np[1:]
	}
	var t text
	t.words(np, user)
	t.add("is")
	t.words(value, user)
	x.add(&t, s, assert)
}

// isValue tells whether the words can be a number or an address.
func isValue(ws []word) bool {
	return strings.ContainsAny(ws[0].text, "0123456789@") || ws[0].upper()
}
