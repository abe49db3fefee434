package dashboard

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

func TestEmptyProject(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "empty & new")
	b := s.signedIn(key)
	b.get("/ui").leads(t, "/ui/")
	b.get("/ui/").is(t, 200).has(t, "No endpoint is registered yet", "To the first callback", s.URL+"/v3/memories/add/", "empty &amp; new")
	b.get("/ui/events").is(t, 200).has(t, "No event yet")
	b.get("/ui/events?status=failed").is(t, 200).has(t, "No event matches", "Clear the filter")
	b.get("/ui/endpoints").is(t, 200).has(t, "No endpoint yet", "/ui/endpoints/new")
	b.get("/ui/deliveries").is(t, 200).has(t, "No delivery yet")
	b.get("/ui/deliveries?status=held").is(t, 200).has(t, "No delivery matches", "status:held")
	b.get("/ui/events?status=odd").is(t, 400).has(t, "pending, running, succeeded, failed")
	b.get("/ui/deliveries?statsu=held").is(t, 400).has(t, "Did you mean status?")
	b.get("/ui/events?until=x").is(t, 400)
	b.get("/ui/events?after=x").is(t, 400)
	b.get("/ui/deliveries?limit=1000").is(t, 400)
}

func TestDeliveredEvent(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	crm := s.endpoint(project, "crm-sync", "https://crm.example.com/hooks?token=hush", delivery.MemoryAdd)
	e := s.add(project, "Lives in Lisbon")
	s.send()
	b := s.signedIn(key)
	page := b.get(eventPath(e.ID)).is(t, 200)
	page.has(t, "Delivered to crm-sync: it answered 200", "Lives in Lisbon", "<ins>", "[masked]", "/ui/deliveries/dlv_")
	page.lacks(t, "sid=hidden", "v1,")
	b.get("/ui/").is(t, 200).has(t, "Nothing needs you", "1 succeeded", e.ID.String())
	list := b.get("/ui/events?status=succeeded").is(t, 200)
	list.has(t, "1 added", "1 row, newest first")
	list.lacks(t, "token=hush")
	b.get("/ui/endpoints").is(t, 200).has(t, "crm-sync", "crm.example.com/hooks", "memory_add")
	b.get(endpointPath(crm.ID)).is(t, 200).has(t, "Receiving", "whsec_••••"+crm.Secrets[0].Hint(), "token=hush")
}

func TestFailingEvent(t *testing.T) {
	s := newSite(t)
	s.answer = answerWith(http.StatusServiceUnavailable, "<b>busy</b>")
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	e := s.add(project, "Lives in Lisbon")
	s.send()
	b := s.signedIn(key)
	b.get(eventPath(e.ID)).is(t, 200).has(t,
		"Not delivered to crm-sync yet: 1 attempt failed. The endpoint answered 503.", "The next try is in 5 s; 12 tries remain, until about ",
		"Retrying", ">503</a>", "&lt;b&gt;busy&lt;/b&gt;")
	b.get("/ui/").is(t, 200).has(t, "crm-sync is failing: 1 attempt in a row")
}

func TestPaging(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	var ids []string
	for range 27 {
		s.pass(time.Second)
		ids = append(ids, s.add(project, "one more").ID.String())
	}
	b := s.signedIn(key)
	first := b.get("/ui/events?limit=25").is(t, 200)
	first.has(t, ids[len(ids)-1], "25 rows, newest first")
	first.lacks(t, ids[0], "← Newer")
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(first.text)
	if older == nil {
		t.Fatal("the first page has no link to older events")
	}
	s.pass(time.Hour)
	s.add(project, "a new one, which must not shift the rows")
	second := b.get(html.UnescapeString(older[1])).is(t, 200)
	second.has(t, ids[0], ids[1], "2 rows, newest first", "← Newer")
	second.lacks(t, ids[2], "Older →")
}

