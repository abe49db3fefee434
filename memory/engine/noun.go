package engine

import "strings"

// nounPhrase returns the noun phrase that the words begin with, without
// articles and numbers before it.
func nounPhrase(ws []word) []word {
	for len(ws) > 0 && (ws[0].is(determiner|possessI|possess3|negative) || ws[0].is(number) && len(ws) > 1) {
		ws = ws[1:]
	}
	for i, w := range ws {
		ends := w.is(preposition|punct|conjunction|whWord|negative|subjectI|adverb) || w.oneOf("named", "called")
		then := i > 0 && (w.is(timeWord|determiner) || w.is(number) && i+1 < len(ws) && ws[i+1].is(timeWord))
		if ends || then {
			return ws[:i]
		}
	}
	return ws
}

// firstName returns where the capitals or numbers of a name begin, or -1.
func firstName(np []word) int {
	for i, w := range np {
		if w.upper() {
			return i
		}
	}
	if n := len(np); n > 1 && np[n-1].is(number) {
		return n - 2
	}
	return -1
}

// object names the object that the words begin with, in a few words. What
// comes after a preposition is detail, except in an activity.
func object(ws []word) string {
	for len(ws) > 1 && (ws[0].is(determiner|possessI) || ws[0].oneOf("to", "listening", "eating", "drinking", "playing")) {
		ws = ws[1:]
	}
	activity := len(ws) > 0 && ws[0].is(verbIng|verbBase) && !ws[0].is(guessed)
	end := 0
	for end < len(ws) && end < 6 {
		w := ws[end]
		if w.is(punct|whWord) || w.oneOf("because", "but", "than", "very", "a", "so", "with", "since", "if", "that", "more", "every") ||
			w.is(preposition) && !activity && w.low != "of" || w.is(timeWord) && end > 0 {
			break
		}
		end++
	}
	for end > 1 && ws[end-1].is(preposition) {
		end--
	}
	return key(ws[:end])
}

// key joins words in lower case without articles, the last one in the singular.
func key(ws []word) string {
	var b strings.Builder
	for i, w := range ws {
		if w.is(determiner|possessI|punct) && len(ws) > 1 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if i == len(ws)-1 {
			b.WriteString(singular(w.low))
		} else {
			b.WriteString(w.low)
		}
	}
	return cut(b.String(), maxKey)
}

// maxKey is how long the object of a subject can be, in bytes.
const maxKey = 80

// contents returns the words that say something, in lower case.
func contents(ws []word) []string {
	var list []string
	for _, w := range ws {
		if w.content() && !w.is(adverb|timeWord|number) {
			list = append(list, w.low)
		}
	}
	return list
}

func hasWord(ws []word, low string) bool {
	for _, w := range ws {
		if w.low == low {
			return true
		}
	}
	return false
}

func anyIs(ws []word, c class) bool {
	for _, w := range ws {
		if w.is(c) {
			return true
		}
	}
	return false
}
