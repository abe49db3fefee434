package mem0api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// TestDeleteProject: a project's keys stop at once, everything of it goes, and
// nothing of another project does.
func TestDeleteProject(t *testing.T) {
	s := newServer(t, nil)
	other, key := sqlstoretest.Project(t, s.db, "second")
	auth := []string{"Authorization", "Token " + key}
	const hook = `{"name": "crm", "url": "https://example.com/", "event_types": ["memory_add"]}`
	const add = `{"messages": "Likes tea", "user_id": "u", "run_id": "r", "infer": false}`
	for _, header := range [][]string{auth, nil} {
		for _, send := range [][3]string{
			{"POST", "/api/v1/webhooks/projects/null/", hook},
			{"POST", "/v3/memories/add/", add},
			{"POST", "/v3/memories/add/", strings.Replace(add, "Likes tea", "Likes jazz", 1)},
		} {
			if w := s.send(send[0], send[1], send[2], header...); w.Code/100 != 2 {
				t.Fatalf("%s %s: %d %s", send[0], send[1], w.Code, w.Body)
			}
		}
	}
	path := "/api/v1/orgs/organizations/org_default/projects/"
	if w := s.send("DELETE", path+s.project+"/", ""); w.Code != http.StatusBadRequest || !strings.Contains(detailOf(t, w), "default project") {
		t.Errorf("delete the default project: %d %s, want 400", w.Code, w.Body)
	}
	if w := s.send("DELETE", path+other+"/", "", auth...); w.Code != http.StatusOK {
		t.Fatalf("delete: %d %s", w.Code, w.Body)
	}
	if w := s.send("GET", "/v1/ping/", "", auth...); w.Code != http.StatusUnauthorized {
		t.Errorf("ping with a key of a deleted project: %d %s, want 401", w.Code, w.Body)
	}
	if more, err := s.db.PurgeProjects(t.Context(), now, 1); more || err != nil {
		t.Errorf("purged at once: %t, error %v; want it left alone for a while", more, err)
	}
	later := now.Add(time.Hour)
	for n := 0; ; n++ {
		more, err := s.db.PurgeProjects(t.Context(), later, 1)
		if err != nil || n > 100 {
			t.Fatalf("purge, group %d: error %v", n, err)
		}
		if !more {
			break
		}
	}
	for _, project := range []string{other, s.project} {
		want := 0
		if project == s.project {
			want = 2
		}
		_, memories, err := s.memory.Memories(t.Context(), memory.Query{ProjectID: project})
		if err != nil {
			t.Fatal(err)
		}
		_, events, err := s.memory.Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		endpoints, err := s.delivery.Endpoints(t.Context(), project)
		if memories != want || events != want || len(endpoints) != want/2 || err != nil {
			t.Errorf("%s has %d memories, %d events, %d endpoints, error %v; want %d, %d and %d", project, memories, events, len(endpoints), err, want, want, want/2)
		}
	}
}
