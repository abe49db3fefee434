package delivery

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of custom headers.
const (
	MaxHeaders     = 20      // per endpoint
	MaxHeaderName  = 128     // bytes
	MaxHeaderValue = 4 << 10 // bytes
)

// Headers are what an endpoint's owner adds to every request: names in canonical
// form and their values. The values may be passwords, so they never print: they
// are masked in every format and encoding.
type Headers map[string]string

// Masked returns the names with Mask for every value.
func (h Headers) Masked() map[string]string {
	m := make(map[string]string, len(h))
	for name := range h {
		m[name] = Mask
	}
	return m
}

// String shows the names.
func (h Headers) String() string {
	return "[" + strings.Join(slices.Sorted(maps.Keys(h)), " ") + ": values masked]"
}

// GoString is String, for %#v.
func (h Headers) GoString() string { return h.String() }

// Format prints String for every verb: %d would reach the values.
func (h Headers) Format(f fmt.State, _ rune) { fmt.Fprint(f, h.String()) }

// LogValue is String, for slog.
func (h Headers) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalText is String, for JSON and every other encoder. A store must convert to
// a map, and seal it.
func (h Headers) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// over returns h as it replaces old: names in canonical form, and the old value
// wherever the new one is Mask, which is what a form shows.
func (h Headers) over(old Headers) Headers {
	if len(h) == 0 {
		return nil
	}
	next := make(Headers, len(h))
	for name, value := range h {
		name = http.CanonicalHeaderKey(name)
		if kept, ok := old[name]; ok && value == Mask {
			value = kept
		}
		next[name] = value
	}
	return next
}

// reserved are the headers that belong to memhook, to HTTP itself or to one hop.
var reserved = []string{
	"Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Expect", "Host", "Keep-Alive",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Traceparent", "Tracestate", "Trailer",
	"Transfer-Encoding", "Upgrade", "User-Agent",
}

var reservedPrefixes = []string{"Webhook-", "Memhook-"}

func isReserved(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return slices.Contains(reserved, name) ||
		slices.ContainsFunc(reservedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func (h Headers) validate() error {
	bad := func(format string, args ...any) error { return &InvalidError{"headers", fmt.Sprintf(format, args...)} }
	if len(h) > MaxHeaders {
		return bad("Ensure there are no more than %d headers.", MaxHeaders)
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := h[name]
		switch {
		case !isToken(name) || len(name) > MaxHeaderName:
			return bad("%q is not a header name: letters, digits and hyphens, at most %d.", clip(name, 64), MaxHeaderName)
		case isReserved(name):
			return bad("%s cannot be set: it belongs to memhook or to HTTP itself.", name)
		case len(value) > MaxHeaderValue:
			return bad("The value of %s is longer than %d bytes.", name, MaxHeaderValue)
		case !printable(value) || strings.TrimSpace(value) != value:
			return bad("The value of %s has control characters, or space at an end.", name)
		case value == Mask:
			return bad("The value of %s is only the mask of one.", name)
		}
	}
	return nil
}

// isToken tells whether s is a token of HTTP (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// printable tells whether s is text without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
