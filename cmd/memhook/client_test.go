package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers are what a server says, one after the other; the last one again and again.
type answers []*http.Response

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	next := *(*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	next.Body = io.NopCloser(strings.NewReader(`{"detail":"Too many requests."}`))
	return &next, nil
}

func limited(after string) *http.Response {
	return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {after}}}
}

// TestACommandWaitsForARateLimit: a long list is not cut off by it. A wait without end
// is an answer.
func TestACommandWaitsForARateLimit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server answers
		waited time.Duration
		code   int
	}{
		{"once", answers{limited("2"), {StatusCode: 200}}, 2 * time.Second, exitDone},
		{"often", answers{limited("1"), limited("0"), limited("1"), {StatusCode: 200}}, 3 * time.Second, exitDone},
		{"for ever", answers{limited("25")}, 50 * time.Second, exitFailed},
		{"longer than anybody waits", answers{limited("3600")}, 0, exitFailed},
		{"it does not say how long", answers{limited("")}, 0, exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &client{base: "http://memhook.invalid", http: &http.Client{Transport: &tt.server}}
				began := time.Now()
				err := c.call(t.Context(), http.MethodGet, "/api/v2/events", nil, &struct{}{})
				if waited := time.Since(began); waited != tt.waited || exitCode(err) != tt.code {
					t.Errorf("waited %v, error %v; want %v and exit code %d", waited, err, tt.waited, tt.code)
				}
			})
		})
	}
}
