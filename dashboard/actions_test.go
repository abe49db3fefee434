package dashboard

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// failedDelivery makes a delivery that was given up.
func failedDelivery(t *testing.T, s *site, project, text string) delivery.Trail {
	t.Helper()
	was := s.answer
	s.answer = answerWith(http.StatusRequestEntityTooLarge, "too large")
	e := s.add(project, text)
	s.send()
	s.answer = was
	trails, err := s.delivery.TrailsByEvent(t.Context(), project, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, trail := range trails {
		if trail.Delivery.Status == delivery.Failed {
			return trail
		}
	}
	t.Fatalf("no delivery failed: %+v", trails)
	return delivery.Trail{}
}

func ids(t delivery.Trail) []uuid.UUID { return []uuid.UUID{t.Delivery.ID} }

func TestResend(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	one := failedDelivery(t, s, project, "Lives in Lisbon")
	page := deliveryPath(one.Delivery.ID)
	b := s.signedIn(key)
	b.get(page).is(t, 200).has(t, "Failed", "413", "Resend", "as curl", "--data-binary", "[masked]")
	b.get(page+"?attempt=1").is(t, 200)
	b.get(page+"?attempt=9").is(t, 404)
	form := url.Values{"form": {newToken()}}
	b.post(page+"/resend", form).leads(t, page)
	b.post(page+"/resend", form).leads(t, page) // the button was pressed twice
	if err := s.delivery.Send(t.Context(), ids(one)); err != nil {
		t.Fatal(err)
	}
	b.get(page).is(t, 200).has(t, "Succeeded", "Attempt 2")
	b.get("/ui/system").has(t, "delivery.resend")
	got, err := s.delivery.Trail(t.Context(), project, one.Delivery.ID)
	if err != nil || len(got.List) != 2 {
		t.Errorf("there are %d attempts (%v), want 2", len(got.List), err)
	}
}

func TestDownloads(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	one := failedDelivery(t, s, project, "Lives in <b>Lisbon</b>")
	b := s.signedIn(key)
	for path, want := range map[string]string{"/payload": "Lisbon", "/answer?attempt=1": "too large"} {
		got := b.get(deliveryPath(one.Delivery.ID)+path).is(t, 200)
		if !strings.Contains(got.text, want) {
			t.Errorf("%s has no %q: %s", path, want, got.text)
		}
		if ct, cd := got.Header.Get("Content-Type"), got.Header.Get("Content-Disposition"); ct != "application/octet-stream" || !strings.HasPrefix(cd, "attachment") {
			t.Errorf("%s is %s, %s; want an attachment of bytes", path, ct, cd)
		}
	}
}

func TestResendPicked(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	one := failedDelivery(t, s, project, "Lives in Lisbon")
	two := failedDelivery(t, s, project, "Prefers tea")
	b := s.signedIn(key)
	name := func(t delivery.Trail) string { return delivery.FormatID(delivery.DeliveryPrefix, t.Delivery.ID) }
	b.post("/ui/deliveries", url.Values{}).is(t, 400)
	b.post("/ui/deliveries", url.Values{"id": {"nonsense"}}).is(t, 404)
	to := b.post("/ui/deliveries", url.Values{"id": {name(one), name(two), delivery.FormatID(delivery.DeliveryPrefix, delivery.NewID())}}).is(t, 303).Header.Get("Location")
	b.get(to).is(t, 200).has(t, "2 deliveries sent again.", "1 other could not be")
}

func TestCancel(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	event := s.add(project, "Lives in Lisbon")
	trails, err := s.delivery.TrailsByEvent(t.Context(), project, event.ID)
	if err != nil || len(trails) == 0 {
		t.Fatalf("there are %d deliveries (%v)", len(trails), err)
	}
	var page string
	for _, one := range trails {
		if one.Delivery.Status == delivery.Pending {
			page = deliveryPath(one.Delivery.ID)
		}
	}
	b := s.signedIn(key)
	b.get(page).is(t, 200).has(t, "Try now", "Cancel")
	b.post(page+"/cancel", nil).leads(t, page)
	b.get(page).is(t, 200).has(t, "Canceled")
	b.post(page+"/cancel", nil).is(t, 409).has(t, "Not possible now")
	b.post(endpointPath(e.ID)+"/pause", nil).is(t, 303)
	b.post(page+"/resend", nil).is(t, 409).has(t, "Endpoint not active")
}

func TestSendTest(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm-sync", "https://crm.example.com/", "*")
	b := s.signedIn(key)
	b.post(endpointPath(e.ID)+"/test", url.Values{"type": {"odd"}}).is(t, 422)
	page := b.post(endpointPath(e.ID)+"/test", nil).is(t, 303).Header.Get("Location")
	b.get(page).is(t, 200).has(t, "Delivery to crm-sync", "memory_add")
}

// A probe by hand is the breaker's: its outcome stands on the page, and what cannot
// be probed is said, with the test that is left.
func TestProbe(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	other := s.endpoint(project, "other", "https://other.example.com/", delivery.MemoryDelete)
	page := endpointPath(e.ID)
	b := s.signedIn(key)
	b.post(page+"/probe", nil).leads(t, page+"?probe=closed")
	b.get(page+"?probe=closed").is(t, 200).has(t, "No probe was needed")

	s.answer = answerWith(http.StatusInternalServerError, "busy")
	for i := range 10 {
		s.add(project, fmt.Sprintf("Has read book %d", i))
	}
	s.send()
	b.get(page).is(t, 200).has(t, "Breaker open", "Probe now")
	s.pass(time.Second)
	sent := func() string {
		t.Helper()
		to := b.post(page+"/probe", nil).is(t, 303).Header.Get("Location")
		b.get(to).is(t, 200).has(t, "The probe is on its way.", "See the delivery")
		s.send()
		return to
	}
	b.get(sent()).is(t, 200).has(t, "The probe failed: ", "500", "The next probe goes out in 1 m")
	s.pass(time.Second)
	s.answer = answerWith(http.StatusOK, "ok")
	to := sent()
	b.get(to).is(t, 200).has(t, "The probe succeeded in ", "More deliveries are let through", "Probing")
	b.get("/ui/system").has(t, "endpoint.probe")
	b.get(strings.Replace(to, page, endpointPath(other.ID), 1)).is(t, 404)
	b.get(page+"?probe=odd").is(t, 404)

	if _, err := s.db.UpdateEndpoint(t.Context(), project, other.ID, func(e *delivery.Endpoint) error {
		e.Health.Breaker = retry.Breaker{State: retry.Open, ProbeAt: s.clock().Add(time.Minute)}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	page = endpointPath(other.ID)
	b.post(page+"/probe", nil).leads(t, page+"?probe=none")
	b.get(page+"?probe=none").is(t, 200).has(t, "No delivery waits for this endpoint", `action="`+page+`/test"`)
	b.post(page+"/pause", nil).is(t, 303)
	b.post(page+"/probe", nil).is(t, 409).has(t, "Endpoint not active")
}

// A replay shows the frozen set before the button that sends it, and sends nothing
// when the set is another one by then.
func TestReplays(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	id := delivery.FormatID(delivery.EndpointPrefix, e.ID)
	failedDelivery(t, s, project, "Lives in Lisbon")
	two := failedDelivery(t, s, project, "Prefers tea")
	s.pass(time.Second)
	b := s.signedIn(key)
	b.get("/ui/replays").is(t, 200).has(t, "No replay yet")
	b.get("/ui/replays/new").is(t, 200).has(t, "Count them")
	b.get("/ui/replays/new?endpoint="+id+"&what=odd").is(t, 422)
	preview := func() url.Values {
		t.Helper()
		page := b.get("/ui/replays/new?rate=100&what=failed&endpoint="+id).is(t, 200)
		page.has(t, "2 deliveries to crm-sync", "The set is frozen")
		form := url.Values{}
		for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`).FindAllStringSubmatch(page.text[strings.Index(page.text, `id="preview"`):], -1) {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
		return form
	}
	form := preview()
	if err := s.delivery.SendAgain(t.Context(), project, two.Delivery.ID); err != nil {
		t.Fatal(err)
	}
	b.post("/ui/replays/new", form).is(t, 409).has(t, "The set has changed")
	b.get("/ui/replays").has(t, "No replay yet")

	failedAgain := answerWith(http.StatusRequestEntityTooLarge, "too large")
	s.answer = failedAgain
	if err := s.delivery.Send(t.Context(), ids(two)); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	page := b.post("/ui/replays/new", preview()).is(t, 303).Header.Get("Location")
	b.get(page).is(t, 200).has(t, "Replay to crm-sync", "0 of 2", "Running", "Cancel the rest")
	b.get("/ui/replays").is(t, 200).has(t, "crm-sync", "0 of 2")
	b.post(page+"/cancel", nil).leads(t, page)
	b.get(page).is(t, 200).has(t, "Canceled")
	b.post(page+"/cancel", nil).is(t, 409)
}

func TestKeys(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.signedIn(key)
	b.get("/ui/keys").is(t, 200).has(t, "yours", "mh_••••")
	b.post("/ui/keys", url.Values{"name": {""}, "scope": {"read"}}).is(t, 422)
	form := url.Values{"form": {newToken()}, "name": {"grafana"}, "scope": {"read"}}
	made := b.post("/ui/keys", form).is(t, 200)
	made.has(t, "the only time the key is shown")
	text := regexp.MustCompile(`mh_[a-z0-9]{32}`).FindString(made.text)
	b.post("/ui/keys", form).leads(t, "/ui/keys") // a reload makes no second one
	b.get("/ui/keys").is(t, 200).lacks(t, text)
	other := s.signedIn(text)
	other.get("/ui/keys").is(t, 200).lacks(t, "New key")
	actions := regexp.MustCompile(`(?s)>([a-z]+)(?: <span class="dim">yours</span>)?</td>.*?action="(/ui/keys/key_[^"]+/revoke)"`).FindAllStringSubmatch(b.get("/ui/keys").text, -1)
	revoke := map[string]string{}
	for _, m := range actions {
		revoke[m[1]] = m[2]
	}
	b.post(revoke["grafana"], nil).leads(t, "/ui/keys")
	other.get("/ui/").is(t, 303)
	b.post(revoke["test"], nil).is(t, 409).has(t, "The last key")
}

func TestSources(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.signedIn(key)
	b.get("/ui/sources").is(t, 200).has(t, "No source yet")
	b.post("/ui/sources", url.Values{"name": {""}, "verification": {"standard"}}).is(t, 422)
	page := b.post("/ui/sources", url.Values{"name": {"mem0 cloud"}, "verification": {"standard"}}).is(t, 303).Header.Get("Location")
	shown := b.get(page).is(t, 200)
	shown.has(t, "mem0 cloud", s.URL+"/in/", "whsec_")
	s.pass(shownLife)
	b.get(page).is(t, 200).lacks(t, s.URL+"/in/", "whsec_")
	b.post(page+"/reveal", nil).leads(t, page)
	b.get(page).is(t, 200).has(t, s.URL+"/in/")
	b.post(page+"/hide", nil).leads(t, page)
	b.get(page).is(t, 200).lacks(t, s.URL+"/in/", "whsec_")
	s.pass(proofLife)
	b.post(page+"/reveal", url.Values{"key": {"mh_wrong"}}).is(t, 403).has(t, "not the key this session was started with")
	b.post(page+"/reveal", url.Values{"key": {key}}).leads(t, page)
	b.get(page).is(t, 200).has(t, s.URL+"/in/")
	b.post(page+"/switch", url.Values{"to": {"pause"}}).leads(t, page)
	b.get(page).is(t, 200).has(t, "Paused")
	b.post(page+"/delete", nil).leads(t, "/ui/sources")
	b.get(page).is(t, 404)
}
