package delivery

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts attempts. A nil *Metrics counts nothing.
type Metrics struct {
	attempts *prometheus.CounterVec
	duration prometheus.Histogram
}

// NewMetrics registers the package's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "memhook_deliveries_attempts_total", Help: "Attempts, by error class; ok for those that a receiver accepted.",
		}, []string{"class"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "memhook_deliveries_attempt_duration_seconds", Help: "Time from dial to the last byte of the answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	r.MustRegister(m.attempts, m.duration)
	return m
}

func (m *Metrics) attempted(a Attempt) {
	if m == nil {
		return
	}
	class := string(a.Class)
	if class == "" {
		class = "ok"
	}
	m.attempts.WithLabelValues(class).Inc()
	m.duration.Observe(a.Duration.Seconds())
}
