package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Prefix begins every key, so that people and secret scanners know one when
// they see it.
const Prefix = "mh_"

// Limits of a key's length in characters, Prefix included. A generated key has
// 35.
const (
	MinLength = 32
	MaxLength = 256
)

// randomSize is the size of a generated key's random part in bytes: 160 bits,
// 32 characters in base32.
const randomSize = 20

// What may be wrong with a key or scope. The text is written for whoever
// supplied it, and never repeats a key.
var (
	ErrBadKey   = errors.New("invalid API key")
	ErrBadScope = errors.New("invalid API key scope")
)

// A Scope is what a key may do.
type Scope string

// The scopes.
const (
	Admin Scope = "admin" // everything in its project
	Read  Scope = "read"  // look, and change nothing
)

// ParseScope reads the name of a scope.
func ParseScope(name string) (Scope, error) {
	switch s := Scope(name); s {
	case Admin, Read:
		return s, nil
	}
	return "", fmt.Errorf("%w: it must be %s or %s", ErrBadScope, Admin, Read)
}

// Allows reports whether a key of this scope may do what needs the other.
func (s Scope) Allows(need Scope) bool {
	return s == Admin || s == Read && need == Read
}

// A Key is the record of one API key. It holds nothing that would let anybody
// in.
type Key struct {
	ID         string // key_ and a UUID
	ProjectID  string
	Name       string // what its owner calls it
	Scope      Scope
	Hash       [sha256.Size]byte
	Hint       string // the key's last four characters
	CreatedAt  time.Time
	RevokedAt  *time.Time // nil while the key is good
	LastUsedAt *time.Time // nil until it is used
}

// Generate returns the text of a new key.
func Generate() string {
	b := make([]byte, randomSize)
	rand.Read(b)
	// Lower case and digits only: a double click selects all of it.
	return Prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// Check reports what is wrong with a key somebody brings along: it must start
// with Prefix, have MinLength to MaxLength characters, and consist of printable
// ASCII without spaces, as a header carries it unchanged. The error is an
// ErrBadKey.
func Check(text string) error {
	unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case !strings.HasPrefix(text, Prefix):
		return fmt.Errorf("%w: it must start with %s", ErrBadKey, Prefix)
	case len(text) < MinLength || len(text) > MaxLength:
		return fmt.Errorf("%w: it has %d characters, must be %d to %d", ErrBadKey, len(text), MinLength, MaxLength)
	case strings.ContainsFunc(text, unprintable):
		return fmt.Errorf("%w: it must be printable ASCII without spaces", ErrBadKey)
	}
	return nil
}

// Hash returns what a record keeps of a key, and what it is looked up by.
func Hash(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// Hint returns the last four characters of a key, by which a person tells two
// of them apart.
func Hint(text string) string { return text[max(0, len(text)-4):] }

// Matches reports whether text is this key, in constant time, and the key has
// not been revoked.
func (k Key) Matches(text string) bool {
	hash := Hash(text)
	return subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1 && k.RevokedAt == nil
}

// FromHeader finds the key of a request: "Authorization: Token KEY", as mem0's
// clients send it, "Authorization: Bearer KEY", or "X-API-Key: KEY". The
// scheme may be in any letter case. It says nothing about the key being good.
func FromHeader(h http.Header) (string, bool) {
	scheme, key, _ := strings.Cut(strings.TrimSpace(h.Get("Authorization")), " ")
	if strings.EqualFold(scheme, "token") || strings.EqualFold(scheme, "bearer") {
		if key = strings.TrimSpace(key); key != "" {
			return key, true
		}
	}
	key = strings.TrimSpace(h.Get("X-Api-Key"))
	return key, key != ""
}