func TestRegisterEndpoint(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.signedIn(key)
	page := b.get("/ui/endpoints/new").is(t, 200)
	token := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page.text)[1]
	form := url.Values{
		"form": {token}, "name": {""}, "url": {"https://crm.example.com/"},
		"event_types": {"*", delivery.MemoryAdd}, "format": {"thin"},
	}
	b.post("/ui/endpoints/new", form).is(t, 422).has(t, "This field is required.", `value="https://crm.example.com/"`)
	form.Set("name", "crm")
	made := b.post("/ui/endpoints/new", form).is(t, 303).Header.Get("Location")
	b.post("/ui/endpoints/new", form).leads(t, made) // the button was pressed twice
	list, err := s.delivery.Endpoints(t.Context(), project)
	if err != nil || len(list) != 1 {
		t.Fatalf("the project has %d endpoints (%v), want 1", len(list), err)
	}
	e := list[0]
	if e.Format != delivery.Thin || len(e.EventTypes) != 1 || e.EventTypes[0] != "*" {
		t.Errorf("registered %v in format %s, want all types in thin", e.EventTypes, e.Format)
	}
	secret := e.Secrets[0].Reveal()
	escaped := strings.NewReplacer("+", "&#43;").Replace(secret)
	b.get(made).is(t, 200).has(t, escaped)
	s.signedIn(key).get(made).is(t, 200).lacks(t, escaped, secret) // another session has not asked
	b.post(endpointPath(e.ID)+"/hide", nil).leads(t, made)
	b.get(made).is(t, 200).lacks(t, escaped, secret)
	b.get(endpointPath(e.ID)).is(t, 200).lacks(t, escaped, secret)
}

// A secret is revealed for a short time; long after signing in only to somebody who
// has the key.
func TestReveal(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm", "https://crm.example.com/", "*")
	secret := e.Secrets[0].Reveal()
	page := endpointPath(e.ID)
	b := s.signedIn(key)
	b.get(page+"/secrets").is(t, 200).lacks(t, secret, `name="key"`)
	b.post(page+"/reveal", nil).leads(t, page+"/secrets")
	shown := b.get(page+"/secrets").is(t, 200)
	shown.has(t, secret)
	s.pass(shownLife)
	if got := b.get(page+"/secrets").is(t, 200).text; strings.Contains(html.UnescapeString(got), secret) {
		t.Error("the secret is still shown after its time")
	}
	s.pass(proofLife)
	b.get(page+"/secrets").is(t, 200).has(t, `name="key"`)
	b.post(page+"/reveal", url.Values{"key": {"mh_wrong"}}).is(t, 403).has(t, "not the key")
	b.post(page+"/reveal", url.Values{"key": {key}}).leads(t, page+"/secrets")
	b.get(page+"/secrets").is(t, 200).has(t, secret)
}

func TestPauseResumeDelete(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm", "https://crm.example.com/", "*")
	page := endpointPath(e.ID)
	b := s.signedIn(key)
	b.post(page+"/pause", nil).leads(t, page)
	b.get(page).is(t, 200).has(t, "Paused", "Resume")
	event := s.add(project, "while paused")
	b.get(eventPath(event.ID)).has(t, "Held: crm was paused ")
	b.get("/ui/").has(t, "crm is paused")
	b.post(page+"/resume", nil).leads(t, page)
	b.get(page).is(t, 200).has(t, "Enabled", "Pause")
	b.get(page+"/delete").is(t, 200).has(t, "Delete crm?", "cannot be undone")
	b.post(page+"/delete", nil).leads(t, "/ui/endpoints")
	b.get(page).is(t, 404)
	b.post(page+"/delete", nil).is(t, 404)
	b.get(eventPath(event.ID)).is(t, 200).lacks(t, page)
}

// Each project sees its own rows only, and no GET changes a row.
func TestOtherProjects(t *testing.T) {
	s := newSite(t)
	mine, key := sqlstoretest.Project(t, s.db, "mine")
	other, _ := sqlstoretest.Project(t, s.db, "other")
	s.endpoint(mine, "my-endpoint", "https://mine.example.com/", "*")
	e := s.endpoint(other, "their-endpoint", "https://other.example.com/", "*")
	event := s.add(other, "their memory")
	b := s.signedIn(key)
	page := endpointPath(e.ID)
	for _, path := range []string{"/ui/", "/ui/events", "/ui/endpoints"} {
		b.get(path).is(t, 200).lacks(t, "their", event.ID.String(), page)
	}
	for _, path := range []string{"/ui/events/" + event.ID.String(), page, page + "/delete", page + "/secret", "/ui/events/nonsense", "/ui/endpoints/ep_1", "/ui/odd", "/ui/static/odd.css"} {
		b.get(path).is(t, 404).has(t, "Not found", "Request ID")
	}
	for _, path := range []string{page + "/pause", page + "/resume", page + "/delete", page + "/reveal", page + "/hide"} {
		b.get(path) // no GET acts
		b.post(path, nil).is(t, 404)
	}
	got, err := s.delivery.Endpoint(t.Context(), other, e.ID)
	if err != nil || !got.Active() || !got.UpdatedAt.Equal(e.UpdatedAt) {
		t.Errorf("the other project's endpoint is %+v (%v), want it untouched", got, err)
	}
}

