// Package queuetest holds every broker to the same behaviour, and starts real
// Redis servers for tests.
package queuetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a private redis-server of one test.
type Redis struct {
	URL  string
	t    testing.TB
	dir  string
	port string
	cmd  *exec.Cmd
}

// StartRedis starts a redis-server without persistence on a free port. Without one
// on this machine the test is skipped, or fails where CI is set.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	r := &Redis{URL: "redis://127.0.0.1:" + port + "/0", t: t, dir: t.TempDir(), port: port}
	r.Start(args...)
	t.Cleanup(r.Kill)
	return r
}

// Start starts the server, empty, and waits until it answers.
func (r *Redis) Start(args ...string) {
	r.t.Helper()
	own := []string{"--port", r.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.dir, "--loglevel", "warning"}
	args = append(slices.Clone(args), own...) // a configuration file has to be first
	r.cmd = exec.Command("redis-server", args...)
	var out strings.Builder
	r.cmd.Stdout, r.cmd.Stderr = &out, &out
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	client := r.Client()
	defer client.Close()
	for !answers(ctx, client) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.Kill()
			r.t.Fatalf("redis-server does not answer: %s", out.String())
		}
	}
}

// answers reports whether the server speaks, even if it says that it wants a
// password.
func answers(ctx context.Context, client *redis.Client) bool {
	err := client.Ping(ctx).Err()
	return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
}

// Kill stops the server at once, as kill -9 does.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it was killed; there is nothing to learn
	r.cmd = nil
}

// PID is of the server's process.
func (r *Redis) PID() int { return r.cmd.Process.Pid }

// Flush empties the server.
func (r *Redis) Flush() {
	r.t.Helper()
	client := r.Client()
	defer client.Close()
	if err := client.FlushAll(context.Background()).Err(); err != nil {
		r.t.Error(fmt.Errorf("flush: %w", err))
	}
}

// Addr is the server's host and port.
func (r *Redis) Addr() string { return "127.0.0.1:" + r.port }

// Client returns a client that the caller closes.
func (r *Redis) Client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1})
}
