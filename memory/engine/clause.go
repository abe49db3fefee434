package engine

// A clause is a part of a sentence with one subject and one verb.
type clause struct {
	words    []word
	question bool
}

// A start says what begins at a word.
type start uint8

const (
	nothing start = iota
	statement
	question
	command
	elided  // a verb whose subject is that of the clause before
	quality // an adjective whose "I am" is that of the clause before
)

// reach is how many words ahead a verb is looked for. Noun phrases are shorter.
const reach = 12

// split cuts a sentence into clauses. The words of the clauses share memory
// with ws except where a subject was filled in.
func split(ws []word, asks bool) []clause {
	var clauses []clause
	var subject []word
	from, verb, held := 0, false, leadsIn(ws)
	for i := 0; i < len(ws); i++ {
		verb = verb || finite(ws, i)
		if !boundary(ws[i]) {
			continue
		}
		if held && ws[i].low == "," {
			held = false
			continue
		}
		j := skipJoints(ws, i+1)
		kind := starts(ws, from, i, j, asks)
		if kind == nothing || !verb && ws[i].low != ":" {
			continue
		}
		c := clause{words: complete(subject, ws[from:i]), question: isQuestion(ws[from:i])}
		clauses = append(clauses, c)
		subject = kind.subject(c.words)
		from, i, verb = j, j-1, subject != nil
	}
	last := clause{words: complete(subject, ws[from:])}
	last.question = isQuestion(last.words) || asks && !anyQuestion(clauses)
	return append(clauses, last)
}

// skipJoints returns where the next clause would begin at j or after it.
func skipJoints(ws []word, j int) int {
	for ; j < len(ws); j++ {
		now := ws[j].is(filler) && j+1 < len(ws) && ws[j+1].is(subjectI|possessI) // "so now I"
		if !joins(ws[j]) && !ws[j].is(punct) && ws[j].low != "then" && !now {
			break
		}
	}
	return j
}

// subject returns the words that the next clause leaves out.
func (s start) subject(before []word) []word {
	switch s {
	case elided:
		return subjectOf(before)
	case quality:
		return []word{known("I", "i", false), known("'m", "'m", false)}
	}
	return nil
}

// complete puts the subject before the words, in a copy.
func complete(subject, ws []word) []word {
	if subject == nil {
		return ws
	}
	filled := append(append(make([]word, 0, len(subject)+len(ws)), subject...), ws...)
	if len(ws) > 0 {
		filled[len(subject)].gap = true
	}
	return filled
}

func anyQuestion(clauses []clause) bool {
	for _, c := range clauses {
		if c.question {
			return true
		}
	}
	return false
}

// leadsIn tells whether the sentence begins with a clause that only says when:
// "When I was a child, ...".
func leadsIn(ws []word) bool {
	return len(ws) > 2 && ws[0].oneOf("when", "while", "after", "before", "once", "until", "whenever") ||
		len(ws) > 3 && ws[0].low == "since" && ws[1].is(subjectI) && ws[2].oneOf("was", "were")
}

func boundary(w word) bool {
	return joins(w) || w.is(punct) && w.oneOf(",", ";", ":", "—", "-", "–", "(", "!", ".")
}

func joins(w word) bool {
	return w.oneOf("and", "but", "so", "because", "although", "though", "plus", "whereas", "or", "cause")
}

// finite tells whether ws[i] is a verb that a subject can have.
func finite(ws []word, i int) bool {
	w := ws[i]
	if w.is(be | have | do | modal | verbPast | verbThird) {
		return true
	}
	if i == 0 {
		return w.is(imperative)
	}
	return w.is(verbBase) && (ws[i-1].is(subjectI|pronoun3|pronounYou|filler|adverb) || plural(ws[i-1]))
}

// starts tells what begins at ws[j], after the boundary at ws[i]. The clause
// before began at ws[from].
func starts(ws []word, from, i, j int, asks bool) start {
	if j >= len(ws) {
		return nothing
	}
	w, next := ws[j], word{kind: punct}
	if j+1 < len(ws) {
		next = ws[j+1]
	}
	switch {
	case w.is(subjectI):
		if !next.is(punct|conjunction) || next.is(filler) {
			return statement
		}
	case w.is(possessI), w.is(possess3):
		if verbAhead(ws, j+1) && ws[i].low != "or" {
			return statement
		}
	case w.is(pronoun3) && ws[i].low != "because":
		if next.is(be | have | do | modal | verbBase | verbThird | verbPast | filler | adverb) {
			return statement
		}
	case w.low == "you" || w.low == "u":
		if next.is(be | have | do | modal | verbBase | verbPast) {
			return statement
		}
	case w.is(whWord):
		if inverted(ws, j) {
			return question
		}
	case w.is(be|do|modal) && asks && !joins(ws[i]):
		return question
	case w.low == "please", w.is(imperative) && next.oneOf("me", "us"),
		w.is(imperative) && ws[i].is(punct) && next.is(determiner|possessI|deictic):
		return command
	}
	if k := i; joins(ws[k]) || k+1 < j && joins(ws[k+1]) {
		return continues(ws, from, i, j)
	}
	return nothing
}

