package mcp_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/mcp"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// A site is the server over a real store.
type site struct {
	*httptest.Server
	t       *testing.T
	db      *sqlstore.DB
	memory  *memory.Service
	feed    *feed.Feed
	project string
	admin   string // keys
	reader  string
}

// verbatim stores each turn as a memory.
type verbatim struct{}

func (verbatim) Decide(_ context.Context, a memory.Add, _ memory.Recall) (d memory.Decision, err error) {
	for _, turn := range a.Turns {
		d.Drafts = append(d.Drafts, memory.Draft{Kind: memory.ChangeAdd, Text: turn.Text, Scope: a.Scope})
	}
	return d, nil
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, db: sqlstoretest.Open(t)}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	push := func(context.Context, queue.Ticket) error { return nil }
	s.memory = memory.New(memory.Config{Store: s.db, Push: push, Log: log, Engine: verbatim{}, Wake: func(...delivery.Due) {}})
	d := delivery.New(delivery.Config{Store: s.db, CheckURL: func(string) error { return nil }, Push: push, Log: log, Transport: http.DefaultTransport})
	s.feed = feed.New(feed.Config{Store: s.db, Log: log})
	s.Server = httptest.NewServer(mcp.New(mcp.Config{
		Memory: s.memory, Delivery: d, Feed: s.feed, Keys: s.db.Key, Log: log, Version: "test", Retention: 720 * time.Hour,
	}))
	t.Cleanup(s.Close)
	s.project, s.admin = sqlstoretest.Project(t, s.db, "p")
	s.reader = apikey.Generate()
	if err := s.db.InsertKey(t.Context(), apikey.Key{
		ID: "key_" + uuid.NewString(), ProjectID: s.project, Name: "reader", Scope: apikey.Read, Hash: apikey.Hash(s.reader), Hint: apikey.Hint(s.reader), CreatedAt: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// withKey sends the key with each request.
type withKey string

func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(k))
	return http.DefaultTransport.RoundTrip(r)
}

// connect is the official client.
func (s *site) connect(key string) *sdk.ClientSession {
	s.t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(s.t.Context(), &sdk.StreamableClientTransport{Endpoint: s.URL, HTTPClient: &http.Client{Transport: withKey(key)}}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { session.Close() })
	return session
}

// call calls a tool and reads its answer; failed says that it is to be an error.
func (s *site) call(session *sdk.ClientSession, tool string, arguments map[string]any, failed bool, into any) string {
	s.t.Helper()
	r, err := session.CallTool(s.t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		s.t.Fatalf("%s %v: %v", tool, arguments, err)
	}
	text := r.Content[0].(*sdk.TextContent).Text
	if r.IsError != failed {
		s.t.Fatalf("%s %v: error is %v, %s", tool, arguments, r.IsError, text)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			s.t.Fatal(err)
		}
		structured, err := json.Marshal(r.StructuredContent)
		if err != nil || !json.Valid(structured) || len(structured) < 3 {
			s.t.Errorf("%s has the structured content %s, %v", tool, structured, err)
		}
	}
	return text
}

func (s *site) process(id string) {
	s.t.Helper()
	if err := s.memory.Process(s.t.Context(), []uuid.UUID{uuid.MustParse(id)}); err != nil {
		s.t.Fatal(err)
	}
}

type waited struct {
	Events []struct {
		ID, Type, Cursor string
		Body             struct{ Data struct{ Memory string } }
	}
	Cursor string
	More   bool
}

