package inbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers that each way uses unless another is named.
const (
	GitHubHeader = "X-Hub-Signature-256"
	StripeHeader = "Stripe-Signature"
	TokenHeader  = "X-Webhook-Token"
)

// Tolerance is how far the time of a request may lie from this side's clock,
// either way. Five minutes is what Stripe's libraries use.
const Tolerance = 5 * time.Minute

// maxSignatures is how many signatures of one header are looked at.
const maxSignatures = 32

// What a check may find wrong.
var (
	ErrMissing = errors.New("the signature is missing")
	ErrForm    = errors.New("the signature is not of the expected form")
	ErrTime    = errors.New("the request is too old or too new")
	ErrNoMatch = errors.New("no signature matches")
)

// GitHub checks a body's HMAC-SHA256 in a header. One without the prefix
// "sha256=", or in base64, is as good: other senders write it so.
func GitHub(s Secret, header string, h http.Header, body []byte) error {
	given := strings.TrimSpace(h.Get(header))
	if given == "" {
		return fmt.Errorf("%w: %s", ErrMissing, header)
	}
	sum, ok := decodeSum(strings.TrimPrefix(given, "sha256="))
	if !ok {
		return fmt.Errorf("%w: %s", ErrForm, header)
	}
	if s.IsZero() || !hmac.Equal(sum, digest(s, body)) {
		return ErrNoMatch
	}
	return nil
}

// decodeSum reads a SHA-256 in hex, or in base64 of either alphabet.
func decodeSum(text string) ([]byte, bool) {
	if len(text) == hex.EncodedLen(sha256.Size) {
		sum, err := hex.DecodeString(text)
		return sum, err == nil
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	sum, err := base64.RawStdEncoding.DecodeString(standard)
	return sum, err == nil && len(sum) == sha256.Size
}

// Stripe checks a header of the form "t=1700000000,v1=<hex>,v1=<hex>": one v1
// must match, and t must lie within Tolerance of now.
func Stripe(s Secret, header string, h http.Header, body []byte, now time.Time) error {
	given := h.Get(header)
	if given == "" {
		return fmt.Errorf("%w: %s", ErrMissing, header)
	}
	timestamp, sums := "", [][]byte(nil)
	for _, part := range strings.SplitN(given, ",", maxSignatures+1) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			timestamp = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil && len(sums) < maxSignatures {
				sums = append(sums, sum)
			}
		}
	}
	at, ok := unixTime(timestamp)
	if !ok || len(sums) == 0 {
		return fmt.Errorf("%w: %s", ErrForm, header)
	}
	if age := now.Sub(at).Abs(); age > Tolerance {
		return ErrTime
	}
	want, found := digest(s, []byte(timestamp), []byte("."), body), 0
	for _, sum := range sums {
		found |= subtle.ConstantTimeCompare(sum, want)
	}
	if found == 0 || s.IsZero() {
		return ErrNoMatch
	}
	return nil
}

// unixTime reads up to twelve digits, which last for 31,000 years.
func unixTime(s string) (time.Time, bool) {
	if s == "" || len(s) > 12 || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(n, 0), err == nil
}

// Token checks a token in a header, bare or after "Bearer ".
func Token(s Secret, header string, h http.Header) error {
	given := strings.TrimSpace(h.Get(header))
	if scheme, rest, ok := strings.Cut(given, " "); ok && strings.EqualFold(scheme, "bearer") {
		given = strings.TrimSpace(rest)
	}
	if given == "" {
		return fmt.Errorf("%w: %s", ErrMissing, header)
	}
	// Hashes, so that lengths do not show either.
	have, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.Reveal()))
	if subtle.ConstantTimeCompare(have[:], want[:]) == 0 || s.IsZero() {
		return ErrNoMatch
	}
	return nil
}

func digest(s Secret, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, []byte(s.Reveal()))
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}
