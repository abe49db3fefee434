package delivery

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Terms narrow a list. It is one language for the search box, the URL and the
// command line: key:value, key:"a value with spaces", and text that stands alone.
type Terms []Term

// A Term is one condition of a filter.
type Term struct {
	Key   string // "" for text
	Value string
}

// MaxFilter is how long a filter may be, in bytes.
const MaxFilter = 1024

// textKey is the key of text in a URL.
const textKey = "q"

// ParseTerms reads a filter as a person types it. *InvalidError when a quote is
// not closed or a key has no value; which keys there are is for the list to say.
func ParseTerms(s string) (Terms, error) {
	if len(s) > MaxFilter || !storable(s) {
		return nil, &InvalidError{"filter", fmt.Sprintf("Must be valid UTF-8 without NUL, of at most %d bytes.", MaxFilter)}
	}
	var f Terms
	for rest := strings.TrimSpace(s); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		var t Term
		if i := strings.IndexFunc(rest, func(r rune) bool { return !keyLetter(r) }); i > 0 && rest[i] == ':' {
			t.Key, rest = strings.ToLower(rest[:i]), rest[i+1:]
		}
		var err error
		if t.Value, rest, err = filterValue(rest); err != nil {
			return nil, err
		}
		if t.Value == "" {
			if t.Key == "" {
				continue
			}
			return nil, &InvalidError{t.Key, "A value must follow the colon."}
		}
		f = append(f, t)
	}
	return f, nil
}

// storable tells whether a text can be compared in every database.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func keyLetter(r rune) bool { return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// filterValue cuts a value off the front: a word, or what stands in quotes, in
// which \" and \\ stand for themselves.
func filterValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
			return s[:i], s[i:], nil
		}
		return s, "", nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", &InvalidError{"filter", "A quote is not closed."}
}

// String returns the filter as a person types it.
func (f Terms) String() string {
	parts := make([]string, len(f))
	for i, t := range f {
		value := t.Value
		if value == "" || strings.ContainsFunc(value, unicode.IsSpace) || strings.ContainsAny(value, `"`) || t.Key == "" && strings.Contains(value, ":") {
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		}
		if t.Key != "" {
			value = t.Key + ":" + value
		}
		parts[i] = value
	}
	return strings.Join(parts, " ")
}

// Values returns the filter as parameters of a URL.
func (f Terms) Values() url.Values {
	v := url.Values{}
	for _, t := range f {
		key := t.Key
		if key == "" {
			key = textKey
		}
		v.Add(key, t.Value)
	}
	return v
}

// TermsOf returns the filter in the parameters of a URL, apart from those named
// in except, which mean something else. "q" may hold any filter, and "filter" is
// the same as "q".
func TermsOf(v url.Values, except ...string) (Terms, error) {
	var f Terms
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if slices.Contains(except, key) {
			continue
		}
		for _, value := range v[key] {
			switch {
			case value == "":
			case key == textKey || key == "filter":
				typed, err := ParseTerms(value)
				if err != nil {
					return nil, err
				}
				f = append(f, typed...)
			case len(value) > MaxFilter || !storable(value):
				return nil, &InvalidError{clip(key, 64), fmt.Sprintf("Must be valid UTF-8 without NUL, of at most %d bytes.", MaxFilter)}
			default:
				f = append(f, Term{key, value})
			}
		}
	}
	return f, nil
}

// Text returns the words of the filter that stand alone.
func (f Terms) Text() string {
	var words []string
	for _, t := range f {
		if t.Key == "" {
			words = append(words, t.Value)
		}
	}
	return strings.Join(words, " ")
}

// EachKey calls set for every term with a key. A key that is not among known is
// an *InvalidError that names the nearest, and so is a key given twice.
func (f Terms) EachKey(known []string, set func(key, value string) error) error {
	seen := map[string]bool{}
	for _, t := range f {
		switch {
		case t.Key == "":
			continue
		case !slices.Contains(known, t.Key):
			return &InvalidError{clip(t.Key, 64), "There is no such filter. " + suggest(t.Key, known)}
		case seen[t.Key]:
			return &InvalidError{t.Key, "It is given twice."}
		}
		seen[t.Key] = true
		if err := set(t.Key, t.Value); err != nil {
			return err
		}
	}
	return nil
}

// oneOf reads a value that must be one of a few words.
func oneOf[S ~string](key, value string, known []S) (S, error) {
	words := make([]string, len(known))
	for i, k := range known {
		if strings.EqualFold(string(k), value) {
			return k, nil
		}
		words[i] = string(k)
	}
	return "", &InvalidError{key, fmt.Sprintf("%q is not a valid choice. %s", clip(value, 64), suggest(value, words))}
}

// suggest names the word that was probably meant, or all of them.
func suggest(got string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(clip(got, 32)), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return "Did you mean " + best + "?"
	}
	return "Valid: " + strings.Join(known, ", ") + "."
}

// distance is how many letters have to be put in, left out or changed to make b
// of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

// ParseWhen reads a time of a filter: a span before now (90s, 30m, 2h, 7d, 2w), a
// date, or a time as RFC 3339.
func ParseWhen(key, value string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, strings.ToUpper(value)); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
			return t.UTC(), nil
		}
	}
	days := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if n := len(value); n > 1 && days[value[n-1]] != 0 {
		if count, err := strconv.ParseUint(value[:n-1], 10, 13); err == nil {
			return now.Add(-time.Duration(count) * days[value[n-1]]), nil
		}
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 && d < 1<<13*24*time.Hour {
		return now.Add(-d), nil
	}
	return time.Time{}, &InvalidError{key, fmt.Sprintf("%q is not a time: write 30m, 2h, 7d, a date, or a time as RFC 3339.", clip(value, 64))}
}

// Value returns the first value of a key, "" when it has none.
func (f Terms) Value(key string) string {
	for _, t := range f {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}
