package mem0api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"memhook/memory/mem0api"
	"memhook/signing/apikey"
)

// pathOf is a route's path with something in its parameters.
func pathOf(r mem0api.Route) string {
	segments := strings.Split(r.Pattern, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") {
			segments[i] = "00000000-0000-4000-8000-000000000000"
		}
	}
	return strings.Join(segments, "/")
}

func detailOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Detail any }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("answer is not JSON: %v: %q", err, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q, want application/json", got)
	}
	text, _ := body.Detail.(string)
	return text
}

func TestRoutes(t *testing.T) {
	s := newServer(t, nil)
	api := mem0api.New(mem0api.Config{Memory: s.memory, Delivery: s.delivery, Keys: s.db.Key, Log: discard})
	read := s.keyFor(apikey.Read)
	for _, r := range api.Routes() {
		t.Run(r.Method+" "+r.Pattern, func(t *testing.T) {
			path := pathOf(r)
			for _, header := range []string{"", "Token", "Token wrong", "Bearer " + apikey.Generate()} {
				w := s.send(r.Method, path, "", "Authorization", header)
				if detail := detailOf(t, w); w.Code != http.StatusUnauthorized || detail != "Invalid API key." {
					t.Errorf("with Authorization %q: %d %s, want 401 Invalid API key.", header, w.Code, w.Body)
				}
			}
			if w := s.send(r.Method, path, "", "Authorization", "Token "+read); strings.Contains(w.Body.String(), "may only read") != (r.Scope == apikey.Admin) {
				t.Errorf("with a read key: %d %s, scope is %s", w.Code, w.Body, r.Scope)
			}
			want := s.send(r.Method, path, "")
			for _, spelling := range []string{strings.TrimSuffix(path, "/"), "/" + path, "//" + path, path + "?x=y"} {
				if w := s.send(r.Method, spelling, ""); w.Code != want.Code || w.Body.String() != want.Body.String() {
					t.Errorf("%s %s: %d %s, want as for %s: %d %s", r.Method, spelling, w.Code, w.Body, path, want.Code, want.Body)
				}
			}
			w := s.send("TRACE", path, "")
			if detail := detailOf(t, w); w.Code != http.StatusMethodNotAllowed || !strings.Contains(detail, "TRACE") {
				t.Errorf("TRACE: %d %s, want 405", w.Code, w.Body)
			}
			if allow := strings.Split(w.Header().Get("Allow"), ", "); !slices.Contains(allow, r.Method) {
				t.Errorf("TRACE: Allow %q, want %s in it", allow, r.Method)
			}
			if w := s.send("OPTIONS", path, "", "Authorization", ""); w.Code != http.StatusOK || w.Body.String() != "{}" {
				t.Errorf("OPTIONS: %d %s, want 200 {}", w.Code, w.Body)
			}
			if r.Method == http.MethodGet {
				if w := s.send("HEAD", path, ""); w.Code != want.Code {
					t.Errorf("HEAD: %d, want %d as for GET", w.Code, want.Code)
				}
			}
		})
	}
}

func TestUnknownPaths(t *testing.T) {
	s := newServer(t, nil)
	s.echo.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok") })
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/v1/", 404, `{"detail":"Not found."}`},
		{"GET", "/v2", 404, `{"detail":"Not found."}`},
		{"POST", "/v3/memories/add/more/", 404, `{"detail":"Not found."}`},
		{"GET", "/v1/event/a/b/", 404, `{"detail":"Not found."}`},
		{"GET", "/v1/event/a%2Fb/", 404, `{"detail":"Event not found","error":"Event not found"}`},
		{"GET", "/v1/event/%00/", 404, `{"detail":"Not found."}`},
		{"GET", "/v1/event/%FF/", 404, `{"detail":"Not found."}`},
		{"OPTIONS", "/api/v1/nothing", 404, `{"detail":"Not found."}`},
		{"GET", "/V1/ping/", 404, `{"message":"Not Found"}`},
		{"GET", "/v10/ping/", 404, `{"message":"Not Found"}`},
		{"GET", "/api/v2/ping/", 404, `{"message":"Not Found"}`},
		{"GET", "/healthz", 200, `ok`},
		{"GET", "/healthz/", 404, `{"message":"Not Found"}`},
	} {
		w := s.send(test.method, test.path, "")
		if got := strings.TrimSpace(w.Body.String()); w.Code != test.status || got != test.body {
			t.Errorf("%s %s: %d %s, want %d %s", test.method, test.path, w.Code, got, test.status, test.body)
		}
	}
}

// TestErrors holds what is shown of errors that are not the caller's.
func TestErrors(t *testing.T) {
	s := newServer(t, func(c *mem0api.Config) {
		c.Keys = func(context.Context, [sha256.Size]byte) (apikey.Key, error) {
			return apikey.Key{}, errors.New("disk on fire")
		}
	})
	s.echo.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, "req-1")
			switch c.Request().URL.RawQuery {
			case "limited":
				return echo.NewHTTPError(http.StatusTooManyRequests, "Slow down.")
			case "broken":
				return errors.New("disk on fire")
			case "late":
				return echo.NewHTTPError(http.StatusServiceUnavailable, "disk on fire")
			}
			return next(c)
		}
	})
	for _, test := range []struct {
		query  string
		status int
		body   string
	}{
		{"", 500, `{"detail":"internal error","error":"internal error"}`},
		{"?broken", 500, `{"detail":"internal error","error":"internal error"}`},
		{"?limited", 429, `{"detail":"Slow down.","error":"Slow down."}`},
		{"?late", 503, `{"detail":"Service Unavailable","error":"Service Unavailable"}`},
	} {
		s.log.Reset()
		w := s.send("GET", "/v1/ping/"+test.query, "")
		if w.Code != test.status || w.Body.String() != test.body {
			t.Errorf("GET /v1/ping/%s: %d %s, want %d %s", test.query, w.Code, w.Body, test.status, test.body)
		}
		logged := s.log.String()
		if (test.status == 500) != (strings.Contains(logged, "disk on fire") && strings.Contains(logged, "request_id=req-1")) {
			t.Errorf("GET /v1/ping/%s logs %q", test.query, logged)
		}
		if after := w.Header().Get("Retry-After"); (after != "") != (test.status == 503) {
			t.Errorf("GET /v1/ping/%s: Retry-After %q", test.query, after)
		}
	}
}
