package memory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/signing"
	"memhook/signing/inbound"
)

// SourcePrefix begins the ID of a source where it is shown.
const SourcePrefix = "src_"

// Limits of a source.
const (
	MaxSources    = 50 // per project
	MaxSourceName = 255
	DefaultWindow = 24 * time.Hour
	MaxWindow     = 7 * 24 * time.Hour
)

// A Source is a service that sends webhooks here, to be relayed: it posts to an
// address of its own, is checked in its own way, and each of its requests becomes
// an event whose message goes to the project's endpoints.
type Source struct {
	ID           uuid.UUID
	ProjectID    string
	Name         string
	Verification Verification
	Header       string         // where the signature or token stands; "": that of the verification
	Secret       inbound.Secret // zero when nothing is verified
	Token        inbound.Secret // last part of its address: 160 random bits
	Window       time.Duration  // how long a request is remembered, so that a repeat is dropped; 0: not at all
	CreatedAt    time.Time
	UpdatedAt    time.Time
	PausedAt     *time.Time // a person paused it: it is told to try again later
}

// Verification says how a source proves who it is.
type Verification string

// The verifications. The package signing/inbound describes all but the first.
const (
	VerifyStandard Verification = "standard" // Standard Webhooks, also with svix- headers
	VerifyGitHub   Verification = "github"
	VerifyStripe   Verification = "stripe"
	VerifyToken    Verification = "token"
	VerifyNone     Verification = "none" // whoever knows the address may send
)

// Verifications lists them all.
func Verifications() []Verification {
	return []Verification{VerifyStandard, VerifyGitHub, VerifyStripe, VerifyToken, VerifyNone}
}

// defaultHeader is where a verification looks unless told otherwise.
var defaultHeader = map[Verification]string{
	VerifyGitHub: inbound.GitHubHeader, VerifyStripe: inbound.StripeHeader, VerifyToken: inbound.TokenHeader,
}

// Path is where the source posts to. It is as secret as what it ends in.
func (s Source) Path() string { return "/in/" + s.Token.Reveal() }

// SourceToken returns what a source is looked up by: no stored value opens it.
func SourceToken(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

func newToken() inbound.Secret {
	b := make([]byte, 20)
	rand.Read(b)
	s, err := inbound.ParseSecret(strings.ToLower(base32.StdEncoding.EncodeToString(b)))
	if err != nil {
		panic(err) // 32 letters and digits are a secret
	}
	return s
}

func newSourceSecret(v Verification) inbound.Secret {
	if v != VerifyStandard {
		return inbound.GenerateSecret()
	}
	s, err := inbound.ParseSecret(signing.GenerateSecret().Reveal())
	if err != nil {
		panic(err) // it is printable
	}
	return s
}

// verify checks a request. Its errors say what is wrong with the signature.
func (s Source) verify(h http.Header, body []byte, now time.Time) error {
	switch s.Verification {
	case VerifyStandard:
		secret, err := signing.ParseSecret(s.Secret.Reveal())
		if err != nil {
			return err
		}
		return signing.Verify([]signing.Secret{secret}, standardHeaders(h), body, now, signing.Tolerance)
	case VerifyGitHub:
		return inbound.GitHub(s.Secret, s.Header, h, body)
	case VerifyStripe:
		return inbound.Stripe(s.Secret, s.Header, h, body, now)
	case VerifyToken:
		return inbound.Token(s.Secret, s.Header, h)
	case VerifyNone:
		return nil
	}
	return fmt.Errorf("unknown verification %q", s.Verification)
}

// standardHeaders gives the headers that Svix sent before there was a standard
// their present names.
func standardHeaders(h http.Header) http.Header {
	if h.Get(signing.HeaderID) != "" || h.Get("svix-id") == "" {
		return h
	}
	named := http.Header{}
	for _, part := range []string{"id", "timestamp", "signature"} {
		named.Set("webhook-"+part, h.Get("svix-"+part))
	}
	return named
}

func (s Source) validate() error {
	switch {
	case strings.TrimSpace(s.Name) == "":
		return &InvalidError{"name", "is required"}
	case utf8.RuneCountInString(s.Name) > MaxSourceName:
		return &InvalidError{"name", fmt.Sprintf("may have at most %d characters", MaxSourceName)}
	case !utf8.ValidString(s.Name) || strings.ContainsFunc(s.Name, unicode.IsControl):
		return &InvalidError{"name", "may not have control characters"}
	case s.Window < 0 || s.Window > MaxWindow:
		return &InvalidError{"dedupe_window_s", fmt.Sprintf("must be between 0 and %d", int(MaxWindow.Seconds()))}
	case (s.Verification == VerifyNone) != s.Secret.IsZero():
		return &InvalidError{"secret", "goes with every verification but none"}
	}
	return s.validateHeader()
}

// reservedHeaders are read for something else, or never reach a handler.
var reservedHeaders = map[string]bool{"Host": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Connection": true, "Cookie": true}

func (s Source) validateHeader() error {
	_, has := defaultHeader[s.Verification]
	if !has {
		if s.Header != "" {
			return &InvalidError{"header", "goes with the verifications github, stripe and token"}
		}
		return nil
	}
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if s.Header == "" || len(s.Header) > 100 || strings.Trim(s.Header, plain) != "" || reservedHeaders[http.CanonicalHeaderKey(s.Header)] {
		return &InvalidError{"header", "must be the name of a header: letters, digits and hyphens"}
	}
	return nil
}

// readSecret reads a secret that a person gives for the verification.
func readSecret(v Verification, text string) (inbound.Secret, error) {
	s, err := inbound.ParseSecret(text)
	if err == nil && v == VerifyStandard {
		_, err = signing.ParseSecret(text)
	}
	if errors.Is(err, inbound.ErrBadSecret) || errors.Is(err, signing.ErrBadSecret) {
		return s, &InvalidError{"secret", strings.TrimPrefix(strings.TrimPrefix(err.Error(), inbound.ErrBadSecret.Error()+": "), signing.ErrBadSecret.Error()+": ")}
	}
	return s, err
}
