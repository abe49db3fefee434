package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSentence is how many bytes of a sentence are looked at. What is longer is
// rarely prose, and one sentence becomes at most one memory.
const maxSentence = 2000

// maxQuote is how far a closing quotation mark may be from the opening one, in
// bytes.
const maxQuote = 500

// A sentences value hands out the sentences of a text one by one. Code blocks
// and quoted lines are left out: they are not what the speaker says.
type sentences struct {
	line  string // what is left of the line being read
	rest  string // the lines after it
	fence bool   // inside a code block
}

// next returns the next sentence with its closing mark, and false at the end.
func (s *sentences) next() (string, bool) {
	for {
		for s.line != "" {
			end := sentenceEnd(s.line)
			found := strings.TrimSpace(s.line[:end])
			if s.line = s.line[end:]; found != "" {
				return cut(found, maxSentence), true
			}
		}
		if s.rest == "" {
			return "", false
		}
		s.line, s.rest, _ = strings.Cut(s.rest, "\n")
		if !s.prose() {
			s.line = ""
		}
	}
}

// prose tells whether the line is said, and notes where code begins and ends.
func (s *sentences) prose() bool {
	start := strings.TrimLeft(s.line, " ")
	if strings.HasPrefix(start, "```") {
		s.fence = !s.fence
		return false
	}
	quoted := strings.HasPrefix(start, ">") || strings.HasPrefix(start, "{") || strings.HasPrefix(start, "<")
	return !s.fence && !quoted
}

// sentenceEnd returns where the first sentence of the line ends.
func sentenceEnd(line string) int {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			if n := strings.IndexByte(window(line[i+1:]), '"'); n >= 0 {
				i += n + 1
			}
		case c == '.' || c == '!' || c == '?':
			end := i + 1
			for end < len(line) && strings.IndexByte(".!?)\"'", line[end]) >= 0 {
				end++
			}
			if (end == len(line) || line[end] == ' ' || line[end] >= utf8.RuneSelf) && !(c == '.' && abbreviated(line, i)) {
				return end
			}
			i = end - 1
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(line[i:])
			if r == '。' || r == '！' || r == '？' || r == '…' {
				return i + size
			}
			i += size - 1
		}
	}
	return len(line)
}

func window(s string) string { return s[:min(len(s), maxQuote)] }

// abbreviated tells whether the full stop at line[dot] ends an abbreviation.
func abbreviated(line string, dot int) bool {
	start := dot
	for start > 0 && line[start-1] != ' ' && dot-start < 8 {
		start--
	}
	w := line[start:dot]
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(line[dot+1:], " "))
	switch strings.ToLower(w) {
	case "mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "approx", "no", "nr", "z.b", "sr", "sra":
		return w != "no" && next != utf8.RuneError && (unicode.IsLower(rune(w[0])) || !unicode.IsLower(next))
	case "a.m", "p.m", "inc", "ltd", "co", "jr", "ave", "rd", "u.s":
		return unicode.IsLower(next) || unicode.IsDigit(next)
	}
	// An initial: "J. Smith".
	return len(w) == 1 && w[0] >= 'A' && w[0] <= 'Z' && w != "I" && unicode.IsUpper(next)
}
