package main

import (
	"fmt"

	"github.com/hibiken/asynq"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
)

// lanes says how many tickets of a lane are worked on at once. Memory work is
// bound by the processor and the disk, deliveries by the network. A ticket for an
// endpoint that hangs holds its worker for as long as the endpoint's timeout, so
// there are many for deliveries, and a few apart for endpoints known to hang.
var lanes = queue.Lanes{memory.Lane: 8, delivery.Lane: 128, delivery.SlowLane: 32}

func (n *node) newBroker() (queue.Broker, error) {
	mux := queue.Mux(map[string]queue.Handler{
		memory.KindProcess: n.memory.Process,
		delivery.KindSend:  n.delivery.Send,
	}, n.log, queue.NewMetrics(n.registry))
	if n.config.RedisURL == "" {
		return queue.NewLocal(asynq.Handler(mux), lanes), nil
	}
	b, err := queue.NewRedis(n.config.RedisURL, mux, lanes, n.log)
	if err != nil {
		return nil, usagef("--redis-url: %w", err)
	}
	n.trouble = func() string {
		if why := b.Trouble(); why != "" {
			return fmt.Sprintf("redis is not used, tickets go through the process itself: %s", why)
		}
		return ""
	}
	return b, nil
}
