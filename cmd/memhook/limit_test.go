package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
)

func TestRateLimit(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	e := echo.New()
	e.Use(newRateLimit(1, func() time.Time { return now }).middleware)
	for _, path := range []string{"/", "/in/:token"} {
		e.GET(path, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	}
	type answer struct {
		Status             int
		Left, Reset, Retry string
	}
	steps := []struct {
		name  string
		key   string // of a source when it begins with a slash
		later time.Duration
		want  answer
	}{
		{"first", "a", 0, answer{200, "1", "1", ""}},
		{"burst is twice the rate", "a", 0, answer{200, "0", "2", ""}},
		{"too many", "a", 0, answer{429, "0", "2", "1"}},
		{"another key", "b", 0, answer{200, "1", "1", ""}},
		{"no key is not counted", "", 0, answer{200, "", "", ""}},
		{"a little too early", "a", 100 * time.Millisecond, answer{429, "0", "2", "1"}},
		{"a source", "/in/x", 0, answer{200, "1", "1", ""}},
		{"a source again", "/in/x", 0, answer{200, "0", "2", ""}},
		{"a source too often", "/in/x", 0, answer{429, "0", "2", "1"}},
		{"another source", "/in/y", 0, answer{200, "1", "1", ""}},
		{"as long as asked", "a", 900 * time.Millisecond, answer{200, "0", "2", ""}},
	}
	for _, s := range steps {
		now = now.Add(s.later)
		path := "/"
		if strings.HasPrefix(s.key, "/") {
			path, s.key = s.key, ""
		}
		req := httptest.NewRequest(http.MethodGet, path, nil)
		if s.key != "" {
			req.Header.Set("Authorization", "Token "+s.key)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, req)
		h := w.Header()
		got := answer{w.Code, h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Reset"), h.Get("Retry-After")}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func TestRateLimitForgetsKeys(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newRateLimit(1, func() time.Time { return now })
	for i := range 3 * keyRoom {
		l.take([32]byte{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if n := len(l.keys); n > keyRoom {
		t.Errorf("%d keys are remembered, want at most %d", n, keyRoom)
	}
}