// inverted tells whether the words from a question word on have a question's
// order: "which laptop should I".
func inverted(ws []word, j int) bool {
	for k := j + 1; k < len(ws) && k <= j+3; k++ {
		if ws[k].is(be | have | do | modal) {
			return k+1 < len(ws) && ws[k+1].is(subjectI|possessI|pronoun3|possess3|pronounYou|determiner|deictic)
		}
	}
	return false
}

// verbAhead tells whether a verb comes soon.
func verbAhead(ws []word, j int) bool {
	for k := j + 1; k < len(ws) && k < j+reach; k++ {
		switch {
		case ws[k].is(be | have | do | modal | verbThird), ws[k].is(verbPast) && !ws[k].is(guessed):
			return true
		case ws[k].is(verbBase) && plural(ws[k-1]):
			return true
		case ws[k].is(punct | subjectI):
			return false
		}
	}
	return false
}

// continues tells whether ws[j] is a second predicate of the clause that began
// at ws[from] and ends at ws[i].
func continues(ws []word, from, i, j int) start {
	w := ws[j]
	for j+1 < len(ws) && w.is(filler) {
		j++
		w = ws[j]
	}
	next := word{kind: punct}
	if j+1 < len(ws) {
		next = ws[j+1]
	}
	own, other, open, am := false, false, false, false
	for k := from; k < i; k++ {
		own = own || ws[k].is(subjectI)
		other = other || ws[k].is(possessI)
		am = am || k > from && ws[k-1].is(subjectI) && ws[k].is(be)
		open = open || ws[k].is(modal) || ws[k].low == "to" && k+1 < i && ws[k+1].is(verbBase)
	}
	if am && (w.is(diet|marital|nationality) || w.oneOf("allergic", "intolerant", "afraid", "lactose")) {
		return quality
	}
	follows := next.is(preposition|determiner|possessI|possess3|number|negative|timeWord) || next.upper() || next.oneOf("two", "it")
	if !own && !other || w.is(timeWord) || w.upper() || !follows && (!onlyVerb(w) || next.is(punct)) {
		return nothing
	}
	switch {
	case w.is(verbPast) && !w.is(guessed), w.oneOf("had", "was", "have", "am", "don't", "can't", "will", "won't", "didn't") && own:
		return elided
	case own && !open && w.is(verbBase):
		return elided
	case !own && w.is(verbThird|be|have|do|modal):
		return elided
	}
	return nothing
}

// onlyVerb tells whether the word is hardly ever a noun.
func onlyVerb(w word) bool {
	switch w.lemma {
	case "have", "take", "eat", "own", "enjoy", "prefer", "hate", "like", "love", "speak", "teach", "study", "want", "live", "buy",
		"wear", "avoid", "collect", "keep":
		return !w.is(verbIng)
	}
	return false
}

// subjectOf returns the subject of a clause: I, we, or "my sister Anna".
func subjectOf(ws []word) []word {
	for k, w := range ws {
		if w.is(subjectI) {
			return ws[k : k+1 : k+1]
		}
	}
	for k, w := range ws {
		if w.is(possessI) {
			if v := verbAt(ws, k+1); v > 0 {
				return ws[k:v:v]
			}
		}
	}
	return nil
}

// verbAt returns where the verb of the noun phrase that begins at ws[j] is, 0
// when there is none near.
func verbAt(ws []word, j int) int {
	for k := j + 1; k < len(ws) && k < j+reach; k++ {
		w := ws[k]
		switch {
		case w.is(be|have|do|modal) && !(w.low == "may" && w.upper()):
			return k
		case w.is(verbThird|verbPast) && !w.is(number|timeWord) && !(w.is(guessed) && k+1 == len(ws)):
			return k
		case w.is(verbBase) && plural(ws[k-1]), w.is(filler) && k+1 < len(ws) && ws[k+1].is(be|have|do|modal|verbThird|verbPast):
			return k
		case w.is(punct) && w.oneOf(":", ";", "=", ","), w.is(subjectI):
			return 0
		}
	}
	return 0
}

// plural tells whether a verb after the noun has no ending: "my parents live".
func plural(w word) bool {
	if w.oneOf("children", "people", "family") {
		return true
	}
	n := len(w.low)
	return n > 3 && w.low[n-2] != '\'' && w.low[n-1] == 's' && w.low[n-2] != 's' && !w.is(verbThird)
}

// isQuestion tells whether the clause has the form of a question.
func isQuestion(ws []word) bool {
	ws = trimOpeners(ws)
	if len(ws) < 2 {
		return len(ws) == 1 && ws[0].is(whWord)
	}
	w, next := ws[0], ws[1]
	switch {
	case w.oneOf("when", "while", "where") && next.is(subjectI|possessI):
		return false
	case w.is(whWord):
		return true
	case w.is(be|have|do|modal) && !w.oneOf("will", "had", "don't", "do", "been", "being"):
		return next.is(subjectI|possessI|pronoun3|possess3|pronounYou|determiner|deictic) || next.upper() && w.is(be|do)
	}
	return w.oneOf("do", "will", "had") && next.is(subjectI|pronoun3|pronounYou|determiner|possessI)
}
