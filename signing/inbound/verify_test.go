package inbound_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"memhook/signing/inbound"
)

func secret(t testing.TB, text string) inbound.Secret {
	t.Helper()
	s, err := inbound.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGitHub has the vector of GitHub's documentation.
func TestGitHub(t *testing.T) {
	const (
		body   = "Hello, World!"
		hexSum = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
		b64Sum = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="
	)
	s := secret(t, "It's a Secret to Everybody")
	for _, test := range []struct {
		name, value string
		want        error
	}{
		{"as documented", "sha256=" + hexSum, nil},
		{"without prefix", hexSum, nil},
		{"capitals", "sha256=" + strings.ToUpper(hexSum), nil},
		{"base64", b64Sum, nil},
		{"base64 without padding", "sha256=" + strings.TrimRight(b64Sum, "="), nil},
		{"one digit off", "sha256=8" + hexSum[1:], inbound.ErrNoMatch},
		{"sha1", "sha1=2aae6c35c94fcfb415dbe95f408b9ce91ee846ed", inbound.ErrForm},
		{"short", "sha256=7571", inbound.ErrForm},
		{"only the prefix", "sha256=", inbound.ErrForm},
		{"none", "", inbound.ErrMissing},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("X-My-Signature", test.value)
			if err := inbound.GitHub(s, "X-My-Signature", h, []byte(body)); !errors.Is(err, test.want) {
				t.Errorf("GitHub: %v, want %v", err, test.want)
			}
			if err := inbound.GitHub(inbound.Secret{}, "X-My-Signature", h, []byte(body)); err == nil {
				t.Error("the zero secret verifies")
			}
		})
	}
}

func TestStripe(t *testing.T) {
	const at = 1700000000
	// printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_0123456789abcdef
	const sum = "dea1657bd5053cb0f8a75ebf0bd3d22e0cdeb79563b44db6b88864e522fb8bc4"
	s, body := secret(t, "whsec_0123456789abcdef"), []byte(`{"id":"evt_1"}`)
	wrong := strings.Repeat("0", 64)
	for _, test := range []struct {
		name, value string
		after       time.Duration
		want        error
	}{
		{"as documented", "t=1700000000,v1=" + sum, 0, nil},
		{"beside another version", "t=1700000000,v1=" + sum + ",v0=" + wrong, 0, nil},
		{"second of two", "t=1700000000, v1=" + wrong + ", v1=" + sum, 0, nil},
		{"almost too old", "t=1700000000,v1=" + sum, 5 * time.Minute, nil},
		{"too old", "t=1700000000,v1=" + sum, 5*time.Minute + time.Second, inbound.ErrTime},
		{"too new", "t=1700000000,v1=" + sum, -6 * time.Minute, inbound.ErrTime},
		{"another time", "t=1700000001,v1=" + sum, 0, inbound.ErrNoMatch},
		{"wrong", "t=1700000000,v1=" + wrong, 0, inbound.ErrNoMatch},
		{"only the old version", "t=1700000000,v0=" + sum, 0, inbound.ErrForm},
		{"no time", "v1=" + sum, 0, inbound.ErrForm},
		{"time in words", "t=now,v1=" + sum, 0, inbound.ErrForm},
		{"huge time", "t=99999999999999999999,v1=" + sum, 0, inbound.ErrForm},
		{"beyond the limit", "t=1700000000" + strings.Repeat(",v1="+wrong, 40) + ",v1=" + sum, 0, inbound.ErrNoMatch},
		{"none", "", 0, inbound.ErrMissing},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			h.Set(inbound.StripeHeader, test.value)
			now := time.Unix(at, 0).Add(test.after)
			if err := inbound.Stripe(s, inbound.StripeHeader, h, body, now); !errors.Is(err, test.want) {
				t.Errorf("Stripe: %v, want %v", err, test.want)
			}
			if err := inbound.Stripe(inbound.Secret{}, inbound.StripeHeader, h, body, now); err == nil {
				t.Error("the zero secret verifies")
			}
		})
	}
}

func TestToken(t *testing.T) {
	s := secret(t, "0123456789abcdef")
	for value, want := range map[string]error{
		"0123456789abcdef": nil, "Bearer 0123456789abcdef": nil, "bearer  0123456789abcdef ": nil,
		"0123456789abcdeF": inbound.ErrNoMatch, "0123456789abcde": inbound.ErrNoMatch, "Basic 0123456789abcdef": inbound.ErrNoMatch,
		"": inbound.ErrMissing, "Bearer ": inbound.ErrNoMatch,
	} {
		h := http.Header{}
		h.Set("Authorization", value)
		if err := inbound.Token(s, "Authorization", h); !errors.Is(err, want) {
			t.Errorf("Token(%q): %v, want %v", value, err, want)
		}
		if err := inbound.Token(inbound.Secret{}, "Authorization", h); err == nil {
			t.Errorf("Token(%q): the zero secret verifies", value)
		}
	}
}

func TestParseSecret(t *testing.T) {
	for text, ok := range map[string]bool{
		strings.Repeat("x", 16): true, strings.Repeat("x", 512): true, "It's a Secret to Everybody": true,
		strings.Repeat("x", 15): false, strings.Repeat("x", 513): false, " 0123456789abcdef": false,
		"0123456789abcdef\n": false, "01234567\x0089abcdef": false, "0123456789abcdef\xff": false,
	} {
		_, err := inbound.ParseSecret(text)
		if (err == nil) != ok || err != nil && (!errors.Is(err, inbound.ErrBadSecret) || strings.Contains(err.Error(), text)) {
			t.Errorf("ParseSecret(%q): %v, want accepted: %t", text, err, ok)
		}
	}
	if a, b := inbound.GenerateSecret(), inbound.GenerateSecret(); a.Reveal() == b.Reveal() || len(a.Reveal()) < 43 {
		t.Errorf("GenerateSecret: two times %d characters", len(a.Reveal()))
	}
}

func TestASecretDoesNotPrintItself(t *testing.T) {
	const text = "0123456789abcdef"
	type holder struct{ S inbound.Secret }
	h := holder{secret(t, text)}
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	shown := string(raw) + h.S.LogValue().String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb+verb, h, &h)
	}
	if strings.Contains(shown, text) || strings.Contains(shown, fmt.Sprintf("%x", text)) {
		t.Errorf("it shows in %s", shown)
	}
}

func FuzzSignatures(f *testing.F) {
	f.Add("sha256=757107ea", "t=1,v1=00", []byte("x"))
	f.Add("", "t=1700000000,v1=,v1=zz,t=", []byte(nil))
	f.Add("Bearer x", ",=,,", []byte("{}"))
	s := secret(f, "0123456789abcdef")
	f.Fuzz(func(t *testing.T, one, two string, body []byte) {
		h := http.Header{"A": {one}, "B": {two}}
		for _, name := range []string{"A", "B"} {
			if inbound.GitHub(s, name, h, body) == nil || inbound.Stripe(s, name, h, body, time.Unix(1700000000, 0)) == nil {
				t.Errorf("%q verifies %q", h.Get(name), body)
			}
		}
	})
}
