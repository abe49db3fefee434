package engine

// A tense is what is said about when something is so, as far as it matters.
type tense uint8

const (
	present  tense = iota
	ended          // happened
	ongoing        // I'm working
	habit          // I used to work
	possible       // would, could, might
	intended       // will, am going to
	able           // can, can't
)

// A predicate is what is said about "I".
type predicate struct {
	head    text   // the verb, as it stands after he or she
	lemma   string // of the main verb; "be" when there is none
	tense   tense
	negated bool   // not, never
	ceased  bool   // no longer, not any more
	anyMore bool   // the latter
	rest    []word // what follows the verb
}

// parse reads a predicate: ws begins after "I".
func parse(ws []word) (*predicate, bool) {
	p := &predicate{rest: ws}
	p.adverbs()
	if len(p.rest) == 0 {
		return nil, false
	}
	ok := p.verb()
	p.rest = trimTail(p.rest)
	for n := len(p.rest); ; n = len(p.rest) {
		switch {
		case n > 0 && p.rest[n-1].oneOf("anymore", "nomore"):
			p.ceased, p.anyMore, p.rest = true, true, p.rest[:n-1]
		case n > 1 && (pair(p.rest, "any", "more") || pair(p.rest, "any", "longer") || pair(p.rest, "no", "more")):
			p.ceased, p.anyMore, p.rest = true, true, p.rest[:n-2]
		default:
			return p, ok
		}
	}
}

// take moves the first word of the rest to the head.
func (p *predicate) take() { p.put(p.rest[0].text) }

// put writes s to the head for the first word of the rest.
func (p *predicate) put(s string) {
	p.head.add(s)
	p.rest = p.rest[1:]
}

// first is the first word of the rest.
func (p *predicate) first() word {
	if len(p.rest) == 0 {
		return word{kind: punct}
	}
	return p.rest[0]
}

func (p *predicate) second() word {
	if len(p.rest) < 2 {
		return word{kind: punct}
	}
	return p.rest[1]
}

// adverbs moves adverbs and negations to the head and drops fillers.
func (p *predicate) adverbs() {
	for len(p.rest) > 1 {
		switch w := p.rest[0]; {
		case w.low == "no" && p.rest[1].oneOf("longer", "more"):
			p.ceased = true
			p.rest = p.rest[1:]
			p.head.add("no")
			p.take()
		case w.low == "not" || w.low == "never":
			p.negated = true
			p.take()
		case w.is(filler) && !(w.low == "just" && p.rest[1].is(number)):
			p.rest = p.rest[1:]
		case w.is(adverb) && !w.oneOf("very", "too", "quite", "like", "rather"):
			p.take()
		case w.low == "," || w.oneOf("both", "all") && !p.rest[1].is(preposition):
			p.rest = p.rest[1:]
		default:
			return
		}
	}
}

func (p *predicate) verb() bool {
	w := p.rest[0]
	p.negated = p.negated || w.is(negative)
	switch {
	case w.is(be):
		p.copula()
	case w.is(have):
		p.having()
	case w.is(do):
		p.doing()
	case w.is(modal):
		p.modal()
	case w.low == "used" && p.second().low == "to":
		p.tense = habit
		p.take()
		p.take()
		p.main()
	case w.low == "wanna":
		p.lemma = "want"
		p.put("wants to")
	case w.oneOf("gotta", "hafta"):
		p.lemma = "have"
		p.put("has to")
	default:
		return p.finite()
	}
	return true
}

// copula reads "am ...".
func (p *predicate) copula() {
	p.lemma = "be"
	switch w := p.rest[0]; w.low {
	case "am", "'m", "are", "'re", "m":
		p.put("is")
	case "was", "were":
		p.tense = ended
		p.put("was")
	case "aren't", "arent", "ain't":
		p.put("isn't")
	case "weren't", "werent":
		p.tense = ended
		p.put("wasn't")
	default:
		p.take()
	}
	p.adverbs()
	p.participle()
}

