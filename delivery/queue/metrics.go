package queue

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts tickets. A nil *Metrics counts nothing.
type Metrics struct {
	pushes   *prometheus.CounterVec
	tickets  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	redis    prometheus.Gauge
}

// NewMetrics registers the package's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memhook_queue_pushes_total", Help: "Tickets handed in, by broker, lane and result: ok, full or error.",
		}, []string{"broker", "lane", "result"}),
		tickets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memhook_queue_tickets_total", Help: "Tickets handled, by kind and result.",
		}, []string{"kind", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "memhook_queue_handler_duration_seconds", Help: "Time a handler took for one ticket.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 15, 60},
		}, []string{"kind"}),
		redis: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "memhook_queue_redis_used", Help: "1 while tickets go through Redis, 0 while they go through the process itself.",
		}),
	}
	r.MustRegister(m.pushes, m.tickets, m.duration, m.redis)
	return m
}

func (m *Metrics) pushed(broker, lane string, err error) {
	if m == nil {
		return
	}
	result := "ok"
	switch {
	case errors.Is(err, ErrFull):
		result = "full"
	case err != nil:
		result = "error"
	}
	m.pushes.WithLabelValues(broker, lane, result).Inc()
}

func (m *Metrics) handled(kind string, took time.Duration, err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.tickets.WithLabelValues(kind, result).Inc()
	m.duration.WithLabelValues(kind).Observe(took.Seconds())
}

func (m *Metrics) redisUsed(used bool) {
	switch {
	case m == nil:
	case used:
		m.redis.Set(1)
	default:
		m.redis.Set(0)
	}
}
