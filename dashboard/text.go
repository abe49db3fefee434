package dashboard

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"memhook/memory/explain"
)

// text is what came from outside, made fit to be seen: it has no character that
// is invisible, moves the cursor or turns the direction of writing.
type text string

// line returns the text of a value that should be one line.
func line(s string) text { return visible(s, false) }

// block returns the text of a value with lines of its own.
func block(s string) text { return visible(strings.ReplaceAll(s, "\r\n", "\n"), true) }

func visible(s string, lines bool) text {
	clean := func(r rune) bool {
		return r != utf8.RuneError && !hidden(r) && !unicode.IsControl(r) || lines && (r == '\n' || r == '\t')
	}
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return text(s)
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, "⟨0x%02X⟩", s[i])
		case clean(r) || r == utf8.RuneError:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		}
	}
	return text(b.String())
}

// hidden tells whether a character can be there unseen: format characters (bidi
// controls, zero-width ones, tags), separators of lines, and blank letters.
func hidden(r rune) bool {
	switch r {
	case '\u2028', '\u2029', '\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u3164', '\uFFA0':
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// maxShown is how much of a stored body a page has, in bytes.
const maxShown = 64 << 10

// head returns the beginning of a body, and whether that is not all.
func head(body []byte) (text, bool) {
	if len(body) <= maxShown {
		return block(string(body)), false
	}
	cut := maxShown
	for cut > maxShown-utf8.UTFMax && !utf8.RuneStart(body[cut]) {
		cut--
	}
	return block(string(body[:cut])), true
}

// A moment is a time as pages show it, in UTC.
type moment struct {
	ISO   string // for machines
	Text  string
	Exact string // to the millisecond
	Ago   string // relative to when the page was made
}

func momentOf(t, now time.Time) moment {
	t = t.UTC()
	short := "2 Jan 15:04:05"
	if t.Year() != now.UTC().Year() {
		short = "2 Jan 2006 15:04"
	}
	m := moment{
		ISO: t.Format(time.RFC3339Nano), Text: t.Format(short), Exact: t.Format("2006-01-02 15:04:05.000 UTC"),
	}
	switch d := now.Sub(t); {
	case d >= time.Second:
		m.Ago = explain.Span(d) + " ago"
	case d > -time.Second:
		m.Ago = "now"
	default:
		m.Ago = "in " + explain.Span(-d)
	}
	return m
}

// momentOr returns nil for a time that is not there.
func momentOr(t *time.Time, now time.Time) *moment {
	if t == nil {
		return nil
	}
	m := momentOf(*t, now)
	return &m
}

// brief prints a measured duration: 88 ms, 1.25 s.
func brief(d time.Duration) string {
	switch {
	case d < 50*time.Microsecond:
		return "0 ms"
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.2f", d.Seconds()), "0"), ".0") + " s"
	}
	return explain.Span(d)
}
