package engine

import "strings"

// A likeness is what a fact is to a text of the same subject.
type likeness uint8

const (
	apart    likeness = iota // both can stand
	same                     // nothing new
	replaces                 // richer, corrected or contrary
)

// compare tells what the fact is to a text about the same subject.
func (f fact) compare(known string) likeness {
	a, b := tokens(known), tokens(f.text)
	switch {
	case sameWords(a, b):
		return same
	case negates(known) != negates(f.text):
		return replaces
	case within(b, a):
		return same
	case !f.shared:
		return replaces
	}
	// "Likes tea" and "Loves tea with milk" differ in more than the verb.
	return compareTails(tail(a), tail(b))
}

func compareTails(a, b []string) likeness {
	plainA, countsA := withoutNumbers(a)
	plainB, countsB := withoutNumbers(b)
	switch {
	case countsA != countsB && within(plainA, plainB), countsA == countsB && within(a, b):
		return replaces
	}
	return apart
}

func tail(ws []string) []string {
	if len(ws) > 1 {
		return ws[1:]
	}
	return ws
}

// withoutNumbers returns the words that are no numbers, and the numbers.
func withoutNumbers(ws []string) ([]string, string) {
	var plain []string
	counts := ""
	for _, w := range ws {
		if lexicon[w].kind&number != 0 || w[0] >= '0' && w[0] <= '9' {
			counts += w + " "
		} else {
			plain = append(plain, w)
		}
	}
	return plain, counts
}

// richer tells whether a text says all that another one says.
func richer(text, than string) bool {
	return negates(text) == negates(than) && within(tokens(than), tokens(text))
}

// tokens returns the words of a text for comparison: in lower case, without
// punctuation, articles and possessives, nouns in the singular.
func tokens(s string) []string {
	list := make([]string, 0, 16)
	for _, w := range strings.FieldsFunc(strings.ToLower(s), notInWord) {
		switch w {
		case "a", "an", "the", "their", "my", "our", "on", "now", "-", "–", "—":
			continue
		}
		list = append(list, singular(strings.ReplaceAll(w, "’", "'")))
	}
	return list
}

func sameWords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// within tells whether the words of a stand in b in the same order.
func within(a, b []string) bool {
	i := 0
	for _, w := range b {
		if i < len(a) && a[i] == w {
			i++
		}
	}
	return i == len(a)
}

// negates tells whether the text says that something is not so.
func negates(s string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(s), notInWord) {
		if lexicon[w].kind&negative != 0 && w != "no" {
			return true
		}
		switch w {
		case "no", "hates", "dislikes", "stopped", "quit", "sold", "without":
			return true
		}
	}
	return false
}
