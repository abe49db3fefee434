package retry_test

import (
	"encoding/json"
	"slices"
	"testing"

	"memhook/retry"
)

func TestWindow(t *testing.T) {
	gone := retry.Outcome{StatusCode: 410}
	for _, test := range []struct {
		name     string
		max      int
		outcomes []retry.Outcome
		limit    int
		slow     bool
	}{
		{"new", 0, nil, 64, false},
		{"full stays full", 0, times(3, success), 64, false},
		{"one timeout", 0, times(1, timeout), 32, true},
		{"one refused connection", 0, times(1, refused), 32, false},
		{"connect timeout", 0, times(1, retry.Outcome{Class: retry.ClassConnectTimeout}), 32, true},
		{"body timeout after 200", 0, times(1, retry.Outcome{StatusCode: 200, Class: retry.ClassBodyTimeout}), 32, true},
		{"bad certificate", 0, times(1, retry.Outcome{Class: retry.ClassTLSUntrusted}), 32, false},
		{"three timeouts", 0, times(3, timeout), 8, true},
		{"never below one", 0, times(20, timeout), 1, true},
		{"statuses change nothing", 0, []retry.Outcome{timeout, notFound, failure, throttled, gone, blocked, cutShort}, 32, true},
		{"a success above eight ends slow", 0, []retry.Outcome{timeout, success}, 33, false},
		{"at eight it is slow", 0, slices.Concat(times(6, timeout), times(7, success)), 8, true},
		{"above eight it is not", 0, slices.Concat(times(6, timeout), times(8, success)), 9, false},
		{"refused connections do not end slow", 0, []retry.Outcome{timeout, refused}, 16, true},
		{"back to full", 0, slices.Concat(times(6, timeout), times(100, success)), 64, false},
		{"small window", 4, times(1, timeout), 2, true},
		{"small window, growing", 4, []retry.Outcome{timeout, success}, 3, true},
		{"small window, full again", 4, []retry.Outcome{timeout, success, success}, 4, false},
		{"window of one", 1, times(3, timeout), 1, true},
		{"window of one, after a success", 1, []retry.Outcome{timeout, success}, 1, false},
		{"large window", 200, times(1, timeout), 100, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := retry.Window{Max: test.max}
			for _, o := range test.outcomes {
				w = w.Record(o)
			}
			if w.Limit() != test.limit || w.Slow() != test.slow {
				t.Errorf("limit %d, slow %t, want %d, %t", w.Limit(), w.Slow(), test.limit, test.slow)
			}
			encoded, err := json.Marshal(w)
			if err != nil {
				t.Fatal(err)
			}
			var again retry.Window
			if err := json.Unmarshal(encoded, &again); err != nil || again != w {
				t.Errorf("round trip of %s: %+v, %v, want %+v", encoded, again, err, w)
			}
		})
	}
}

// TestWindowAfterMaxShrinks: an endpoint's limit may be edited while its
// window is being kept.
func TestWindowAfterMaxShrinks(t *testing.T) {
	w := retry.Window{}.Record(timeout)
	w.Max = 16
	if got := w.Limit(); got != 1 {
		t.Errorf("limit: %d, want 1", got)
	}
	if got := w.Record(success).Limit(); got != 2 {
		t.Errorf("limit after a success: %d, want 2", got)
	}
}