func TestReadOnlyKey(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.scopes[apikey.Hash(key)] = apikey.Read
	e := s.endpoint(project, "crm", "https://crm.example.com/", "*")
	page := endpointPath(e.ID)
	b := s.signedIn(key)
	b.get("/ui/").is(t, 200).lacks(t, "endpoints/new")
	b.get("/ui/endpoints").is(t, 200).lacks(t, "endpoints/new")
	b.get(page).is(t, 200).lacks(t, "/pause", "/delete")
	b.get("/ui/endpoints/new").is(t, 403).has(t, "Read-only key")
	b.get(page+"/delete").is(t, 403)
	b.get(page+"/secrets").is(t, 403)
	for _, path := range []string{"/ui/endpoints/new", page + "/pause", page + "/resume", page + "/delete", page + "/reveal", page + "/hide"} {
		b.post(path, nil).is(t, 403).has(t, "Read-only key")
	}
	if got, err := s.delivery.Endpoint(t.Context(), project, e.ID); err != nil || !got.Active() {
		t.Errorf("the endpoint is %+v (%v), want it untouched", got, err)
	}
}

// A memory has its history as diffs, with who was told of each change.
func TestMemoryPages(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	s.endpoint(project, "desk", "https://desk.example.com/", delivery.MemoryDelete)
	e := s.add(project, "Lives in Lisbon")
	s.send()
	_, changes, err := s.memory.Event(t.Context(), project, e.ID)
	if err != nil || len(changes) != 1 {
		t.Fatalf("the event made %d changes (%v), want 1", len(changes), err)
	}
	page := memoryPath(changes[0].Memory.ID)
	b := s.signedIn(key)
	b.get("/ui/memories").is(t, 200).has(t, "Lives in Lisbon", page, "1 row, newest first")
	b.get("/ui/memories?q=lisbon").is(t, 200).has(t, "Lives in Lisbon", "1 row, best first")
	b.get("/ui/memories?user=bob").is(t, 200).has(t, "No memory matches", "user:bob")
	b.get("/ui/memories?after=x").is(t, 400)
	past := memory.MemoryPlace{ID: changes[0].Memory.ID}.Cursor().String()
	b.get("/ui/memories?after="+past).is(t, 200).lacks(t, "Lives in Lisbon")
	b.get("/ui/memories?before="+past).is(t, 200).has(t, "Lives in Lisbon", "after=")
	b.get(page).is(t, 200).has(t, "<ins>", "crm-sync", "Succeeded", "desk", "Skipped", eventPath(e.ID))
	b.get(memoryPath(e.ID)).is(t, 404)

	if err := s.memory.Delete(t.Context(), project, changes[0].Memory.ID); err != nil {
		t.Fatal(err)
	}
	b.get(page).is(t, 200).has(t, "Deleted", "<del>")
}

// The overview counts what happened, and its bars lead to their minutes.
func TestOverviewNumbers(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	s.add(project, "Lives in Lisbon")
	s.send()
	failedDelivery(t, s, project, "Prefers tea")
	b := s.signedIn(key)
	page := b.get("/ui/").is(t, 200)
	page.has(t, "50.0", "1 of 2 in the last 24 hours", "Latency p95", "Given up", "Show as table", "1 succeeded, 0 attempts failed, 1 given up", "<rect")
	bar := regexp.MustCompile(`<a href="(/ui/deliveries\?since=[^"]+)"`).FindStringSubmatch(page.text)
	if bar == nil {
		t.Fatal("no bar leads to its minutes")
	}
	b.get(html.UnescapeString(bar[1])).is(t, 200)
}

func TestWouldReceive(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	crm := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	filter := delivery.Filter{UserIDs: []string{"alice"}}
	if _, err := s.delivery.UpdateEndpoint(t.Context(), project, crm.ID, delivery.EndpointEdit{Filter: &filter}); err != nil {
		t.Fatal(err)
	}
	e := s.add(project, "Lives in Lisbon")
	b := s.signedIn(key)
	for asked, want := range map[string]string{
		e.ID.String(): "crm-sync would get this memory_add.",
		`{"type":"memory_add","user_id":"alice"}`:          "crm-sync would get this memory_add.",
		`{"type":"memory_add","data":{"user_id":"alice"}}`: "crm-sync would get this memory_add.",
		`{"type":"memory_add","user_id":"bob"}`:            "crm-sync would not get this memory_add",
		`{"type":"memory_delete","user_id":"alice"}`:       "crm-sync would not get this memory_delete",
		delivery.NewID().String():                          "No message of an event with this ID",
		"nonsense":                                         "Enter the ID of an event",
	} {
		b.get(endpointPath(crm.ID)+"?would="+url.QueryEscape(asked)).is(t, 200).has(t, want)
	}
}

