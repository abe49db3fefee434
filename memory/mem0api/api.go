package mem0api

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/memory"
	"memhook/signing/apikey"
)

// Config is what the API needs. Memory, Delivery, Keys and Log are required.
type Config struct {
	Memory   *memory.Service
	Delivery *delivery.Service
	// Keys returns the key with the hash, memory.ErrNotFound when there is none.
	// It is asked on every request, so it should remember.
	Keys func(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error)
	Log  *slog.Logger
	// PublicURL begins the URLs in answers; "": the scheme and host of the request.
	PublicURL string
	// TrustForwarded takes them from X-Forwarded-Proto and X-Forwarded-Host instead.
	// Only for a server behind a proxy that sets both.
	TrustForwarded bool
}

// API answers mem0's clients.
type API struct {
	memory    *memory.Service
	delivery  *delivery.Service
	keys      func(context.Context, [sha256.Size]byte) (apikey.Key, error)
	log       *slog.Logger
	publicURL string
	forwarded bool
}

// New returns the API.
func New(c Config) *API {
	if c.Memory == nil || c.Delivery == nil || c.Keys == nil || c.Log == nil {
		panic("mem0api.New: Memory, Delivery, Keys and Log are required")
	}
	return &API{
		memory: c.Memory, delivery: c.Delivery, keys: c.Keys, log: c.Log,
		publicURL: strings.TrimRight(c.PublicURL, "/"), forwarded: c.TrustForwarded,
	}
}

// Register adds the routes to e, with what their paths need: normalizePath, JSON
// for unknown paths, and JSON for errors of middleware. An error handler that e
// already has keeps answering for all other paths.
func (a *API) Register(e *echo.Echo) {
	e.Pre(normalizePath)
	for _, r := range a.Routes() {
		h := a.serve(r)
		e.Add(r.Method, r.Pattern, h)
		if r.Method == http.MethodGet {
			e.Add(http.MethodHead, r.Pattern, h) // net/http leaves the body out
		}
	}
	for _, root := range roots {
		e.RouteNotFound(root+"*", a.noRoute)
	}
	others := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !owns(c.Request().URL.Path) {
			others(err, c)
			return
		}
		if err := a.answerError(c, plainForm, err); err != nil {
			a.log.LogAttrs(c.Request().Context(), slog.LevelDebug, "answer not written", slog.Any("error", err))
		}
	}
}

// noRoute answers what no route takes: 404, or 405 where another method would do.
func (a *API) noRoute(c echo.Context) error {
	var allowed []string
	for _, r := range a.Routes() {
		if samePath(r.Pattern, c.Request().URL.EscapedPath()) {
			allowed = append(allowed, r.Method)
			if r.Method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	if len(allowed) > 0 {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(append(allowed, http.MethodOptions), ", "))
	}
	if len(allowed) > 0 && c.Request().Method == http.MethodOptions {
		return answer(c, http.StatusOK, struct{}{})
	}
	if _, err := a.authenticate(c.Request(), apikey.Read); err != nil {
		return a.answerError(c, plainForm, err)
	}
	if len(allowed) > 0 {
		return a.answerError(c, plainForm, refuse(http.StatusMethodNotAllowed, `Method "`+c.Request().Method+`" not allowed.`))
	}
	return a.answerError(c, plainForm, errNotFound)
}

// samePath tells whether a path has the form of a route's pattern.
func samePath(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i, segment := range want {
		if !strings.HasPrefix(segment, ":") && segment != have[i] {
			return false
		}
	}
	return true
}
