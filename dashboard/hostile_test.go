package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// hostile strings try to become markup, script, a link or another text than they
// are.
var hostile = []string{
	`<script>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`,
	`"><svg onload=alert(1)>`,
	`' autofocus onfocus='alert(1)`,
	`javascript:alert(1)`,
	`</title></pre></details></form><form action=//evil.example>`,
	"{{.}} {{template \"main\"}} ${1}",
	"\n\nevent: x\ndata: y",
	"safe\u202Egpj.exe\u2066\u200B\uFEFF",
	"\x00\x1b[2J\x7f\u0085",
	"broken \xff\xfe\xc3(",
	`<hx-partial hx-target="body">`,
	"9223372036854775808",
	strings.Repeat("x", maxShown+1),
}

// elements returns how often each element stands in a page, with those of its
// attributes that can act. It also wants every URL to lead into the dashboard.
func elements(t *testing.T, page string) []string {
	t.Helper()
	var found []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			slices.Sort(found)
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			found = append(found, token.Data)
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "autofocus" {
					t.Errorf("<%s> has the attribute %s", token.Data, a.Key)
				}
				if slices.Contains([]string{"href", "src", "action", "formaction"}, a.Key) && !strings.HasPrefix(a.Val, "/ui/") && !strings.HasPrefix(a.Val, "#") {
					t.Errorf("<%s> leads to %q", token.Data, a.Val)
				}
			}
		}
	}
}

// hides tells which character of a page cannot be seen, if any.
func hides(page string) (rune, bool) {
	for _, r := range page {
		if hidden(r) || r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0x85 {
			return r, true
		}
	}
	return 0, false
}

// eventWith has the text in every place that somebody else fills.
func eventWith(s string) eventView {
	now := noon
	a := delivery.Attempt{
		Number: 1, Trigger: delivery.Trigger(s), URL: s, StartedAt: now, Duration: time.Second, Class: retry.ClassStatus, StatusCode: 500,
		Detail: s, RemoteAddr: s, RequestHeader: http.Header{s: {s}}, ResponseHeader: http.Header{s: {s}, "Location": {"https://" + s}},
		ResponseBody: []byte(s), Truncated: true, NextAt: &now, Phases: delivery.Phases{DNS: 1, Connect: 1, TLS: 1, Wait: 1, Body: 1},
	}
	scope := memory.Scope{UserID: s, AgentID: s, AppID: s, RunID: s}
	e := memory.Event{
		ID: delivery.NewID(), Kind: memory.EventKind(s), Status: memory.EventSucceeded, Scope: scope, Payload: []byte(s), Reason: s, Error: s,
		CreatedAt: now, StartedAt: &now, CompletedAt: &now,
	}
	m := memory.Memory{Text: s, Scope: scope}
	changes := []memory.Change{
		{Kind: memory.ChangeAdd, Memory: m},
		{Kind: memory.ChangeUpdate, Memory: m, Before: s},
		{Kind: memory.ChangeDelete, Memory: m},
	}
	var trails []delivery.Trail
	for _, status := range []delivery.Status{delivery.Failed, delivery.Held, delivery.Pending, delivery.Sending, delivery.Canceled, delivery.Succeeded, delivery.Skipped} {
		d := delivery.Delivery{ID: delivery.NewID(), EndpointID: endpointID, Status: status, Reason: delivery.ReasonRefused, NextAt: &now, Attempts: 7}
		list := []delivery.Attempt{a, a, a, a, a, a, a}
		trails = append(trails, delivery.Trail{Delivery: d, MessageType: s, EndpointName: s, EndpointURL: "https://x.example/" + s, List: list})
	}
	v := eventViewOf(e, changes, trails, []delivery.Endpoint{{ID: endpointID}}, now)
	one := attemptOf(a, now)
	one.Sent = bodyOf([]byte(s))
	one.Curl, one.CurlNote = curlOf(a, []byte(s), now)
	one.Curl += " " // one that could not be written is left out
	v.Shown = &shownDetail{Page: "/ui/deliveries/dlv_x", Endpoint: line(s), Chips: []chip{{Word: "500"}}, Attempt: &one, MayWrite: true}
	return v
}

