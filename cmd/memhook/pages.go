package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/dashboard"
	"memhook/signing/apikey"
)

// pages adds the web pages.
func (n *node) pages(e *echo.Echo) {
	host, _, _ := net.SplitHostPort(n.config.Listen) // validated
	c := dashboard.Config{
		Memory: n.memory, Delivery: n.delivery, Sessions: n.db, Keys: n.keys.key, Log: n.log,
		PublicURL: n.config.PublicURL, ListenHost: host,
	}
	if n.limits != nil {
		c.SignIns = n.limits.signIn
	}
	n.dashboard = dashboard.New(c)
	n.dashboard.Register(e)
}

// signIn prints a link that signs one browser in as the first admin key, once.
func (n *node) signIn(ctx context.Context, w io.Writer) {
	if n.dashboard == nil || n.adminKey == "" {
		return
	}
	link, err := dashboard.LoginLink(ctx, n.db, apikey.Hash(n.adminKey), time.Now())
	if err != nil {
		n.log.LogAttrs(ctx, slog.LevelError, "no sign-in link", slog.Any("error", err))
		return
	}
	base := strings.TrimRight(cmp.Or(n.config.PublicURL, n.url), "/")
	fmt.Fprintf(w, "Dashboard %s%s\n  signs one browser in, within ten minutes\n", base, link)
}
