package queue_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
)

func TestNodesShareABucket(t *testing.T) {
	r := queuetest.StartRedis(t)
	var nodes [2]*queue.Shared
	for i := range nodes {
		s, err := queue.NewShared(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		nodes[i] = s
	}
	// A token an hour, so that none drops in meanwhile.
	var taken atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			fullIn, wait, err := nodes[i%2].Take(t.Context(), "a", time.Hour, 5)
			if err != nil || fullIn <= 0 || fullIn > 5*time.Hour || wait > time.Hour {
				t.Errorf("full in %v, wait %v, error %v", fullIn, wait, err)
			}
			if wait == 0 {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 5 {
		t.Errorf("two nodes took %d tokens of a bucket of 5", n)
	}
	if _, wait, err := nodes[0].Take(t.Context(), "b", time.Hour, 1); err != nil || wait != 0 {
		t.Errorf("another bucket: wait %v, error %v", wait, err)
	}
	r.Flush()
	if _, wait, err := nodes[1].Take(t.Context(), "a", time.Hour, 5); err != nil || wait != 0 {
		t.Errorf("after a flush: wait %v, error %v; want a full bucket", wait, err)
	}
	r.Kill()
	for range 3 {
		if _, _, err := nodes[0].Take(t.Context(), "a", time.Hour, 5); !errors.Is(err, queue.ErrShared) {
			t.Errorf("without Redis: %v, want ErrShared", err)
		}
	}
}
