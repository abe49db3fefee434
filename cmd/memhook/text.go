package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable returns a text from outside as it may be shown in a terminal: control
// characters, and those that reorder or hide text, are drawn as ⟨U+202E⟩.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		}
	}
	return b.String()
}

// printLines prints each line of a text from outside behind a prefix.
func printLines(w io.Writer, prefix, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(w, prefix+printable(line))
	}
}

// count is "1 callback" or "2 callbacks".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
