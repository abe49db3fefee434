package queue

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts tickets. A nil *Metrics counts nothing.
type Metrics struct {
	tickets  *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewMetrics registers the package's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		tickets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memhook_queue_tickets_total", Help: "Tickets handled, by kind and result.",
		}, []string{"kind", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "memhook_queue_handler_duration_seconds", Help: "Time a handler took for one ticket.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 15, 60},
		}, []string{"kind"}),
	}
	r.MustRegister(m.tickets, m.duration)
	return m
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
