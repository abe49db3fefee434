package engine

import (
	"slices"
	"strings"
)

// answers are what a bare answer to an agent's question says.
var answers = []struct {
	asked []string // one of these is in the question
	head  string
	slot  slot
	tail  string // after a number, which the answer must be then
}{
	{
		[]string{
			"where do you live", "where are you living", "which city do you live", "what city do you live", "where are you based",
		},
		"lives in", one("lives_in"), "",
	},
	{
		[]string{"what's your name", "what is your name", "may i have your name", "your full name", "can i get your name"},
		"name is", one("name"), "",
	},
	{[]string{"how old are you", "what's your age", "what is your age"}, "is", one("age"), "years old"},
	{[]string{"where are you from"}, "is from", one("from"), ""},
	{
		[]string{"where do you work", "who do you work for"},
		"works at",
		slot{subject: "employer", also: []string{"job"}},
		"",
	},
}

// maxAnswer is how many words a bare answer can have.
const maxAnswer = 5

// answer reads a turn that only answers the question before it: "Berlin". It
// tells whether the turn was one.
func (x *extractor) answer(body string) bool {
	const statement = subjectI | possessI | negative | pronounYou | deictic | whWord | be | have | do | modal
	body = strings.TrimSpace(body)
	if x.asked == "" || len(body) > 80 || strings.ContainsAny(body, "?\n") {
		return false
	}
	x.said = body
	x.buf = splitWords(x.buf[:0], body)
	ws := trimTail(trimOpeners(x.buf))
	if len(ws) > 1 && ws[0].oneOf("in", "from", "at") {
		ws = ws[1:]
	}
	if len(ws) == 0 || len(ws) > maxAnswer || anyIs(ws, statement) {
		return false
	}
	for _, a := range answers {
		if !slices.ContainsFunc(a.asked, func(q string) bool { return strings.Contains(x.asked, q) }) {
			continue
		}
		if ws[0].is(number) != (a.tail != "") {
			return false
		}
		var t text
		t.add(a.head)
		t.words(ws, user)
		if a.tail != "" && len(ws) == 1 {
			t.add(a.tail)
		}
		x.add(&t, a.slot, assert)
		return true
	}
	return x.answerAttribute(ws)
}

// answerAttribute reads the answer to "What's your favorite color?"
func (x *extractor) answerAttribute(ws []word) bool {
	var np []word
	for _, q := range []string{"what is your ", "what's your ", "what’s your "} {
		if _, after, ok := strings.Cut(x.asked, q); ok {
			np = trimTail(splitWords(nil, after))
		}
	}
	a := attributeOf(np)
	if a == "" || len(np) > maxAnswer || anyIs(np, punct) {
		return false
	}
	x.valued(np, ws)
	return true
}
