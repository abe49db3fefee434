package mem0api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/labstack/echo/v4"

	"memhook/memory"
)

// FuzzPage reads a page from any query, and follows its links to both ends.
func FuzzPage(f *testing.F) {
	for _, s := range []string{
		"", "page=2&page_size=1", "page=0", "page=-1&page_size=0", "page_size=999999999999999999999", "page=2147483647&page_size=200",
		"page=1&page=2", "page=%32", "page=+1", "user_id=%F0%9F%98%80&page=3&page_size=5", "%zz", "a=%00", "page=1;page=2", "page_size=1e2",
	} {
		f.Add(s, 17)
	}
	f.Fuzz(func(t *testing.T, raw string, count int) {
		count &= 1<<20 - 1
		request := func(raw string) (page, error) {
			r := httptest.NewRequest(http.MethodGet, "/v1/events/", nil)
			r.URL.RawQuery = raw
			in := &input{a: new(API), c: echo.New().NewContext(r, httptest.NewRecorder())}
			q, err := in.query()
			if err != nil {
				return page{}, err
			}
			return in.page(q)
		}
		p, err := request(raw)
		if err != nil {
			var invalid *memory.InvalidError
			if !errors.As(err, &invalid) && !errors.Is(err, errPage) {
				t.Fatalf("%q: error %v, want *memory.InvalidError or errPage", raw, err)
			}
			return
		}
		if p.size < 1 || p.size > memory.MaxPage || p.number < 1 || p.offset() < 0 {
			t.Fatalf("%q asks for page %d of %d rows, from %d", raw, p.number, p.size, p.offset())
		}
		e, err := pageOf(p, count, []int{})
		if err != nil {
			return // past the end
		}
		for step, link := range map[int]*string{1: e.Next, -1: e.Previous} {
			if link == nil {
				continue
			}
			u, err := url.Parse(*link)
			if err != nil || u.Host != "example.com" || u.Path != "/v1/events/" {
				t.Fatalf("%q leads to %q: %v", raw, *link, err)
			}
			next, err := request(u.RawQuery)
			if err != nil || next.number != p.number+step || next.size != p.size {
				t.Fatalf("%q leads to %q, which is page %s: %v", raw, *link, strconv.Itoa(next.number), err)
			}
		}
	})
}
