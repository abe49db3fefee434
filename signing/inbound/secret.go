package inbound

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// Limits of a secret's length, in bytes. A generated one holds 32 random bytes.
const (
	MinSecret = 16
	MaxSecret = 512
)

const generatedSize = 32

// ErrBadSecret says that a text cannot be a secret. What follows it is written
// for whoever supplied the text, and never repeats it.
var ErrBadSecret = errors.New("invalid secret")

// A Secret is what a sender and this side share. Unlike one of Standard Webhooks
// it has no form: its text is the key. It prints as "[redacted]" in every format
// and encoding; the zero Secret is none.
type Secret struct {
	text func() string // a function: see signing.Secret
}

// GenerateSecret returns a new secret of 256 random bits.
func GenerateSecret() Secret {
	b := make([]byte, generatedSize)
	rand.Read(b)
	text := base64.RawURLEncoding.EncodeToString(b)
	return Secret{func() string { return text }}
}

// ParseSecret takes the text of a secret: MinSecret to MaxSecret bytes, none of
// them a control character or a space at an end, which a header would not carry.
func ParseSecret(text string) (Secret, error) {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case len(text) < MinSecret || len(text) > MaxSecret:
		return Secret{}, fmt.Errorf("%w: it has %d bytes, must be %d to %d", ErrBadSecret, len(text), MinSecret, MaxSecret)
	case !utf8.ValidString(text), strings.ContainsFunc(text, control), strings.TrimSpace(text) != text:
		return Secret{}, fmt.Errorf("%w: it must be printable, without spaces around it", ErrBadSecret)
	}
	return Secret{func() string { return text }}, nil
}

// Reveal returns the text, which must not be logged.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// IsZero reports whether s is the zero Secret.
func (s Secret) IsZero() bool { return s.text == nil }

// String returns no part of the text.
func (s Secret) String() string {
	if s.IsZero() {
		return "[no secret]"
	}
	return "[redacted]"
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format prints String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON and every other encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
