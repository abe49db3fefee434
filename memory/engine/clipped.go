package engine

// clipped reads a statement without "I": "Just moved to Lisbon!"
func (x *extractor) clipped(ws []word) bool {
	if len(ws) < 2 {
		return false
	}
	w, next := ws[0], ws[1]
	self := []word{known("I", "i", false)}
	switch {
	case w.low == "allergic" && next.low == "to", w.low == "born" && next.is(preposition),
		w.is(verbIng) && w.lemma != "" && pairsWith(w.lemma, next.low):
		self = append(self, known("'m", "'m", false))
	case w.low == "been" && next.is(verbIng|preposition):
		self = append(self, known("'ve", "'ve", false))
	case w.is(verbPast) && next.is(possessI):
	case w.is(verbPast) && !w.is(guessed) && clippedVerbs[w.lemma] &&
		(next.is(determiner|possessI|preposition|number) || next.upper() || next.is(verbIng) && !next.is(guessed)):
	case w.oneOf("want", "need") && (next.low == "to" || next.is(determiner)):
	case w.oneOf("love", "hate", "prefer") && !next.is(deictic|pronounYou), w.oneOf("live", "work") && pairsWith(w.low, next.low):
	default:
		return false
	}
	ws = complete(self, ws)
	if len(self) > 1 {
		ws[len(self)].text = w.low
	}
	return x.first(ws, nil)
}

// clippedVerbs are those that begin a statement when their subject is left out.
var clippedVerbs = map[string]bool{
	"move": true, "order": true, "buy": true, "purchase": true, "book": true, "start": true, "finish": true, "graduate": true,
	"get": true, "adopt": true, "sell": true, "lose": true, "break": true, "receive": true, "visit": true, "switch": true,
	"join": true, "quit": true, "have": true, "relocate": true,
}

// pairsWith tells whether "living in" and the like is meant.
func pairsWith(lemma, next string) bool {
	switch lemma {
	case "live":
		return next == "in" || next == "at" || next == "near"
	case "work":
		return next == "at" || next == "as" || next == "for" || next == "in"
	case "look":
		return next == "for"
	case "plan":
		return next == "to" || next == "on"
	case "move", "travel":
		return next == "to"
	case "train", "prepare", "save", "study":
		return next == "for"
	}
	return false
}
