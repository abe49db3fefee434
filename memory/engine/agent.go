package engine

import "strings"

// agent reads a sentence of the agent's. Only what it has done, arranged or
// recommended is kept, not what it explains.
func (x *extractor) agent(ws []word) {
	ws = trimTail(trimOpeners(ws))
	for k := 0; k < len(ws) && k < reach; k++ {
		if ws[k].low == "," && k+2 < len(ws) && ws[k+1].is(subjectI) { // "Given your budget, I recommend"
			ws = ws[k+1:]
			break
		}
	}
	if len(ws) < 3 {
		return
	}
	switch w := ws[0]; {
	case w.is(subjectI):
		x.deed(ws)
	case w.low == "your":
		x.yours(ws)
	case w.low == "you" && ws[1].is(be) && booked(ws[2:]):
		var t text
		t.add("the user is")
		t.words(ws[2:], agent)
		x.add(&t, slot{}, assert)
	}
}

func booked(ws []word) bool {
	return ws[0].oneOf("booked", "scheduled", "registered", "enrolled", "confirmed", "subscribed")
}

// deeds are verbs of what an agent does for a user. The value tells whether it
// is kept only when it says that it was for the user.
var deeds = map[string]bool{
	"book": false, "schedule": false, "order": false, "reserve": false, "cancel": false, "refund": false, "reschedule": false,
	"issue": false, "arrange": false, "register": false, "enroll": false, "ship": false, "purchase": false, "buy": false,
	"place": true, "create": true, "send": true, "update": true, "add": true, "set": true, "change": true, "open": true,
	"upgrade": true, "submit": true, "process": true, "transfer": true, "confirm": true, "move": true, "renew": true,
	"extend": true, "activate": true, "escalate": true, "file": true, "apply": true, "reset": true, "pay": true,
}

// deed reads "I've booked your flight" and "I recommend the X-T30".
func (x *extractor) deed(ws []word) {
	p, ok := parse(ws[1:])
	if !ok || p.negated || len(p.rest) == 0 || p.rest[0].is(deictic) {
		return
	}
	careful, done := deeds[p.lemma]
	switch {
	case done && p.tense == ended:
		if careful && !forUser(p.rest) || aboutText(p.rest) {
			return
		}
	case p.lemma == "recommend", p.lemma == "suggest":
		if p.rest[0].is(pronounYou) || !p.says() {
			return
		}
	case (p.lemma == "decide" || p.lemma == "agree") && p.tense == ended:
	default:
		return
	}
	var t text
	t.add("assistant")
	head := p.head.b.String()
	head = strings.TrimPrefix(strings.TrimPrefix(head, "has "), "would ")
	if p.lemma == "recommend" || p.lemma == "suggest" {
		head = third(p.lemma)
	}
	t.add(head)
	t.words(p.rest, agent)
	x.add(&t, slot{}, assert)
}

// forUser tells whether the words say that it was done for the user.
func forUser(ws []word) bool { return anyIs(ws, pronounYou) && anyIs(ws, business|attribute|event) }

// aboutText tells whether the deed was writing or coding, whose result is in
// the conversation.
func aboutText(ws []word) bool {
	for _, w := range ws {
		if w.is(material) || w.oneOf("draft", "response", "file", "comments") {
			return true
		}
	}
	return false
}

// yours reads "Your order #8841 has shipped".
func (x *extractor) yours(ws []word) {
	v := verbAt(ws, 1)
	if v == 0 || v+1 >= len(ws) && !ws[v].is(verbPast) || ws[v].is(modal) && ws[v].low != "will" {
		return
	}
	np, rest := ws[1:v], ws[v:]
	if !anyIs(np, business) || aboutText(np) || len(rest) > 1 && rest[1].is(transient) && len(rest) < 4 {
		return
	}
	var s slot
	if i := orderNumber(np); i >= 0 {
		s = orderSlot(np[i].low, rest)
	}
	var t text
	t.words(np, agent)
	t.words(rest, agent)
	x.add(&t, s, assert)
}
