package dashboard

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// A furnished project has a row of everything that has a page.
type furnished struct {
	project, key string
	paths        []string // pages of its rows
	words        []string // which no other project may see
}

func furnish(t *testing.T, s *site, name string) furnished {
	t.Helper()
	project, key := sqlstoretest.Project(t, s.db, name)
	f := furnished{project: project, key: key, words: []string{name + "-crm", name + " lives in Lisbon"}}
	e := s.endpoint(project, name+"-crm", "https://"+name+".example.com/", "*")
	event := s.add(project, name+" lives in Lisbon")
	s.send()
	one := failedDelivery(t, s, project, name+" prefers tea")
	_, changes, err := s.memory.Event(t.Context(), project, event.ID)
	if err != nil {
		t.Fatal(err)
	}
	source, err := s.memory.CreateSource(t.Context(), project, memory.NewSource{Name: name + "-source"})
	if err != nil {
		t.Fatal(err)
	}
	_, changed, err := s.memory.Event(t.Context(), project, s.add(project, name+" has a secret").ID)
	if err != nil {
		t.Fatal(err)
	}
	erasure, err := s.memory.Erase(t.Context(), project, changed[0].Memory.ID, name)
	if err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	set, n, err := s.delivery.PreviewReplay(t.Context(), project, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatFailed})
	if err != nil {
		t.Fatal(err)
	}
	replay, err := s.delivery.CreateReplay(t.Context(), project, set, n, 1, name)
	if err != nil {
		t.Fatal(err)
	}
	f.paths = []string{
		eventPath(event.ID), deliveryPath(one.Delivery.ID), deliveryPath(one.Delivery.ID) + "/payload", deliveryPath(one.Delivery.ID) + "/answer",
		endpointPath(e.ID), endpointPath(e.ID) + "/edit", endpointPath(e.ID) + "/secrets", endpointPath(e.ID) + "/delete",
		memoryPath(changes[0].Memory.ID), sourcePath(source), replayPath(replay.ID),
		erasurePath(erasure.ID), memoryPath(changes[0].Memory.ID) + "/erase", erasurePath(erasure.ID) + "/receipt",
	}
	return f
}

var links = regexp.MustCompile(`(?:href|data-poll)="(/ui/[^"]*)"`)

// Every link of every page leads somewhere; nothing of another project is on any
// page; and no GET changes a row.
func TestCrawl(t *testing.T) {
	s := newSite(t)
	mine, theirs := furnish(t, s, "mine"), furnish(t, s, "theirs")
	for _, scope := range []apikey.Scope{apikey.Admin, apikey.Read} {
		t.Run(string(scope), func(t *testing.T) {
			s.scopes[apikey.Hash(mine.key)] = scope
			b := s.signedIn(mine.key)
			b.get("/ui/") // the session is there
			before := s.rows(t)
			seen, queue := map[string]bool{}, append([]string{"/ui/"}, mine.paths...)
			for len(queue) > 0 && len(seen) < 400 {
				path := queue[0]
				queue = queue[1:]
				if seen[path] || strings.HasPrefix(path, "/ui/static/") || strings.HasPrefix(path, "/ui/live?") && !strings.Contains(path, "poll=1") {
					continue
				}
				seen[path] = true
				page := b.get(path)
				switch {
				case page.StatusCode == 200 || page.StatusCode == 303:
				case slices.Contains([]int{403}, page.StatusCode) && scope == apikey.Read && slices.Contains(mine.paths, path): // a page for admins
				case page.StatusCode == 405: // an action, which is posted
				default:
					t.Errorf("%s answered %d", path, page.StatusCode)
				}
				page.lacks(t, theirs.words...)
				for _, m := range links.FindAllStringSubmatch(page.text, -1) {
					to, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
					if !seen[to] {
						queue = append(queue, to)
					}
				}
			}
			if len(seen) < 40 {
				t.Errorf("only %d pages were found: %v", len(seen), seen)
			}
			for _, path := range theirs.paths {
				if got := b.get(path).StatusCode; got != 404 && !(scope == apikey.Read && got == 403) {
					t.Errorf("%s of another project answered %d, want 404", path, got)
				}
			}
			if after := s.rows(t); after != before {
				t.Errorf("following links changed the database:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// Every write needs an admin key, and none reaches a row of another project.
func TestForeignWrites(t *testing.T) {
	s := newSite(t)
	mine, theirs := furnish(t, s, "mine"), furnish(t, s, "theirs")
	b := s.signedIn(mine.key)
	reader := s.signedIn(mine.key)
	ids := map[string]string{}
	for name, i := range map[string]int{":event": 0, ":delivery": 1, ":endpoint": 4, ":memory": 8, ":source": 9, ":replay": 10, ":erasure": 11} {
		ids[name] = theirs.paths[i][strings.LastIndex(theirs.paths[i], "/")+1:]
	}
	ids[":key"] = "key_" + delivery.NewID().String()
	before := s.rows(t)
	for _, r := range s.ui.routes() {
		if r.method != http.MethodPost || r.open {
			continue
		}
		path, foreign := r.pattern, false
		for name, id := range ids {
			if strings.Contains(path, name) {
				path, foreign = strings.Replace(path, name, id, 1), true
			}
		}
		form := url.Values{
			"hours": {"24"}, "to": {"pause"}, "name": {"x"}, "url": {"https://x.example.com/"}, "event_types": {"*"}, "format": {"full"},
			"key": {mine.key}, "id": {ids[":delivery"]},
		}
		if foreign {
			b.post(path, form).is(t, 404)
		}
		if r.scope == apikey.Admin {
			s.scopes[apikey.Hash(mine.key)] = apikey.Read
			reader.post(path, form).is(t, 403)
			delete(s.scopes, apikey.Hash(mine.key))
		}
	}
	if after := s.rows(t); after != before {
		t.Errorf("foreign writes changed the database:\n%s\nbefore:\n%s", after, before)
	}
}

// rows is what the database has, apart from what browsing leaves: sessions and forms.
func (s *site) rows(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	projects, err := s.db.Projects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range projects {
		endpoints, err := s.delivery.Endpoints(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range endpoints {
			b.WriteString(e.ID.String() + " " + e.UpdatedAt.String() + "\n")
		}
		page, err := s.delivery.Deliveries(t.Context(), delivery.Query{ProjectID: p.ID})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rows {
			b.WriteString(r.Delivery.ID.String() + " " + string(r.Delivery.Status) + " " + r.Delivery.UpdatedAt.String() + "\n")
		}
		audit, err := s.delivery.Audit(t.Context(), p.ID, "", delivery.NewID(), 100)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := s.db.Keys(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		sources, err := s.memory.Sources(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range sources {
			b.WriteString(src.ID.String() + " " + src.UpdatedAt.String() + "\n")
		}
		b.WriteString(strings.Repeat("a", len(audit)) + strings.Repeat("k", len(keys)) + "\n")
	}
	return b.String()
}
