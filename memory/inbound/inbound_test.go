package inbound_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/engine"
	"memhook/memory/inbound"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing"
)

func TestMain(m *testing.M) { sqlstoretest.Main(m) }

// A site is the API over a real database.
type site struct {
	t       *testing.T
	db      *sqlstore.DB
	memory  *memory.Service
	project string
	url     string
	now     time.Time

	mu    sync.Mutex
	notes []string
	due   []delivery.Due
}

func open(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, db: sqlstoretest.Open(t), now: time.Now()}
	s.project, _ = sqlstoretest.Project(t, s.db, "p")
	s.memory = memory.New(memory.Config{
		Store: s.db, Engine: engine.Local{}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return s.now },
		Push: func(context.Context, queue.Ticket) error { return nil },
		Wake: func(due ...delivery.Due) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.due = append(s.due, due...)
		},
		Note: func(_ context.Context, a delivery.AuditEntry) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.notes = append(s.notes, a.ProjectID+" "+a.Actor+" "+a.Action+" "+a.Subject+" "+a.Detail)
		},
	})
	e := echo.New()
	inbound.New(inbound.Config{Memory: s.memory, Log: slog.New(slog.DiscardHandler)}).Register(e)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *site) source(n memory.NewSource) memory.Source {
	s.t.Helper()
	n.Name = "a source"
	src, err := s.memory.CreateSource(s.t.Context(), s.project, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return src
}

func (s *site) endpoint(types ...string) delivery.Endpoint {
	s.t.Helper()
	e := delivery.Endpoint{
		ID: delivery.NewID(), ProjectID: s.project, Name: "e", URL: "https://e.example.com/", EventTypes: types, Format: delivery.Full,
		Secrets: []delivery.LiveSecret{{Secret: signing.GenerateSecret(), CreatedAt: s.now}}, CreatedAt: s.now, UpdatedAt: s.now,
	}
	if err := s.db.InsertEndpoint(s.t.Context(), e); err != nil {
		s.t.Fatal(err)
	}
	return e
}

type answer struct {
	Status    int
	Type      string
	EventID   uuid.UUID `json:"event_id"`
	Duplicate bool      `json:"duplicate"`
	Detail    string    `json:"detail"`
}

func (s *site) post(path, body string, header map[string]string) answer {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		s.t.Fatalf("answer %s: %v", raw, err)
	}
	a.Status, a.Type = resp.StatusCode, resp.Header.Get("Content-Type")
	if (a.Status == http.StatusOK) != (a.EventID != uuid.Nil) || a.Status != http.StatusOK && a.Type != "application/problem+json" {
		s.t.Errorf("answer %d %s: %s", resp.StatusCode, a.Type, raw)
	}
	return a
}

