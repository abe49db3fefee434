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
		Memory: n.memory, Delivery: n.delivery, Sessions: n.db, KeyStore: n.db, Keys: n.keys.key, Log: n.log,
		PublicURL: n.config.PublicURL, ListenHost: host, System: n.facts, News: n.news,
	}
	if n.limits != nil {
		c.SignIns = n.limits.signIn
	}
	n.dashboard = dashboard.New(c)
	n.dashboard.Register(e)
}

// facts are what the page of the system shows.
func (n *node) facts(ctx context.Context) (dashboard.SystemFacts, error) {
	f := dashboard.SystemFacts{Version: version(), Database: n.db.Kind(), Queue: "in this process", Trouble: n.trouble()}
	if n.config.RedisURL != "" {
		f.Queue = "Redis, as asynq tasks"
	}
	size, err := n.db.Size(ctx)
	if err != nil {
		return f, err
	}
	f.Size, f.Oldest = size.Bytes, size.Oldest
	nodes, err := n.db.Nodes(ctx)
	for _, one := range nodes {
		f.Nodes = append(f.Nodes, dashboard.NodeFacts{Name: one.Name, Role: one.Role, Version: one.Version, StartedAt: one.StartedAt, SeenAt: one.SeenAt})
	}
	return f, err
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
