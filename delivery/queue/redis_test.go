package queue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
)

func TestLocal(t *testing.T) {
	queuetest.Run(t, func(_ *testing.T, mux *asynq.ServeMux) queue.Broker { return queue.NewLocal(mux, queuetest.Lanes) })
}

func TestRedis(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, mux *asynq.ServeMux) queue.Broker {
		return looked{openRedis(t, queuetest.StartRedis(t).URL, mux)}
	})
}

func TestRedisDown(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, mux *asynq.ServeMux) queue.Broker {
		return openRedis(t, "redis://127.0.0.1:1/0", mux)
	})
}

// looked pushes nothing before the broker has looked at Redis: until then tickets
// would go through the process.
type looked struct{ *queue.Redis }

func (b looked) Push(ctx context.Context, t queue.Ticket) error {
	for b.Status().Since.IsZero() {
		<-time.After(time.Millisecond)
	}
	return b.Redis.Push(ctx, t)
}

func openRedis(t *testing.T, url string, mux *asynq.ServeMux) *queue.Redis {
	t.Helper()
	b, err := queue.NewRedis(url, mux, queuetest.Lanes, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// startRedis runs a broker with these handlers until the test ends.
func startRedis(t *testing.T, url string, handlers map[string]queue.Handler) *queue.Redis {
	t.Helper()
	return queuetest.Start(t, func(t *testing.T, mux *asynq.ServeMux) queue.Broker {
		return openRedis(t, url, mux)
	}, handlers).(*queue.Redis)
}

// awaitTrouble waits until the broker's trouble has the words, or until it has
// none if there are no words.
func awaitTrouble(t *testing.T, b *queue.Redis, words string) {
	t.Helper()
	queuetest.Await(t, func() bool {
		got := b.Trouble()
		return words == "" && got == "" || words != "" && strings.Contains(got, words)
	})
}

// A load pushes tickets from several goroutines until the test ends.
type load struct {
	t    *testing.T
	b    *queue.Redis
	mu   sync.Mutex
	seen map[uuid.UUID]bool
	n    atomic.Int64 // handled
}

func startLoad(t *testing.T, url string) *load {
	t.Helper()
	l := &load{t: t, seen: map[uuid.UUID]bool{}}
	l.b = startRedis(t, url, map[string]queue.Handler{"look": func(_ context.Context, ids []uuid.UUID) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, id := range ids {
			l.seen[id] = true
		}
		l.n.Add(1)
		return nil
	}})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				l.push(uuid.New())
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		wg.Wait()
	})
	return l
}

func (l *load) push(id uuid.UUID) {
	err := l.b.Push(context.Background(), queue.Ticket{Kind: "look", Lane: "quick", IDs: []uuid.UUID{id}})
	if err != nil && !errors.Is(err, queue.ErrFull) {
		l.t.Errorf("push: %v", err)
	}
}

// carried pushes an ID again and again until it was handled, as the pump does, and
// waits until the load flows too.
func (l *load) carried(when string) {
	l.t.Helper()
	id, last, before := uuid.New(), time.Time{}, l.n.Load()
	queuetest.Await(l.t, func() bool {
		if time.Since(last) > 100*time.Millisecond {
			last = time.Now()
			l.push(id)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.seen[id] && l.n.Load() > before+500
	})
	l.t.Logf("%d tickets handled %s", l.n.Load()-before, when)
}

// empty fails the test unless asynq keeps nothing for later.
func empty(t *testing.T, client *redis.Client) {
	t.Helper()
	for lane := range queuetest.Lanes {
		for _, set := range []string{"archived", "retry", "scheduled", "completed"} {
			if n := client.ZCard(t.Context(), "asynq:{"+lane+"}:"+set).Val(); n != 0 {
				t.Errorf("asynq keeps %d tickets of lane %s as %s", n, lane, set)
			}
		}
	}
}

func TestRedisComesAndGoes(t *testing.T) {
	server := queuetest.StartRedis(t)
	l := startLoad(t, server.URL)
	awaitTrouble(t, l.b, "")
	l.carried("at first")
	server.Flush()
	l.carried("after a flush")
	server.Kill()
	l.carried("while Redis is down")
	awaitTrouble(t, l.b, "does not answer")
	server.Start()
	awaitTrouble(t, l.b, "")
	l.carried("after a restart")

	client := server.Client()
	defer client.Close()
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	awaitTrouble(t, l.b, "full")
	l.carried("while Redis is full")
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	awaitTrouble(t, l.b, "")
	l.carried("after Redis was full")
	empty(t, client)
}

// A Redis that takes connections and never answers holds up neither tickets nor
// the end.
func TestRedisSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	handled := make(chan struct{})
	b := startRedis(t, "redis://"+l.Addr().String(), map[string]queue.Handler{"look": func(context.Context, []uuid.UUID) error {
		close(handled)
		return nil
	}})
	if err := b.Push(t.Context(), queue.Ticket{Kind: "look", Lane: "quick", IDs: queuetest.NewIDs(1)}); err != nil {
		t.Error(err)
	}
	<-handled
	awaitTrouble(t, b, "does not answer")
}

