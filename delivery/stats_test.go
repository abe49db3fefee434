package delivery_test

import (
	"testing"
	"time"

	"memhook/delivery"
)

func TestQuantile(t *testing.T) {
	var h delivery.Histogram
	if q := h.Quantile(0.5); q != 0 {
		t.Errorf("of nothing: %s", q)
	}
	for range 90 {
		h.Add(20 * time.Millisecond) // 10 to 25 ms
	}
	for range 10 {
		h.Add(time.Minute) // beyond the last bound
	}
	for _, tt := range []struct {
		q        float64
		from, to time.Duration
	}{
		{0.01, 10 * time.Millisecond, 11 * time.Millisecond},
		{0.45, 17 * time.Millisecond, 18 * time.Millisecond},
		{0.9, 24 * time.Millisecond, 25 * time.Millisecond},
		{0.99, 30 * time.Second, 30 * time.Second},
	} {
		if got := h.Quantile(tt.q); got < tt.from || got > tt.to {
			t.Errorf("quantile %v is %s, want %s to %s", tt.q, got, tt.from, tt.to)
		}
	}
}
