package engine

// asIs keeps what the user asks to have remembered, whatever it is about:
// "Remember that the gate code is 4411".
func (x *extractor) asIs(ws []word) {
	for len(ws) > 0 && (ws[0].is(smallTalk) && !ws[0].is(verbBase) || ws[0].is(punct) || ws[0].low == "please") {
		ws = ws[1:]
	}
	n := 0
	for _, opening := range keepsakes {
		if hasPrefix(ws, opening) {
			n = max(n, len(opening))
		}
	}
	if n == 0 || n >= len(ws) || ws[n].oneOf("to", "when", "how", "what", "me", "not") {
		return
	}
	ws = ws[n:]
	for len(ws) > 0 && (ws[0].is(punct) || ws[0].oneOf("that", "this")) {
		ws = ws[1:]
	}
	ws = trimTail(ws)
	if len(ws) < 3 || ws[0].is(deictic|pronounYou) || mentionsSecret(ws) || !anyIs(ws, be|have|do|modal|verbThird|verbPast) {
		return
	}
	var t text
	t.words(ws, user)
	x.add(&t, slot{}, assert)
}

var keepsakes = [][]word{
	splitWords(nil, "remember"), splitWords(nil, "note"), splitWords(nil, "keep in mind"), splitWords(nil, "don't forget"),
	splitWords(nil, "save this"), splitWords(nil, "take note"),
}

// instruction keeps how the user wants the agent to behave from now on.
func (x *extractor) instruction(ws []word) bool {
	ws = trimTail(ws)
	if len(ws) < 3 {
		return false
	}
	switch {
	case ws[0].oneOf("don't", "never") && ws[1].oneOf("call", "text", "email", "contact", "message") && ws[2].low == "me",
		ws[0].oneOf("keep", "make") && ws[1].low == "your" && ws[2].oneOf("answers", "responses", "replies"),
		ws[0].oneOf("speak", "talk", "write") && ws[1].low == "to" && ws[2].low == "me" && len(ws) > 4 && ws[3].low == "in":
		return x.instruct(ws)
	}
	lasting := ws[0].oneOf("always", "never") && ws[1].is(verbBase|imperative|be) && !ws[1].oneOf("mind", "been")
	if ws[0].low == "from" && ws[1].oneOf("now", "here") && ws[2].low == "on" && len(ws) > 4 {
		rest := ws[3:]
		if rest[0].is(punct) {
			rest = rest[1:]
		}
		lasting = rest[0].is(verbBase|imperative|do|adverb) || rest[0].low == "please"
	}
	if !lasting {
		return false
	}
	return x.instruct(ws)
}

// instruct notes an instruction, which replaces another one about the language.
func (x *extractor) instruct(ws []word) bool {
	var s slot
	if hasVerb(ws, "answer", "reply", "respond", "speak", "write", "talk") {
		for i, w := range ws[1:] {
			if ws[i].low == "in" && w.is(nationality) {
				s = one("answers:language")
			}
		}
	}
	var t text
	t.words(ws, user)
	x.add(&t, s, assert)
	return true
}

func hasVerb(ws []word, lemmas ...string) bool {
	for _, w := range ws {
		for _, l := range lemmas {
			if w.lemma == l {
				return true
			}
		}
	}
	return false
}

// nicknamed reads "call me Bob".
func (x *extractor) nicknamed(ws []word) bool {
	for len(ws) > 3 && ws[0].oneOf("you", "can", "may", "everyone", "friends", "should", "just", "people") {
		ws = ws[1:]
	}
	if len(ws) < 3 || !ws[0].oneOf("call", "calls") || ws[1].low != "me" {
		return false
	}
	ws = trimTail(ws)
	n := 2
	for n < len(ws) && ws[n].upper() {
		n++
	}
	if n == 2 {
		return false
	}
	var t text
	t.add("goes by")
	t.words(ws[2:n], user)
	x.add(&t, one("nickname"), assert)
	return true
}
