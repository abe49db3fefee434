//go:build browser

package dashboard

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing"
)

// withAndWithoutScript runs a journey twice: script only helps.
func withAndWithoutScript(t *testing.T, journey func(t *testing.T, look screen)) {
	t.Run("script", func(t *testing.T) { journey(t, desktop) })
	t.Run("none", func(t *testing.T) {
		plain := desktop
		plain.noScript = true
		journey(t, plain)
	})
}

// From nothing to a callback whose signature verifies with the secret that the page
// showed.
func TestOnboarding(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, look screen) {
		s := newSite(t)
		project, key := sqlstoretest.Project(t, s.db, "Northwind")
		b := s.tab(t, look).open("/ui/")
		b.has("Sign in").fill(`#key`, key).click(`form button.main`)
		b.has("To the first callback", "No endpoint is registered yet").click(`.steps a.button`)
		b.fill(`#name`, "crm-sync").fill(`#url`, "https://crm.northwind.app/hooks").click(`form.form button.main`)
		secret := b.text(`.secret code`)
		parsed, err := signing.ParseSecret(secret)
		if err != nil {
			t.Fatalf("the page shows %q: %v", secret, err)
		}
		verified := make(chan error, 1)
		s.answer = func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = signing.Verify([]signing.Secret{parsed}, r.Header, body, s.clock(), tooOld)
			}
			select {
			case verified <- err:
			default:
			}
			return answerWith(http.StatusOK, "ok")(r)
		}
		b.open("/ui/").has("Add a memory")
		s.add(project, "Lives in Lisbon")
		s.send()
		if err := <-verified; err != nil {
			t.Errorf("the callback does not verify with the secret shown: %v", err)
		}
		b.open("/ui/").has("Nothing needs you", "Succeeded", "100 %").click(`#rows a.row`).has("Delivered: all")
	})
}

// Two clicks from the overview to why a callback failed, and one more to send it
// again.
func TestFindAndResend(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, look screen) {
		s := newSite(t)
		project, key := sqlstoretest.Project(t, s.db, "Northwind")
		s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
		s.add(project, "Runs the payments team")
		s.send()
		one := failedDelivery(t, s, project, "Lives in Lisbon")
		b := s.tab(t, look).signIn(s, key).open("/ui/")
		b.click(`a.tile[href*="status=failed"]`).click(`#rows a.row`)
		b.has("Not delivered to crm-sync", "413", "too large")
		b.click(`#part-actions button.main`).has("Try now")
		if err := s.delivery.Send(t.Context(), ids(one)); err != nil {
			t.Fatal(err)
		}
		b.open(deliveryPath(one.Delivery.ID)).has("Succeeded", "Attempt 2")
	})
}

func TestRotate(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, look screen) {
		s := newSite(t)
		project, key := sqlstoretest.Project(t, s.db, "Northwind")
		e := s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", "*")
		b := s.tab(t, look).signIn(s, key).open(endpointPath(e.ID) + "/secrets")
		b.click(`form[action$="/rotate"] button.main`).has("Current", "Old", "signs until")
		got, err := s.delivery.Endpoint(t.Context(), project, e.ID)
		if err != nil || len(got.Secrets) != 2 {
			t.Fatalf("there are %d secrets (%v), want 2", len(got.Secrets), err)
		}
		b.has(got.Secrets[0].Reveal())
		b.click(`form[action$="/hide"] button`)
		if shown := b.text("main"); strings.Contains(shown, got.Secrets[0].Reveal()) {
			t.Error("the secret is still shown")
		}
	})
}

// A replay sends what was counted, while new rows arrive.
func TestReplayFrozen(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, look screen) {
		s := newSite(t)
		project, key := sqlstoretest.Project(t, s.db, "Northwind")
		e := s.endpoint(project, "crm-sync", "https://crm.northwind.app/hooks", delivery.MemoryAdd)
		failedDelivery(t, s, project, "Lives in Lisbon")
		failedDelivery(t, s, project, "Prefers tea")
		s.pass(time.Second)
		b := s.tab(t, look).signIn(s, key).open("/ui/replays/new?endpoint=ep_" + e.ID.String())
		b.click(`form.form button`).has("2 deliveries to crm-sync")
		s.pass(time.Second)
		failedDelivery(t, s, project, "Came later") // is not in the set
		s.pass(time.Second)
		b.click(`#preview button.main`).has("Replay to crm-sync", "of 2")
	})
}

// Every page works without script.
func TestNoScript(t *testing.T) {
	d := newDemo(t)
	plain := phone
	plain.noScript = true
	b := d.tab(t, plain).signIn(d.site, d.key)
	for _, path := range []string{
		"/ui/", "/ui/events", "/ui/deliveries", "/ui/endpoints", "/ui/endpoints/new", endpointPath(d.crm.ID), deliveryPath(d.failing.ID),
		eventPath(d.failing.EventID), "/ui/memories", "/ui/playground", "/ui/replays", "/ui/keys", "/ui/sources", "/ui/system",
	} {
		b.open(path).fits().has("UTC")
	}
}

// The theme is the server's: it is there before any script.
func TestThemeToggle(t *testing.T) {
	withAndWithoutScript(t, func(t *testing.T, look screen) {
		s := newSite(t)
		_, key := sqlstoretest.Project(t, s.db, "Northwind")
		b := s.tab(t, look).signIn(s, key).open("/ui/events")
		b.click(`[data-key=t]`)
		if got := b.path(); got != "/ui/events" {
			t.Errorf("the toggle leads to %s", got)
		}
		if got := b.attribute("html", "data-theme"); got != "dark" {
			t.Errorf("the theme is %q, want dark", got)
		}
		b.click(`[data-key=t]`)
		if got := b.attribute("html", "data-theme"); got != "light" {
			t.Errorf("the theme is %q, want light", got)
		}
	})
}

func TestShortcuts(t *testing.T) {
	d := newDemo(t)
	b := d.tab(t, desktop).signIn(d.site, d.key).open("/ui/deliveries")
	b.press("j").becomes(`document.activeElement === document.querySelectorAll('#rows a.row')[0]`)
	b.press("j").becomes(`document.activeElement === document.querySelectorAll('#rows a.row')[1]`)
	b.press("k").becomes(`document.activeElement === document.querySelectorAll('#rows a.row')[0]`)
	b.press("x").becomes(`document.querySelector('#rows [name=id]').checked && !document.querySelector('#pick').hidden`)
	b.press("/").becomes(`document.activeElement.id === 'jump'`)
	b.press("j").becomes(`document.activeElement.id === 'jump'`) // off while typing
	b.open("/ui/deliveries").press("?").becomes(`document.querySelector('#help').open`)
	b.accessible()
}
