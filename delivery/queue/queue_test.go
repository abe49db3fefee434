package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
)

func TestLocal(t *testing.T) {
	queuetest.Run(t, func(_ *testing.T, mux *asynq.ServeMux) queue.Broker { return queue.NewLocal(mux, queuetest.Lanes) })
}

func TestRedis(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, mux *asynq.ServeMux) queue.Broker {
		return openRedis(t, queuetest.StartRedis(t).URL, mux)
	})
}

func openRedis(t *testing.T, url string, mux *asynq.ServeMux) *queue.Redis {
	t.Helper()
	b, err := queue.NewRedis(url, mux, queuetest.Lanes, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRedisDown(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, mux *asynq.ServeMux) queue.Broker {
		return openRedis(t, "redis://127.0.0.1:1/0", mux)
	})
}

// TestRedisComesAndGoes: a ticket may be lost with Redis, the broker never is.
func TestRedisComesAndGoes(t *testing.T) {
	server := queuetest.StartRedis(t)
	var mu sync.Mutex
	seen := map[uuid.UUID]bool{}
	b := openRedis(t, server.URL, queue.Mux(map[string]queue.Handler{"look": func(_ context.Context, ids []uuid.UUID) error {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			seen[id] = true
		}
		return nil
	}}, slog.New(slog.DiscardHandler), nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	// carried pushes the same ticket until it was handled, as the pump does.
	carried := func(when string) {
		t.Helper()
		id := uuid.New()
		end := time.Now().Add(30 * time.Second)
		for time.Now().Before(end) {
			if err := b.Push(ctx, queue.Ticket{Kind: "look", Lane: "quick", IDs: []uuid.UUID{id}}); err != nil && !errors.Is(err, queue.ErrFull) {
				t.Errorf("push %s: %v", when, err)
			}
			retry := time.After(100 * time.Millisecond)
			<-retry
			mu.Lock()
			ok := seen[id]
			mu.Unlock()
			if ok {
				return
			}
		}
		t.Fatalf("no ticket is carried %s", when)
	}
	used := func(want bool) {
		t.Helper()
		end := time.Now().Add(30 * time.Second)
		for (b.Trouble() == "") != want {
			if time.Now().After(end) {
				t.Fatalf("trouble is %q after 30 s, want redis used: %t", b.Trouble(), want)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	used(true)
	carried("at first")
	server.Flush()
	carried("after a flush")
	server.Kill()
	used(false)
	carried("while Redis is down")
	server.Start()
	used(true)
	carried("after a restart")
	client := server.Client()
	defer client.Close()
	keys, err := client.Keys(ctx, "asynq:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if strings.HasSuffix(key, ":archived") || strings.HasSuffix(key, ":retry") {
			t.Errorf("asynq keeps %s", key)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestFullRedis: a Redis out of memory is no help, and no harm.
func TestFullRedis(t *testing.T) {
	server := queuetest.StartRedis(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	handled := make(chan struct{}, 1)
	b := openRedis(t, server.URL, queue.Mux(map[string]queue.Handler{"look": func(context.Context, []uuid.UUID) error {
		handled <- struct{}{}
		return nil
	}}, slog.New(slog.DiscardHandler), nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	if err := b.Push(ctx, queue.Ticket{Kind: "look", Lane: "quick", IDs: []uuid.UUID{uuid.New()}}); err != nil {
		t.Error(err)
	}
	<-handled
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLocalRefusesWhatHasNoRoom(t *testing.T) {
	b := queue.NewLocal(asynq.NewServeMux(), queuetest.Lanes)
	var err error
	for range 100_000 {
		if err = b.Push(t.Context(), queue.Ticket{Kind: "look", Lane: "quick", IDs: []uuid.UUID{uuid.New()}}); err != nil {
			break
		}
	}
	if !errors.Is(err, queue.ErrFull) {
		t.Errorf("pushing without workers ends with %v, want ErrFull", err)
	}
}

func TestRedisURLs(t *testing.T) {
	for _, tt := range []struct {
		url string
		ok  bool
	}{
		{"redis://127.0.0.1:6379/0", true},
		{"rediss://:s3cret@redis.example.com:6380/1", true},
		{"redis-sentinel://10.0.0.1:26379,10.0.0.2:26379?master=main", true},
		{"redis-cluster://10.0.0.1:7000?addr=10.0.0.2:7000", true},
		{"http://:s3cret@127.0.0.1", false},
		{"redis://:s3cret@host:port/x", false},
	} {
		_, err := queue.NewRedis(tt.url, asynq.NewServeMux(), queuetest.Lanes, slog.New(slog.DiscardHandler))
		if (err == nil) != tt.ok {
			t.Errorf("NewRedis(%q): %v, want ok: %t", tt.url, err, tt.ok)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error for %q shows the password: %v", tt.url, err)
		}
	}
}
