package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"memhook/signing"
)

func sealer(t testing.TB) *signing.Sealer {
	t.Helper()
	key, err := signing.ParseKey(signing.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := signing.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealer(t *testing.T) {
	s, other := sealer(t), sealer(t)
	owner, secret := []byte("ep_1"), []byte(symmetricText)
	sealed := s.Seal(secret, owner)
	if bytes.Contains(sealed, secret) {
		t.Fatal("the sealed value holds the plaintext")
	}
	if again := s.Seal(secret, owner); bytes.Equal(again, sealed) {
		t.Error("sealing twice gave the same bytes: the nonce repeats")
	}
	changed := func(i int) []byte {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		return b
	}
	for _, test := range []struct {
		name   string
		sealer *signing.Sealer
		sealed []byte
		owner  string
		want   error
	}{
		{"same owner", s, sealed, "ep_1", nil},
		{"empty plaintext", s, s.Seal(nil, owner), "ep_1", nil},
		{"other owner", s, sealed, "ep_2", signing.ErrUnsealed},
		{"no owner", s, sealed, "", signing.ErrUnsealed},
		{"other key", other, sealed, "ep_1", signing.ErrOtherKey},
		{"nothing", s, nil, "ep_1", signing.ErrUnsealed},
		{"prefix only", s, sealed[:5], "ep_1", signing.ErrUnsealed},
		{"cut in the nonce", s, sealed[:12], "ep_1", signing.ErrUnsealed},
		{"last byte cut", s, sealed[:len(sealed)-1], "ep_1", signing.ErrUnsealed},
		{"version changed", s, changed(0), "ep_1", signing.ErrUnsealed},
		{"key ID changed", s, changed(1), "ep_1", signing.ErrOtherKey},
		{"nonce changed", s, changed(5), "ep_1", signing.ErrUnsealed},
		{"ciphertext changed", s, changed(20), "ep_1", signing.ErrUnsealed},
		{"tag changed", s, changed(len(sealed) - 1), "ep_1", signing.ErrUnsealed},
		{"not sealed at all", s, secret, "ep_1", signing.ErrUnsealed},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.sealer.Open(test.sealed, []byte(test.owner))
			if !errors.Is(err, test.want) {
				t.Fatalf("Open: %v, want %v", err, test.want)
			}
			if test.name == "same owner" && !bytes.Equal(got, secret) {
				t.Errorf("Open: %q, want %q", got, secret)
			}
		})
	}
}

func TestParseKey(t *testing.T) {
	key := []byte("\xfb\xff0123456789abcdefghijklmnopqrst")
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"base64", base64.StdEncoding.EncodeToString(key), nil},
		{"base64 without padding", base64.RawStdEncoding.EncodeToString(key), nil},
		{"base64 for URLs", base64.URLEncoding.EncodeToString(key), nil},
		{"hex", hex.EncodeToString(key), nil},
		{"hex in capitals", strings.ToUpper(hex.EncodeToString(key)), nil},
		{"line of a file", " " + base64.StdEncoding.EncodeToString(key) + "\r\n", nil},
		{"empty", "", signing.ErrBadKey},
		{"31 bytes", base64.StdEncoding.EncodeToString(key[1:]), signing.ErrBadKey},
		{"33 bytes", base64.StdEncoding.EncodeToString(append([]byte{0}, key...)), signing.ErrBadKey},
		{"31 bytes in hex", hex.EncodeToString(key[1:]), signing.ErrBadKey},
		{"48 bytes in base64 look like hex", strings.Repeat("z", 64), signing.ErrBadKey},
		{"a password", "correct horse battery staple", signing.ErrBadKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := signing.ParseKey(test.text)
			if !errors.Is(err, test.want) {
				t.Fatalf("ParseKey: %v, want %v", err, test.want)
			}
			if err == nil {
				if diff := cmp.Diff(key, got); diff != "" {
					t.Errorf("ParseKey (-want +got):\n%s", diff)
				}
			} else if test.text != "" && strings.Contains(err.Error(), test.text) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

func TestNewSealerRefuses(t *testing.T) {
	for _, size := range []int{0, 16, 31, 33} {
		if _, err := signing.NewSealer(make([]byte, size)); !errors.Is(err, signing.ErrBadKey) {
			t.Errorf("NewSealer with %d bytes: %v, want ErrBadKey", size, err)
		}
	}
}

func TestSealerDoesNotPrintItsKey(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	s, err := signing.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		if got := fmt.Sprintf(format, s); strings.Contains(got, "30313233") || strings.Contains(got, "0123456789") || strings.Contains(got, "48 49 50") {
			t.Errorf("%s of a Sealer shows its key: %s", format, got)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f)
	f.Add(s.Seal([]byte(symmetricText), []byte("ep_1")))
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if got, err := s.Open(sealed, []byte("ep_2")); err == nil {
			t.Errorf("opened %q, which was never sealed for this owner", got)
		}
	})
}
