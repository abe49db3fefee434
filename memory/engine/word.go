package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A word is a word or a punctuation mark of a sentence. What stands in double
// quotation marks is one word of no class.
type word struct {
	text  string // as written
	low   string // in lower case, with a straight apostrophe
	lemma string // of a known verb, in any of its forms
	kind  class
	gap   bool // white space stands before it
}

func (w word) is(c class) bool { return w.kind&c != 0 }

// oneOf tells whether the word is one of a few.
func (w word) oneOf(list ...string) bool {
	for _, s := range list {
		if w.low == s {
			return true
		}
	}
	return false
}

// upper tells whether the word begins with a capital letter.
func (w word) upper() bool {
	r, _ := utf8.DecodeRuneInString(w.text)
	return unicode.IsUpper(r)
}

// content tells whether the word says something by itself.
func (w word) content() bool {
	const empty = punct | subjectI | objectI | possessI | pronoun3 | possess3 | pronounYou | deictic | be | have | do |
		modal | negative | filler | whWord | determiner | preposition | conjunction | smallTalk
	return w.kind&empty == 0
}

// splitWords appends the words of the sentence to buf.
func splitWords(buf []word, s string) []word {
	gap, unclosed := false, false
	for i := 0; i < len(s); {
		if s[i] == ' ' {
			gap = true
			i++
			continue
		}
		if n := quoted(s[i:]); n > 0 && !unclosed {
			buf = append(buf, word{text: s[i : i+n], low: s[i : i+n], gap: gap})
			i, gap = i+n, false
			continue
		} else if s[i] == '"' {
			unclosed = true
		}
		end := i
		for end < len(s) && s[end] != ' ' {
			end++
		}
		buf = splitChunk(buf, s[i:end], gap)
		i, gap = end, false
	}
	return buf
}

// quoted returns the length of the quotation that s begins with, 0 if none.
func quoted(s string) int {
	closing, open := "", 0
	switch {
	case s[0] == '\'':
		return singleQuoted(s)
	case s[0] == '"':
		closing, open = `"`, 1
	case strings.HasPrefix(s, "“"), strings.HasPrefix(s, "„"):
		closing, open = "”", len("“")
		if strings.HasPrefix(s, "„") {
			closing = "“"
		}
	default:
		return 0
	}
	n := strings.Index(window(s[open:]), closing)
	if n < 0 {
		return 0
	}
	return open + n + len(closing)
}

// singleQuoted finds the end of 'a quotation', which no letter follows.
func singleQuoted(s string) int {
	in := window(s)
	if len(in) < 3 || in[1] == ' ' || in[1] >= '0' && in[1] <= '9' {
		return 0
	}
	for i := 2; i < len(in); i++ {
		if in[i] == '\'' && (i+1 == len(in) || strings.IndexByte(" .,;:!?)", in[i+1]) >= 0) {
			return i + 1
		}
	}
	return 0
}

const (
	openers = "([\"'*_~-•"
	closers = ")]\"',;:.!?*_~-…。！？、"
)

// splitChunk appends the words of a piece of text without spaces.
func splitChunk(buf []word, s string, gap bool) []word {
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if !strings.ContainsRune(openers, r) || r == '-' && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
			break
		}
		buf = append(buf, mark(s[:n], gap))
		s, gap = s[n:], false
	}
	if at := strings.Index(s, "—"); at > 0 && at < 100 {
		buf = splitChunk(buf, s[:at], gap)
		buf = append(buf, mark("—", false))
		return splitChunk(buf, s[at+len("—"):], false)
	}
	end := len(s)
	for end > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:end])
		if !strings.ContainsRune(closers, r) || r == '.' && strings.IndexByte(s[:end-1], '.') > 0 && s[end-2] != '.' {
			break
		}
		end -= n
	}
	if end > 0 {
		buf = splitContraction(buf, s[:end], gap)
		gap = false
	}
	for tail := s[end:]; tail != ""; gap = false {
		_, n := utf8.DecodeRuneInString(tail)
		buf = append(buf, mark(tail[:n], gap))
		tail = tail[n:]
	}
	return buf
}

func mark(s string, gap bool) word { return word{text: s, low: s, kind: punct, gap: gap} }

// splitContraction appends a word, or two for "I'm".
func splitContraction(buf []word, s string, gap bool) []word {
	low := strings.ToLower(s)
	if strings.Contains(low, "’") {
		low = strings.ReplaceAll(low, "’", "'")
	}
	switch low {
	case "im":
		return append(buf, known(s[:1], "i", gap), known("'m", "'m", false))
	case "ive":
		return append(buf, known(s[:1], "i", gap), known("'ve", "'ve", false))
	}
	at := strings.LastIndexByte(low, '\'')
	if at <= 0 || len(low)-at > 3 || len(low) > 12 {
		return append(buf, known(s, low, gap))
	}
	switch stem, end := low[:at], low[at:]; end {
	case "'m", "'re", "'ve", "'ll", "'d", "'s":
		entry := lexicon[stem]
		if end == "'s" && entry.kind&(pronoun3|whWord|deictic) == 0 && stem != "let" || entry.kind == 0 {
			break // Anna's
		}
		return append(buf, known(s[:at], stem, gap), known(end, end, false))
	}
	return append(buf, known(s, low, gap))
}

// known looks a word up.
func known(text, low string, gap bool) word {
	e := lexicon[low]
	w := word{text: text, low: low, lemma: e.lemma, kind: e.kind, gap: gap}
	if stem, ok := strings.CutSuffix(low, "'s"); ok && e.kind == 0 {
		w.kind = lexicon[stem].kind & (relation | pet | event | business)
		return w
	}
	switch {
	case low == "may" && text == "May":
		w.kind = timeWord
	case low == "us" && text == "US", low == "it" && text == "IT":
		w.kind, w.low = 0, text
	case e.kind == 0:
		w.kind, w.lemma = guess(low)
		if w.kind == adverb && w.upper() {
			w.kind = 0 // Italy
		}
	}
	return w
}

// guess classes an unknown word by its shape.
func guess(low string) (class, string) {
	switch {
	case low == "":
		return punct, ""
	case low[0] >= '0' && low[0] <= '9':
		return number, ""
	case strings.HasSuffix(low, "ly") && len(low) > 4:
		return adverb, ""
	case strings.HasSuffix(low, "ed") && len(low) > 4 && !strings.HasSuffix(low, "eed"):
		return guessVerb(strings.TrimSuffix(low, "ed"), verbPast)
	case strings.HasSuffix(low, "ing") && len(low) > 5:
		return guessVerb(strings.TrimSuffix(low, "ing"), verbIng)
	case !hasLetter(low):
		return punct, "" // an emoji, or a row of marks
	}
	return 0, ""
}

// guessVerb classes a verb form by its stem: cancelled is of cancel.
func guessVerb(stem string, form class) (class, string) {
	for _, base := range []string{stem, stem + "e", stem[:len(stem)-1]} {
		if e := lexicon[base]; e.kind&verbBase != 0 {
			return form, e.lemma
		}
	}
	return form | guessed, stem
}

func hasLetter(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return true
		}
	}
	return false
}
