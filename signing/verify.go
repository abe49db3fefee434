package signing

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far the time of an attempt may lie from the verifier's
// clock, either way. Five minutes is what the libraries of the specification
// use.
const Tolerance = 5 * time.Minute

// maxSignatures is how many signatures of one request are looked at. A sender
// has a handful of live secrets; a header full of made-up ones must not buy
// CPU time with ed25519.
const maxSignatures = 32

// maxTimestampDigits keeps Unix seconds within what time.Time can hold. Twelve
// digits last for 31,000 years.
const maxTimestampDigits = 12

// What Verify may find wrong.
var (
	ErrMissingHeader = errors.New("missing webhook header")
	ErrBadID         = errors.New("webhook-id has a dot in it")
	ErrBadTimestamp  = errors.New("webhook-timestamp is not in Unix seconds")
	ErrTooOld        = errors.New("webhook-timestamp is too old")
	ErrTooNew        = errors.New("webhook-timestamp is too new")
	ErrNoMatch       = errors.New("no signature matches")
)

// Verify checks that a request was signed with one of the secrets and made
// within the tolerance of now. body must be the bytes as they came: parsed and
// encoded again, they do not verify.
//
// An ed25519 Secret verifies with its public half. The error is one of
// ErrMissingHeader, ErrBadID, ErrBadTimestamp, ErrTooOld, ErrTooNew and
// ErrNoMatch.
func Verify(secrets []Secret, h http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	r, err := parseRequest(h, now, tolerance)
	if err != nil {
		return err
	}
	for _, s := range secrets {
		if public, ok := s.Public(); ok && r.signedBy(public, body) {
			return nil
		}
		if hmac := s.load().hmac; hmac != nil && r.sharedBy(hmac, body) {
			return nil
		}
	}
	return ErrNoMatch
}

// VerifyPublic is Verify for a receiver that has public keys only.
func VerifyPublic(keys []PublicKey, h http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	r, err := parseRequest(h, now, tolerance)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if r.signedBy(k, body) {
			return nil
		}
	}
	return ErrNoMatch
}

// A request is what its headers claim.
type request struct {
	head       []byte // what is signed before the body
	signatures []string
}

func parseRequest(h http.Header, now time.Time, tolerance time.Duration) (request, error) {
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		if h.Get(name) == "" {
			return request{}, fmt.Errorf("%w: %s", ErrMissingHeader, name)
		}
	}
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	if strings.Contains(id, ".") {
		return request{}, ErrBadID
	}
	at, err := parseTimestamp(timestamp)
	if err != nil {
		return request{}, err
	}
	if age := now.Sub(at); age > tolerance {
		return request{}, fmt.Errorf("%w: %v old, and %v is the most", ErrTooOld, age.Round(time.Second), tolerance)
	}
	if ahead := at.Sub(now); ahead > tolerance {
		return request{}, fmt.Errorf("%w: %v ahead, and %v is the most", ErrTooNew, ahead.Round(time.Second), tolerance)
	}
	// Split leaves all that lies beyond the limit in one last piece.
	signatures := strings.SplitN(h.Get(HeaderSignature), " ", maxSignatures+1)
	return request{
		head:       []byte(id + "." + timestamp + "."),
		signatures: signatures[:min(len(signatures), maxSignatures)],
	}, nil
}

func parseTimestamp(s string) (time.Time, error) {
	if len(s) > maxTimestampDigits || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, ErrBadTimestamp
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, ErrBadTimestamp
	}
	return time.Unix(n, 0), nil
}

// sharedBy compares every signature, in constant time, so that the time taken
// says nothing about which one came close.
func (r request) sharedBy(secret, body []byte) bool {
	want := base64.StdEncoding.AppendEncode(nil, sum(secret, r.head, body))
	found := 0
	for _, signature := range r.signatures {
		if encoded, ok := strings.CutPrefix(signature, symmetricVersion); ok {
			found |= subtle.ConstantTimeCompare([]byte(encoded), want)
		}
	}
	return found == 1
}

func (r request) signedBy(p PublicKey, body []byte) bool {
	if len(p.key) != ed25519.PublicKeySize {
		return false
	}
	signed := join(r.head, body)
	for _, signature := range r.signatures {
		encoded, ok := strings.CutPrefix(signature, asymmetricVersion)
		if !ok {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(encoded)
		if err == nil && ed25519.Verify(p.key, signed, b) {
			return true
		}
	}
	return false
}