func TestAModelAddsWaitsAndFinds(t *testing.T) {
	s := newSite(t)
	c := s.connect(s.admin)
	var now waited
	s.call(c, "wait_for_event", map[string]any{"timeout_s": 0}, false, &now)
	var added struct {
		EventID string `json:"event_id"`
		Status  string
	}
	s.call(c, "add_memory", map[string]any{"text": "Likes green tea", "user_id": "alice"}, false, &added)
	if added.Status != "PENDING" {
		t.Errorf("the add is %+v", added)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		if err := s.memory.Process(context.WithoutCancel(t.Context()), []uuid.UUID{uuid.MustParse(added.EventID)}); err != nil {
			t.Error(err)
		}
	})
	var got waited
	s.call(c, "wait_for_event", map[string]any{"after": now.Cursor, "user_id": "alice", "timeout_s": 30}, false, &got)
	if len(got.Events) != 1 || got.Events[0].Type != "memory_add" || got.Events[0].Body.Data.Memory != "Likes green tea" {
		t.Fatalf("waited for %+v", got)
	}
	var next waited
	s.call(c, "wait_for_event", map[string]any{"after": got.Cursor, "timeout_s": 0}, false, &next)
	if len(next.Events) != 0 {
		t.Errorf("behind its cursor there is %+v", next)
	}
	s.call(c, "wait_for_event", map[string]any{"after": "start", "only_others": true, "timeout_s": 0}, false, &next)
	if len(next.Events) != 0 {
		t.Errorf("of others there is %+v", next)
	}
	for tool, more := range map[string]string{"search_memories": "query", "list_memories": ""} {
		arguments := map[string]any{"user_id": "alice"}
		if more != "" {
			arguments[more] = "tea"
		}
		var found struct{ Memories []struct{ Memory string } }
		s.call(c, tool, arguments, false, &found)
		if len(found.Memories) != 1 || found.Memories[0].Memory != "Likes green tea" {
			t.Errorf("%s finds %+v", tool, found)
		}
	}
	if text := s.call(c, "explain_event", map[string]any{"event_id": added.EventID}, false, nil); !strings.Contains(text, `"status":"SUCCEEDED"`) || !strings.Contains(text, `"sentence":"`) {
		t.Errorf("explained: %s", text)
	}
}

