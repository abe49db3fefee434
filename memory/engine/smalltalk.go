package engine

import "strings"

// openers are phrases that may stand before what is said, without their own
// meaning. A trailing "that" goes with them.
var openerPhrases = phrases(
	"by the way", "good morning", "good afternoon", "good evening", "good night", "thank you so much", "thank you very much",
	"thank you", "to be honest", "just so you know", "so you know", "for the record", "for your information", "as i said",
	"as i mentioned", "as i told you", "like i said", "like i mentioned", "i mean", "you know what", "you know", "guess what",
	"good news", "great news", "big news", "bad news", "exciting news", "just a reminder", "quick note", "it turns out",
	"turns out", "i told you", "i already told you", "i said", "i mentioned", "i wanted to tell you", "i wanted to let you know",
	"i just wanted to say", "i just wanted to let you know", "i wanted to say", "i want you to know", "let me tell you",
	"please note", "note", "keep in mind", "please keep in mind", "don't forget", "do not forget", "dont forget",
	"never forget", "just to let you know", "just letting you know", "to let you know", "you should know", "did you know",
	"the thing is", "the truth is", "fact is", "i forgot to mention", "i should mention", "i have to say", "i must say",
	"one more thing", "another thing", "in case you're wondering", "nice to meet you", "hi there", "hello there",
	"hey there", "on a side note", "side note", "of course", "no problem", "as you know", "a bit about me", "about me",
	"please remember", "remember", "for context", "some context", "for reference", "in fact", "to clarify", "after all",
	"speaking of which", "wish me luck", "a lot", "so much", "very much", "for your help", "the answer is", "let's see",
	"what i meant is", "i just found out", "i found out", "i'd like to add", "i would like to add", "you're right",
	"got it", "fun fact", "small correction", "quick update", "random fact", "my bad",
)

// phrases indexes phrases by their first word.
func phrases(list ...string) map[string][][]word {
	byFirst := make(map[string][][]word, len(list))
	for _, p := range list {
		ws := splitWords(nil, p)
		byFirst[ws[0].low] = append(byFirst[ws[0].low], ws)
	}
	return byFirst
}

// trimOpeners drops greetings, marks and openers from the front.
func trimOpeners(ws []word) []word {
	for len(ws) > 0 {
		w := ws[0]
		if n := openerLength(ws); n > 0 {
			ws = ws[n:]
			if len(ws) > 1 && ws[0].low == "that" {
				ws = ws[1:]
			}
			continue
		}
		switch {
		case w.is(punct):
		case w.is(smallTalk) && !w.is(verbBase|number) && !continuesPhrase(ws):
		case w.is(filler) && len(ws) > 1:
		case w.low == "please" && len(ws) > 1:
		default:
			return ws
		}
		ws = ws[1:]
	}
	return ws
}

// continuesPhrase tells whether small talk is the first word of something else:
// "no longer", "thanks to".
func continuesPhrase(ws []word) bool {
	return len(ws) > 1 && ws[0].oneOf("no", "thanks", "first", "second") && ws[1].oneOf("longer", "more", "to", "of", "year")
}

// openerLength returns how many words of an opener the words begin with.
func openerLength(ws []word) int {
	longest := 0
	for _, p := range openerPhrases[ws[0].low] {
		if len(p) > longest && hasPrefix(ws, p) && standsAlone(ws, len(p)) {
			longest = len(p)
		}
	}
	return longest
}

func hasPrefix(ws, prefix []word) bool {
	if len(ws) < len(prefix) {
		return false
	}
	for i, p := range prefix {
		if ws[i].low != p.low {
			return false
		}
	}
	return true
}

// standsAlone tells whether something that can be said for itself follows the
// opener, so that "remember to call" is not taken for one.
func standsAlone(ws []word, n int) bool {
	if n >= len(ws) {
		return true
	}
	w := ws[n]
	if ws[0].oneOf("remember", "note", "never", "don't", "dont", "do", "please", "keep", "i") {
		return w.is(subjectI|possessI|punct|pronoun3|possess3) || w.oneOf("that", "the") || w.upper()
	}
	return !w.is(preposition) || ws[0].low == "thank" || w.oneOf("in", "on", "as")
}

// passing tells whether the predicate is talk that nobody needs to remember:
// thinking aloud, asking for help, a mood.
func (p *predicate) passing() bool {
	w, next := p.first(), p.second()
	if p.onMaterial() {
		return true
	}
	switch p.lemma {
	case "be":
		return p.mood()
	case "want", "need", "like", "love":
		if w.low == "to" && (next.is(mental) || next.oneOf("be", "go", "see", "do", "thank", "hear")) && !plainGoal(p.rest) {
			return p.lemma != "like" && p.lemma != "love" || p.tense == possible
		}
		return w.oneOf("help", "you", "your", "more", "some", "assistance", "info", "information", "advice") && p.lemma != "like"
	case "have":
		return p.nothingHad()
	case "get":
		return w.is(deictic|transient|whWord|talk) && !w.is(marital) || w.is(number) && len(p.rest) == 1 || next.is(talk)
	case "use":
		return w.is(deictic | pronounYou)
	case "go", "come", "do", "start":
		return p.tense == intended && p.lemma != "start" && len(p.rest) < 3 || w.is(deictic) || w.oneOf("ahead", "back", "wrong")
	case "take", "leave", "give", "send", "let", "make", "stop", "continue", "keep", "move":
		return w.is(deictic|pronounYou) || p.tense == intended && (w.low == "a" || w.low == "you") || w.oneOf("on", "sense", "sure")
	case "help":
		return w.is(pronounYou)
	}
	return lexicon[p.lemma].kind&mental != 0 && !p.report()
}

