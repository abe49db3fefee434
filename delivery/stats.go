package delivery

import (
	"time"

	"github.com/google/uuid"
)

// latencyBounds are the upper bounds of a Histogram's buckets; the last one is
// open.
var latencyBounds = [...]time.Duration{
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Buckets is how many buckets a Histogram has.
const Buckets = len(latencyBounds) + 1

// A Histogram counts durations in fixed buckets.
type Histogram [Buckets]int

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	for i, bound := range latencyBounds {
		if d <= bound {
			h[i]++
			return
		}
	}
	h[Buckets-1]++
}

// Quantile estimates the duration below which the share q of all are, 0 when there
// are none. Within a bucket it assumes that they are spread evenly.
func (h Histogram) Quantile(q float64) time.Duration {
	total := 0
	for _, n := range h {
		total += n
	}
	rank := q * float64(total)
	below := 0.0
	for i, n := range h {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		low := time.Duration(0)
		if i > 0 {
			low = latencyBounds[i-1]
		}
		if i == Buckets-1 {
			return low
		}
		return low + time.Duration((rank-below)/float64(n)*float64(latencyBounds[i]-low))
	}
	return 0
}

// A Tally counts what happened within a span of time.
type Tally struct {
	Created        int // deliveries, those that were put aside at once too
	Skipped        int // of Created: the endpoint did not want them
	Held           int // of Created: the endpoint was paused or disabled
	Succeeded      int // deliveries that ended so
	Failed         int
	Attempts       int
	FailedAttempts int       // of Attempts
	Latency        Histogram // of Attempts
}

// Plus returns the sum of two tallies.
func (t Tally) Plus(u Tally) Tally {
	t.Created += u.Created
	t.Skipped += u.Skipped
	t.Held += u.Held
	t.Succeeded += u.Succeeded
	t.Failed += u.Failed
	t.Attempts += u.Attempts
	t.FailedAttempts += u.FailedAttempts
	for i, n := range u.Latency {
		t.Latency[i] += n
	}
	return t
}

// A StatsQuery asks for what happened from a time up to another.
type StatsQuery struct {
	ProjectID  string
	EndpointID uuid.UUID // Nil: all
	Since      time.Time
	Until      time.Time
	Step       time.Duration // of the series; whole minutes
}

// Stats are what happened, in all, over time and by endpoint.
type Stats struct {
	Total     Tally
	Series    []Point // one for every step, oldest first
	Endpoints map[uuid.UUID]Tally
}

// A Point is a step of a series.
type Point struct {
	At time.Time // where it begins
	Tally
}

// MaxPoints is how long a series may be.
const MaxPoints = 1500

// MinuteStats is how long counts are kept by the minute; beyond it by the hour.
const MinuteStats = 7 * 24 * time.Hour
