package dashboard

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
)

// What a browser loads, compressed: all of the first visit, and of the next ones
// only the page.
func TestPageWeight(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	for i := range 3 {
		s.endpoint(project, fmt.Sprintf("endpoint-%d", i), "https://crm.example.com/hooks/memory", delivery.MemoryAdd)
	}
	for i := range 20 {
		s.add(project, fmt.Sprintf("Has read book %d", i))
		s.send()
	}
	b := s.signedIn(key)
	weigh := func(path string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip") // so that it stays compressed
		resp, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s answered %d, encoded %q", path, resp.StatusCode, resp.Header.Get("Content-Encoding"))
		}
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return len(raw), b.get(path).text
	}
	page, text := weigh("/ui/deliveries")
	all, script := page, 0
	for _, m := range regexp.MustCompile(`(?:href|src)="(/ui/static/[^"]+)"`).FindAllStringSubmatch(text, -1) {
		n, _ := weigh(m[1])
		all += n
		if regexp.MustCompile(`\.js$`).MatchString(m[1]) {
			script += n
		}
	}
	t.Logf("the first load is %d bytes, of which script %d and the page %d", all, script, page)
	if all > 60<<10 {
		t.Errorf("the first load has %d bytes, want at most 60 KiB", all)
	}
	if page > 12<<10 {
		t.Errorf("the page has %d bytes, want at most 12 KiB", page)
	}
	if script > 25<<10 {
		t.Errorf("all script has %d bytes, want at most 25 KiB", script)
	}
}
