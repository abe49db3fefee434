package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// A listener reads a stream of server-sent events.
type listener struct {
	t     *testing.T
	lines chan string // closed with the stream
	stop  context.CancelFunc
}

// listen opens the stream of a page, as the page names it.
func (b *browser) listen(t *testing.T, page string) *listener {
	t.Helper()
	m := regexp.MustCompile(`hx-sse:connect="([^"]+)"`).FindStringSubmatch(b.get(page).is(t, 200).text)
	if m == nil {
		t.Fatalf("%s has no stream", page)
	}
	ctx, stop := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+html.UnescapeString(m[1]), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("the stream answered %d with %v", resp.StatusCode, resp.Header)
	}
	l := &listener{t, make(chan string, 1000), stop}
	go func() {
		defer close(l.lines)
		defer resp.Body.Close()
		s := bufio.NewScanner(resp.Body)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			l.lines <- s.Text()
		}
	}()
	t.Cleanup(stop)
	return l
}

// until reads on to a line that has the text, and returns the lines up to it.
func (l *listener) until(text string) []string {
	l.t.Helper()
	var read []string
	late := time.After(20 * time.Second) // a text that does not come is a failure, not a hang
	for {
		select {
		case line, ok := <-l.lines:
			if !ok {
				l.t.Fatalf("the stream ended without %q: %q", text, read)
			}
			if read = append(read, line); strings.Contains(line, text) {
				return read
			}
		case <-late:
			l.t.Fatalf("the stream has no %q: %q", text, read)
		}
	}
}

func TestStream(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	other, _ := sqlstoretest.Project(t, s.db, "other")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	s.endpoint(other, "their-endpoint", "https://other.example.com/", delivery.MemoryAdd)
	b := s.signedIn(key)
	l := b.listen(t, "/ui/deliveries")
	s.add(other, "Prefers coffee")
	s.add(project, "Prefers tea")
	got := l.until("event: fresh")
	got = append(got, l.until("crm-sync")...)
	s.send()
	got = append(got, l.until("Succeeded")...)
	if text := strings.Join(got, "\n"); strings.Contains(text, "their-endpoint") {
		t.Errorf("the stream tells of another project: %s", text)
	}
}

// Whatever a name has in it, each line of the stream is a field of it.
func TestHostileStream(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	for _, name := range []string{`<hx-partial hx-target="body">`, `<script>alert(1)</script>`, "safe\u202Egpj", `"><img src=x onerror=alert(1)>`} {
		s.endpoint(project, name, "https://crm.example.com/?\"><script>", delivery.MemoryAdd)
	}
	b := s.signedIn(key)
	l := b.listen(t, "/ui/deliveries")
	s.add(project, "Prefers tea")
	lines := l.until("</hx-partial>")
	for range 3 {
		lines = append(lines, l.until("</hx-partial>")...)
	}
	field := regexp.MustCompile(`^(|:.*|(event|id|data): .*|data: ?)$`)
	for _, line := range lines {
		if !field.MatchString(line) {
			t.Errorf("the stream has the line %q", line)
		}
		data := strings.TrimPrefix(line, "data: ")
		if strings.HasPrefix(data, "{") {
			var f fresh
			if err := json.Unmarshal([]byte(data), &f); err != nil {
				t.Fatal(err)
			}
			data = f.HTML
		}
		for _, bad := range []string{`<hx-partial hx-target="body"`, "<script>", "<img src=x", "\u202E"} {
			if strings.Contains(data, bad) {
				t.Errorf("the stream has %q: %s", bad, data)
			}
		}
	}
}

// A fourth stream of a session takes the place of the first, which then asks every
// few seconds.
func TestStreamLimit(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	b := s.signedIn(key)
	first := b.listen(t, "/ui/deliveries")
	for range maxStreams {
		b.listen(t, "/ui/deliveries")
	}
	first.until("event: bye")
	poll := regexp.MustCompile(`data-poll="([^"]+)"`).FindStringSubmatch(b.get("/ui/deliveries").text)
	s.add(project, "Prefers tea")
	var u update
	if err := json.Unmarshal([]byte(b.get(html.UnescapeString(poll[1])+"&at="+cursorText(s.clock().Add(-time.Minute))).is(t, 200).text), &u); err != nil {
		t.Fatal(err)
	}
	if len(u.Fresh) != 1 || !strings.Contains(u.Fresh[0].HTML, "crm-sync") || u.Cursor == "" {
		t.Errorf("asking answered %+v, want one new row", u)
	}
}

// Streams end with the server, with the session, and are for those who signed in.
func TestStreamEnds(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.signedIn(key)
	l := b.listen(t, "/ui/")
	s.ui.Close()
	for range l.lines { // until it ends
	}
	b.get("/ui/live?view=deliveries&from=1").is(t, 503)
	b.get("/ui/live?view=odd&from=1").is(t, 404)
	b.get("/ui/live?view=deliveries").is(t, 404)
	s.browser().get("/ui/live?view=deliveries&from=1").is(t, 303)
}

