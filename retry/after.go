package retry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter is the longest pause a receiver may ask for. A longer one is
// cut to this: a slip of the pen must not silence an endpoint for years.
const MaxRetryAfter = 24 * time.Hour

// ParseRetryAfter reads a Retry-After header, in whole seconds or as a date in
// any of the three forms of HTTP (RFC 9110, section 10.2.3). It returns at most
// MaxRetryAfter. It returns false for anything else: a sign, a fraction, a
// unit, or a date that has passed.
func ParseRetryAfter(header string, now time.Time) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0, false
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseInt(header, 10, 64)
		if err != nil || seconds > int64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter, true // only digits: too many of them is the one error left
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(header)
	if err != nil || at.Before(now) {
		return 0, false
	}
	return min(at.Sub(now), MaxRetryAfter), true
}
