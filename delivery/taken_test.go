package delivery_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/delivery/queue/queuetest"
)

// What another node takes out of the queue holds no room of the node that put it in:
// an endpoint gets more than a window full in the life of a ticket.
func TestTicketsTakenByAnotherNode(t *testing.T) {
	redis := queuetest.StartRedis(t)
	news := func() *queue.News {
		shared, err := queue.NewShared(redis.URL)
		if err != nil {
			t.Fatal(err)
		}
		n := queue.NewNews(shared, func() bool { return true })
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); n.Run(ctx) }()
		t.Cleanup(func() { stop(); <-done; shared.Close() })
		return n
	}
	r := &receivers{}
	var taker *delivery.Service
	var sends sync.WaitGroup
	s := startWith(t, func(c *delivery.Config) {
		c.Transport, c.News = r, news()
		other := *c
		other.News = news()
		taker = delivery.New(other)
		c.Push = func(ctx context.Context, ticket queue.Ticket) error {
			if ticket.Kind != delivery.KindSend {
				t.Errorf("a ticket of kind %s", ticket.Kind)
			}
			sends.Go(func() { taker.Send(ctx, ticket.IDs) })
			return nil
		}
	})
	t.Cleanup(sends.Wait)
	s.endpoint(t, "crm", nil)
	const n = 500 // about eight windows
	began := time.Now()
	s.addAll(t, n)
	s.settle(t, func() bool { return len(r.to("crm")) >= n })
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("%d deliveries taken by another node took %v; room for 64 comes back every 5 s when nobody says so", n, took)
	}
	if got := r.to("crm"); len(got) != n {
		t.Errorf("%d requests for %d deliveries", len(got), n)
	}
}
