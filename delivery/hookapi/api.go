package hookapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/signing/apikey"
)

// root begins every path of the API.
const root = "/api/v2/"

// KeyStore keeps the keys of projects.
type KeyStore interface {
	// Keys returns the project's keys, oldest first, revoked ones too.
	Keys(ctx context.Context, projectID string) ([]apikey.Key, error)
	InsertKey(ctx context.Context, k apikey.Key) error
	// RevokeKey ends a key and returns it. memory.ErrNotFound; memory.ErrLastKey for
	// the project's last live admin key.
	RevokeKey(ctx context.Context, projectID, id string, at time.Time) (apikey.Key, error)
}

// Config is what the API needs. All but the last five are required.
type Config struct {
	Memory   *memory.Service
	Delivery *delivery.Service
	Feed     *feed.Feed // closed by its owner
	KeyStore KeyStore
	// Keys returns the key with the hash, memory.ErrNotFound when there is none. It
	// is asked on every request, so it should remember.
	Keys func(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error)
	Log  *slog.Logger
	// Retention is how long records are kept, for what is said about missing ones;
	// 0: for ever.
	Retention time.Duration
	// Version is shown in the OpenAPI document.
	Version string
	// NoWorker tells whether it is known that no worker runs; nil: it is not known.
	NoWorker func(ctx context.Context) bool
	// News tells streams when to look; nil: they look every half second.
	News *queue.News
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// API answers memhook's own clients.
type API struct {
	memory    *memory.Service
	delivery  *delivery.Service
	feed      *feed.Feed
	keyStore  KeyStore
	keys      func(context.Context, [sha256.Size]byte) (apikey.Key, error)
	log       *slog.Logger
	retention time.Duration
	version   string
	noWorker  func(context.Context) bool
	news      *queue.News
	now       func() time.Time
	document  func() document
	streams   chan struct{} // one for each that is open
	stopping  chan struct{} // closed to end them
	stop      func()
}

// New returns the API.
func New(c Config) *API {
	if c.Memory == nil || c.Delivery == nil || c.Feed == nil || c.KeyStore == nil || c.Keys == nil || c.Log == nil {
		panic("hookapi.New: Memory, Delivery, Feed, KeyStore, Keys and Log are required")
	}
	a := &API{
		memory: c.Memory, delivery: c.Delivery, feed: c.Feed, keyStore: c.KeyStore, keys: c.Keys, log: c.Log,
		retention: c.Retention, version: c.Version, noWorker: c.NoWorker, news: c.News, now: c.Now,
		streams: make(chan struct{}, maxStreams), stopping: make(chan struct{}),
	}
	a.stop = sync.OnceFunc(func() { close(a.stopping) })
	if a.now == nil {
		a.now = time.Now
	}
	a.document = sync.OnceValue(func() document { return documentOf(a.Routes(), a.version) })
	return a
}

// Close ends the streams. The server waits for them when it stops.
func (a *API) Close() { a.stop() }

// Register adds the routes to e, with the OpenAPI document and its page. Errors of
// middleware under the API's paths become problems; an error handler that e already
// has keeps answering for all other paths.
func (a *API) Register(e *echo.Echo) {
	for _, r := range a.Routes() {
		h := a.serve(r)
		for _, pattern := range []string{r.Pattern, r.Pattern + "/"} { // mem0's paths end in a slash, so it is a habit
			e.Add(r.Method, pattern, h)
			if r.Method == http.MethodGet && !r.stream {
				e.Add(http.MethodHead, pattern, h) // net/http leaves the body out
			}
		}
	}
	e.GET("/api/openapi.json", a.openAPI)
	e.GET("/api/docs", a.docs)
	e.RouteNotFound(root+"*", a.noRoute)
	others := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !strings.HasPrefix(c.Request().URL.Path, root) {
			others(err, c)
			return
		}
		if err := a.answerError(c, err); err != nil {
			a.log.LogAttrs(c.Request().Context(), slog.LevelDebug, "answer not written", slog.Any("error", err))
		}
	}
}

// noRoute answers what no route takes: 404, or 405 where another method would do.
func (a *API) noRoute(c echo.Context) error {
	var allowed []string
	for _, r := range a.Routes() {
		if samePath(r.Pattern, strings.TrimSuffix(c.Request().URL.Path, "/")) {
			allowed = append(allowed, r.Method)
		}
	}
	if _, err := a.authenticate(c.Request(), apikey.Read); err != nil {
		return a.answerError(c, err)
	}
	if len(allowed) > 0 {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(allowed, ", "))
		return a.answerError(c, errMethod)
	}
	return a.answerError(c, errNoPath)
}

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

// authenticate returns the key of a request if it may do what needs the scope.
func (a *API) authenticate(r *http.Request, need apikey.Scope) (apikey.Key, error) {
	text, ok := apikey.FromHeader(r.Header)
	if !ok {
		return apikey.Key{}, errNoKey
	}
	key, err := a.keys(r.Context(), apikey.Hash(text))
	switch {
	case errors.Is(err, memory.ErrNotFound):
		return apikey.Key{}, errBadKey
	case err != nil:
		return apikey.Key{}, fmt.Errorf("look up key: %w", err)
	case !key.Matches(text):
		return apikey.Key{}, errBadKey
	case !key.Scope.Allows(need):
		return apikey.Key{}, errReadOnly
	}
	return key, nil
}

// A call is one request of a known key.
type call struct {
	context.Context
	key  apikey.Key
	now  time.Time
	echo echo.Context
}

func (c call) project() string { return c.key.ProjectID }

// by names the key where a person will read it.
func (c call) by() string { return "key mh_…" + c.key.Hint }

// note puts what the call did on record.
func (a *API) note(c call, action, subject, detail string) {
	a.delivery.Note(c, delivery.AuditEntry{
		ProjectID: c.project(), Actor: c.key.ID, ActorHint: c.key.Hint, Action: action, Subject: subject, Detail: detail,
	})
}

// idOf reads an ID as it is shown outside. delivery.ErrNotFound.
func idOf(prefix, s string) (uuid.UUID, error) { return delivery.ParseID(prefix, s) }
