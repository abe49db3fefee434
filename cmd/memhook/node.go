package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"

	"memhook/dashboard"
	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/delivery/feed"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/retry"
	"memhook/signing/apikey"
)

// What /readyz goes by.
const (
	stateStarting int32 = iota
	stateReady
	stateStopping
)

// A node is one server: everything it runs, wired and not yet running.
type node struct {
	config    *config
	log       *slog.Logger
	lock      *os.File
	db        *sqlstore.DB
	clock     clock
	member    *member // nil with a database of its own
	keys      *keyCache
	memory    *memory.Service
	delivery  *delivery.Service
	feed      *feed.Feed
	broker    queue.Broker
	shared    *queue.Shared // nil without Redis, and with a database of its own
	news      *queue.News
	limits    *limits // what nodes have in common; nil with a database of its own
	registry  *prometheus.Registry
	dashboard *dashboard.Dashboard // nil for a worker
	listener  net.Listener
	http      *http.Server
	url       string
	firstKey  string        // of the first admin key, when this start made it
	adminKey  string        // in the data directory, "" when there is none or it was revoked
	trouble   func() string // what slows work down though it goes on; "" for nothing
	tracer    trace.Tracer  // nil: off
	flush     func(context.Context) error
	state     atomic.Int32
}

// newNode builds a server and takes its port. Either run or close must follow.
func newNode(ctx context.Context, c *config, log *slog.Logger) (n *node, err error) {
	n = &node{config: c, log: log, registry: prometheus.NewRegistry(), trouble: func() string { return "" }}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.lock, err = lockData(c.DataDir); err != nil {
		return n, err
	}
	if err = n.openStore(ctx); err != nil {
		return n, err
	}
	n.keys = newKeyCache(n.db.Key, time.Now)
	n.keys.used = n.db.KeyUsed
	if n.firstKey, err = firstStart(ctx, n.db, c); err != nil {
		return n, err
	}
	n.adminKey = n.liveAdminKey(ctx)
	if c.works() {
		if err = n.recover(ctx); err != nil {
			return n, err
		}
	}
	if c.accepts() {
		if _, err = n.db.FreeAnswers(ctx, n.clock.Now()); err != nil {
			return n, fmt.Errorf("free the requests of the last run: %w", err)
		}
	}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err = n.wire(ctx); err != nil {
		return n, err
	}
	if n.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return n, failf(exitFailed, "%w; choose another address with --listen", err)
	}
	warnOpen(log, n.listener.Addr())
	n.url = baseURL(n.listener.Addr())
	n.http = n.newHTTP()
	return n, nil
}

// liveAdminKey returns the key in the data directory if it opens anything.
func (n *node) liveAdminKey(ctx context.Context) string {
	text, err := readSecret(filepath.Join(n.config.DataDir, adminKeyFile))
	if err != nil {
		return ""
	}
	if k, err := n.db.Key(ctx, apikey.Hash(text)); err != nil || !k.Matches(text) {
		return ""
	}
	return text
}

func (n *node) openStore(ctx context.Context) (err error) {
	id := uuid.Nil
	if n.config.DatabaseURL != "" && n.config.RedisURL != "" {
		if n.shared, err = queue.NewShared(n.config.RedisURL); err != nil {
			return usagef("--redis-url: %w", err)
		}
	}
	n.news = queue.NewNews(n.shared, func() bool { return n.member.nodes() > 1 })
	if n.config.DatabaseURL != "" {
		if id, err = nodeID(n.config.DataDir); err != nil {
			return err
		}
		n.log.LogAttrs(ctx, slog.LevelInfo, "opening the database", slog.Float64("wait_s", databaseWait.Seconds()))
	}
	changed := func(projects []string) { n.news.Tell(queue.Hint{Changed: projects}) }
	if n.db, err = openStore(ctx, n.config, id, changed); err != nil {
		return err
	}
	if err = checkSealed(ctx, n.db); err != nil || id == uuid.Nil {
		return err
	}
	n.member, err = join(ctx, n.db, id, n.config, &n.clock, n.log)
	return err
}

// recover takes back what the last run had in its hands. It must have ended, which
// the lock shows.
func (n *node) recover(ctx context.Context) error {
	freed, err := n.db.FreeLeases(ctx, n.clock.Now())
	if err != nil {
		return fmt.Errorf("free the leases of the last run: %w", err)
	}
	if freed > 0 {
		n.log.LogAttrs(ctx, slog.LevelInfo, "recovered work of the last run", slog.Int("rows", freed))
	}
	return nil
}

// wire connects the services with the queue. Broker and services need each other,
// so what is pushed goes through n.
func (n *node) wire(ctx context.Context) (err error) {
	if n.tracer, n.flush, err = newTracing(ctx, os.Getenv); err != nil {
		return err
	}
	limiter := n.share()
	guard := egress.Guard{Allow: n.config.allow}
	push := func(ctx context.Context, t queue.Ticket) error { return n.broker.Push(ctx, t) }
	n.delivery = delivery.New(delivery.Config{
		Store:     n.db,
		CheckURL:  func(url string) error { return openable(egress.CheckURL(url, guard)) },
		Transport: egress.NewTransport(egress.Config{Guard: guard}),
		Push:      push,
		Log:       n.log,
		Policy:    retry.DefaultPolicy(rand.Float64),
		Version:   version(),
		Now:       n.clock.Now,
		Metrics:   delivery.NewMetrics(n.registry),
		Lanes:     lanes,
		Limiter:   limiter,
		News:      n.news,
		Tracer:    n.tracer,
	})
	extractor, lease := n.config.newEngine(n.log)
	n.memory = memory.New(memory.Config{
		Store:       n.db,
		Engine:      extractor,
		Categorizer: extractor,
		Embedder:    n.config.newEmbedder(n.log),
		Lease:       lease,
		Push:        push,
		Wake:        n.delivery.Wake,
		Tracer:      n.tracer,
		Now:         n.clock.Now,
		Alone:       n.config.alone(),
		Log:         n.log,
		Metrics:     memory.NewMetrics(n.registry),
		Note:        n.delivery.Note,
	})
	n.feed = feed.New(feed.Config{Store: n.db, Log: n.log, News: n.news})
	n.broker, err = n.newBroker()
	return err
}

// share makes rate limits those of all nodes together. It returns nil when there is
// one node.
func (n *node) share() delivery.Limiter {
	if n.member == nil {
		return nil
	}
	n.limits = newLimits(n.shared, n.member.nodes, n.clock.Now)
	return endpointLimits{n.limits}
}

// close frees what newNode took, as far as it came.
func (n *node) close() error {
	var errs []error
	if n.listener != nil {
		if err := n.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if n.flush != nil {
		ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
		defer cancel()
		if err := n.flush(ctx); err != nil {
			n.log.LogAttrs(ctx, slog.LevelWarn, "the last spans were not sent", slog.Any("error", err))
		}
	}
	if n.shared != nil {
		errs = append(errs, n.shared.Close())
	}
	if n.db != nil {
		errs = append(errs, n.db.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	return errors.Join(errs...)
}

// baseURL is where clients on this machine reach a listener.
func baseURL(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr)
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(tcp.Port))
}

// openable adds to the refusal of a closed address what opens it.
func openable(err error) error {
	var blocked *egress.BlockedError
	if !errors.As(err, &blocked) {
		return err
	}
	return fmt.Errorf("%w; if it is yours, open it with --allow-net %s", err, netip.PrefixFrom(blocked.Addr, blocked.Addr.BitLen()))
}
