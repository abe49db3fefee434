package apikey_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"memhook/signing/apikey"
)

func TestGenerate(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		text := apikey.Generate()
		if err := apikey.Check(text); err != nil {
			t.Fatalf("Check(%s): %v", text, err)
		}
		random := strings.TrimPrefix(text, apikey.Prefix)
		// 32 characters of base32 hold 160 bits.
		if len(random) != 32 || strings.Trim(random, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("Generate: %s, want mh_ and 32 characters of lower-case base32", text)
		}
		if seen[text] {
			t.Fatalf("Generate returned %s twice", text)
		}
		seen[text] = true
	}
}

func TestCheck(t *testing.T) {
	fill := func(n int) string { return "mh_" + strings.Repeat("x", n-3) }
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"shortest", fill(32), nil},
		{"longest", fill(256), nil},
		{"punctuation", "mh_!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", nil},
		{"too short", fill(31), apikey.ErrBadKey},
		{"too long", fill(257), apikey.ErrBadKey},
		{"empty", "", apikey.ErrBadKey},
		{"no prefix", strings.Repeat("x", 40), apikey.ErrBadKey},
		{"prefix in capitals", "MH_" + strings.Repeat("x", 40), apikey.ErrBadKey},
		{"space before", " " + fill(40), apikey.ErrBadKey},
		{"space inside", fill(40) + " x", apikey.ErrBadKey},
		{"line break at the end", fill(40) + "\n", apikey.ErrBadKey},
		{"delete character", fill(40) + "\x7f", apikey.ErrBadKey},
		{"not ASCII", fill(40) + "é", apikey.ErrBadKey},
		{"not UTF-8", fill(40) + "\xff", apikey.ErrBadKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := apikey.Check(test.text)
			if !errors.Is(err, test.want) {
				t.Errorf("Check(%q): %v, want %v", test.text, err, test.want)
			}
			if err != nil && test.text != "" && strings.Contains(err.Error(), test.text) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

func TestHash(t *testing.T) {
	// sha256 of "mh_abc", as sha256sum prints it.
	const want = "4d60f3f18be5574a7c6f4e7aa3d1bf3385289ef543d69fbcc582e681f005d7b1"
	if got := apikey.Hash("mh_abc"); hex.EncodeToString(got[:]) != want {
		t.Errorf("Hash: %x, want %s", got, want)
	}
}

func TestMatches(t *testing.T) {
	text, revoked := apikey.Generate(), time.Now()
	for _, test := range []struct {
		name, text string
		key        apikey.Key
		want       bool
	}{
		{"same key", text, apikey.Key{Hash: apikey.Hash(text)}, true},
		{"other key", apikey.Generate(), apikey.Key{Hash: apikey.Hash(text)}, false},
		{"a letter less", text[:len(text)-1], apikey.Key{Hash: apikey.Hash(text)}, false},
		{"empty record", "", apikey.Key{}, false},
		{"revoked", text, apikey.Key{Hash: apikey.Hash(text), RevokedAt: &revoked}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.key.Matches(test.text); got != test.want {
				t.Errorf("Matches: %t, want %t", got, test.want)
			}
		})
	}
}

func TestHint(t *testing.T) {
	for text, want := range map[string]string{"mh_abcdef": "cdef", "abc": "abc", "": ""} {
		if got := apikey.Hint(text); got != want {
			t.Errorf("Hint(%q): %q, want %q", text, got, want)
		}
	}
}

func TestScope(t *testing.T) {
	for _, test := range []struct {
		have, need apikey.Scope
		want       bool
	}{
		{apikey.Admin, apikey.Admin, true},
		{apikey.Admin, apikey.Read, true},
		{apikey.Read, apikey.Read, true},
		{apikey.Read, apikey.Admin, false},
		{"", apikey.Read, false},
		{"", "", false},
		{"root", apikey.Read, false},
	} {
		if got := test.have.Allows(test.need); got != test.want {
			t.Errorf("%q.Allows(%q): %t, want %t", test.have, test.need, got, test.want)
		}
	}
	for name, want := range map[string]error{"admin": nil, "read": nil, "": apikey.ErrBadScope, "Admin": apikey.ErrBadScope, "write": apikey.ErrBadScope} {
		if got, err := apikey.ParseScope(name); !errors.Is(err, want) || err == nil && string(got) != name {
			t.Errorf("ParseScope(%q): %q, %v, want %v", name, got, err, want)
		}
	}
}

func TestFromHeader(t *testing.T) {
	type header = map[string]string
	for _, test := range []struct {
		name   string
		header header
		want   string
	}{
		{"token", header{"Authorization": "Token mh_1"}, "mh_1"},
		{"token in other letters", header{"Authorization": "tOKEN mh_1"}, "mh_1"},
		{"bearer", header{"Authorization": "Bearer mh_1"}, "mh_1"},
		{"bearer in other letters", header{"Authorization": "BEARER mh_1"}, "mh_1"},
		{"spaces around", header{"Authorization": "  Token   mh_1  "}, "mh_1"},
		{"own header", header{"X-API-Key": "mh_1"}, "mh_1"},
		{"own header, spaces around", header{"X-API-Key": " mh_1 "}, "mh_1"},
		{"both", header{"Authorization": "Token mh_1", "X-API-Key": "mh_2"}, "mh_1"},
		{"own header beside another scheme", header{"Authorization": "Basic eDp5", "X-API-Key": "mh_2"}, "mh_2"},
		{"own header beside an empty token", header{"Authorization": "Token ", "X-API-Key": "mh_2"}, "mh_2"},
		{"another scheme", header{"Authorization": "Basic eDp5"}, ""},
		{"no scheme", header{"Authorization": "mh_1"}, ""},
		{"scheme only", header{"Authorization": "Token"}, ""},
		{"longer scheme", header{"Authorization": "Tokens mh_1"}, ""},
		{"empty", header{"X-API-Key": " "}, ""},
		{"none", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range test.header {
				h.Set(name, value)
			}
			got, ok := apikey.FromHeader(h)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("FromHeader(%v): %q, %t, want %q", test.header, got, ok, test.want)
			}
		})
	}
}

func FuzzFromHeader(f *testing.F) {
	f.Add("Token mh_1", "")
	f.Add("", "mh_2")
	f.Add("bearer\tmh_1", " ")
	f.Fuzz(func(t *testing.T, authorization, own string) {
		h := http.Header{}
		h.Set("Authorization", authorization)
		h.Set("X-API-Key", own)
		key, ok := apikey.FromHeader(h)
		if ok != (key != "") || key != strings.TrimSpace(key) {
			t.Errorf("FromHeader(%q, %q): %q, %t", authorization, own, key, ok)
		}
		if !strings.Contains(authorization, key) && !strings.Contains(own, key) {
			t.Errorf("FromHeader(%q, %q): %q stands in neither", authorization, own, key)
		}
	})
}