// A caller that gives up says nothing about Redis.
func TestRedisPushCanceled(t *testing.T) {
	server := queuetest.StartRedis(t)
	b := startRedis(t, server.URL, map[string]queue.Handler{"look": func(context.Context, []uuid.UUID) error { return nil }})
	awaitTrouble(t, b, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.Push(ctx, queue.Ticket{Kind: "look", Lane: "quick", IDs: queuetest.NewIDs(1)})
	if why := b.Trouble(); why != "" {
		t.Errorf("after a canceled push the trouble is %q, want none", why)
	}
}

// What asynq archives, for instance after a crash, is thrown away, even if asynq's
// own list of queues was flushed.
func TestRedisArchiveIsEmptied(t *testing.T) {
	server := queuetest.StartRedis(t)
	b := startRedis(t, server.URL, nil)
	awaitTrouble(t, b, "")
	client := server.Client()
	defer client.Close()
	server.Flush()
	err := client.ZAdd(t.Context(), "asynq:{quick}:archived", redis.Z{Score: 1, Member: "a-task"}).Err()
	if err != nil {
		t.Fatal(err)
	}
	queuetest.Await(t, func() bool { return client.Exists(t.Context(), "asynq:{quick}:archived").Val() == 0 })
}

// asynq loses interest in a task that was canceled in Redis; the broker does not.
func TestRedisWaitsForCanceledTask(t *testing.T) {
	server := queuetest.StartRedis(t)
	began, release := make(chan struct{}), make(chan struct{})
	var canceled, ended atomic.Bool
	b := openRedis(t, server.URL, queue.Mux(map[string]queue.Handler{"look": func(ctx context.Context, _ []uuid.UUID) error {
		close(began)
		<-release
		canceled.Store(ctx.Err() != nil)
		ended.Store(true)
		return nil
	}}, slog.New(slog.DiscardHandler), nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	awaitTrouble(t, b, "")
	client := server.Client()
	defer client.Close()
	queuetest.Await(t, func() bool { // every lane's server listens for cancelations
		return client.PubSubNumSub(t.Context(), "asynq:cancel").Val()["asynq:cancel"] == int64(len(queuetest.Lanes))
	})
	if err := b.Push(ctx, queue.Ticket{Kind: "look", Lane: "quick", IDs: queuetest.NewIDs(1)}); err != nil {
		t.Fatal(err)
	}
	<-began
	inspector := asynq.NewInspectorFromRedisClient(client)
	tasks, err := inspector.ListActiveTasks("quick")
	if err != nil || len(tasks) != 1 {
		t.Fatalf("active tasks: %v, %v; want one", tasks, err)
	}
	if err := inspector.CancelProcessing(tasks[0].ID); err != nil {
		t.Fatal(err)
	}
	queuetest.Await(t, func() bool { return client.LLen(t.Context(), "asynq:{quick}:active").Val() == 0 })
	stop()
	close(release)
	if err := <-done; err != nil || !ended.Load() || canceled.Load() {
		t.Errorf("Run = %v, handler ended: %t, its context was canceled: %t; want nil, true, false", err, ended.Load(), canceled.Load())
	}
}

func TestRedisStatus(t *testing.T) {
	tests := []struct {
		name             string
		args             []string
		trouble, warning string
	}{
		{name: "well set up"},
		{name: "evicts", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, warning: "maxmemory-policy is allkeys-lru"},
		{name: "full", args: []string{"--maxmemory", "1"}, trouble: "it is full"},
		{name: "wants another password", args: []string{"--requirepass", "other"}, trouble: "it refuses the password"},
		{name: "replica", args: []string{"--replicaof", "127.0.0.1 1"}, trouble: "it is a read-only replica"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := queuetest.StartRedis(t, tt.args...)
			var out lockedBuffer
			b, err := queue.NewRedis(strings.Replace(server.URL, "redis://", "redis://:s3cret@", 1), asynq.NewServeMux(), queuetest.Lanes, slog.New(slog.NewTextHandler(&out, nil)))
			if err != nil {
				t.Fatal(err)
			}
			queuetest.Start(t, func(*testing.T, *asynq.ServeMux) queue.Broker { return b }, nil)
			queuetest.Await(t, func() bool {
				s := b.Status()
				return !s.Since.IsZero() && (s.Trouble == "") == (tt.trouble == "") && (s.Warning == "") == (tt.warning == "")
			})
			s := b.Status()
			if !strings.Contains(s.Trouble, tt.trouble) || !strings.Contains(s.Warning, tt.warning) {
				t.Errorf("status %+v, want trouble %q and warning %q", s, tt.trouble, tt.warning)
			}
			if strings.Contains(out.String(), "s3cret") {
				t.Errorf("the password was logged:\n%s", out.String())
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name           string
		args           []string
		wrong, warning string
	}{
		{name: "well set up"},
		{name: "evicts", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, warning: "maxmemory-policy is allkeys-lru"},
		{name: "wants a password", args: []string{"--requirepass", "other"}, wrong: "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, err := queue.Check(t.Context(), queuetest.StartRedis(t, tt.args...).URL)
			if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("error %v, want %q", err, tt.wrong)
			}
			if !strings.Contains(report.Warning, tt.warning) || report.Clock.IsZero() != (tt.wrong != "") {
				t.Errorf("report %+v, want warning %q", report, tt.warning)
			}
		})
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestRedisWithoutWorkers: a broker without workers feeds those of another node, and
// takes nothing in while Redis is away.
func TestRedisWithoutWorkers(t *testing.T) {
	server := queuetest.StartRedis(t)
	got := make(chan []uuid.UUID, 1)
	handler := func(h queue.Handler) asynq.Handler {
		return queue.Mux(map[string]queue.Handler{"look": h}, slog.New(slog.DiscardHandler), nil)
	}
	var brokers []*queue.Redis
	for _, workers := range []int{0, 1} {
		b, err := queue.NewRedis(server.URL, handler(func(_ context.Context, ids []uuid.UUID) error {
			if workers == 0 {
				t.Error("the broker without workers worked")
			}
			got <- ids
			return nil
		}), queue.Lanes{"lane": workers}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		brokers = append(brokers, b)
	}
	for brokers[0].Trouble() != "" {
		runtime.Gosched()
	}
	id := uuid.New()
	if err := brokers[0].Push(t.Context(), queue.Ticket{Kind: "look", Lane: "lane", IDs: []uuid.UUID{id}}); err != nil {
		t.Fatal(err)
	}
	if ids := <-got; len(ids) != 1 || ids[0] != id {
		t.Errorf("the other node got %v, want %v", ids, id)
	}
	server.Kill()
	if err := brokers[0].Push(t.Context(), queue.Ticket{Kind: "look", Lane: "lane", IDs: []uuid.UUID{id}}); !errors.Is(err, queue.ErrFull) {
		t.Errorf("without Redis: %v, want ErrFull", err)
	}
}
