package engine

import "strings"

// copulaSlot is that of "I am ...".
func copulaSlot(rest []word) slot {
	if len(rest) == 0 {
		return slot{}
	}
	w := rest[0]
	switch {
	case w.is(number) && isAge(rest):
		return one("age")
	case anyIs(rest[:min(2, len(rest))], diet):
		return slot{subject: "diet", object: contents(rest)}
	case w.is(marital):
		return slot{subject: "relationship", object: contents(rest)}
	case w.low == "from":
		return place("from", rest[1:])
	case w.is(nationality) && len(rest) < 3:
		return slot{subject: "nationality", object: contents(rest)}
	case w.low == "allergic" && len(rest) > 2:
		return many("allergic", object(rest[2:]))
	case len(rest) > 1 && rest[1].low == "intolerant":
		return many("allergic", w.low)
	case w.oneOf("based", "located") && len(rest) > 1:
		return place("lives_in", rest[2:])
	case w.low == "into":
		return many("likes", object(rest[1:]))
	case hasWord(rest, "pregnant"):
		return one("pregnancy")
	case hasWord(rest, "timezone"):
		return one("timezone")
	case w.is(determiner):
		return nounSlot(rest)
	}
	if jobNoun(rest) {
		return slot{subject: "job", object: contents(rest)}
	}
	return slot{}
}

// nounSlot is that of "I am a ...".
func nounSlot(rest []word) slot {
	for i, w := range rest {
		if w.oneOf("fan", "lover", "believer") && i+2 < len(rest) {
			return many("likes", object(rest[i+2:]))
		}
	}
	if jobNoun(rest) {
		return slot{subject: "job", object: contents(rest)}
	}
	return slot{}
}

// jobNoun tells whether the noun phrase names what somebody does for a living.
func jobNoun(rest []word) bool {
	end := 0
	for end < len(rest) && !rest[end].is(preposition|punct|conjunction|whWord) {
		end++
	}
	if end == 0 {
		return false
	}
	w := rest[end-1]
	if w.is(occupation) {
		return true
	}
	if w.is(relation | pet | timeWord | diet | nationality | notJob) {
		return false
	}
	for _, end := range []string{"er", "or", "ist", "ian", "eer", "ant"} {
		if len(w.low) > 4 && strings.HasSuffix(w.low, end) {
			return rest[0].is(determiner)
		}
	}
	return false
}

func isAge(rest []word) bool {
	if n := rest[0].low; n[0] <= '9' && (len(n) > 3 || strings.Trim(n, "0123456789") != "") {
		return false
	}
	return len(rest) == 1 || rest[1].is(punct) || rest[1].oneOf("years", "yrs", "yo", "y/o", "and")
}
