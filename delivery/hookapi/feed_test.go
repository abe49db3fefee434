package hookapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/feed"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// A feedAnswer is what GET /feed says.
type feedAnswer struct {
	Data []struct {
		ID, Type, Cursor string
		EventID          string `json:"event_id"`
		Body             struct {
			Type string
			Data struct {
				Memory string
				UserID string `json:"user_id"`
			}
		}
	}
	Cursor string
	More   bool
}

func (a feedAnswer) texts() string {
	var list []string
	for _, m := range a.Data {
		list = append(list, m.Body.Data.Memory)
	}
	return strings.Join(list, ", ")
}

// read asks for the feed with the reader's key; it has to succeed.
func (s *site) read(query string) (f feedAnswer) {
	s.t.Helper()
	a := s.do(s.reader, "GET", "/api/v2/feed?"+query, nil)
	if a.status != http.StatusOK {
		s.t.Fatalf("%s: status %d, %s", query, a.status, a.raw)
	}
	if err := json.Unmarshal(a.raw, &f); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// addOf makes an event of a scope that stores a text, and processes it.
func (s *site) addOf(project string, scope memory.Scope, text string) memory.Event {
	s.t.Helper()
	e, err := s.memory.Add(s.t.Context(), project, memory.Add{Turns: []memory.Turn{{Role: "user", Text: text}}, Scope: scope, Infer: true}, []byte(`{}`))
	if err == nil {
		err = s.memory.Process(s.t.Context(), []uuid.UUID{e.ID})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func TestFeedGoesOnFromACursor(t *testing.T) {
	s := newSite(t)
	s.add(s.project, "before")
	now := s.read("")
	if len(now.Data) != 0 || now.Cursor == "" {
		t.Fatalf("without a cursor: %+v, want nothing and a cursor", now)
	}
	e := s.add(s.project, "one")
	s.add(s.project, "two")
	s.add(s.project, "three")
	first := s.read("limit=2&after=" + now.Cursor)
	if first.texts() != "one, two" || !first.More {
		t.Errorf("first %+v, want one, two and more", first)
	}
	if rest := s.read("after=" + first.Cursor); rest.texts() != "three" || rest.More {
		t.Errorf("rest %+v, want three", rest)
	}
	if again := s.read("after=" + first.Data[0].Cursor); again.texts() != "two, three" {
		t.Errorf("after the first message: %+v, want two, three", again)
	}
	if all := s.read("after=start"); all.texts() != "before, one, two, three" {
		t.Errorf("from the start: %+v", all)
	}
	m := first.Data[0]
	stored := s.must("GET", "/api/v2/messages/"+m.ID, nil)
	if m.Type != "memory_add" || m.EventID != e.ID.String() || stored["type"] != m.Type || m.Body.Data.UserID != "alice" {
		t.Errorf("message %+v, stored as %v", m, stored)
	}
}

func TestFeedIsWhatAnEndpointWouldGet(t *testing.T) {
	s := newSite(t)
	var mu sync.Mutex
	sent := map[string]string{}
	s.answer = func(r *http.Request) (*http.Response, error) {
		var b strings.Builder
		if _, err := bufio.NewReader(r.Body).WriteTo(&b); err != nil {
			return nil, err
		}
		mu.Lock()
		sent[r.Header.Get("webhook-id")] = b.String()
		mu.Unlock()
		return answerWith(http.StatusOK)(r)
	}
	s.endpoint("crm")
	now := s.read("")
	s.add(s.project, "likes <tea> & cake")
	a := s.do(s.reader, "GET", "/api/v2/feed?after="+now.Cursor, nil)
	var got struct {
		Data []struct {
			ID   string
			Body json.RawMessage
		}
	}
	if err := json.Unmarshal(a.raw, &got); err != nil || len(got.Data) != 1 {
		t.Fatalf("%s, %v", a.raw, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := sent[got.Data[0].ID]; string(got.Data[0].Body) != want || want == "" {
		t.Errorf("the feed has\n%s, the endpoint got\n%s", got.Data[0].Body, want)
	}
}

func TestFeedIsNarrowedAsAnEndpointIs(t *testing.T) {
	s := newSite(t)
	s.addOf(s.project, memory.Scope{UserID: "alice", RunID: "r1"}, "tea")
	s.addOf(s.project, memory.Scope{UserID: "bob"}, "beer")
	s.addOf(s.project, memory.Scope{UserID: "alice", AgentID: "a1"}, "cake")
	tests := []struct{ query, want string }{
		{"user_id=alice", "tea, cake"},
		{"user_id=alice&run_id=r1", "tea"},
		{"agent_id=a1", "cake"},
		{"user_id=carol", ""},
		{"types=memory_delete", ""},
		{"types=memory_delete,memory_add&user_id=bob", "beer"},
	}
	for _, tt := range tests {
		got := s.read("after=start&" + tt.query)
		if got.texts() != tt.want {
			t.Errorf("%s: %s, want %s", tt.query, got.texts(), tt.want)
		}
		if next := s.read("after=" + got.Cursor); len(next.Data) != 0 {
			t.Errorf("%s: behind its cursor there is %s", tt.query, next.texts())
		}
	}
}

func TestFeedLeavesOutWhatItsReaderWrote(t *testing.T) {
	s := newSite(t)
	mine, err := s.db.Key(t.Context(), apikey.Hash(s.reader))
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.memory.Add(memory.WithWriter(t.Context(), mine.ID), s.project, memory.Add{
		Turns: []memory.Turn{{Role: "user", Text: "mine"}}, Scope: memory.Scope{UserID: "alice"}, Infer: true,
	}, []byte(`{}`))
	if err == nil {
		err = s.memory.Process(t.Context(), []uuid.UUID{e.ID})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.add(s.project, "theirs")
	if got := s.read("after=start&own=no"); got.texts() != "theirs" {
		t.Errorf("without its own it reads %s", got.texts())
	}
	if got := s.read("after=start&own=yes"); got.texts() != "mine, theirs" {
		t.Errorf("with its own it reads %s", got.texts())
	}
}

func TestFeedIsOfTheProject(t *testing.T) {
	s := newSite(t)
	other, key := sqlstoretest.Project(t, s.db, "other")
	s.add(s.project, "mine")
	s.add(other, "theirs")
	s.add(other, "theirs, too")
	mine := s.read("after=start")
	if mine.texts() != "mine" {
		t.Errorf("the feed has %s", mine.texts())
	}
	if a := s.do(key, "GET", "/api/v2/feed?after="+mine.Cursor, nil); a.status != http.StatusGone {
		t.Errorf("another project's cursor: status %d, %s; want 410", a.status, a.raw)
	}
}

func TestFeedWaitsForAMessage(t *testing.T) {
	s := newSite(t)
	now := s.read("")
	got := make(chan feedAnswer)
	began := time.Now()
	go func() { got <- s.read("wait=30s&user_id=alice&after=" + now.Cursor) }()
	s.addOf(s.project, memory.Scope{UserID: "bob"}, "beer")
	s.add(s.project, "tea")
	if a := <-got; a.texts() != "tea" {
		t.Errorf("got %+v", a)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the answer took %v", took)
	}
	if a := s.read("wait=0.01s&after=" + s.read("").Cursor); len(a.Data) != 0 || a.Cursor == "" {
		t.Errorf("when nothing comes: %+v", a)
	}
}

func TestFeedRefusesWhatItCannotDo(t *testing.T) {
	s := newSite(t)
	for _, q := range []string{"after=x", "wait=61s", "wait=-1s", "wait=soon", "limit=251", "types=nonsense", "own=maybe", "user_id=" + url.QueryEscape("a\nb"), "usr=alice"} {
		for _, path := range []string{"/api/v2/feed?", "/api/v2/feed/stream?"} {
			if a := s.do(s.reader, "GET", path+q, nil); a.status != http.StatusBadRequest {
				t.Errorf("%s%s: %d, %s", path, q, a.status, a.raw)
			}
		}
	}
}

func TestPrunedFeedSaysSo(t *testing.T) {
	s := newSite(t)
	s.add(s.project, "one")
	old := s.read("after=start").Cursor
	s.add(s.project, "two")
	if _, err := s.db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v2/feed?wait=1s&after=", "/api/v2/feed/stream?after="} {
		a := s.do(s.reader, "GET", path+old, nil)
		if p := a.json(t); a.status != http.StatusGone || p["type"] != "urn:memhook:problem:cursor-gone" || !strings.Contains(p["detail"].(string), "after=start") {
			t.Errorf("%s: %d, %s", path, a.status, a.raw)
		}
	}
	s.add(s.project, "three")
	if a := s.read("after=start"); a.texts() != "three" {
		t.Errorf("from the start: %s, want three", a.texts())
	}
}

func TestReadersOfAKeyAreBounded(t *testing.T) {
	s := newSite(t)
	ctx, leave := context.WithCancel(t.Context())
	now := s.read("").Cursor
	var wg sync.WaitGroup
	for range feed.MaxOfKey {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v2/feed/stream?after="+now, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.reader)
		resp, err := s.Client().Do(req) // the stream stands
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", resp, err)
		}
		wg.Go(func() {
			defer resp.Body.Close()
			<-ctx.Done()
		})
	}
	a := s.do(s.reader, "GET", "/api/v2/feed?wait=10s&after="+now, nil)
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("one more: %d, Retry-After %q, %s", a.status, a.header.Get("Retry-After"), a.raw)
	}
	if a := s.do(s.reader, "GET", "/api/v2/feed?after="+now, nil); a.status != http.StatusOK {
		t.Errorf("one that does not wait: %d, %s", a.status, a.raw)
	}
	other := s.newKey(s.project, apikey.Read)
	if a := s.do(other, "GET", "/api/v2/feed?wait=10ms&after="+now, nil); a.status != http.StatusOK {
		t.Errorf("one of another key: %d, %s", a.status, a.raw)
	}
	leave()
	wg.Wait()
	for s.do(s.reader, "GET", "/api/v2/feed?wait=10ms&after="+now, nil).status != http.StatusOK {
		if t.Context().Err() != nil {
			t.Fatal("there is no room when the others have left")
		}
	}
}

func TestFeedStreamResumesWithoutGapOrRepeat(t *testing.T) {
	s := newSite(t)
	ctx, leave := context.WithCancel(t.Context())
	next := s.followPath(ctx, "/api/v2/feed/stream?user_id=alice&after=start", "")
	s.add(s.project, "one")
	s.addOf(s.project, memory.Scope{UserID: "bob"}, "not asked for")
	s.add(s.project, "two")
	text := func(data map[string]any) any { return data["body"].(map[string]any)["data"].(map[string]any)["memory"] }
	last, first := next()
	if text(first) != "one" {
		t.Errorf("first %v", first)
	}
	leave()
	s.add(s.project, "three")
	next = s.followPath(t.Context(), "/api/v2/feed/stream?user_id=alice&after=start", last)
	for _, want := range []string{"two", "three"} {
		if _, got := next(); text(got) != want {
			t.Errorf("resumed with %v, want %s", got, want)
		}
	}
	s.feed.Close() // Server.Close waits for the stream to end
}

func TestFeedAnswersAsAStreamWhenAsked(t *testing.T) {
	s := newSite(t)
	s.add(s.project, "one")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v2/feed?after=start", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.reader)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(line, "id: ") {
		t.Errorf("%q, %v, %v", line, err, resp.Header)
	}
	s.feed.Close()
}

func TestWaitsEndWithTheServer(t *testing.T) {
	s := newSite(t)
	now := s.read("").Cursor
	got := make(chan feedAnswer)
	go func() { got <- s.read("wait=60s&after=" + now) }()
	time.AfterFunc(50*time.Millisecond, s.feed.Close)
	if a := <-got; len(a.Data) != 0 || a.Cursor != now {
		t.Errorf("got %+v", a)
	}
}

// TestWaitsOutliveTheServersTimeouts: those of the server are for requests that do not
// wait.
func TestWaitsOutliveTheServersTimeouts(t *testing.T) {
	s := newSite(t)
	now := s.read("").Cursor
	impatient := httptest.NewUnstartedServer(s.Config.Handler)
	impatient.Config.ReadTimeout, impatient.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	impatient.Start()
	defer impatient.Close()
	began := time.Now()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, impatient.URL+"/api/v2/feed?wait=400ms&after="+now, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.reader)
	resp, err := impatient.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if took := time.Since(began); resp.StatusCode != http.StatusOK || took < 400*time.Millisecond {
		t.Errorf("status %d after %v, want 200 after the wait", resp.StatusCode, took)
	}
}