func TestMemoriesAreListedToTheEnd(t *testing.T) {
	s := newSite(t)
	c := s.connect(s.admin)
	want := []string{"one", "three", "two"}
	for _, text := range want {
		var added struct {
			EventID string `json:"event_id"`
		}
		s.call(c, "add_memory", map[string]any{"text": text, "user_id": "alice", "infer": false}, false, &added)
		s.process(added.EventID)
	}
	var got []string
	for cursor := ""; ; {
		var page struct {
			Memories []struct{ Memory string }
			Cursor   string
		}
		s.call(c, "list_memories", map[string]any{"user_id": "alice", "limit": 2, "after": cursor}, false, &page)
		for _, m := range page.Memories {
			got = append(got, m.Memory)
		}
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func TestAReadingKeySeesReadingToolsOnly(t *testing.T) {
	s := newSite(t)
	names := func(key string) (list []string) {
		tools, err := s.connect(key).ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range tools.Tools {
			list = append(list, tool.Name)
			if tool.Description == "" || tool.InputSchema == nil || tool.Annotations.ReadOnlyHint == (tool.Name == "add_memory") {
				t.Errorf("tool %+v", tool)
			}
		}
		return list
	}
	reading := []string{"wait_for_event", "search_memories", "list_memories", "explain_event"}
	if got := names(s.reader); !slices.Equal(got, reading) {
		t.Errorf("a reading key has %q, want %q", got, reading)
	}
	if got := names(s.admin); !slices.Equal(got, append(reading, "add_memory")) {
		t.Errorf("an admin key has %q", got)
	}
	if r, err := s.connect(s.reader).CallTool(t.Context(), &sdk.CallToolParams{Name: "add_memory", Arguments: map[string]any{"text": "x", "user_id": "a"}}); err == nil {
		t.Errorf("a reading key adds: %+v", r)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	s := newSite(t)
	c := s.connect(s.admin)
	tests := []struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		{"search_memories", map[string]any{"query": "tea"}, "user_id"},
		{"search_memories", map[string]any{"user_id": "alice"}, "query is required"},
		{"list_memories", map[string]any{"user_id": "alice", "after": "x"}, "cursor"},
		{"list_memories", map[string]any{"user_id": 7}, "user_id must not be a JSON number"},
		{"add_memory", map[string]any{"text": "x"}, "user_id"},
		{"add_memory", map[string]any{"text": "x", "user": "alice"}, `"user"`},
		{"wait_for_event", map[string]any{"timeout_s": 61}, "0 to 60"},
		{"wait_for_event", map[string]any{"types": []string{"nonsense"}}, "memory_add"},
		{"wait_for_event", map[string]any{"after": "x"}, "start"},
		{"explain_event", map[string]any{"event_id": uuid.NewString()}, "Nothing"},
		{"explain_event", map[string]any{"event_id": "x"}, "Nothing"},
	}
	for _, tt := range tests {
		if got := s.call(c, tt.tool, tt.arguments, true, nil); !strings.Contains(got, tt.want) {
			t.Errorf("%s %v says %q, want it to name %q", tt.tool, tt.arguments, got, tt.want)
		}
	}
}

func TestPrunedEventsAreTold(t *testing.T) {
	s := newSite(t)
	c := s.connect(s.admin)
	add := func(text string) {
		var added struct {
			EventID string `json:"event_id"`
		}
		s.call(c, "add_memory", map[string]any{"text": text, "user_id": "alice"}, false, &added)
		s.process(added.EventID)
	}
	add("one")
	var old waited
	s.call(c, "wait_for_event", map[string]any{"after": "start"}, false, &old)
	add("two")
	if _, err := s.db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil); err != nil {
		t.Fatal(err)
	}
	if got := s.call(c, "wait_for_event", map[string]any{"after": old.Cursor}, true, nil); !strings.Contains(got, "list_memories") {
		t.Errorf("a cursor that is gone: %q", got)
	}
}

func TestWaitsEndWithTheServer(t *testing.T) {
	s := newSite(t)
	c := s.connect(s.reader)
	time.AfterFunc(50*time.Millisecond, s.feed.Close)
	var got waited
	s.call(c, "wait_for_event", map[string]any{"timeout_s": 60}, false, &got)
	if len(got.Events) != 0 || got.Cursor == "" {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	s := newSite(t)
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	tests := []struct {
		name, method, key, body string
		header                  map[string]string
		status                  int
		want                    string
	}{
		{"a ping", "POST", s.reader, ping, nil, 200, `{"jsonrpc":"2.0","id":1,"result":{}}`},
		{"a notification", "POST", s.reader, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil, 202, ``},
		{"no key", "POST", "", ping, nil, 401, `API key`},
		{"a wrong key", "POST", "mh_wrong", ping, nil, 401, `API key`},
		{"a stream", "GET", s.reader, ``, nil, 405, `POST`},
		{"the end of a session", "DELETE", s.reader, ``, nil, 405, `POST`},
		{"a page elsewhere", "POST", s.reader, ping, map[string]string{"Origin": "https://evil.example.com"}, 403, `origin`},
		{"an unknown version", "POST", s.reader, ping, map[string]string{"MCP-Protocol-Version": "1999-01-01"}, 400, `2025-11-25`},
		{"no JSON", "POST", s.reader, `{`, nil, 400, `-32700`},
		{"a batch", "POST", s.reader, `[` + ping + `]`, nil, 400, `-32600`},
		{"an unknown method", "POST", s.reader, `{"jsonrpc":"2.0","id":"a","method":"prompts/list"}`, nil, 200, `-32601`},
		{"an unknown tool", "POST", s.reader, `{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"rm"}}`, nil, 200, `-32602`},
		{"too much", "POST", s.reader, `"` + strings.Repeat("a", 1<<20) + `"`, nil, 413, `1 MiB`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.key != "" {
				req.Header.Set("Authorization", "Token "+tt.key)
			}
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(raw), tt.want) {
				t.Errorf("status %d, %s, %v; want %d with %s", resp.StatusCode, raw, err, tt.status, tt.want)
			}
		})
	}
}
