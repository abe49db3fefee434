package mem0api

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"memhook/memory"
)

const defaultPageSize = 100

// A page is the part of a list that a caller asks for.
type page struct {
	number, size int
	hasNumber    bool // the caller named it
	hasSize      bool
	url          *url.URL // of the list, absolute
	query        url.Values
}

// page reads page and page_size from the query.
func (in *input) page(query url.Values) (page, error) {
	p := page{number: 1, size: defaultPageSize, url: in.self(), query: query}
	if s := query.Get("page"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return p, errPage
		}
		p.number, p.hasNumber = n, true
	}
	if s := query.Get("page_size"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return p, &memory.InvalidError{Field: "page_size", Text: "must be an integer"}
		}
		p.size, p.hasSize = n, true
	}
	return p, p.check()
}

// check cuts the size to what is allowed.
func (p *page) check() error {
	if p.size < 1 {
		return &memory.InvalidError{Field: "page_size", Text: "must be at least 1"}
	}
	p.size = min(p.size, memory.MaxPage)
	if p.number < 1 || p.number > math.MaxInt32/p.size {
		return errPage
	}
	return nil
}

func (p *page) offset() int { return (p.number - 1) * p.size }

// An envelope is a page of a list as mem0 shows it.
type envelope[T any] struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// pageOf puts the rows of page p of a list with count rows into an envelope.
func pageOf[T any](p page, count int, rows []T) (envelope[T], error) {
	e := envelope[T]{Count: count, Results: rows}
	if p.number > 1 && p.offset() >= count {
		return e, errPage
	}
	if p.offset()+p.size < count {
		e.Next = p.link(p.number + 1)
	}
	if p.number > 1 {
		e.Previous = p.link(p.number - 1)
	}
	return e, nil
}

func (p *page) link(number int) *string {
	q := maps.Clone(p.query)
	q.Set("page", strconv.Itoa(number))
	q.Set("page_size", strconv.Itoa(p.size))
	u := *p.url
	u.RawQuery = q.Encode()
	link := u.String()
	return &link
}

// self is the request's URL without its query, as the caller can reach it.
func (in *input) self() *url.URL {
	r := in.c.Request()
	self := &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
	if r.TLS != nil {
		self.Scheme = "https"
	}
	if in.a.forwarded {
		self.Scheme = cmp.Or(forwarded(r, "X-Forwarded-Proto"), self.Scheme)
		self.Host = cmp.Or(forwarded(r, "X-Forwarded-Host"), self.Host)
	}
	if public, err := url.Parse(in.a.publicURL); err == nil && in.a.publicURL != "" {
		self = public.JoinPath(r.URL.EscapedPath())
	}
	return self
}

// forwarded is a header's value as the first of several proxies set it.
func forwarded(r *http.Request, name string) string {
	if list := splitList(r.Header.Get(name)); len(list) > 0 {
		return list[0]
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
