package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
	"memhook/retry"
)

// taken is how many of 20 tokens two nodes get out of a bucket of 6.
func taken(t *testing.T, nodes [2]*limits, endpoint uuid.UUID) int {
	t.Helper()
	n := 0
	for i := range 20 {
		after, wait, err := endpointLimits{nodes[i%2]}.Take(t.Context(), endpoint, retry.Limiter{PerSecond: 0.001, Burst: 6})
		if err != nil || after.FullAt.IsZero() {
			t.Fatalf("bucket %v, error %v", after, err)
		}
		if wait == 0 {
			n++
		}
	}
	return n
}

func TestNodesShareLimits(t *testing.T) {
	r := queuetest.StartRedis(t)
	now := time.Now()
	var nodes [2]*limits
	for i := range nodes {
		s, err := queue.NewShared(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		nodes[i] = newLimits(s, func() int { return 2 }, func() time.Time { return now })
	}
	if n := taken(t, nodes, uuid.New()); n != 6 {
		t.Errorf("two nodes took %d tokens of a shared bucket of 6", n)
	}
	addr := netip.MustParseAddr("192.0.2.1")
	for i := range 6 {
		if _, ok := nodes[i%2].signIn(t.Context(), addr); ok != (i < 5) {
			t.Errorf("sign-in %d is allowed: %t", i+1, ok)
		}
	}
	r.Kill()
	if n := taken(t, nodes, uuid.New()); n != 6 {
		t.Errorf("without Redis two nodes took %d tokens, want their shares of 6", n)
	}
}