// participle takes the verb of "am working" and "was charged".
func (p *predicate) participle() {
	switch w := p.first(); {
	case w.low == "gonna" || w.low == "going" && p.second().low == "to":
		if p.second().low == "to" && len(p.rest) > 2 && !p.rest[2].is(verbBase|be|have|do) {
			break // going to Japan
		}
		p.tense = intended
		if p.take(); w.low == "going" {
			p.take()
		}
		p.main()
	case w.is(verbIng) && w.lemma != "" && !(w.is(guessed) && p.second().is(preposition) && p.second().low == "to"):
		p.tense, p.lemma = ongoing, w.lemma
		p.take()
	case w.is(verbPast) && !w.is(guessed|marital|transient) && !w.oneOf("left", "lost"):
		p.lemma = w.lemma
		p.tense = ended
		p.take()
	}
}

// having reads "have ...".
func (p *predicate) having() {
	past := p.rest[0].low == "had"
	switch p.rest[0].low {
	case "have", "'ve":
		p.put("has")
	case "haven't", "havent":
		p.put("hasn't")
	default:
		p.take()
	}
	p.adverbs()
	p.lemma = "have"
	if past {
		p.tense = ended
	}
	switch w := p.first(); {
	case w.low == "got" && p.second().low != "to" && !p.second().is(marital|verbPast|verbIng):
		p.rest = p.rest[1:]
	case w.low == "been":
		p.take()
		p.adverbs()
		p.lemma = "be"
		p.participle()
	case w.is(verbPast) && !(w.is(verbBase) && past):
		p.tense, p.lemma = ended, w.lemma
		p.take()
	}
}

// doing reads "do ...".
func (p *predicate) doing() {
	w, next := p.rest[0], p.second()
	p.lemma = "do"
	switch {
	case w.oneOf("don't", "dont"):
		p.put("doesn't")
	case w.oneOf("didn't", "didnt"):
		p.tense = ended
		p.take()
	case w.low == "do" && next.low == "not":
		p.negated = true
		p.put("does")
		p.take()
	case w.low == "did" && next.low == "not":
		p.negated, p.tense = true, ended
		p.take()
		p.take()
	case w.low == "do" && next.is(verbBase) && !next.is(imperative):
		p.rest = p.rest[1:]
		p.finite()
		return
	case w.low == "do":
		p.put("does")
		return
	default:
		p.tense = ended
		p.take()
		return
	}
	p.main()
}

// modal reads "will ...", "can't ...".
func (p *predicate) modal() {
	p.tense = possible
	switch w := p.rest[0]; w.low {
	case "'ll", "will", "won't", "wont", "shall":
		p.tense = intended
		if w.low == "'ll" {
			p.put("will")
		} else {
			p.take()
		}
	case "'d":
		p.put("would")
	case "can", "can't", "cannot", "cant":
		p.tense = able
		p.take()
	default:
		p.take()
	}
	p.main()
}

// main takes the base verb after "don't" or "will".
func (p *predicate) main() {
	p.adverbs()
	w := p.first()
	if w.oneOf("rather", "better") {
		p.take()
		w = p.first()
	}
	if len(p.rest) == 0 || w.is(punct) {
		return
	}
	switch {
	case w.low == "be":
		p.lemma = "be"
		p.take()
		p.adverbs()
		p.participle()
	case w.low == "have":
		p.lemma = "have"
		p.take()
	case w.low == "do":
		p.lemma = "do"
		p.take()
	case w.lemma != "" || !w.is(determiner|preposition|possessI|pronounYou|deictic|number):
		if p.lemma = w.lemma; p.lemma == "" {
			p.lemma = w.low
		}
		p.take()
	}
}

// finite takes a verb without a helping one: "live", "moved".
func (p *predicate) finite() bool {
	const others = punct | subjectI | possessI | possess3 | pronoun3 | pronounYou | determiner | preposition |
		conjunction | number | whWord | deictic
	w := p.rest[0]
	switch {
	case w.is(verbPast) && !(w.is(verbBase) && w.low != w.lemma):
		p.tense, p.lemma = ended, w.lemma
		p.take()
	case w.is(verbBase):
		p.lemma = w.lemma
		p.put(third(w.low))
	case w.is(others), w.is(timeWord), len(w.low) < 3, len(w.low) > 20, w.is(smallTalk):
		return false
	case w.is(verbThird | verbIng):
		p.lemma = w.lemma
		p.take()
	default:
		p.lemma = w.low
		p.put(third(w.low))
	}
	return true
}
