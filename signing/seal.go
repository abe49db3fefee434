package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the size of a Sealer's key in bytes, for AES-256.
const KeySize = 32

// sealVersion begins everything sealed, so that a later format can be told
// from this one:
//
//	version (1 byte) | key ID (4) | nonce (12) | ciphertext | tag (16)
const sealVersion = 1

const keyIDSize = 4

// What may be wrong with a key or with what was sealed.
var (
	ErrBadKey   = errors.New("invalid sealing key")
	ErrOtherKey = errors.New("sealed with another key")
	ErrUnsealed = errors.New("sealed value is damaged or belongs to another owner")
)

// A Sealer encrypts secrets for storage with AES-256-GCM. It is safe for
// concurrent use.
//
// Nonces are random: one key is good for 2³² seals, after which the chance of
// a repeated nonce passes 2⁻³² (NIST SP 800-38D, section 8.3).
type Sealer struct {
	aead   cipher.AEAD
	prefix [1 + keyIDSize]byte
}

// NewSealer returns a Sealer with a key of KeySize random bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("%w: it has %d bytes, must be %d", ErrBadKey, len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sealing cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("sealing cipher: %w", err)
	}
	s := &Sealer{aead: aead}
	s.prefix[0] = sealVersion
	// The ID tells keys apart and gives nothing of the key away.
	id := sha256.Sum256(append([]byte("memhook sealing key id\x00"), key...))
	copy(s.prefix[1:], id[:])
	return s, nil
}

// Seal encrypts plaintext and binds it to its owner, such as the ID of the
// endpoint: whoever copies the result into another owner's row cannot have it
// opened there.
func (s *Sealer) Seal(plaintext, owner []byte) []byte {
	dst := make([]byte, 0, len(s.prefix)+len(plaintext)+s.aead.Overhead())
	return s.aead.Seal(append(dst, s.prefix[:]...), nil, plaintext, owner)
}

// Open returns what Seal encrypted for the same owner. It answers ErrOtherKey
// when another key sealed it, and ErrUnsealed when it was changed, cut, or
// sealed for another owner.
func (s *Sealer) Open(sealed, owner []byte) ([]byte, error) {
	if len(sealed) < len(s.prefix) || sealed[0] != sealVersion {
		return nil, ErrUnsealed
	}
	if [1 + keyIDSize]byte(sealed) != s.prefix {
		return nil, ErrOtherKey
	}
	plaintext, err := s.aead.Open(nil, nil, sealed[len(s.prefix):], owner)
	if err != nil {
		return nil, ErrUnsealed
	}
	return plaintext, nil
}

// GenerateKey returns the text of a new random key, as ParseKey reads it.
func GenerateKey() string {
	key := make([]byte, KeySize)
	rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// ParseKey reads KeySize bytes written in hex, or in base64 of either alphabet
// with or without padding. White space around it, such as the end of a file's
// line, is no part of it. Every error is an ErrBadKey and does not repeat the
// text.
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if len(text) == hex.EncodedLen(KeySize) {
		if key, err := hex.DecodeString(text); err == nil {
			return key, nil
		}
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	key, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%w: it must be %d bytes in base64 or hex", ErrBadKey, KeySize)
	}
	return key, nil
}
