package explain

import (
	"fmt"
	"strings"
	"time"
)

// Took prints a measured duration: 88 ms, 1.25 s.
func Took(d time.Duration) string {
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
	return Span(d)
}

var units = []struct {
	name string
	size time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// Span prints a span in its two largest units: 8 m 37 s, 3 d 4 h.
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	for i, u := range units[:len(units)-1] {
		if d < u.size {
			continue
		}
		part := units[i+1]
		first, second := d/u.size, d%u.size/part.size
		if second == 0 {
			return fmt.Sprintf("%d %s", first, u.name)
		}
		return fmt.Sprintf("%d %s %d %s", first, u.name, second, part.name)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// Count prints a number with its noun: 1 event, 2 events.
func Count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// List joins up to four names: a, b and 2 more.
func List(names []string, word string) string {
	const most = 4
	if len(names) > most {
		rest := len(names) - most + 1
		names = append(names[:most-1:most-1], fmt.Sprintf("%d more", rest))
		word = "and"
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + word + " " + names[len(names)-1]
}

// clock prints a moment to come: its time today, or with its day.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05 UTC")
	}
	return t.Format("Mon 2 Jan 15:04 UTC")
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func join(parts ...string) string {
	var said []string
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, " ")
}

func addOnce(to []string, s string) []string {
	for _, have := range to {
		if have == s {
			return to
		}
	}
	return append(to, s)
}
