package queue_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
)

// carries fails the test unless tickets come through Redis at the URL.
func carries(t *testing.T, url string) {
	t.Helper()
	handled := make(chan struct{}, 100)
	b := startRedis(t, url, map[string]queue.Handler{"look": func(context.Context, []uuid.UUID) error {
		handled <- struct{}{}
		return nil
	}})
	awaitTrouble(t, b, "")
	for lane := range queuetest.Lanes {
		for range cap(handled) / len(queuetest.Lanes) {
			if err := b.Push(t.Context(), queue.Ticket{Kind: "look", Lane: lane, IDs: queuetest.NewIDs(1)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range cap(handled) {
		<-handled
	}
	if why := b.Trouble(); why != "" {
		t.Errorf("trouble: %s", why)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestRedisCluster(t *testing.T) {
	server := queuetest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
	client := server.Client()
	defer client.Close()
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	queuetest.Await(t, func() bool {
		return strings.Contains(client.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	carries(t, "redis-cluster://"+server.Addr())
}

func TestRedisSentinel(t *testing.T) {
	master := queuetest.StartRedis(t)
	host, port, _ := net.SplitHostPort(master.Addr())
	file := filepath.Join(t.TempDir(), "sentinel.conf") // sentinels write into their configuration
	if err := os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor main %s %s 1\n", host, port), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := queuetest.StartRedis(t, file, "--sentinel")
	carries(t, "redis-sentinel://"+sentinel.Addr()+"/main/0")
}