func overviewWith(s string) overviewView {
	v := overviewView{Attention: verdict{Tone: bad, Sentence: line(s), Next: line(s), Link: "/ui/", Action: "x"}, Steps: stepsOf(nil, false), BaseURL: line(s), MayWrite: true}
	v.Events = []eventRow{{URL: "/ui/", ID: "x", Kind: "Add", Scope: []pair{{"user", line(s)}}, At: momentOf(noon, noon)}}
	v.Endpoints = []endpointStat{{endpointRow: endpointRow{Page: "/ui/", Name: line(s), Host: line(hostOf(s)), Types: line(s)}}}
	return v
}

func formWith(s string) formView {
	s = string(line(s))
	f := formView{Name: s, URL: s, Description: s, Headers: s, Users: s, Categories: s, Metadata: s, Rate: s, Timeout: s, Schedule: s, Mistakes: map[string]string{}}
	for _, field := range formFields {
		f.Mistakes[field] = s
	}
	return f.filled()
}

func headWith(s string) endpointHead {
	return endpointHead{Page: "/ui/endpoints/x", ID: "ep_x", Name: line(s), URL: line(s), Paused: true, Disabled: true, MayWrite: true}
}

// emptyViews are the views of all pages when there is nothing to show.
func emptyViews() map[string]any {
	return map[string]any{
		"login": signInView{}, "overview": overviewView{}, "events": eventsView{}, "event": eventViewOf(memory.Event{}, nil, nil, nil, noon),
		"endpoints": endpointsView{}, "endpoint": endpointView{}, "new": newView{formView{}.filled()}, "edit": editView{Form: formView{}.filled()}, "deliveries": deliveriesView{}, "memories": memoriesView{}, "memory": memoryView{}, "erase": eraseView{}, "erasures": erasuresView{}, "erasure": erasureView{}, "playground": playgroundView{}, "system": systemView{}, "replays": replaysView{}, "replay": replayView{}, "new-replay": newReplayView{}, "keys": keysView{}, "sources": sourcesView{}, "source": sourceView{}, "delivery": deliveryView{},
		"secrets": secretsView{}, "delete": deleteView{}, "error": errorView{},
	}
}

