package retry

import "time"

// Limits of a Limiter. What lies outside is treated as the limit; they keep its
// arithmetic within a time.Duration.
const (
	minPerSecond = 1.0 / 3600
	maxBurst     = 100_000
)

// A Limiter is a token bucket: Burst requests at once, PerSecond in the long
// run. It is a value: Take returns the next one. All of its state is one time,
// which makes the bucket easy to store and to share (the generic cell rate
// algorithm computes the same).
type Limiter struct {
	PerSecond float64   // from one an hour; 0 or less: no limit
	Burst     int       // 1 to 100,000; less than 1: 1
	FullAt    time.Time // when the bucket is full again; the zero Limiter's is
}

// Take takes a token and returns 0, or returns the unchanged Limiter and how
// long to wait for one.
func (l Limiter) Take(now time.Time) (Limiter, time.Duration) {
	token := l.token()
	if token == 0 {
		return l, 0
	}
	missing := l.missing(now)
	if wait := missing - time.Duration(l.burst()-1)*token; wait > 0 {
		return l, wait
	}
	l.FullAt = now.Add(missing + token)
	return l, 0
}

// Left returns how many tokens may be taken now.
func (l Limiter) Left(now time.Time) int {
	token := l.token()
	if token == 0 {
		return Unlimited
	}
	return int((time.Duration(l.burst())*token - l.missing(now)) / token)
}

// token is the time in which one token drops in, 0 without a limit.
func (l Limiter) token() time.Duration {
	if l.PerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / max(l.PerSecond, minPerSecond))
}

func (l Limiter) burst() int { return min(max(l.Burst, 1), maxBurst) }

// missing is the time until the bucket is full. A clock that went back cannot
// make it longer than filling the whole bucket takes.
func (l Limiter) missing(now time.Time) time.Duration {
	return min(max(l.FullAt.Sub(now), 0), time.Duration(l.burst())*l.token())
}
