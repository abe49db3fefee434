package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean returns the text as valid UTF-8 without control and invisible
// characters. Line breaks stay, other white space becomes a space.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s { // an invalid byte comes as utf8.RuneError
		switch {
		case r == '\n', r == '\u2028', r == '\u2029':
			b.WriteByte('\n')
		case r == utf8.RuneError, invisible(r):
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsControl(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isClean is the common case: printable ASCII and line breaks.
func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

// invisible tells whether r is a format character that cannot be seen, such as
// a zero-width space or a change of direction. The joiners stay: emoji and some
// scripts need them.
func invisible(r rune) bool {
	return r != '\u200d' && r != '\u200c' && unicode.Is(unicode.Cf, r)
}

// cut shortens s to at most limit bytes, at a space if there is one in its last
// half, and never inside a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	s = s[:limit]
	if i := strings.LastIndexByte(s, ' '); i > limit/2 {
		s = s[:i]
	}
	return s
}
