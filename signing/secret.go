package signing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// The prefixes say which scheme a text is for.
const (
	symmetricPrefix = "whsec_"
	privatePrefix   = "whsk_"
	publicPrefix    = "whpk_"
)

// A symmetric secret holds 24 to 64 random bytes (192 to 512 bits); the
// specification sets both limits. A generated one holds 32.
const (
	minSecretSize       = 24
	maxSecretSize       = 64
	generatedSecretSize = 32
)

// ErrBadSecret says that a text is not a secret or public key. What follows it
// is written for whoever supplied the text, and never repeats it.
var ErrBadSecret = errors.New("invalid signing secret")

// A Secret signs messages to one endpoint: either an HMAC secret (whsec_…) or
// an ed25519 private key (whsk_…).
//
// It prints as "whsec_[redacted]" in every format and encoding. The zero
// Secret is no secret: it verifies nothing, and signing with it panics.
type Secret struct {
	// A function, because fmt reads through the unexported fields of whatever
	// struct a Secret stands in without asking its methods, and for %s even
	// through pointers.
	key func() key
}

// A key has either half.
type key struct {
	hmac    []byte
	private ed25519.PrivateKey
}

func newSecret(k key) Secret { return Secret{func() key { return k }} }

// load returns an empty key for the zero Secret.
func (s Secret) load() key {
	if s.key == nil {
		return key{}
	}
	return s.key()
}

// GenerateSecret returns a new HMAC secret of 256 random bits.
func GenerateSecret() Secret {
	b := make([]byte, generatedSecretSize)
	rand.Read(b)
	return newSecret(key{hmac: b})
}

// GenerateKeyPair returns a new ed25519 private key. Its Public half is for
// the receiver.
func GenerateKeyPair() Secret {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	return newSecret(key{private: ed25519.NewKeyFromSeed(seed)})
}

// ParseSecret reads the text that Reveal returns: whsec_ and 24 to 64 bytes,
// or whsk_ and an ed25519 private key of 64 bytes (the seed, then the public
// key), in base64. Every error is an ErrBadSecret.
func ParseSecret(text string) (Secret, error) {
	if encoded, ok := strings.CutPrefix(text, symmetricPrefix); ok {
		b, err := decode(encoded)
		if err != nil {
			return Secret{}, err
		}
		if len(b) < minSecretSize || len(b) > maxSecretSize {
			return Secret{}, fmt.Errorf("%w: it holds %d bytes, must be %d to %d", ErrBadSecret, len(b), minSecretSize, maxSecretSize)
		}
		return newSecret(key{hmac: b}), nil
	}
	if encoded, ok := strings.CutPrefix(text, privatePrefix); ok {
		b, err := decode(encoded)
		if err != nil {
			return Secret{}, err
		}
		return parsePrivate(b)
	}
	return Secret{}, fmt.Errorf("%w: it must start with %s or %s", ErrBadSecret, symmetricPrefix, privatePrefix)
}

func parsePrivate(b []byte) (Secret, error) {
	if len(b) != ed25519.PrivateKeySize {
		return Secret{}, fmt.Errorf("%w: it holds %d bytes, must be %d", ErrBadSecret, len(b), ed25519.PrivateKeySize)
	}
	private := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
	// A public half of somebody else's making would leak the private one
	// through its signatures.
	if !bytes.Equal(private, b) {
		return Secret{}, fmt.Errorf("%w: its public half does not belong to its private half", ErrBadSecret)
	}
	return newSecret(key{private: private}), nil
}

// Reveal returns the text that the receiver needs, which must not be logged.
func (s Secret) Reveal() string {
	switch k := s.load(); {
	case k.private != nil:
		return privatePrefix + base64.StdEncoding.EncodeToString(k.private)
	case k.hmac != nil:
		return symmetricPrefix + base64.StdEncoding.EncodeToString(k.hmac)
	default:
		return ""
	}
}

// Hint returns the last four characters of the text before any padding, by
// which a person tells two secrets apart. It gives away at most 24 bits.
func (s Secret) Hint() string {
	text := strings.TrimRight(s.Reveal(), "=")
	return text[max(0, len(text)-4):]
}

// IsZero reports whether s is the zero Secret.
func (s Secret) IsZero() bool { return s.key == nil }

// Equal reports whether both are the same secret, in constant time.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// Public returns the public half of an ed25519 private key, and false for an
// HMAC secret, which has none.
func (s Secret) Public() (PublicKey, bool) {
	private := s.load().private
	if private == nil {
		return PublicKey{}, false
	}
	return PublicKey{private.Public().(ed25519.PublicKey)}, true
}

// String returns the prefix and no more.
func (s Secret) String() string {
	switch k := s.load(); {
	case k.private != nil:
		return privatePrefix + "[redacted]"
	case k.hmac != nil:
		return symmetricPrefix + "[redacted]"
	default:
		return "[no secret]"
	}
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format prints String for every verb: %d and %x would reach the bytes.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON and every other encoder. A store must write
// what Reveal returns, sealed.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A PublicKey verifies what the ed25519 private key it belongs to has signed.
type PublicKey struct{ key ed25519.PublicKey }

// ParsePublicKey reads whpk_ and 32 bytes in base64. Every error is an
// ErrBadSecret.
func ParsePublicKey(text string) (PublicKey, error) {
	encoded, ok := strings.CutPrefix(text, publicPrefix)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: a public key must start with %s", ErrBadSecret, publicPrefix)
	}
	b, err := decode(encoded)
	if err != nil {
		return PublicKey{}, err
	}
	if len(b) != ed25519.PublicKeySize {
		return PublicKey{}, fmt.Errorf("%w: a public key holds %d bytes, must be %d", ErrBadSecret, len(b), ed25519.PublicKeySize)
	}
	return PublicKey{b}, nil
}

// String returns the text that ParsePublicKey reads.
func (p PublicKey) String() string {
	return publicPrefix + base64.StdEncoding.EncodeToString(p.key)
}

// decode accepts one spelling of each byte string.
func decode(encoded string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return nil, fmt.Errorf("%w: what follows the prefix must be standard base64 with padding", ErrBadSecret)
	}
	return b, nil
}