// Pages that are drawn anew follow what their own rows, other windows and the
// audit log say.
func TestStreamOfPages(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	crm := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	_, changes, err := s.memory.Event(t.Context(), project, s.add(project, "Prefers tea").ID)
	if err != nil {
		t.Fatal(err)
	}
	tea := memoryPath(changes[0].Memory.ID)
	b := s.signedIn(key)
	type step struct {
		do   func()
		want []string
	}
	pause := func() { b.post(endpointPath(crm.ID)+"/pause", nil).is(t, 303) }
	resume := func() { b.post(endpointPath(crm.ID)+"/resume", nil).is(t, 303) }
	tests := []struct {
		name, page string
		steps      []step
	}{
		{"endpoint", endpointPath(crm.ID), []step{
			{s.send, []string{"1 of 1 attempts in the last 24 hours"}},
			{pause, []string{"Paused", "Resume"}},
			{resume, []string{"Enabled", "Pause"}},
		}},
		{"endpoints", "/ui/endpoints", []step{
			{pause, []string{"Paused"}},
			{func() { s.endpoint(project, "slack-bridge", "https://slack.example.com/", delivery.MemoryAdd) }, []string{"slack-bridge"}},
		}},
		{"memory", tea, []step{
			{resume, nil},
			{func() {
				if err := s.memory.Delete(t.Context(), project, changes[0].Memory.ID); err != nil {
					t.Fatal(err)
				}
			}, []string{"Deleted"}},
		}},
		{"system", "/ui/system", []step{{pause, []string{"endpoint.pause"}}}},
	}
	for _, tt := range tests {
		l := b.listen(t, tt.page)
		for _, step := range tt.steps {
			step.do()
			for _, text := range step.want {
				l.until(text)
			}
		}
		l.stop()
	}
	l := b.listen(t, endpointPath(crm.ID))
	if err := s.delivery.DeleteEndpoint(t.Context(), project, crm.ID); err != nil {
		t.Fatal(err)
	}
	l.until("data: gone")
}

// More than maxChanged rows at once: a list is told that it cannot follow, and a
// page that has sums is told so and drawn anew.
func TestStreamOfMany(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	crm := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	b := s.signedIn(key)
	list, page := b.listen(t, "/ui/deliveries"), b.listen(t, endpointPath(crm.ID))
	list.until("here")
	page.until("Enabled, and not used yet")
	texts := make([]string, maxChanged+1)
	for i := range texts {
		texts[i] = fmt.Sprintf("Has read book %d", i)
	}
	s.add(project, texts...)
	list.until("event: stale")
	s.send()
	page.until("event: stale")
	page.until("51 of 51 attempts in the last 24 hours")
}

// What a filter asks for enters its list, whether or not it can be told from the
// row, and nothing else does.
func TestStreamFilters(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	b := s.signedIn(key)
	s.answer = func(r *http.Request) (*http.Response, error) {
		if body, err := io.ReadAll(r.Body); err == nil && strings.Contains(string(body), "tea") {
			return answerWith(http.StatusInternalServerError, "busy")(r)
		}
		return answerWith(http.StatusOK, "ok")(r)
	}
	n := 0 // a text that is known already changes nothing
	for _, tt := range []struct {
		list, filter string
		alone        bool // what is of the same user and differs otherwise does not match
	}{
		{"deliveries", "user:alice", false},
		{"deliveries", "endpoint:crm-sync", false},
		{"deliveries", "type:memory_add", false},
		{"deliveries", "status:waiting", false},
		{"deliveries", "user:alice tea", true},
		{"deliveries", "agent:a", true},
		{"deliveries", "run:r", true},
		{"deliveries", "code:500", true},
		{"deliveries", "code:5xx", true},
		{"deliveries", "error:status", true},
		{"events", "user:alice", false},
		{"events", "user:alice tea", true},
		{"events", "agent:a", true},
		{"events", "run:r", true},
	} {
		t.Run(tt.list+" "+tt.filter, func(t *testing.T) {
			l := b.listen(t, "/ui/"+tt.list+"?"+url.Values{"q": {tt.filter}}.Encode())
			defer l.stop()
			l.until("here")
			n++
			other := s.add(project, fmt.Sprintf("Owns cup %d", n)) // of alice, without agent and run
			e, err := s.memory.Add(t.Context(), project, memory.Add{
				Turns: []memory.Turn{{Role: "user", Text: fmt.Sprintf("Prefers tea %d", n)}}, Scope: memory.Scope{UserID: "alice", AgentID: "a", RunID: "r"},
			}, []byte(`{"messages":"tea"}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.memory.Process(t.Context(), []uuid.UUID{e.ID}); err != nil {
				t.Fatal(err)
			}
			s.send()
			want, not := "e-"+e.ID.String(), "e-"+other.ID.String()
			if tt.list == "deliveries" {
				want, not = s.only(project, e.ID), s.only(project, other.ID)
			}
			if read := strings.Join(l.until(`"id":"`+want), "\n"); tt.alone && strings.Contains(read, `"id":"`+not) {
				t.Errorf("a row that does not match enters: %s", read)
			}
		})
	}
}

// The page that a probe leads to tells what the receiver answers.
func TestStreamOfProbe(t *testing.T) {
	s := newSite(t)
	s.ticking = true
	project, key := sqlstoretest.Project(t, s.db, "shop")
	crm := s.endpoint(project, "crm-sync", "https://crm.example.com/", delivery.MemoryAdd)
	s.answer = answerWith(http.StatusInternalServerError, "busy")
	for i := range 10 {
		s.add(project, fmt.Sprintf("Has read book %d", i))
	}
	s.send()
	b := s.signedIn(key)
	l := b.listen(t, b.post(endpointPath(crm.ID)+"/probe", nil).is(t, 303).Header.Get("Location"))
	l.until("The probe is on its way.")
	s.send()
	l.until("The probe failed: ")
}
