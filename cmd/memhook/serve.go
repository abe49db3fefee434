package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func serveCommand() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is interrupted or terminated: it then stops accepting,
finishes what is in flight and exits with 0.

The first start makes a project and an admin key. Every flag has a variable,
--data-dir is MEMHOOK_DATA_DIR, and a setting in configuration files, data_dir; a
flag wins over a variable, and that over a file (memhook config --help). A secret may
also come from a file: MEMHOOK_SECRET_KEY_FILE, MEMHOOK_BOOTSTRAP_KEY_FILE,
MEMHOOK_DATABASE_URL_FILE, MEMHOOK_REDIS_URL_FILE.`,
		Example: `  memhook serve
  memhook serve --listen 127.0.0.1:0 --data-dir ./data
  memhook serve --allow-net 127.0.0.1/32        # deliver to receivers on this machine
  MEMHOOK_REDIS_URL=redis://127.0.0.1:6379 memhook serve`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			if err := c.validate(); err != nil {
				return err
			}
			log := newLogger(&c, cmd.ErrOrStderr())
			for _, name := range unknownVariables(cmd.Flags(), os.Environ()) {
				log.Warn("this version does not know the variable and ignores it", slog.String("variable", name))
			}
			tuneGC()
			return serve(cmd.Context(), &c, cmd.OutOrStdout(), log)
		},
	}
	c.flags(cmd.Flags())
	return cmd
}

func serve(ctx context.Context, c *config, stdout io.Writer, log *slog.Logger) error {
	n, err := newNode(ctx, c, log)
	if err != nil {
		return err
	}
	if c.DatabaseURL == "" && (!c.works() || !c.accepts()) {
		log.Warn("only one server can use a SQLite file: without the role all, what is accepted waits for a server that works",
			slog.String("role", c.Role))
	}
	fmt.Fprintln(stdout, "Ready", n.url)
	if n.firstKey != "" {
		welcome(stdout, c, n.url, n.firstKey)
	}
	if n.firstKey != "" || terminal(stdout) { // a link in a log file would be a key in a log file
		n.signIn(ctx, stdout)
	}
	return n.run(ctx)
}

// stopWithin is how long requests under way may take once the server stops. It is
// above the longest time a processed add holds its caller.
const stopWithin = 30 * time.Second

// run serves and works until ctx ends, then stops: first requests, so that nothing
// more comes in; then the pumps, so that nothing more is handed out; then the
// broker, once the handlers under way have recorded what they did; then it leaves
// the other nodes; then the database. A part that ends early stops the others.
func (n *node) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, n.close()) }()
	work := context.WithoutCancel(ctx)
	brokerCtx, stopBroker := context.WithCancel(work)
	pumpCtx, stopPumps := context.WithCancel(work)
	memberCtx, leave := context.WithCancel(work)
	defer stopBroker()
	defer stopPumps()
	defer leave()

	var web, pumps, broker, member errgroup.Group
	failed := make(chan error, 7) // one for each part below
	start := func(g *errgroup.Group, name string, part func() error) {
		g.Go(func() error {
			err := part()
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			failed <- err
			return err
		})
	}
	if n.member != nil {
		start(&member, "member", func() error { return n.member.Run(memberCtx) })
	}
	switch {
	case n.config.works():
		start(&broker, "queue", func() error { return n.broker.Run(brokerCtx) })
		start(&pumps, "memory", func() error { return n.memory.Run(pumpCtx) })
		start(&pumps, "delivery", func() error { return n.delivery.Run(pumpCtx) })
		start(&pumps, "prune", func() error { return n.prune(pumpCtx) })
	case n.config.RedisURL != "":
		start(&broker, "queue", func() error { return n.broker.Run(brokerCtx) })
		start(&pumps, "memory", func() error { return n.memory.Announce(pumpCtx) })
		start(&pumps, "delivery", func() error { return n.delivery.Announce(pumpCtx) })
	}
	start(&member, "news", func() error { return n.news.Run(memberCtx) })
	start(&web, "web", func() error { return n.serveHTTP() })
	n.state.Store(stateReady)
	n.log.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("url", n.url), slog.Any("config", n.config))

	select {
	case <-ctx.Done():
	case cause := <-failed:
		if cause == nil {
			err = errors.New("a part of the server ended by itself")
		}
		n.log.LogAttrs(ctx, slog.LevelError, "stopping early", slog.Any("error", cause))
	}
	began := time.Now()
	n.state.Store(stateStopping)
	n.log.LogAttrs(ctx, slog.LevelInfo, "stopping")
	err = errors.Join(err, n.stopHTTP(work), web.Wait())
	stopPumps()
	err = errors.Join(err, pumps.Wait())
	stopBroker()
	err = errors.Join(err, broker.Wait())
	leave()
	err = errors.Join(err, member.Wait())
	n.log.LogAttrs(ctx, slog.LevelInfo, "stopped", slog.Int64("duration_ms", time.Since(began).Milliseconds()))
	return err
}

func (n *node) serveHTTP() error {
	if err := n.http.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stopHTTP lets requests under way finish, and cuts those off that take too long.
func (n *node) stopHTTP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	err := n.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		n.log.LogAttrs(ctx, slog.LevelWarn, "requests cut off", slog.Duration("after", stopWithin))
		return n.http.Close()
	}
	return err
}

// newLogger writes text for a person at a terminal and JSON for everybody else.
func newLogger(c *config, w io.Writer) *slog.Logger {
	format := c.LogFormat
	if format == "" {
		format = "json"
		if terminal(w) {
			format = "text"
		}
	}
	o := &slog.HandlerOptions{Level: c.level}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// warnOpen warns when keys and memories would cross a network in the clear.
func warnOpen(log *slog.Logger, addr net.Addr) {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		log.Warn("listening beyond this machine without TLS: put a TLS proxy in front, or keys and memories can be read on the way",
			slog.String("listen", addr.String()))
	}
}
