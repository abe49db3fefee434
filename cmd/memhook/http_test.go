package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// TestRequestLog shows that the log says what happened and holds nothing private.
func TestRequestLog(t *testing.T) {
	var log bytes.Buffer
	n := &node{log: slog.New(slog.NewTextHandler(&log, nil))}
	e := echo.New()
	e.HTTPErrorHandler = answerPlainly
	e.Use(requestID, n.logRequests, n.recoverPanics, limitBody)
	e.POST("/v1/things/:name", func(c echo.Context) error {
		switch c.Param("name") {
		case "panic":
			panic("oh")
		case "error":
			return errors.New("disk full")
		case "known":
			return echo.NewHTTPError(http.StatusTeapot, "short and stout")
		}
		return c.NoContent(http.StatusOK)
	})
	tests := []struct {
		name, path, id string
		status         int
		logs, answers  string
	}{
		{"plain", "private", "req-1", 200, "request_id=req-1 method=POST route=/v1/things/:name status=200", ""},
		{"hostile ID", "private", "a\" level=ERROR", 200, "status=200", ""},
		{"panic", "panic", "req-2", 500, "level=ERROR msg=panic request_id=req-2", `Internal Server Error`},
		{"error", "error", "req-3", 500, "level=ERROR msg=request request_id=req-3", `"request_id":"req-3"`},
		{"known error", "known", "req-4", 418, "level=INFO msg=request request_id=req-4", "short and stout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log.Reset()
			r := httptest.NewRequest(http.MethodPost, "/v1/things/"+tt.path+"?token=private", strings.NewReader("private"))
			r.Header.Set("X-Request-ID", tt.id)
			r.Header.Set("Authorization", "Token private")
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.answers) {
				t.Errorf("answered %d %s, want %d with %s", w.Code, w.Body, tt.status, tt.answers)
			}
			if strings.Contains(w.Body.String(), "disk") {
				t.Errorf("the answer gives away the cause: %s", w.Body)
			}
			if !strings.Contains(log.String(), tt.logs) {
				t.Errorf("log is\n%swant it to have %q", log.String(), tt.logs)
			}
			for _, secret := range []string{"private", "level=ERROR\" "} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("log has %q:\n%s", secret, log.String())
				}
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	n, _ := startNode(t, testConfig(t))
	r := httptest.NewRequest(http.MethodPost, "/v1/memories/", strings.NewReader(strings.Repeat(" ", maxBody+1)))
	r.Header.Set("Authorization", "Token "+n.firstKey)
	w := httptest.NewRecorder()
	n.http.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of %d bytes was answered %d, want 413", maxBody+1, w.Code)
	}
}