// Every template is executed with nothing and with each hostile string in each of
// its fields; the page must have the elements that a harmless text gives it.
func TestTemplates(t *testing.T) {
	views := map[string]func(s string) any{
		"login":    func(s string) any { return signInView{Next: safeNext(s), Token: s, Mistake: s} },
		"overview": func(s string) any { return overviewWith(s) },
		"events": func(s string) any {
			f := filter{path: "/ui/events", terms: delivery.Terms{{Key: "user", Value: s}, {Value: s}}}
			return eventsView{
				Tabs: eventTabs(f), Menus: []menu{kindMenu(f)}, Hidden: []pair{{"status", line(s)}}, Box: f.box(), Filtered: string(line(f.terms.String())),
				Clear: f.path, Rows: overviewWith(s).Events, Pager: pager{Newer: f.url("", nil), Older: f.url("", nil), Showing: "1"}, Self: f.url("", nil),
			}
		},
		"deliveries": func(s string) any {
			f := filter{path: "/ui/deliveries", terms: delivery.Terms{{Key: "user", Value: s}, {Value: s}}}
			row := deliveryRowOf(delivery.Row{
				Delivery: delivery.Delivery{Status: delivery.Pending, Type: s, Detail: s, NextAt: &noon}, EndpointName: s, EndpointURL: "https://x.example/" + s,
				Recent: []delivery.Attempt{{Class: retry.ClassStatus, StatusCode: 500}},
			}, delivery.Endpoint{}, noon, true)
			skipped := deliveryRowOf(delivery.Row{Delivery: delivery.Delivery{Status: delivery.Skipped, Type: s, Detail: s}, EndpointName: s}, delivery.Endpoint{}, noon, false)
			return deliveriesView{
				Tabs: deliveryTabs(f, nil), Menus: []menu{typeMenu(f)}, Box: f.box(menuKeys...), Filtered: string(line(f.terms.String())), Clear: f.path,
				Rows: []deliveryRow{row, skipped}, Cut: true, Self: f.url("", nil), Replay: "/ui/replays/new", Said: string(line(s)), MayWrite: true,
			}
		},
		"delivery": func(s string) any {
			return deliveryView{
				ID: "dlv_x", Page: "/ui/deliveries/dlv_x", Type: line(s), Endpoint: line(s), Host: line(s), Reason: line(s), Attempts: []chip{{Word: "500"}},
				Attempt: eventWith(s).Shown.Attempt, Verdict: verdict{Sentence: line(s)}, MayWrite: true, Actions: deliveryActions{"Resend", true},
			}
		},
		"event": func(s string) any { return eventWith(s) },
		"endpoints": func(s string) any {
			return endpointsView{[]endpointRow{overviewWith(s).Endpoints[0].endpointRow}, true}
		},
		"endpoint": func(s string) any {
			return endpointView{
				endpointHead: headWith(s), Verdict: verdict{Sentence: line(s)}, Facts: []pair{{"Users", line(s)}}, Secrets: []secretHint{{Hint: "abcd"}},
				Would: wouldView{Asked: string(line(s)), Answers: []verdict{{Sentence: line(s), Next: line(s)}}, Mistake: "x"},
			}
		},
		"new": func(s string) any {
			return newView{formWith(s)}
		},
		"edit": func(s string) any { return editView{headWith(s), formWith(s)} },
		"secrets": func(s string) any {
			return secretsView{endpointHead: headWith(s), revealing: revealing{Ask: true, Mistake: "x"}, Secrets: []secretView{{Text: "whsec_x"}, {Hint: "abcd"}}}
		},
		"delete": func(s string) any { return deleteView{"/ui/endpoints/x", line(s), line(s)} },
		"memories": func(s string) any {
			rows := []memoryRow{{Page: "/ui/memories/x", Text: block(s), Scope: []pair{{"user", line(s)}}, Categories: []text{line(s)}, At: momentOf(noon, noon)}}
			return memoriesView{Box: string(line(s)), Filtered: string(line(s)), Rows: rows, Pager: pager{Older: "/ui/memories", Showing: "1"}}
		},
		"memory": func(s string) any {
			change := changeOf(memory.Change{Kind: memory.ChangeUpdate, Memory: memory.Memory{Text: s, Scope: memory.Scope{UserID: s}}, Before: s})
			told := []deliveryLine{{Page: "/ui/deliveries/x", Endpoint: line(s), Note: line(s), Chips: []chip{{Word: "500"}}}}
			return memoryView{
				ID: "x", Text: block(s), Facts: []pair{{"Categories", line(s)}}, Metadata: bodyOf([]byte(s + " ")), Scope: []pair{{"user", line(s)}},
				History: []historyView{{changeView: change, At: momentOf(noon, noon), Event: "/ui/events/x", Told: told}}, More: 1,
			}
		},
		"erase": func(s string) any {
			return eraseView{Page: "/ui/memories/x", Text: block(s), Counts: []pair{{"Messages", line(s)}}, Told: "1 endpoint"}
		},
		"erasures": func(s string) any {
			return erasuresView{Rows: []erasureRow{{ID: "ers_x", Page: "/ui/erasures/x", What: line(s), By: line(s)}}, Older: "/ui/erasures"}
		},
		"erasure": func(s string) any {
			told := []receiverRow{{Endpoint: line(s), Page: "/ui/deliveries/x", Memory: "x", Note: line(s), At: &moment{}}, {Endpoint: line(s)}}
			return erasureView{
				erasureRow: erasureRow{ID: "ers_x", What: line(s), By: line(s)}, Verdict: verdict{Sentence: line(s), Next: line(s)}, Facts: []pair{{"By", line(s)}},
				Told: told, More: "3", Receipt: "/ui/erasures/x/receipt", Memories: []memoryLink{{"/ui/memories/x", "x"}},
			}
		},
		"playground": func(s string) any {
			s = string(line(s)) // what is entered stays as it is
			return playgroundView{
				Headers: s, Body: s, Endpoints: []choice{{Value: s, Label: s}}, Mistake: s, Verdict: &verdict{Sentence: line(s)},
				Findings: []findingView{{s, true, line(s)}, {s, false, line(s)}}, Signed: []pair{{line(s), line(s)}},
			}
		},
		"system": func(s string) any {
			facts := SystemFacts{Version: s, Database: s, Size: 1, Queue: s, Trouble: s}
			return systemView{
				Verdict: systemVerdict(facts, &noon, noon), Facts: systemPairs(facts, &noon, noon), Nodes: []nodeView{{Name: line(s), Role: line(s), Version: line(s)}},
				Audit: []auditView{{Actor: line(s), Action: line(s), Subject: line(s), Page: "/ui/endpoints/x", Detail: line(s)}}, Older: "/ui/system",
			}
		},
		"replays": func(s string) any {
			return replaysView{Rows: []replayRow{{Page: "/ui/replays/x", Endpoint: line(s), What: "held", By: line(s)}}, Older: "/ui/replays", MayWrite: true}
		},
		"replay": func(s string) any {
			return replayView{
				replayRow: replayRow{Page: "/ui/replays/x", Endpoint: line(s), By: line(s)}, Verdict: verdict{Sentence: line(s)}, Facts: []pair{{"By", line(s)}},
				Outcome: []badge{{"✓", "1 succeeded", ok}}, List: "/ui/deliveries", Cancel: true, Finished: &moment{},
			}
		},
		"new-replay": func(s string) any {
			one := []choice{{Value: "x", Label: string(line(s))}}
			p := &previewView{Count: "1", Endpoint: line(s), Fields: []pair{{"endpoint", line(s)}}}
			return newReplayView{Endpoints: one, Whats: one, Sinces: one, Rate: string(line(s)), Mistake: string(line(s)), Preview: p}
		},
		"keys": func(s string) any {
			rows := []keyRow{{ID: line(s), Name: line(s), Hint: line(s), Scope: line(s), Live: true, Yours: true, Revoke: "/ui/keys/x/revoke"}}
			return keysView{Rows: rows, New: "mh_x", NewName: line(s), Name: string(line(s)), Mistake: string(line(s)), MayWrite: true}
		},
		"sources": func(s string) any {
			rows := []sourceRow{{Page: "/ui/sources/x", Name: line(s), Kind: "token"}}
			return sourcesView{Rows: rows, Kinds: []choice{{Value: "none", Label: "none"}}, Name: string(line(s)), Mistake: string(line(s)), MayWrite: true}
		},
		"source": func(s string) any {
			row := sourceRow{Page: "/ui/sources/x", Name: line(s), Kind: "token"}
			return sourceView{sourceRow: row, revealing: revealing{Shown: true, Mistake: string(line(s))}, ID: "src_x", Address: line(s), Secret: line(s), Header: line(s), MayWrite: true}
		},
		"error": func(s string) any { return errorView{Title: "Not found", Text: "x", RequestID: string(line(s))} },
	}
	pages := parsePages()
	delete(pages, "fragments")
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			render := func(view any, s string) string {
				var b strings.Builder
				f := frame{Title: string(line(s)), SignedIn: true, ReadOnly: true, Project: line(s), KeyHint: line(s), AsOf: momentOf(noon, noon), View: view}
				if err := page.Execute(&b, f); err != nil {
					t.Fatalf("page with %.40q: %v", s, err)
				}
				return b.String()
			}
			render(emptyViews()[name], "")
			harmless := elements(t, render(views[name]("plain"), "plain"))
			for _, s := range hostile {
				if name == "login" {
					s = string(line(s)) // its token is the browser's own
				}
				got := render(views[name](s), s)
				if found := elements(t, got); len(s) <= maxShown && !slices.Equal(found, harmless) { // a longer one is marked as cut
					t.Errorf("with %.40q the page has the elements %v, want %v", s, found, harmless)
				}
				if r, ok := hides(got); ok {
					t.Errorf("with %.40q the page hides U+%04X", s, r)
				}
			}
		})
	}
}

