package hookapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"memhook/memory/sqlstore/sqlstoretest"
)

// follow opens a stream and returns what it sends, event by event.
func (s *site) follow(ctx context.Context, query, last string) func() (id string, data map[string]any) {
	s.t.Helper()
	return s.followPath(ctx, "/api/v2/deliveries/stream"+query, last)
}

func (s *site) followPath(ctx context.Context, path, last string) func() (id string, data map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.reader)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("status %d, type %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(resp.Body)
	return func() (id string, data map[string]any) {
		s.t.Helper()
		for lines.Scan() {
			line := lines.Text()
			if after, ok := strings.CutPrefix(line, "id: "); ok {
				id = after
			}
			if after, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(after), &data); err != nil {
					s.t.Fatal(err)
				}
				return id, data
			}
		}
		s.t.Fatalf("the stream ended: %v", lines.Err())
		return "", nil
	}
}

func TestStreamFollowsAndResumes(t *testing.T) {
	s := newSite(t)
	s.endpoint("crm")
	next := s.follow(t.Context(), "?status=succeeded&endpoint=crm", "")
	s.add(s.project, "one")
	id, first := next()
	if first["status"] != "succeeded" || first["endpoint_name"] != "crm" {
		t.Errorf("first %v", first)
	}
	s.pass(5 * time.Second)
	s.add(s.project, "two")
	_, second := next()
	if second["id"] == first["id"] || second["status"] != "succeeded" {
		t.Errorf("second %v after %v", second, first)
	}
	s.pass(5 * time.Second)
	resumed := s.follow(t.Context(), "?status=succeeded", id)
	if _, got := resumed(); got["id"] != first["id"] && got["id"] != second["id"] {
		t.Errorf("resumed with %v", got)
	}
}

func TestStreamEndsWithTheServer(t *testing.T) {
	s := newSite(t)
	s.endpoint("crm")
	next := s.follow(t.Context(), "", "")
	s.add(s.project, "one")
	next()
	s.api.Close() // Server.Close waits for the stream to end
}

func TestStreamRefusesWhatItCannotDo(t *testing.T) {
	s := newSite(t)
	for _, q := range []string{"user=alice", "q=words", "since=1h", "after=x", "status=x"} {
		if a := s.do(s.admin, "GET", "/api/v2/deliveries/stream?"+q, nil); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d, %s", q, a.status, a.raw)
		}
	}
}

func TestStreamIsOfTheProject(t *testing.T) {
	s := newSite(t)
	s.endpoint("crm")
	other, key := sqlstoretest.Project(t, s.db, "other")
	mine, foreign := s.reader, s.admin
	s.admin = key
	s.endpoint("theirs")
	s.admin = foreign
	s.reader = key
	next := s.follow(t.Context(), "", "")
	s.reader = mine
	s.add(s.project, "mine")
	s.add(other, "theirs")
	if _, got := next(); got["endpoint_name"] != "theirs" {
		t.Errorf("another project's stream has %v", got)
	}
}
