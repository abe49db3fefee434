package retry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"memhook/retry"
)

// start is when most tests begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Outcomes that many tests share.
var (
	success   = retry.Outcome{StatusCode: 200}
	notFound  = retry.Outcome{StatusCode: 404}
	failure   = retry.Outcome{StatusCode: 500}
	timeout   = retry.Outcome{Class: retry.ClassHeaderTimeout}
	refused   = retry.Outcome{Class: retry.ClassConnectRefused}
	cutShort  = retry.Outcome{Class: retry.ClassInterrupted}
	blocked   = retry.Outcome{Class: retry.ClassBlockedAddress}
	throttled = retry.Outcome{StatusCode: 429}
)

var allClasses = []retry.Class{
	"", retry.ClassDNS, retry.ClassBlockedAddress, retry.ClassConnectRefused, retry.ClassConnectTimeout,
	retry.ClassTLSExpired, retry.ClassTLSName, retry.ClassTLSUntrusted, retry.ClassTLSOther,
	retry.ClassHeaderTimeout, retry.ClassBodyTimeout, retry.ClassReset, retry.ClassProtocol,
	retry.ClassRedirect, retry.ClassGone, retry.ClassTooLarge, retry.ClassStatus, retry.ClassInterrupted,
}

func TestStatusClass(t *testing.T) {
	for _, test := range []struct {
		code int
		want retry.Class
	}{
		{0, retry.ClassProtocol},
		{101, retry.ClassProtocol},
		{199, retry.ClassProtocol},
		{200, ""},
		{204, ""},
		{299, ""},
		{300, retry.ClassRedirect},
		{304, retry.ClassRedirect},
		{399, retry.ClassRedirect},
		{400, retry.ClassStatus},
		{410, retry.ClassGone},
		{413, retry.ClassTooLarge},
		{429, retry.ClassStatus},
		{500, retry.ClassStatus},
		{999, retry.ClassStatus},
	} {
		if got := retry.StatusClass(test.code); got != test.want {
			t.Errorf("StatusClass(%d): %q, want %q", test.code, got, test.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name    string
		outcome retry.Outcome
		want    retry.Verdict
	}{
		{"nothing known", retry.Outcome{}, retry.Retry},
		{"200", retry.Outcome{StatusCode: 200}, retry.Delivered},
		{"204, asked to disable", retry.Outcome{StatusCode: 204, Disable: true}, retry.Delivered},
		{"200, then silence", retry.Outcome{StatusCode: 200, Class: retry.ClassBodyTimeout}, retry.Retry},
		{"101", retry.Outcome{StatusCode: 101}, retry.Retry},
		{"302", retry.Outcome{StatusCode: 302}, retry.Retry},
		{"400", retry.Outcome{StatusCode: 400}, retry.Retry},
		{"401", retry.Outcome{StatusCode: 401}, retry.Retry},
		{"404", retry.Outcome{StatusCode: 404}, retry.Retry},
		{"410", retry.Outcome{StatusCode: 410}, retry.Gone},
		{"410, class given", retry.Outcome{StatusCode: 410, Class: retry.ClassGone}, retry.Gone},
		{"404, asked to disable", retry.Outcome{StatusCode: 404, Disable: true}, retry.Gone},
		{"429, asked to disable", retry.Outcome{StatusCode: 429, Disable: true}, retry.Gone},
		{"413", retry.Outcome{StatusCode: 413}, retry.Refused},
		{"blocked address", blocked, retry.Refused},
		{"429", throttled, retry.Throttled},
		{"503", retry.Outcome{StatusCode: 503}, retry.Throttled},
		{"503, class given", retry.Outcome{StatusCode: 503, Class: retry.ClassStatus}, retry.Throttled},
		{"500", failure, retry.Retry},
		{"502", retry.Outcome{StatusCode: 502}, retry.Retry},
		{"500 with Retry-After", retry.Outcome{StatusCode: 500, RetryAfter: time.Hour}, retry.Retry},
		{"dns", retry.Outcome{Class: retry.ClassDNS}, retry.Retry},
		{"timeout", timeout, retry.Retry},
		{"interrupted", cutShort, retry.Retry},
		{"class of a later version", retry.Outcome{Class: "quantum"}, retry.Retry},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.outcome.Verdict(); got != test.want {
				t.Errorf("Verdict of %+v: %q, want %q", test.outcome, got, test.want)
			}
		})
	}
}

func TestClassSentences(t *testing.T) {
	requireSentences(t, allClasses, retry.Class("quantum").Sentence())
}

// requireSentences wants each value to have a sentence of its own.
func requireSentences[T interface {
	~string
	Sentence() string
}](t *testing.T, values []T, unknown string,
) {
	t.Helper()
	seen := []string{unknown}
	for _, v := range values {
		s := v.Sentence()
		if slices.Contains(seen, s) {
			t.Errorf("sentence of %q is another's: %s", v, s)
		}
		seen = append(seen, s)
	}
	for _, s := range seen {
		if len(s) < 10 || len(s) > 120 || !strings.HasSuffix(s, ".") || strings.Contains(s, "\n") {
			t.Errorf("not one short sentence: %q", s)
		}
	}
}
