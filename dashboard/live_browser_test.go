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

// The page of an endpoint follows and leaves alone what somebody does there: the
// field with the focus, what is typed in it, and an open menu.
func TestLiveEndpoint(t *testing.T) {
	s, project, key := newLiveSite(t)
	crm := s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	b := s.tab(t, desktop).signIn(s, key).open(endpointPath(crm.ID))
	b.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	eval[bool](b, `document.querySelector('details.menu').open = true, document.querySelector('#would').value = '{"type"', document.querySelector('#would').focus(), true`)
	s.add(project, "Prefers tea")
	s.send()
	b.becomes(`document.querySelector('#part-numbers').textContent.includes('1 of 1')`)
	b.becomes(`document.querySelector('#verdict').textContent.includes('Receiving')`)
	if _, err := s.delivery.PauseEndpoint(t.Context(), project, crm.ID, "somebody else"); err != nil {
		t.Fatal(err)
	}
	b.becomes(`document.querySelector('#part-actions').textContent.includes('Resume')`)
	b.has("Paused", "by somebody else")
	b.becomes(`document.activeElement.id === 'would' && document.activeElement.value === '{"type"' && document.querySelector('details.menu').open`)
}

// The pages of a memory, of all endpoints and of the system follow, too.
func TestLivePages(t *testing.T) {
	s, project, key := newLiveSite(t)
	crm := s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	_, changes, err := s.memory.Event(t.Context(), project, s.add(project, "Prefers tea").ID)
	if err != nil {
		t.Fatal(err)
	}
	id := changes[0].Memory.ID
	b := s.tab(t, desktop).signIn(s, key)
	on := func(path string) {
		t.Helper()
		b.open(path).becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
	}
	on(memoryPath(id))
	eval[bool](b, `document.querySelector('.told a').focus(), window.kept = document.activeElement, true`)
	s.send()
	b.becomes(`document.querySelector('.told').textContent.includes('Succeeded')`)
	if err := s.memory.Delete(t.Context(), project, id); err != nil {
		t.Fatal(err)
	}
	b.becomes(`document.querySelector('#state').textContent.includes('Deleted')`)
	on("/ui/endpoints")
	eval[bool](b, `document.querySelector('#rows a.row').focus(), window.kept = document.activeElement, true`)
	s.endpoint(project, "slack-bridge", "https://bridge.northwind.app/", delivery.MemoryAdd)
	b.becomes(`document.querySelectorAll('#rows tr').length === 2 && document.activeElement === window.kept`)
	on("/ui/system")
	s.signedIn(key).post(endpointPath(crm.ID)+"/pause", nil).is(t, 303)
	b.becomes(`document.querySelector('#part-audit').textContent.includes('endpoint.pause')`)
}

// A filtered list takes in what comes to match it, at its place: also what its row
// does not tell, such as the user, the words of the body, and the last code of a
// delivery that was there before the page.
func TestLiveFilters(t *testing.T) {
	s, project, key := newLiveSite(t)
	s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
	first := s.add(project, "Lives in Lisbon") // of alice; not sent yet
	fails := s.tab(t, desktop).signIn(s, key).open("/ui/deliveries?q=code:5xx")
	words := fails.another().open("/ui/deliveries?q=user:alice+coffee")
	others := fails.another().open("/ui/deliveries?q=user:bob")
	for _, b := range []*tab{fails, words, others} {
		b.becomes(`document.querySelector('#lamp').dataset.state === 'on'`)
		b.has("No delivery matches")
	}
	s.answer = answerWith(500, "busy")
	s.send()
	fails.becomes(`document.querySelectorAll('#rows tr').length === 1`).has("500")
	s.add(project, "Drinks coffee")
	words.becomes(`document.querySelectorAll('#rows tr').length === 1`).has("1 row, newest first")
	s.send()
	fails.becomes(`document.querySelectorAll('#rows tr').length === 2`)
	old := s.only(project, first.ID)
	fails.becomes(fmt.Sprintf(`document.querySelectorAll('#rows tr')[1].id === %q`, old))
	words.becomes(`document.querySelector('#rows tr').textContent.includes("500")`)
	others.becomes(`document.querySelectorAll("#rows tr").length === 0`).has("No delivery matches")

	eval[bool](fails, `document.querySelector('#rows [name=id]').click(), true`)
	s.add(project, "Has a dog")
	s.send()
	fails.becomes(`!document.querySelector('#fresh').hidden`).has("1 new, show")
	fails.becomes(`document.querySelectorAll('#rows tr').length === 2`)
}
