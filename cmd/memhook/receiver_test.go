package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/signing"
)

const updateBody = `{"event_details":{"event":"UPDATE","data":{"memory":"Lives in Lisbon"}},"type":"memory_update",` +
	`"data":{"memory":"Lives in Lisbon","previous_memory":"Lives in\u001b[31m Berlin"}}`

// signedRequest is a callback signed at the given time.
func signedRequest(s signing.Secret, id, body string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	signing.SetHeaders(r.Header, []signing.Secret{s}, id, at, []byte(body))
	r.Header.Set("Memhook-Attempt", "2")
	return r
}

func TestReceiver(t *testing.T) {
	good, other := signing.GenerateSecret(), signing.GenerateSecret()
	var shown strings.Builder
	r := &receiver{
		secrets: []signing.Secret{other, good},
		show:    func(c callback) { showCallback(&shown, c) },
		manner:  manner{status: 503, retryAfter: "7", fail: func(c callback) bool { return c.ID == "msg_fail" }},
	}
	now := time.Now()
	tampered := signedRequest(good, "msg_1", updateBody, now)
	tampered.Body = http.NoBody
	tests := []struct {
		name   string
		req    *http.Request
		status int
		shows  string
	}{
		{"verified", signedRequest(good, "msg_1", updateBody, now), 200, "memory_update ✓ verified  msg_1  attempt 2  answered 200"},
		{"again", signedRequest(good, "msg_1", updateBody, now), 200, "seen before"},
		{"on purpose", signedRequest(good, "msg_fail", updateBody, now), 503, "answered 503 on purpose"},
		{"tampered", tampered, 401, "✗ no signature matches"},
		{"other secret", signedRequest(signing.GenerateSecret(), "msg_2", updateBody, now), 401, "✗"},
		{"too old", signedRequest(good, "msg_3", updateBody, now.Add(-time.Hour)), 401, "✗ webhook-timestamp is too old: 1h0m"},
		{"not signed", httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")), 401, "✗"},
		{"not a callback", httptest.NewRequest(http.MethodGet, "/", nil), 405, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shown.Reset()
			w := httptest.NewRecorder()
			r.ServeHTTP(w, tt.req)
			if w.Code != tt.status {
				t.Errorf("answered %d, want %d", w.Code, tt.status)
			}
			if !strings.Contains(shown.String(), tt.shows) {
				t.Errorf("shown is\n%s, want it to have %q", shown.String(), tt.shows)
			}
			if strings.Contains(shown.String(), "\x1b") {
				t.Errorf("shown has an escape sequence: %q", shown.String())
			}
			if want := map[bool]string{true: "7"}[tt.status == 503]; w.Header().Get("Retry-After") != want {
				t.Errorf("Retry-After is %q, want %q", w.Header().Get("Retry-After"), want)
			}
		})
	}
	want := totals{Received: 7, Verified: 3, Unverified: 4, Unique: 2, Repeated: 1, FailedOnPurpose: 1}
	if diff := cmp.Diff(want, r.count()); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

func TestShowUpdate(t *testing.T) {
	secret := signing.GenerateSecret()
	var shown strings.Builder
	r := &receiver{secrets: []signing.Secret{secret}, show: func(c callback) { showCallback(&shown, c) }}
	r.ServeHTTP(httptest.NewRecorder(), signedRequest(secret, "msg_1", updateBody, time.Now()))
	_, diff, _ := strings.Cut(shown.String(), "\n")
	if want := "    - Lives in⟨U+001B⟩[31m Berlin\n    + Lives in Lisbon\n"; diff != want {
		t.Errorf("diff is\n%swant\n%s", diff, want)
	}
}

func TestALongTextIsShortened(t *testing.T) {
	if short := strings.Repeat("é", maxShown/2); shortened(short) != short {
		t.Errorf("a text of %d bytes is shown as %q", len(short), shortened(short))
	}
	long := "x" + strings.Repeat("é", 100_000)
	if got := shortened(long); len(got) > maxShown+30 || !strings.HasSuffix(got, "é… (200001 bytes)") {
		t.Errorf("a long text is shown in %d bytes, at the end %q", len(got), got[len(got)-30:])
	}
}

func TestRecentIsBounded(t *testing.T) {
	var r recent
	id := func(i int) string { return time.Unix(int64(i), 0).String() }
	for i := range 3 * recentSize {
		if r.add(id(i)) {
			t.Fatalf("ID %d was not added before", i)
		}
	}
	if !r.add(id(2*recentSize + 1)) {
		t.Errorf("an ID within the last %d is forgotten", recentSize)
	}
	if n := len(r.now) + len(r.before); n > 2*recentSize {
		t.Errorf("%d IDs are remembered, want at most %d", n, 2*recentSize)
	}
}

// TestReceiverForwards: what verifies goes to the server behind as it came, and its
// answer comes back; nothing else does.
func TestReceiverForwards(t *testing.T) {
	secret := signing.GenerateSecret()
	var got []string
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if verifyErr := signing.Verify([]signing.Secret{secret}, r.Header, body, time.Now(), signing.Tolerance); err != nil || verifyErr != nil {
			t.Errorf("read: %v, verify: %v", err, verifyErr)
		}
		got = append(got, r.Header.Get(signing.HeaderID))
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	}))
	forward, err := newForwarder(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	r := &receiver{
		secrets: []signing.Secret{secret}, forward: forward, show: func(c callback) { showCallback(&shown, c) },
		manner: manner{status: 503, fail: func(c callback) bool { return c.ID == "msg_fail" }},
	}
	ask := func(req *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w
	}
	now := time.Now()
	if w := ask(signedRequest(secret, "msg_1", updateBody, now)); w.Code != http.StatusTeapot || w.Body.String() != "short and stout" {
		t.Errorf("answered %d %s, want what the server behind said", w.Code, w.Body)
	}
	if w := ask(signedRequest(signing.GenerateSecret(), "msg_2", updateBody, now)); w.Code != http.StatusUnauthorized {
		t.Errorf("what does not verify is answered %d", w.Code)
	}
	if w := ask(signedRequest(secret, "msg_fail", updateBody, now)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("what fails on purpose is answered %d", w.Code)
	}
	if diff := cmp.Diff([]string{"msg_1"}, got); diff != "" {
		t.Errorf("forwarded (-want +got):\n%s", diff)
	}
	behind.Close()
	if w := ask(signedRequest(secret, "msg_3", updateBody, now)); w.Code != http.StatusBadGateway || !strings.Contains(shown.String(), "not forwarded") {
		t.Errorf("with nobody behind: answered %d, shown %s", w.Code, &shown)
	}
}
