package retry_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"memhook/retry"
)

func TestParseRetryAfter(t *testing.T) {
	now := start.Add(300 * time.Millisecond)
	for _, test := range []struct {
		name, header string
		want         time.Duration
		ok           bool
	}{
		{"seconds", "120", 2 * time.Minute, true},
		{"zero", "0", 0, true},
		{"leading zeros", "007", 7 * time.Second, true},
		{"spaces around", " 5 ", 5 * time.Second, true},
		{"a day", "86400", 24 * time.Hour, true},
		{"more than a day", "86401", 24 * time.Hour, true},
		{"end of int64", "9223372036854775807", 24 * time.Hour, true},
		{"past int64", strings.Repeat("9", 40), 24 * time.Hour, true},
		{"date", "Sun, 01 Mar 2026 12:01:00 GMT", time.Minute - 300*time.Millisecond, true},
		{"date of RFC 850", "Sunday, 01-Mar-26 12:01:00 GMT", time.Minute - 300*time.Millisecond, true},
		{"date of asctime", "Sun Mar  1 12:01:00 2026", time.Minute - 300*time.Millisecond, true},
		{"date far ahead", "Fri, 31 Dec 9999 23:59:59 GMT", 24 * time.Hour, true},
		{"date past", "Sun, 01 Mar 2026 12:00:00 GMT", 0, false},
		{"date long past", "Thu, 01 Jan 1970 00:00:00 GMT", 0, false},
		{"empty", "", 0, false},
		{"space", " ", 0, false},
		{"negative", "-1", 0, false},
		{"plus", "+1", 0, false},
		{"fraction", "1.5", 0, false},
		{"hexadecimal", "0x10", 0, false},
		{"underscore", "1_000", 0, false},
		{"unit", "30s", 0, false},
		{"two values", "5, 10", 0, false},
		{"other digits", "٣", 0, false},
		{"date of ISO 8601", "2026-03-01T12:01:00Z", 0, false},
		{"words", "soon", 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := retry.ParseRetryAfter(test.header, now)
			if got != test.want || ok != test.ok {
				t.Errorf("ParseRetryAfter(%q): %s, %t, want %s, %t", test.header, got, ok, test.want, test.ok)
			}
		})
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, header := range []string{"", "0", "120", "-1", "1.5", strings.Repeat("9", 40), "Sun, 01 Mar 2026 12:01:00 GMT", "Sun Mar  1 12:01:00 2026"} {
		f.Add(header, start.Unix())
	}
	f.Fuzz(func(t *testing.T, header string, unix int64) {
		now := time.Unix(unix, 0)
		got, ok := retry.ParseRetryAfter(header, now)
		if got < 0 || got > retry.MaxRetryAfter || !ok && got != 0 {
			t.Fatalf("ParseRetryAfter(%q, %s): %s, %t", header, now, got, ok)
		}
		if !ok || got == retry.MaxRetryAfter {
			return
		}
		// What was not cut is exactly what the header asks for.
		trimmed := strings.TrimSpace(header)
		if seconds, err := strconv.Atoi(trimmed); err == nil && got != time.Duration(seconds)*time.Second {
			t.Errorf("ParseRetryAfter(%q): %s", header, got)
		}
		if at, err := http.ParseTime(trimmed); err == nil && !now.Add(got).Equal(at) {
			t.Errorf("ParseRetryAfter(%q, %s): %s, want to reach the date", header, now, got)
		}
	})
}
