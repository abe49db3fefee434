package main

import (
	"fmt"
	"maps"

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
	metrics := queue.NewMetrics(n.registry)
	mux := queue.Mux(map[string]queue.Handler{
		memory.KindProcess: n.memory.Process,
		delivery.KindSend:  n.delivery.Send,
	}, n.log, metrics)
	lanes := maps.Clone(lanes)
	lanes[memory.Lane] = n.config.memoryWorkers()
	if !n.config.works() {
		for lane := range lanes {
			lanes[lane] = 0
		}
	}
	if n.config.RedisURL == "" {
		b := queue.NewLocal(asynq.Handler(mux), lanes)
		b.Instrument(metrics)
		return b, nil
	}
	b, err := queue.NewRedis(n.config.RedisURL, mux, lanes, n.log)
	if err != nil {
		return nil, usagef("--redis-url: %w", err)
	}
	b.Instrument(metrics)
	n.trouble = func() string {
		s := b.Status()
		if s.Trouble != "" {
			return fmt.Sprintf("redis is not used, tickets go through the process itself: %s", s.Trouble)
		}
		return s.Warning
	}
	return b, nil
}
