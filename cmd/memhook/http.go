package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"memhook/delivery/hookapi"
	"memhook/memory/inbound"
	"memhook/memory/mcp"
	"memhook/memory/mem0api"
	"memhook/signing/apikey"
)

// maxBody bounds every request, in bytes. It is above the API's own limit of
// 1 MiB, whose answer says more.
const maxBody = 2 << 20

// newHTTP returns the server of all pages and APIs.
func (n *node) newHTTP() *http.Server {
	e := echo.New()
	e.HTTPErrorHandler = answerPlainly
	e.Use(requestID, n.traceRequests, n.logRequests, n.recoverPanics, limitBody)
	peek := []string{http.MethodGet, http.MethodHead} // many monitors ask with HEAD; net/http leaves the body out
	e.Match(peek, "/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.Match(peek, "/readyz", n.ready)
	e.Match(peek, "/metrics", n.metrics(promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{Registry: n.registry})))
	var own *hookapi.API
	if n.config.accepts() {
		limit := newRateLimit(n.config.RateLimit, n.clock.Now)
		limit.shared = n.limits
		e.Use(limit.middleware)
		e.Use(idempotency{n.db, n.keys.key, n.clock.Now, n.log}.middleware)
		mem0api.New(mem0api.Config{
			Memory: n.memory, Delivery: n.delivery, Keys: n.keys.key, Log: n.log, PublicURL: n.config.PublicURL,
		}).Register(e)
		inbound.New(inbound.Config{Memory: n.memory, Log: n.log}).Register(e)
		own = hookapi.New(hookapi.Config{
			Memory: n.memory, Delivery: n.delivery, Feed: n.feed, KeyStore: n.db, Keys: n.keys.key, Log: n.log,
			Retention: n.config.Retention, Version: version(), NoWorker: n.noWorker, News: n.news, Now: n.clock.Now,
		})
		own.Register(e)
		e.Any("/mcp", echo.WrapHandler(mcp.New(mcp.Config{
			Memory: n.memory, Delivery: n.delivery, Feed: n.feed, Keys: n.keys.key, Log: n.log,
			Retention: n.config.Retention, Version: version(), NoWorker: n.noWorker, Now: n.clock.Now,
		})))
		n.pages(e)
		e.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, "/ui/") })
	}
	server := &http.Server{
		Handler:           e,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second, // a processed add may take 25 s; streams lift it for themselves
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	if own != nil {
		server.RegisterOnShutdown(own.Close)
		server.RegisterOnShutdown(n.feed.Close)
	}
	if n.dashboard != nil {
		server.RegisterOnShutdown(n.dashboard.Close)
	}
	return server
}

// noWorker tells whether it is known that no node takes work.
func (n *node) noWorker(ctx context.Context) bool {
	if n.config.works() || n.member == nil {
		return false
	}
	nodes, err := n.db.Nodes(ctx)
	for _, one := range nodes {
		if one.Role != roleAPI {
			return false
		}
	}
	return err == nil
}

// answerPlainly answers errors of paths that no API answers for.
func answerPlainly(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	code, text := http.StatusInternalServerError, "internal error"
	var known *echo.HTTPError
	if errors.As(err, &known) {
		code, text = known.Code, fmt.Sprint(known.Message)
	}
	_ = c.JSON(code, map[string]string{"detail": text, "request_id": idOf(c)})
}

func idOf(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// requestID gives every request an ID: the one it brings, if it can stand in a
// log, else a new one.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !plainID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

func plainID(s string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"
	return s != "" && len(s) <= 64 && strings.Trim(s, plain) == ""
}

// logRequests logs each request with its route instead of its path: names of
// users stand in paths, and secrets in queries.
func (n *node) logRequests(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err) // writes the answer, so that its status is known
		}
		level, status := slog.LevelInfo, c.Response().Status
		switch c.Path() {
		case "/healthz", "/readyz", "/metrics":
			level = slog.LevelDebug
		}
		attrs := []slog.Attr{
			slog.String("request_id", idOf(c)),
			slog.String("method", c.Request().Method),
			slog.String("route", c.Path()),
			slog.Int("status", status),
			slog.Int64("duration_ms", time.Since(began).Milliseconds()),
			slog.Int64("bytes", c.Response().Size),
		}
		var known *echo.HTTPError
		if err != nil && !errors.As(err, &known) {
			level, attrs = slog.LevelError, append(attrs, slog.Any("error", err))
		}
		n.log.LogAttrs(c.Request().Context(), level, "request", attrs...)
		return nil
	}
}

func (n *node) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
				panic(cause)
			}
			n.log.LogAttrs(c.Request().Context(), slog.LevelError, "panic", slog.String("request_id", idOf(c)),
				slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
			err = echo.ErrInternalServerError
		}()
		return next(c)
	}
}

func limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		return next(c)
	}
}

// ready answers 200 while adds are accepted and work is running, else 503 with
// the reasons.
func (n *node) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	reasons := []string{}
	switch n.state.Load() {
	case stateStarting:
		reasons = append(reasons, "starting")
	case stateStopping:
		reasons = append(reasons, "stopping")
	}
	if err := n.db.Ping(ctx); err != nil {
		n.log.LogAttrs(ctx, slog.LevelError, "database not ready", slog.Any("error", err))
		reasons = append(reasons, "the database cannot be written")
	}
	status, word := http.StatusOK, "ready"
	if len(reasons) > 0 {
		status, word = http.StatusServiceUnavailable, "not ready"
	}
	return c.JSON(status, map[string]any{
		"status": word, "role": n.config.Role, "reasons": reasons, "warning": n.trouble(),
	})
}

// metrics needs a key, except from this machine: a scraper beside the server should
// need no set-up, and one behind a proxy or elsewhere can send a key.
func (n *node) metrics(h http.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !fromHere(r) {
			text, _ := apikey.FromHeader(r.Header)
			if k, err := n.keys.key(r.Context(), apikey.Hash(text)); err != nil || !k.Matches(text) {
				return echo.NewHTTPError(http.StatusUnauthorized, "From another machine, metrics need an API key.")
			}
		}
		h.ServeHTTP(c.Response(), r)
		return nil
	}
}

// fromHere tells whether a request came from this machine and through no proxy.
func fromHere(r *http.Request) bool {
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip.IsLoopback()
}