// events returns the project's events, newest first.
func (s *site) events() []memory.Event {
	s.t.Helper()
	list, _, err := s.memory.Events(s.t.Context(), memory.EventQuery{ProjectID: s.project, Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *site) trails(event uuid.UUID) []delivery.Trail {
	s.t.Helper()
	list, err := s.db.TrailsByEvent(s.t.Context(), s.project, event)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func sum(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, text)
	return hex.EncodeToString(mac.Sum(nil))
}

// signed returns the headers of a request that the source's own way of signing
// makes good.
func (s *site) signed(src memory.Source, body string) map[string]string {
	at := fmt.Sprint(s.now.Unix())
	switch src.Verification {
	case memory.VerifyStandard:
		secret, err := signing.ParseSecret(src.Secret.Reveal())
		if err != nil {
			s.t.Fatal(err)
		}
		h := http.Header{}
		id := "msg_" + base64.RawURLEncoding.EncodeToString([]byte(body))
		signing.SetHeaders(h, []signing.Secret{secret}, id[:min(len(id), 60)], s.now, []byte(body))
		return map[string]string{"webhook-id": h.Get("webhook-id"), "webhook-timestamp": at, "webhook-signature": h.Get("webhook-signature")}
	case memory.VerifyGitHub:
		return map[string]string{src.Header: "sha256=" + sum(src.Secret.Reveal(), body)}
	case memory.VerifyStripe:
		return map[string]string{src.Header: "t=" + at + ",v1=" + sum(src.Secret.Reveal(), at+"."+body)}
	case memory.VerifyToken:
		return map[string]string{src.Header: src.Secret.Reveal()}
	}
	return nil
}

const mem0Body = `{"event_details": {"id": "0193a1f0-0000-7000-8000-000000000001", "data": {"memory": "Name is Alex"}, "event": "ADD", "user_id": "alex"}}`

// TestEachVerification: what is signed the source's way is accepted, and what is
// not is 401, leaves an audit entry, and nothing else.
func TestEachVerification(t *testing.T) {
	for _, v := range memory.Verifications() {
		t.Run(string(v), func(t *testing.T) {
			s := open(t)
			s.endpoint("*")
			src := s.source(memory.NewSource{Verification: v})
			if got := s.post(src.Path(), mem0Body, s.signed(src, mem0Body)); got.Status != http.StatusOK || got.Duplicate {
				t.Fatalf("a good request: %+v", got)
			}
			if v == memory.VerifyNone {
				return
			}
			for name, header := range map[string]map[string]string{
				"none": nil, "that of another body": s.signed(src, mem0Body+" "), "the wrong secret": s.signed(s.source(memory.NewSource{Verification: v}), mem0Body),
			} {
				if v == memory.VerifyToken && name == "that of another body" {
					continue // a token says nothing about the body
				}
				if got := s.post(src.Path(), mem0Body, header); got.Status != http.StatusUnauthorized {
					t.Errorf("signature: %s: %+v, want 401", name, got)
				}
			}
			if n := len(s.events()); n != 1 {
				t.Errorf("%d events, want that of the good request", n)
			}
			if len(s.notes) != 1 || !strings.HasPrefix(s.notes[0], s.project+" system source.refuse src_"+src.ID.String()) {
				t.Errorf("audit entries %q, want one for the flood", s.notes)
			}
			s.now = s.now.Add(2 * time.Minute)
			s.post(src.Path(), mem0Body, nil)
			if len(s.notes) != 2 || !strings.Contains(s.notes[1], "more since") {
				t.Errorf("audit entries %q, want another after two minutes, with the number of those between", s.notes)
			}
		})
	}
}

// TestMem0Payload: a payload of mem0's hosted service becomes a message of its own
// type for each endpoint, and a repeat becomes nothing.
func TestMem0Payload(t *testing.T) {
	s := open(t)
	a, b, other := s.endpoint("memory_add"), s.endpoint("*"), s.endpoint("memory_delete")
	src := s.source(memory.NewSource{Verification: memory.VerifyNone})
	first := s.post(src.Path(), mem0Body, nil)
	again := s.post(src.Path(), mem0Body, nil)
	if again.Status != http.StatusOK || !again.Duplicate || again.EventID != first.EventID {
		t.Errorf("the repeat: %+v, want a duplicate of %s", again, first.EventID)
	}
	events := s.events()
	if len(events) != 1 || events[0].Kind != memory.EventRelay || events[0].Status != memory.EventSucceeded || events[0].Scope.UserID != "alex" {
		t.Fatalf("events %+v, want one RELAY of alex", events)
	}
	if !strings.Contains(string(events[0].Payload), mem0Body) {
		t.Errorf("payload %s, want the body as received in it", events[0].Payload)
	}
	got := map[uuid.UUID]delivery.Status{}
	for _, trail := range s.trails(first.EventID) {
		got[trail.Delivery.EndpointID] = trail.Delivery.Status
		if trail.MessageType != delivery.MemoryAdd {
			t.Errorf("type %s, want memory_add", trail.MessageType)
		}
	}
	want := map[uuid.UUID]delivery.Status{a.ID: delivery.Pending, b.ID: delivery.Pending, other.ID: delivery.Skipped}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if len(s.due) != 2 {
		t.Errorf("%d deliveries handed on, want 2", len(s.due))
	}
}

// TestBodies: what receivers get of what came in.
func TestBodies(t *testing.T) {
	long := `{"event_details":{"event":"UPDATE","id":"0193a1f0-0000-7000-8000-000000000001","data":{"memory":"` + strings.Repeat("x", 200<<10) + `"}}}`
	for _, test := range []struct {
		name, body string
		header     map[string]string
		want       string // members of the message, "" for none
	}{
		{"mem0 add", mem0Body, nil, `{"type": "memory_add", "event_details": {"id": "0193a1f0-0000-7000-8000-000000000001", "data": {"memory": "Name is Alex"}, "event": "ADD", "user_id": "alex"},
			"data": {"memory_id": "0193a1f0-0000-7000-8000-000000000001", "event": "ADD", "memory": "Name is Alex", "user_id": "alex", "agent_id": null, "origin": "RELAY", "hops": 1, "source": "a source"}}`},
		{
			"mem0 categorize", `{"event_details":{"event":"CATEGORIZE","memory_id":"not a uuid","categories":["a"]}}`, nil,
			`{"type": "memory_categorize", "data": {"event": "CATEGORIZE", "memory": "", "categories": ["a"]}}`,
		},
		{"mem0 update, too long to say twice", long, nil, `{"type": "memory_update", "data": {"memory": "", "truncated": true}}`},
		{"relayed by another memhook", `{"event_details":{"event":"DELETE"},"type":"memory_delete","data":{"hops":3}}`, nil, `{"type": "memory_delete", "data": {"hops": 4}}`},
		{"unknown mem0 event", `{"event_details":{"event":"EXPLODE"},"type":"x"}`, nil, `{"type": "relay.x", "data": {"payload": {"type": "x"}}}`},
		{"pretends to be mem0", `{"type":"memory_add"}`, nil, `{"type": "relay.memory_add"}`},
		{"stripe", `{"id":"evt_1","type":"invoice.paid","n":12345678901234567890}`, nil, `{"type": "relay.invoice.paid", "data": {"origin": "RELAY", "payload": {"n": 12345678901234567890}}}`},
		{
			"github", `{"ref":"refs/heads/main"}`,
			map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "Authorization": "Bearer x", "X-Api-Key": "k"},
			`{"type": "relay.push", "data": {"headers": {"x-github-event": "push", "x-github-delivery": "d-1"}}}`,
		},
		{"a list", `[1,2]`, nil, `{"type": "relay.received", "data": {"payload": [1, 2]}}`},
		{
			"a form", "a=1&b=2",
			map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			`{"type": "relay.received", "data": {"payload": {"content_type": "application/x-www-form-urlencoded", "body_base64": "YT0xJmI9Mg=="}}}`,
		},
		{"a wrong type of type", `{"type":{"a":1},"event":"created"}`, nil, `{"type": "relay.created"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			s.endpoint("*")
			got := s.post(s.source(memory.NewSource{Verification: memory.VerifyNone}).Path(), test.body, test.header)
			if got.Status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			trails := s.trails(got.EventID)
			claims, err := s.db.ClaimDeliveries(t.Context(), []uuid.UUID{trails[0].Delivery.ID}, s.now, nil)
			if err != nil || len(claims) != 1 {
				t.Fatalf("%d claims, error %v", len(claims), err)
			}
			m := claims[0].Message
			var have, want any
			if err := json.Unmarshal(m.Body, &have); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if missing := missing(want, have, ""); missing != "" {
				t.Errorf("body %.2000s: %s", m.Body, missing)
			}
			if len(m.Body) > delivery.MaxPayload+4<<10 {
				t.Errorf("the body has %d bytes", len(m.Body))
			}
			for _, f := range []delivery.Format{delivery.Thin, delivery.Mem0} {
				if raw, err := m.Payload(f); err != nil || !json.Valid(raw) || f == delivery.Thin && !strings.Contains(string(raw), got.EventID.String()) {
					t.Errorf("format %s: %s, error %v", f, raw, err)
				}
			}
		})
	}
}

// missing says which part of want is not in have.
func missing(want, have any, at string) string {
	members, ok := want.(map[string]any)
	if !ok {
		if diff := cmp.Diff(want, have); diff != "" {
			return at + " (-want +got):\n" + diff
		}
		return ""
	}
	object, _ := have.(map[string]any)
	for name, v := range members {
		if _, ok := object[name]; !ok {
			return at + "." + name + " is missing"
		}
		if m := missing(v, object[name], at+"."+name); m != "" {
			return m
		}
	}
	return ""
}

// TestRepeats: by what two requests are known to be the same.
func TestRepeats(t *testing.T) {
	hour := time.Hour
	type request struct {
		body   string
		header map[string]string
		after  time.Duration
	}
	id := func(name, v string) map[string]string { return map[string]string{name: v} }
	for _, test := range []struct {
		name          string
		source        memory.NewSource
		first, second request
		repeat        bool
	}{
		{"same body", memory.NewSource{}, request{body: `{"a":1}`}, request{body: `{"a":1}`}, true},
		{"another body", memory.NewSource{}, request{body: `{"a":1}`}, request{body: `{"a":2}`}, false},
		{"same ID, another body", memory.NewSource{}, request{`{"a":1}`, id("X-GitHub-Delivery", "1"), 0}, request{`{"a":2}`, id("X-GitHub-Delivery", "1"), 0}, true},
		{"another ID, same body", memory.NewSource{}, request{`{"a":1}`, id("webhook-id", "1"), 0}, request{`{"a":1}`, id("webhook-id", "2"), 0}, false},
		{"same ID under another name", memory.NewSource{}, request{`{"a":1}`, id("webhook-id", "1"), 0}, request{`{"a":1}`, id("Idempotency-Key", "1"), 0}, false},
		{"at the end of the window", memory.NewSource{Window: &hour}, request{body: `{}`}, request{body: `{}`, after: hour - time.Second}, true},
		{"after the window", memory.NewSource{Window: &hour}, request{body: `{}`}, request{body: `{}`, after: hour}, false},
		{"no window", memory.NewSource{Window: new(time.Duration)}, request{body: `{}`}, request{body: `{}`}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			test.source.Verification = memory.VerifyNone
			src := s.source(test.source)
			first := s.post(src.Path(), test.first.body, test.first.header)
			s.now = s.now.Add(test.second.after)
			second := s.post(src.Path(), test.second.body, test.second.header)
			if second.Duplicate != test.repeat || (second.EventID == first.EventID) != test.repeat {
				t.Errorf("%+v, then %+v; want a repeat: %t", first, second, test.repeat)
			}
			if n := len(s.events()); n != map[bool]int{true: 1, false: 2}[test.repeat] {
				t.Errorf("%d events", n)
			}
		})
	}
	t.Run("another source", func(t *testing.T) {
		s := open(t)
		for range 2 {
			src := s.source(memory.NewSource{Verification: memory.VerifyNone})
			if got := s.post(src.Path(), `{}`, nil); got.Duplicate {
				t.Error("a request of one source is a repeat of another's")
			}
		}
	})
}

// TestStripeRepeat: Stripe's retries are signed anew and carry the same event.
func TestStripeRepeat(t *testing.T) {
	s := open(t)
	src := s.source(memory.NewSource{Verification: memory.VerifyStripe, Secret: "whsec_of_stripe_0123456789"})
	first := s.post(src.Path(), `{"id":"evt_1","n":1}`, s.signed(src, `{"id":"evt_1","n":1}`))
	s.now = s.now.Add(time.Hour)
	second := s.post(src.Path(), `{"id":"evt_1","n":2}`, s.signed(src, `{"id":"evt_1","n":2}`))
	if first.Status != http.StatusOK || !second.Duplicate || second.EventID != first.EventID {
		t.Errorf("%+v, then %+v; want a repeat", first, second)
	}
}

// TestCopiesAtOnce: of many copies that come at the same moment one is accepted.
func TestCopiesAtOnce(t *testing.T) {
	s := open(t)
	s.endpoint("*")
	src := s.source(memory.NewSource{Verification: memory.VerifyNone})
	const copies = 24
	answers := make([]answer, copies)
	var wg sync.WaitGroup
	for i := range copies {
		wg.Go(func() { answers[i] = s.post(src.Path(), mem0Body, nil) })
	}
	wg.Wait()
	fresh := 0
	for _, a := range answers {
		if a.EventID != answers[0].EventID || a.Status != http.StatusOK {
			t.Errorf("%+v, want event %s", a, answers[0].EventID)
		}
		if !a.Duplicate {
			fresh++
		}
	}
	if n := len(s.events()); fresh != 1 || n != 1 || len(s.due) != 1 {
		t.Errorf("%d accepted, %d events, %d deliveries; want one each", fresh, n, len(s.due))
	}
}

func TestRefusals(t *testing.T) {
	s := open(t)
	src := s.source(memory.NewSource{Verification: memory.VerifyNone})
	paused := s.source(memory.NewSource{Verification: memory.VerifyNone, Paused: true})
	gone := s.source(memory.NewSource{Verification: memory.VerifyNone})
	if err := s.memory.DeleteSource(t.Context(), s.project, gone.ID); err != nil {
		t.Fatal(err)
	}
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for _, test := range []struct {
		name, path, body string
		want             int
	}{
		{"unknown", "/in/" + strings.Repeat("a", 32), `{}`, http.StatusNotFound},
		{"its ID", "/in/src_" + src.ID.String(), `{}`, http.StatusNotFound},
		{"a dot", "/in/.", `{}`, http.StatusNotFound},
		{"no token", "/in/", `{}`, http.StatusNotFound},
		{"not UTF-8", "/in/%ff%00", `{}`, http.StatusNotFound},
		{"deeper", src.Path() + "/x", `{}`, http.StatusNotFound},
		{"deleted", gone.Path(), `{}`, http.StatusNotFound},
		{"paused", paused.Path(), `{}`, http.StatusServiceUnavailable},
		{"empty", src.Path(), "", http.StatusBadRequest},
		{"blank", src.Path(), " \n", http.StatusBadRequest},
		{"a final slash", src.Path() + "/", `{"final":"slash"}`, http.StatusOK},
		{"as deep as it may be", src.Path(), deep(64), http.StatusOK},
		{"too deep", src.Path(), deep(65), http.StatusBadRequest},
		{"as long as it may be", src.Path(), `"` + strings.Repeat("x", memory.MaxRelay-2) + `"`, http.StatusOK},
		{"too long", src.Path(), `"` + strings.Repeat("x", memory.MaxRelay-1) + `"`, http.StatusRequestEntityTooLarge},
		{"no JSON and too long", src.Path(), strings.Repeat("x", memory.MaxRelay-100), http.StatusRequestEntityTooLarge},
		{"relayed too often", src.Path(), `{"data":{"hops":16}}`, http.StatusBadRequest},
		{"half a character", src.Path(), "{\"a\":\"\xff\"}", http.StatusOK},
		{"NUL in a scope", src.Path(), `{"user_id":"a\u0000b"}`, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := s.post(test.path, test.body, nil); got.Status != test.want {
				t.Errorf("%+v, want %d", got, test.want)
			}
		})
	}
	req, err := http.NewRequest(http.MethodGet, s.url+src.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
		t.Errorf("GET: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}
