package engine

import (
	"strings"

	"memhook/memory"
)

// An intent is what a fact does to what is remembered.
type intent uint8

const (
	assert  intent = iota
	negate         // it is not so any more; says it itself where nothing was known
	outlive        // it was so; takes the place of a memory that says it is
	forget         // the user wants it gone
)

// A fact is something said that is worth keeping.
type fact struct {
	slot
	intent intent
	text   string
	said   string // the sentence it comes from
	scope  memory.Scope
}

// An extractor finds the facts of one conversation.
type extractor struct {
	facts  []fact
	scope  memory.Scope
	voice  voice
	said   string // the sentence being read
	asked  string // the agent's last question, in lower case
	person string // whom "she" means, as a memory begins
	thing  string // what "it" means
	wrong  []word // the attribute that the clause before says is not so
	buf    []word
}

// turn reads a user's or an agent's turn.
func (x *extractor) turn(t memory.Turn, body string) {
	x.voice, x.person, x.thing = user, "", ""
	if t.FromAssistant() {
		x.voice = agent
	}
	if x.voice == user && x.answer(body) {
		return
	}
	x.asked = ""
	all := sentences{rest: body}
	for len(x.facts) < maxRead {
		s, ok := all.next()
		if !ok {
			return
		}
		x.sentence(s)
	}
}

func (x *extractor) sentence(s string) {
	x.said = s
	x.buf = splitWords(x.buf[:0], s)
	ws := x.buf
	asks := len(ws) > 0 && asksAtEnd(ws)
	if x.voice == agent {
		if asks {
			x.asked = strings.ToLower(s)
		} else {
			x.agent(ws)
		}
		return
	}
	if speaksOther(s, ws) {
		x.foreign(s, ws)
		return
	}
	if supposes(ws) {
		return
	}
	before := len(x.facts)
	x.wrong = nil
	for _, c := range split(ws, asks) {
		x.clause(c)
	}
	if len(x.facts) == before && !asks {
		x.asIs(ws)
	}
}

// asksAtEnd tells whether the sentence ends in a question mark.
func asksAtEnd(ws []word) bool {
	for i := len(ws) - 1; i >= 0 && ws[i].is(punct); i-- {
		if strings.HasPrefix(ws[i].text, "?") || ws[i].text == "？" {
			return true
		}
	}
	return false
}

// supposes tells whether the sentence is about what is not so.
func supposes(ws []word) bool {
	ws = trimOpeners(ws)
	if len(ws) < 2 {
		return false
	}
	switch ws[0].low {
	case "if", "unless", "imagine", "suppose", "supposing", "pretend", "assume", "assuming", "hypothetically", "say":
		return true
	case "let":
		return len(ws) > 2 && ws[2].low == "say"
	}
	return ws[0].low == "what" && ws[1].low == "if"
}

// subjectFirst drops what stands before the subject of a clause: openers, the
// name of who is spoken to, "since".
func subjectFirst(ws []word) []word {
	ws = trimOpeners(ws)
	if len(ws) > 3 && ws[1].low == "," && properName(ws[0]) { // "Sam, remember I'm ..."
		if t := trimOpeners(ws[2:]); len(t) > 0 && t[0].is(subjectI|possessI) {
			ws = t
		}
	}
	if len(ws) < 3 || !ws[0].oneOf("since", "because", "as", "given", "although", "though") {
		return ws
	}
	switch t := ws[1:]; {
	case t[0].is(subjectI | possessI):
		return t
	case t[0].low == "that":
		return t[1:]
	}
	return ws
}

// clause reads one clause of a user's sentence.
func (x *extractor) clause(c clause) {
	ws := subjectFirst(c.words)
	switch {
	case len(ws) == 0, mentionsSecret(ws):
	case x.forgetting(ws):
	case c.question:
		x.aside(ws)
	case x.instruction(ws), x.nicknamed(ws):
	case ws[0].is(subjectI):
		x.first(ws, nil)
	case ws[0].is(possessI):
		x.mine(ws, nil)
	case ws[0].is(pronoun3|possess3) && len(ws) > 1:
		x.pronoun(ws)
	case x.clipped(ws):
	case ws[0].is(imperative) && !x.led(ws):
		x.aside(ws)
	case x.led(ws), x.arranged(ws), x.ours(ws):
	default:
		x.aside(ws)
		x.verbatim(ws)
	}
}

// add notes a fact with the text.
func (x *extractor) add(t *text, s slot, i intent) {
	x.note(t.finish(), s, i)
}

func (x *extractor) note(text string, s slot, i intent) {
	if text == "" || len(x.facts) == maxRead {
		return
	}
	if s.subject == "" && i != forget {
		s = said(text)
	}
	x.facts = append(x.facts, fact{slot: s, intent: i, text: text, said: x.said, scope: x.scope})
}

// mentionsSecret tells whether the clause is about a password or the like,
// which is never kept.
func mentionsSecret(ws []word) bool {
	for i, w := range ws {
		if w.is(secret) && (w.low != "pin" || i > 0 && ws[i-1].is(possessI)) {
			return true
		}
		if w.oneOf("key", "token", "number") && i > 0 && ws[i-1].oneOf("api", "access", "secret", "card", "security", "private") {
			return true
		}
	}
	return false
}

// led reads a clause whose subject comes after words that say when: "Last
// summer I ...", "As a teacher, I ...".
func (x *extractor) led(ws []word) bool {
	at := ledSubject(ws)
	if at == 0 {
		return false
	}
	lead := trimTail(ws[:at])
	switch {
	case len(lead) == 0:
		return false
	case lead[0].low == "as" && len(lead) > 1 && lead[1].is(determiner):
		x.role(lead[1:])
		lead = nil
	case lead[0].is(preposition | timeWord | subordinator | adverb | number), lead[0].is(determiner) && anyIs(lead, timeWord):
	case ws[at-1].oneOf(",", ":") && !anyIs(lead, be|have|do|modal|verbBase):
		lead = nil // somebody's name, or a heading
	default:
		return false
	}
	switch ws = ws[at:]; {
	case ws[0].is(subjectI):
		return x.first(ws, lead)
	case verbAt(ws, 1) > 0:
		return x.mine(ws, lead)
	}
	return false
}

// ledSubject returns where the subject is in words that begin with others, 0 if
// nowhere near.
func ledSubject(ws []word) int {
	for k := 1; k < len(ws) && k < reach; k++ {
		switch before := ws[k-1]; {
		case !ws[k].is(subjectI | possessI), before.is(preposition | subordinator | determiner):
		case ws[k].is(subjectI), !before.is(verbBase | verbPast):
			return k
		}
	}
	return 0
}

// role notes "as a teacher".
func (x *extractor) role(ws []word) {
	if s := copulaSlot(ws); s.subject == "job" || s.subject == "diet" || len(ws) > 1 && ws[1].is(diet) {
		var t text
		t.add("is")
		t.words(ws, user)
		x.add(&t, s, assert)
	}
}

// lead writes the words that say when, after what they belong to.
func (t *text) lead(lead []word) {
	if len(lead) == 0 {
		return
	}
	first := lead[0]
	if first.is(timeWord|preposition|subordinator|determiner|adverb|number) && !isDayOrMonth(first.low) {
		first.text = first.low
	}
	first.gap = true
	t.words([]word{first}, user)
	t.words(lead[1:], user)
}

func isDayOrMonth(low string) bool {
	return strings.HasSuffix(low, "day") && low != "today" && low != "yesterday" && low != "day" || lexicon[low].kind == timeWord &&
		strings.Contains(" january february march april may june july august september october november december ", " "+low+" ")
}