// The same strings through the store and the real handlers.
func TestHostileData(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, `<script>alert("project")</script>`)
	s.endpoint(project, `<img src=x onerror=alert(1)>`+"\u202E", `https://crm.example.com/?"><script>alert(1)</script>`, "*")
	b := s.signedIn(key)
	for _, text := range hostile[:len(hostile)-1] {
		s.answer = answerWith(http.StatusInternalServerError, text)
		if !strings.Contains(text, "\xff") {
			e := s.add(project, text)
			s.send()
			page := b.get(eventPath(e.ID)).is(t, 200)
			page.lacks(t, "<script>", "<img src=x", "<hx-partial", "onload=alert(1)>")
			if r, ok := hides(page.text); ok {
				t.Errorf("with %.40q the event page hides U+%04X", text, r)
			}
		}
		b.get("/ui/login?next="+url.QueryEscape(text)).lacks(t, "<script>", "<svg onload")
		b.get("/ui/deliveries?q="+url.QueryEscape(text)).lacks(t, "<script>", "<svg onload")
		b.get("/ui/events?status="+url.QueryEscape(text)).is(t, 400).lacks(t, "<script>", "<svg onload")
		form := url.Values{"form": {newToken()}, "name": {text}, "url": {text}, "event_types": {text}, "format": {text}}
		b.post("/ui/endpoints/new", form).is(t, 422).lacks(t, "<script>", "<svg onload", "<hx-partial")
	}
	for _, path := range []string{"/ui/", "/ui/events", "/ui/deliveries", "/ui/endpoints"} {
		page := b.get(path).is(t, 200)
		page.lacks(t, "<script>", "<img src=x onerror")
		if r, ok := hides(page.text); ok {
			t.Errorf("%s hides U+%04X", path, r)
		}
	}
}

// The policy forbids inline script and style, so no template may have them.
func TestNoInline(t *testing.T) {
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates found (%v)", err)
	}
	inline := regexp.MustCompile(`(?i)<script>|<script [^s]|<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|hx-vals|js:|hx-trigger="[^"]*\[`)
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := inline.Find(body); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
}

func TestErrorPages(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.signedIn(key)
	big := b.form("/ui/endpoints/new", url.Values{"name": {strings.Repeat("x", maxForm)}})
	b.do(big).is(t, 400).has(t, "Unreadable form")
	b.do(b.form("/ui/endpoints/new", url.Values{"name": {"x"}})).is(t, 400) // no token

	s.mu.Lock()
	s.broken = errors.New("sql: database is closed")
	s.mu.Unlock()
	fault := b.get("/ui/events").is(t, 500)
	fault.has(t, "Something went wrong", "Request ID", fault.Header.Get("X-Request-Id"), `href="/ui/events"`)
	fault.lacks(t, "sql", "closed")
}

func TestFailureOf(t *testing.T) {
	if got := failureOf(errors.New("disk is full")); got != errInternal {
		t.Errorf("an unknown error became %v, want %v", got, errInternal)
	}
}
