package engine

// forgetting reads "forget that I like jazz" and "forget my phone number".
func (x *extractor) forgetting(ws []word) bool {
	for len(ws) > 2 && ws[0].oneOf("can", "could", "would", "will", "you", "please", "i", "want", "need", "to", "'d", "like") {
		ws = ws[1:]
	}
	if len(ws) == 0 || !ws[0].oneOf("forget", "delete", "remove", "erase") {
		return false
	}
	order := ws[0]
	ws = trimTail(ws[1:])
	for len(ws) > 0 && ws[0].oneOf("about", "that", "the", "fact", "everything", "what", "all", "memory", "memories") {
		ws = ws[1:]
	}
	memories := order.low == "forget"
	for i, w := range ws {
		if w.low == "from" && i > 0 {
			memories = memories || hasWord(ws[i:], "memory") || hasWord(ws[i:], "memories")
			ws = ws[:i]
			break
		}
	}
	switch {
	case len(ws) < 2:
	case ws[0].is(possessI) && verbAt(ws, 1) == 0:
		if memories || attributeOf(ws[1:]) != "" {
			x.forgetThing(ws[1:])
		}
	case ws[0].is(subjectI|possessI) && order.low == "forget":
		x.forgetStatement(ws)
	}
	return true
}

// forgetThing notes that something of the user's is to be forgotten.
func (x *extractor) forgetThing(np []word) {
	if a := attributeOf(np); a != "" {
		x.note(a, one(a), forget)
		return
	}
	if i := orderNumber(np); i >= 0 {
		subject := orderSlot(np[i].low, np).subject
		s := one(subject)
		s.also = []string{subject[:len(subject)-len("status")] + "item"}
		x.note(subject, s, forget)
		return
	}
	s := hasSlot(np)
	s.also = append(s.also, key(np))
	x.note(key(np), s, forget)
}

// forgetStatement notes that what the words say is to be forgotten.
func (x *extractor) forgetStatement(ws []word) {
	from := len(x.facts)
	x.clause(clause{words: ws})
	for i := from; i < len(x.facts); i++ {
		x.facts[i].intent = forget
	}
}