// onMaterial tells whether the predicate is about the code or the text that the
// conversation is on, or about something that only the conversation names.
func (p *predicate) onMaterial() bool {
	if len(p.rest) > 2 && p.rest[0].low == "to" && p.rest[2].is(deictic) {
		return true
	}
	for i, w := range p.rest {
		switch {
		case w.is(material) && !w.upper():
			return true
		case i > 4, w.is(preposition | punct | conjunction):
			return false
		}
	}
	return false
}

// plainGoal tells whether "to go ..." says where or when.
func plainGoal(rest []word) bool {
	if len(rest) < 4 || !rest[1].oneOf("go", "see", "be", "do") || rest[2].is(deictic) {
		return false
	}
	return rest[1].low != "see" || rest[2].is(determiner|possessI) || rest[2].upper()
}

// report tells whether a verb of thinking or feeling introduces something that
// the speaker says about himself, or is about his body.
func (p *predicate) report() bool {
	w := p.first()
	switch p.lemma {
	case "think", "believe", "guess", "suspect":
		if w.low == "that" {
			w = p.second()
		}
		if p.lemma == "think" && p.tense == ongoing {
			return w.oneOf("about", "of") && p.second().is(verbIng)
		}
		return w.is(subjectI|possessI) && !p.negated && len(p.rest) > 2 && ownFact(p.rest)
	case "know":
		return !p.negated && p.tense == present && w.upper() && !w.is(subjectI)
	case "feel":
		return strings.HasPrefix(p.head.b.String(), "has ") && len(p.rest) > 1
	case "look":
		return w.oneOf("for", "to") && p.tense == ongoing && !p.second().is(deictic|whWord|mental)
	case "find", "see", "hear", "get", "forget", "check", "ask", "remember", "copy", "type", "paste":
		return p.tense == ended && len(p.rest) > 2 && !w.is(deictic|whWord) && w.is(possessI|determiner) && p.lemma != "check"
	case "try":
		if p.tense == ended {
			return strings.HasPrefix(p.head.b.String(), "has never ") && w.content()
		}
		return p.tense == ongoing && w.low == "to" && !p.second().is(mental|imperative)
	case "expect", "follow":
		return true
	case "recommend", "suggest":
		return false
	}
	return false
}

// ownFact tells whether a reported clause is worth reporting.
func ownFact(rest []word) bool {
	if rest[0].low == "that" {
		rest = rest[1:]
	}
	if rest[0].is(possessI) {
		return true
	}
	p, ok := parse(rest[1:])
	return ok && p.tense != possible && p.lemma != "think" && p.lemma != "know" && !p.passing() && p.says()
}

// mood tells whether "I'm ..." is about the moment.
func (p *predicate) mood() bool {
	for i, w := range p.rest {
		switch {
		case w.oneOf("so", "very", "too", "quite", "pretty", "a", "bit", "all", "still", "not", "of"):
			continue
		case w.low == "sure", w.low == "sorry":
			return true
		case w.is(transient):
			return !longState(p.rest[i:])
		case w.low == "at":
			return len(p.rest) < i+4 && !p.rest[len(p.rest)-1].upper()
		case w.oneOf("going", "gonna"):
			return len(p.rest) < i+3
		case w.is(deictic | pronounYou | whWord):
			return true
		}
		return false
	}
	return true
}

// longState tells whether a passing state is said with what makes it last:
// "sick of", "new to Berlin", "available on weekends".
func longState(ws []word) bool {
	return len(ws) > 2 && ws[1].is(preposition) && !ws[2].is(deictic|pronounYou) &&
		ws[0].oneOf("home", "available", "late", "free", "new", "back", "angry", "mad", "upset", "annoyed", "frustrated")
}

// nothingHad tells whether "I have ..." is about the conversation.
func (p *predicate) nothingHad() bool {
	for i, w := range p.rest {
		switch {
		case w.is(talk):
			return true
		case w.oneOf("problem", "problems", "issue", "issues", "trouble"):
			return len(p.rest) < 4
		case w.low == "to":
			return len(p.rest) < 3 || p.second().oneOf("go", "leave", "say", "admit", "ask", "know", "run")
		case w.oneOf("plan", "plans"):
			return i+1 == len(p.rest)
		case w.is(deictic|pronounYou) && i < 2:
			return true
		case w.is(preposition | verbIng | deictic):
			return false
		}
	}
	return len(p.rest) == 0
}

// pointsBack tells whether the object is something that only the conversation
// names: "it", "that", "your idea".
func (p *predicate) pointsBack() bool {
	w, next := p.first(), p.second()
	switch {
	case w.low == "it" && next.low == "when":
		return false
	case w.is(deictic) && !next.content():
		return true
	case w.oneOf("that", "this"):
		return len(p.rest) < 3
	}
	return w.oneOf("it", "them", "those", "these", "you", "your", "so")
}

// says tells whether the predicate has something to say.
func (p *predicate) says() bool {
	if p.lemma != "be" && p.tense != ongoing && p.pointsBack() {
		return false
	}
	for _, w := range p.rest {
		if w.content() {
			return true
		}
	}
	return lexicon[p.lemma].kind&alone != 0 && p.tense != intended && p.tense != possible
}