func TestJump(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	endpoint := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	e := s.add(project, "Lives in Lisbon")
	trails, err := s.delivery.TrailsByEvent(t.Context(), project, e.ID)
	if err != nil || len(trails) == 0 {
		t.Fatalf("the event has %d deliveries (%v)", len(trails), err)
	}
	d := trails[0].Delivery
	b := s.signedIn(key)
	for q, want := range map[string]string{
		e.ID.String(): eventPath(e.ID), "ep_" + endpoint.ID.String(): endpointPath(endpoint.ID), endpoint.ID.String(): endpointPath(endpoint.ID),
		"dlv_" + d.ID.String(): deliveryPath(d.ID), d.ID.String(): deliveryPath(d.ID), "msg_" + d.MessageID.String(): "/ui/deliveries?message=msg_" + d.MessageID.String(),
		"status:failed": "/ui/deliveries?q=status%3Afailed", "": "/ui/deliveries",
	} {
		b.get("/ui/go?q="+url.QueryEscape(q)).leads(t, want)
	}
	b.get("/ui/go?q="+delivery.NewID().String()).is(t, 404)
	b.get("/ui/deliveries?message=msg_"+d.MessageID.String()).is(t, 200).has(t, "crm-sync")
	b.get("/ui/deliveries?user=alice").is(t, 200).has(t, "crm-sync")
	b.get("/ui/deliveries?user=bob").is(t, 200).lacks(t, "dlv_")
}

func TestPlayground(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	b := s.signedIn(key)
	secret, body := e.Secrets[0].Reveal(), `{"a":1}`
	b.get("/ui/playground").is(t, 200).has(t, "the secrets of crm-sync")
	signed := b.post("/ui/playground", url.Values{"do": {"sign"}, "secret": {secret}, "body": {body}}).is(t, 200)
	signed.lacks(t, secret)
	headers := html.UnescapeString(regexp.MustCompile(`(?s)id="signed-headers">(.*?)</pre>`).FindStringSubmatch(signed.text)[1])
	form := func(more ...string) url.Values {
		v := url.Values{"headers": {headers}, "body": {body}, "secret": {secret}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	b.post("/ui/playground", form()).is(t, 200).has(t, "The signature is good.")
	b.post("/ui/playground", form("secret", "", "endpoint", "ep_"+e.ID.String())).is(t, 200).has(t, "The signature is good.")
	b.post("/ui/playground", form("body", body+"\r\n")).is(t, 200).has(t, "would be with a repair")
	b.post("/ui/playground", form("body", "other")).is(t, 200).has(t, "nothing that usually goes wrong")
	b.post("/ui/playground", form("secret", "")).is(t, 422).has(t, "Enter a secret")
	b.post("/ui/playground", form("headers", "no colon")).is(t, 422).has(t, "could not be read")
	s.pass(time.Hour)
	b.post("/ui/playground", form()).is(t, 200).has(t, "would be refused")
	b.post("/ui/playground", form("any", "on")).is(t, 200).has(t, "The signature is good.")
}

func TestAudit(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm-sync", "https://crm.example.com/", "*")
	b := s.signedIn(key)
	b.get("/ui/system").is(t, 200).has(t, "Everything works.", "Nothing on record")
	b.post(endpointPath(e.ID)+"/pause", nil).is(t, 303)
	b.post(endpointPath(e.ID)+"/rotate", url.Values{"hours": {"24"}}).is(t, 303)
	b.post(endpointPath(e.ID)+"/reveal", nil).is(t, 303)
	b.get("/ui/system").is(t, 200).has(t, "endpoint.pause", "endpoint.rotate_secret", "endpoint.reveal_secret", "key ••••"+apikey.Hint(key), endpointPath(e.ID))
}

func TestEventSaysWhoWroteIt(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "Fabrikam")
	k, err := s.db.Key(t.Context(), apikey.Hash(key))
	if err != nil {
		t.Fatal(err)
	}
	for writer, want := range map[string]string{
		k.ID: "key ••••" + k.Hint + ", ", "key_gone": "key_gone", "src_1": "src_1",
	} {
		e, err := s.memory.Add(memory.WithWriter(t.Context(), writer), project, memory.Add{
			Turns: []memory.Turn{{Role: "user", Text: "by " + writer}}, Scope: memory.Scope{UserID: "alice"},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.signedIn(key).get("/ui/events/"+e.ID.String()).is(t, 200).has(t, want)
	}
}
