package retry

// DefaultWindow is how many requests a healthy endpoint gets at once.
const DefaultWindow = 64

// slowWindow is the window up to which an endpoint that timed out stays slow.
const slowWindow = 8

// A Window is how many requests an endpoint may have in flight. It is a value:
// Record returns the next one. It starts full, halves with every timeout and
// connection error, and grows by one with every success, so that an endpoint
// that hangs soon ties up one worker instead of all.
type Window struct {
	Max      int  `json:"max,omitempty"`  // 0: DefaultWindow
	Lost     int  `json:"lost,omitempty"` // what the window is short of Max
	TimedOut bool `json:"timed_out,omitempty"`
}

// Limit returns how many requests may be in flight, at least 1.
func (w Window) Limit() int { return max(w.max()-w.Lost, 1) }

// Slow reports whether the endpoint belongs in the slow lane: from a timeout
// until a success finds the window above 8, or full if it is smaller.
func (w Window) Slow() bool { return w.TimedOut }

// Record returns the Window after an attempt. An answer that is no success
// leaves it as it is: the endpoint is quick enough, and for how often it is
// asked there are the Limiter and the Breaker.
func (w Window) Record(o Outcome) Window {
	class, limit := o.class(), w.Limit()
	switch {
	case class.timeout(), class.connection():
		w.Lost = w.max() - max(limit/2, 1)
		w.TimedOut = w.TimedOut || class.timeout()
	case class == "":
		limit = min(limit+1, w.max())
		w.Lost = w.max() - limit
		w.TimedOut = w.TimedOut && limit <= slowWindow && w.Lost > 0
	}
	return w
}

func (w Window) max() int {
	if w.Max <= 0 {
		return DefaultWindow
	}
	return w.Max
}
