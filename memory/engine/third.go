package engine

// mine reads a clause that begins with "my" or "our".
func (x *extractor) mine(ws, lead []word) bool {
	ws = joinNames(trimTail(ws))
	x.meet(ws)
	v := verbAt(ws, 1)
	if k := joint(ws); k > 0 && (v == 0 || v > k) {
		return x.together(ws, k, lead)
	}
	if v == 0 {
		return x.given(ws)
	}
	np, rest := ws[1:v], ws[v:]
	if value := changedTo(rest); value != nil && attributeOf(np) != "" {
		x.valued(np, value)
		return true
	}
	if len(np) == 0 || len(rest) < 2 && !saysEnough(rest[0]) || idle(np, rest) {
		return true
	}
	s := x.ownSlot(np, rest)
	if x.wrong = nil; attributeOf(np) != "" && anyIs(rest[:min(2, len(rest))], negative) {
		x.wrong = np
	}
	if s.subject != "" && len(np) > 1 && np[0].oneOf("new", "current", "old") && one(s.subject).subject == attributeOf(np) {
		np = np[1:]
	}
	var t text
	t.words(np, user)
	t.words(untilNot(rest, s), user)
	t.lead(lead)
	x.add(&t, s, assert)
	if attributeOf(np) == "" {
		x.recallNoun(np)
	}
	return true
}

// changedTo returns the value in "has changed to ...".
func changedTo(rest []word) []word {
	for i, w := range rest {
		if w.low == "changed" && i < 2 && i+2 < len(rest) && rest[i+1].low == "to" {
			return rest[i+2:]
		}
	}
	return nil
}

// saysEnough tells whether a verb alone is news: "my grandmother died".
func saysEnough(w word) bool { return w.is(verbPast) && !w.is(guessed|be|have|do) }

// untilNot cuts "Jon, not John" before the correction.
func untilNot(rest []word, s slot) []word {
	if s.subject == "" || s.shared {
		return rest
	}
	for i, w := range rest {
		if i > 1 && w.low == "not" && rest[i-1].low == "," {
			return rest[:i-1]
		}
	}
	return rest
}

// joinNames drops the commas of "my mom, Carol, lives".
func joinNames(ws []word) []word {
	for k := 2; k < 5 && k+2 < len(ws); k++ {
		if ws[k].low != "," || !properName(ws[k+1]) {
			continue
		}
		if ws[k+2].low == "," {
			joined := append(append(make([]word, 0, len(ws)), ws[:k]...), ws[k+1])
			return append(joined, ws[k+3:]...)
		}
	}
	return ws
}

// joint returns where "and I" stands in "my husband and I", 0 if nowhere near.
func joint(ws []word) int {
	for k := 2; k < len(ws) && k < 6; k++ {
		if ws[k].is(subjectI) && ws[k-1].low == "and" {
			return k
		}
	}
	return 0
}

// together reads "my husband and I are ...".
func (x *extractor) together(ws []word, k int, lead []word) bool {
	p, ok := parse(ws[k+1:])
	if !ok || p.passing() || !p.says() {
		return true
	}
	s := p.slot()
	t := p.write(s, len(lead) > 0)
	t.add("with")
	t.words(ws[:k-1], user)
	t.lead(lead)
	x.add(t, s.settled(p), p.intent())
	return true
}

// idle tells whether what is said about something of the user's is about the
// conversation or the moment.
func idle(np, rest []word) bool {
	head := np[len(np)-1]
	if head.is(talk|material) && !(head.low == "code" && len(np) > 1) ||
		head.oneOf("problem", "issue", "program", "bad", "best", "turn", "goodness", "god", "mind") {
		return true
	}
	if attributeOf(np) != "" && (hasWord(rest, "changed") && len(rest) < 4 || rest[0].is(modal)) {
		return true
	}
	return rest[0].oneOf("would", "could", "should", "might") || len(rest) == 2 && rest[1].is(deictic)
}
