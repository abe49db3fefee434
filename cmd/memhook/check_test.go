package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"memhook/signing"
)

// TestCheck: what each kind of receiver fails, and with which exit code.
func TestCheck(t *testing.T) {
	secret := signing.GenerateSecret()
	// verify is a receiver's own check; skew is how old it lets a request be.
	verify := func(r *http.Request, body []byte, skew time.Duration) bool {
		return signing.Verify([]signing.Secret{secret}, r.Header, body, time.Now(), skew) == nil
	}
	for _, test := range []struct {
		name     string
		receiver func(w http.ResponseWriter, r *http.Request, body []byte)
		code     int
		grade    string
		fails    []string
	}{
		{"a good one", func(w http.ResponseWriter, r *http.Request, body []byte) {
			if !verify(r, body, signing.Tolerance) {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}, 0, "A", nil},
		{"one that believes everything", func(http.ResponseWriter, *http.Request, []byte) {}, exitFailures, "F", []string{
			"tampered body", "another secret", "unsigned request", "another id", "stale request", "request ahead of time",
		}},
		{"one without a clock", func(w http.ResponseWriter, r *http.Request, body []byte) {
			if !verify(r, body, 24*time.Hour) {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}, exitFailures, "F", []string{"stale request", "request ahead of time"}},
		{"one that breaks on bad signatures", func(w http.ResponseWriter, r *http.Request, body []byte) {
			if !verify(r, body, signing.Tolerance) {
				panic(http.ErrAbortHandler)
			}
		}, exitFailures, "F", []string{"tampered body", "another secret", "unsigned request", "another id", "stale request", "request ahead of time"}},
		{"one with a small limit", func(w http.ResponseWriter, r *http.Request, body []byte) {
			switch {
			case len(body) > 100<<10:
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			case !verify(r, body, signing.Tolerance):
				w.WriteHeader(http.StatusUnauthorized)
			}
		}, exitFailures, "F", []string{"huge request"}},
		{"one that talks a lot", func(w http.ResponseWriter, r *http.Request, body []byte) {
			if !verify(r, body, signing.Tolerance) {
				w.WriteHeader(http.StatusUnauthorized)
			}
			w.Write(bytes.Repeat([]byte("x"), maxAnswer+1))
		}, 0, "B", []string{"small answer"}},
		{"one that is broken", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.WriteHeader(http.StatusInternalServerError)
		}, exitFailures, "F", []string{"signed request"}},
		{"one that has moved", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Location", "https://new.example.com/hook")
			w.WriteHeader(http.StatusMovedPermanently)
		}, exitFailures, "F", []string{"signed request"}},
		{"one that knows repeats as errors", repeats(verify), exitFailures, "F", []string{"repeated request"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				test.receiver(w, r, body)
			}))
			defer server.Close()
			file := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(file, []byte(secret.Reveal()), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"check", server.URL, "--secret-file", file, "--allow-net", "127.0.0.1/32", "--slow", "50ms", "-o", "json"}, nil, &stdout, &stderr)
			var report checkReport
			if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
				t.Fatalf("%v: %s\n%s", err, &stdout, &stderr)
			}
			var fails []string
			for _, c := range report.Checks {
				if !c.OK {
					fails = append(fails, c.Name)
				}
				if c.OK != (c.Advice == "") {
					t.Errorf("check %+v", c)
				}
			}
			if code != test.code || report.Grade != test.grade || !slices.Equal(fails, test.fails) {
				t.Errorf("exit code %d, grade %s, failed %q; want %d, %s, %q", code, report.Grade, fails, test.code, test.grade, test.fails)
			}
		})
	}
}

func repeats(verify func(*http.Request, []byte, time.Duration) bool) func(http.ResponseWriter, *http.Request, []byte) {
	seen := map[string]bool{}
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		id := r.Header.Get(signing.HeaderID)
		switch {
		case !verify(r, body, signing.Tolerance):
			w.WriteHeader(http.StatusUnauthorized)
		case seen[id]:
			w.WriteHeader(http.StatusConflict)
		default:
			seen[id] = true
		}
	}
}

// TestCheckShowsALineForEach: memhook's own receiver passes, and is told so.
func TestCheckShowsALineForEach(t *testing.T) {
	secret := signing.GenerateSecret()
	server := httptest.NewServer(&receiver{secrets: []signing.Secret{secret}, show: func(callback) {}})
	defer server.Close()
	t.Setenv("MEMHOOK_WEBHOOK_SECRET", secret.Reveal())
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"check", server.URL, "--allow-net", "127.0.0.1/32", "--slow", "50ms"}, nil, &stdout, &stderr)
	for _, line := range []string{"✓ tampered body", "✓ huge request", "\nGrade A: 17 of 17 checks passed.\n"} {
		if code != 0 || !strings.Contains(stdout.String(), line) || stderr.Len() > 0 {
			t.Errorf("exit code %d, want 0 and %q:\n%s%s", code, line, &stdout, &stderr)
		}
	}
}
