//go:build browser

package dashboard

import (
	"fmt"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
)

// live is a site whose clock goes on by itself: changes are found by their time.
func newLiveSite(t *testing.T) (s *site, project, key string) {
	t.Helper()
	s = newSite(t)
	s.ticking = true
	project, key = sqlstoretest.Project(t, s.db, "Northwind")
	return s, project, key
}

// A new row enters the open list and a known one changes in place, and what has the
// focus keeps it.
func TestLiveList(t *testing.T) {
	s, project, key := newLiveSite(t)
	s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	s.add(project, "Lives in Lisbon")
	s.send()
	b := s.tab(t, desktop).signIn(s, key).open("/ui/deliveries")
	b.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	eval[bool](b, `document.querySelector('#rows a.row').focus(), window.kept = document.activeElement, true`)

	before := time.Now()
	s.add(project, "Prefers tea")
	b.becomes(`document.querySelectorAll('#rows tr').length === 2`)
	t.Logf("a new row was on the screen after %v", time.Since(before))
	b.becomes(`document.activeElement === window.kept && document.activeElement.matches('#rows a.row')`)
	b.has("Pending")

	before = time.Now()
	s.send()
	b.becomes(`document.querySelector('#rows tr').textContent.includes('Succeeded')`)
	t.Logf("a change was on the screen after %v", time.Since(before))
	b.becomes(`document.activeElement === window.kept`)
	b.shot("live")
}

// With a row out of the first page the list stays as it is and counts.
func TestLivePill(t *testing.T) {
	s, project, key := newLiveSite(t)
	s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	for i := range 27 {
		s.add(project, fmt.Sprintf("Has read book %d", i))
	}
	b := s.tab(t, desktop).signIn(s, key).open("/ui/deliveries?limit=25").click(`a[rel=next]`)
	b.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	s.add(project, "Prefers coffee")
	b.becomes(`!document.querySelector('#fresh').hidden`).has("1 new, show")
	b.becomes(`document.querySelectorAll('#rows tr').length === 2`)
}

// A stream that breaks comes back and brings what it missed.
func TestLiveReconnects(t *testing.T) {
	s, project, key := newLiveSite(t)
	s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	s.add(project, "Prefers tea")
	b := s.tab(t, desktop).signIn(s, key).open("/ui/deliveries")
	b.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	s.cut()
	s.add(project, "Prefers coffee")
	b.becomes(`document.querySelectorAll('#rows tr').length === 2`)
	b.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	b.forgive()
}

// Eight windows of one session all stay usable: a browser has six connections, so
// at most three may have a stream.
func TestEightWindows(t *testing.T) {
	s, project, key := newLiveSite(t)
	s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	s.add(project, "Prefers tea")
	first := s.tab(t, desktop).signIn(s, key).open("/ui/deliveries")
	first.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	windows := []*tab{first}
	for range 7 {
		w := first.another().open("/ui/deliveries")
		w.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
		windows = append(windows, w)
	}
	first.becomes(`document.querySelector('#lamp').dataset.state === 'poll'`)
	s.add(project, "Prefers coffee")
	for _, w := range windows {
		w.becomes(`document.querySelectorAll('#rows tr').length === 2`)
	}
	first.open("/ui/").has("Overview")
}
