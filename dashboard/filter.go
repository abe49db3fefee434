package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"memhook/delivery"
)

// Rows of a list.
const (
	leastRows = 25
	mostRows  = 200
)

// A filter is what a list's URL says, as one form shows it: some terms are tabs and
// menus, the others stand in the search box.
type filter struct {
	path  string
	terms delivery.Terms
	limit int
	after *delivery.Cursor
	// before is the page before this row.
	before *delivery.Cursor
}

// filterOf reads a filter. What is typed in the search box wins over a menu.
func filterOf(path string, q url.Values) (filter, error) {
	f := filter{path: path, limit: delivery.DefaultPage}
	typed, err := delivery.ParseTerms(q.Get("q"))
	if err != nil {
		return f, badFilter(err)
	}
	chosen, err := delivery.TermsOf(q, "q", "filter", "after", "before", "limit")
	if err != nil {
		return f, badFilter(err)
	}
	for _, t := range chosen {
		if typed.Value(t.Key) == "" {
			f.terms = append(f.terms, t)
		}
	}
	f.terms = append(f.terms, typed...)
	for name, to := range map[string]**delivery.Cursor{"after": &f.after, "before": &f.before} {
		if s := q.Get(name); s != "" {
			c, err := delivery.ParseCursor(name, s)
			if err != nil {
				return f, badFilter(err)
			}
			*to = &c
		}
	}
	if s := q.Get("limit"); s != "" {
		if f.limit, err = strconv.Atoi(s); err != nil || f.limit < leastRows || f.limit > mostRows {
			return f, badFilter(&delivery.InvalidError{Field: "limit", Text: "Must be from 25 to 200."})
		}
	}
	return f, nil
}

// badFilter is the page of a filter that cannot be used.
func badFilter(err error) error {
	var invalid *delivery.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	text := invalid.Text
	if invalid.Field != "" {
		text = invalid.Field + ": " + text
	}
	return &failure{http.StatusBadRequest, "Unknown filter", string(line(text))}
}

// value returns the value of a key, "" when it has none.
func (f filter) value(key string) string { return f.terms.Value(key) }

// box is what stands in the search box: all but the terms of tabs and menus.
func (f filter) box(menus ...string) string {
	rest := slices.DeleteFunc(slices.Clone(f.terms), func(t delivery.Term) bool { return slices.Contains(menus, t.Key) })
	return string(line(rest.String()))
}

// with returns the URL of the list's first page with another value for a key; ""
// leaves it out.
func (f filter) with(key, value string) string {
	terms := slices.DeleteFunc(slices.Clone(f.terms), func(t delivery.Term) bool { return t.Key == key })
	if value != "" {
		terms = append(terms, delivery.Term{Key: key, Value: value})
	}
	g := filter{path: f.path, terms: terms, limit: f.limit}
	return g.url("", nil)
}

// url is the address of the list, at a cursor if there is one.
func (f filter) url(name string, c *delivery.Cursor) string {
	q := url.Values{}
	var typed delivery.Terms
	for _, t := range f.terms {
		if t.Key == "" {
			typed = append(typed, t)
		} else {
			q.Set(t.Key, t.Value)
		}
	}
	if len(typed) > 0 {
		q.Set("q", typed.String())
	}
	if f.limit != delivery.DefaultPage {
		q.Set("limit", strconv.Itoa(f.limit))
	}
	if c != nil {
		q.Set(name, c.String())
	}
	if len(q) == 0 {
		return f.path
	}
	return f.path + "?" + q.Encode()
}

// pager are the links to the pages beside a page.
type pager struct {
	Newer   string // URLs, "" when there are none
	Older   string
	Showing string
}

// A filterTab narrows a list to a state.
type filterTab struct {
	Word    string
	URL     string
	Current bool
	Count   string
}

// A menu is a choice among values of a key.
type menu struct {
	Key     string
	Label   string
	Choices []choice
}

// sinceMenu is the choice of how far back a list goes.
func (f filter) sinceMenu() menu {
	m := menu{Key: "since", Label: "Since", Choices: []choice{{Label: "Any time"}, {Value: "1h", Label: "Last hour"}, {Value: "24h", Label: "Last 24 hours"}, {Value: "7d", Label: "Last 7 days"}}}
	return m.choose(f.value("since"))
}

// choose marks the chosen value, which is added when it is none of the offered.
func (m menu) choose(value string) menu {
	for i := range m.Choices {
		if m.Choices[i].Value == value {
			m.Choices[i].Chosen = true
			return m
		}
	}
	m.Choices = append(m.Choices, choice{Value: string(line(value)), Label: string(line(value)), Chosen: true})
	return m
}

func countOf(c delivery.Count) string {
	if c.More {
		return thousands(delivery.MaxCount) + "+"
	}
	return thousands(c.N)
}

// thousands prints a number in groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u00A0" + s[i:]
	}
	return s
}
