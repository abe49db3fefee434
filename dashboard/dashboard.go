package dashboard

import (
	"context"
	"crypto/sha256"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/signing/apikey"
)

// root is where the pages live.
const root = "/ui/"

// Config is what a Dashboard needs. Memory, Delivery, Sessions, KeyStore, Keys
// and Log are required.
type Config struct {
	Memory   *memory.Service
	Delivery *delivery.Service
	Sessions Sessions
	KeyStore KeyStore
	// Keys returns the key with the hash, memory.ErrNotFound when there is none.
	// It is asked on every request, so it should remember.
	Keys func(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error)
	Log  *slog.Logger
	// PublicURL is where people reach the server; "": on its own addresses only.
	// With https its cookies are Secure, also behind a proxy that ends TLS.
	PublicURL string
	// ListenHost is the host the server was told to listen on. Requests may name
	// it in their Host header, beside loopback names and the PublicURL's host.
	ListenHost string
	// SignIns counts an attempt to sign in of an address on every node, and returns
	// how long it must wait when it has had its share; nil: there is one node.
	SignIns func(ctx context.Context, addr netip.Addr) (wait time.Duration, ok bool)
	// System tells how the installation does; nil: nothing but its version.
	System func(ctx context.Context) (SystemFacts, error)
	// News tells live pages when to look; nil: they look every half second.
	News *queue.News
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// A Dashboard serves the pages. Its methods are safe for concurrent use.
type Dashboard struct {
	memory   *memory.Service
	delivery *delivery.Service
	keys     func(context.Context, [sha256.Size]byte) (apikey.Key, error)
	log      *slog.Logger
	now      func() time.Time

	public     *url.URL // nil when there is none
	listenHost string
	origins    *http.CrossOriginProtection
	pages      map[string]*template.Template
	files      map[string]file // by name in the URL
	sessions   Sessions
	keyStore   KeyStore
	signIns    *signIns
	system     func(context.Context) (SystemFacts, error)
	hub        *hub
}

// New returns a dashboard. A PublicURL that is not an http or https URL is a
// programmer's mistake and panics, as a missing field does.
func New(c Config) *Dashboard {
	if c.Memory == nil || c.Delivery == nil || c.Sessions == nil || c.KeyStore == nil || c.Keys == nil || c.Log == nil {
		panic("dashboard.New: Memory, Delivery, Sessions, KeyStore, Keys and Log are required")
	}
	d := &Dashboard{
		memory: c.Memory, delivery: c.Delivery, keys: c.Keys, log: c.Log, now: c.Now,
		listenHost: strings.ToLower(c.ListenHost), origins: http.NewCrossOriginProtection(),
		sessions: c.Sessions, keyStore: c.KeyStore, signIns: newSignIns(c.SignIns), system: c.System,
	}
	if d.now == nil {
		d.now = time.Now
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			panic("dashboard.New: PublicURL must be an http or https URL")
		}
		if err := d.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			panic("dashboard.New: PublicURL: " + err.Error())
		}
		d.public = u
	}
	if d.system == nil {
		d.system = func(context.Context) (SystemFacts, error) { return SystemFacts{}, nil }
	}
	d.hub = newHub(c, d.now)
	d.files = staticFiles()
	d.pages = parsePages()
	return d
}

// Register adds the routes to e, with pages for unknown paths under /ui and for
// errors of middleware there. An error handler that e already has keeps answering
// for all other paths.
func (d *Dashboard) Register(e *echo.Echo) {
	for _, r := range d.routes() {
		h := d.serve(r)
		e.Add(r.method, r.pattern, h)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.pattern, h) // net/http leaves the body out
		}
	}
	e.RouteNotFound(root+"*", d.serve(route{method: http.MethodGet, open: true, work: d.noPage}))
	others := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		path := c.Request().URL.Path
		if path != strings.TrimSuffix(root, "/") && !strings.HasPrefix(path, root) {
			others(err, c)
			return
		}
		if !c.Response().Committed {
			secure(c.Response().Header())
			d.fail(c, visit{Context: c, now: d.now()}, err)
		}
	}
}
