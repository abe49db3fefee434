package memory

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts events. A nil *Metrics counts nothing.
type Metrics struct {
	events   *prometheus.CounterVec
	results  *prometheus.CounterVec
	latency  prometheus.Histogram
	refusals prometheus.Counter
}

// NewMetrics registers the package's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memhook_events_accepted_total", Help: "Events committed, by kind.",
		}, []string{"kind"}),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memhook_events_finished_total", Help: "Events that reached a final state, by state.",
		}, []string{"status"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "memhook_events_latency_seconds", Help: "Time from acceptance to the final state.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		refusals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "memhook_sources_refused_total", Help: "Requests of sources that did not verify.",
		}),
	}
	r.MustRegister(m.events, m.results, m.latency, m.refusals)
	return m
}

func (m *Metrics) accepted(k EventKind) {
	if m != nil {
		m.events.WithLabelValues(string(k)).Inc()
	}
}

func (m *Metrics) finished(s EventStatus, took time.Duration) {
	if m != nil {
		m.results.WithLabelValues(string(s)).Inc()
		m.latency.Observe(took.Seconds())
	}
}

func (m *Metrics) refused() {
	if m != nil {
		m.refusals.Inc()
	}
}
