package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"memhook/signing"
)

const (
	symmetricText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	privateText   = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	publicText    = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
)

func TestParseSecret(t *testing.T) {
	sized := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, n))
	}
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"symmetric", symmetricText, nil},
		{"private key", privateText, nil},
		{"shortest", sized(24), nil},
		{"longest", sized(64), nil},
		{"too short", sized(23), signing.ErrBadSecret},
		{"too long", sized(65), signing.ErrBadSecret},
		{"empty", "", signing.ErrBadSecret},
		{"prefix only", "whsec_", signing.ErrBadSecret},
		{"no prefix", strings.TrimPrefix(symmetricText, "whsec_"), signing.ErrBadSecret},
		{"prefix in capitals", "WHSEC_" + strings.TrimPrefix(symmetricText, "whsec_"), signing.ErrBadSecret},
		{"public key", publicText, signing.ErrBadSecret},
		{"no padding", strings.TrimRight(sized(32), "="), signing.ErrBadSecret},
		{"url alphabet", strings.ReplaceAll(sized(32), "+", "-"), signing.ErrBadSecret},
		{"space at the end", symmetricText + " ", signing.ErrBadSecret},
		{"line break at the end", symmetricText + "\n", signing.ErrBadSecret},
		{"line break inside", symmetricText[:20] + "\r\n" + symmetricText[20:], signing.ErrBadSecret},
		{"unused bits set", "whsec_" + strings.Repeat("A", 33) + "B==", signing.ErrBadSecret},
		{"private key cut", privateText[:len(privateText)-4], signing.ErrBadSecret},
		{"private key with a foreign public half", strings.Replace(privateText, "LlX0dRqSKJp", "Llaaaaaaaaa", 1), signing.ErrBadSecret},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := signing.ParseSecret(test.text)
			if !errors.Is(err, test.want) {
				t.Fatalf("ParseSecret: %v, want %v", err, test.want)
			}
			if err == nil && got.Reveal() != test.text {
				t.Errorf("Reveal: %s, want %s", got.Reveal(), test.text)
			}
			if err != nil && !got.IsZero() {
				t.Error("ParseSecret returned a secret beside its error")
			}
		})
	}
}

func TestParsePublicKey(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"valid", publicText, nil},
		{"empty", "", signing.ErrBadSecret},
		{"private key", privateText, signing.ErrBadSecret},
		{"wrong size", "whpk_AAAA", signing.ErrBadSecret},
		{"not base64", "whpk_" + strings.Repeat("!", 44), signing.ErrBadSecret},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := signing.ParsePublicKey(test.text)
			if !errors.Is(err, test.want) {
				t.Fatalf("ParsePublicKey: %v, want %v", err, test.want)
			}
			if err == nil && got.String() != test.text {
				t.Errorf("String: %s, want %s", got, test.text)
			}
		})
	}
}

func TestGenerate(t *testing.T) {
	for _, test := range []struct {
		name     string
		generate func() signing.Secret
		prefix   string
		length   int
	}{
		{"secret", signing.GenerateSecret, "whsec_", 6 + 44},
		{"key pair", signing.GenerateKeyPair, "whsk_", 5 + 88},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := test.generate(), test.generate()
			if text := a.Reveal(); !strings.HasPrefix(text, test.prefix) || len(text) != test.length {
				t.Errorf("generated %s, want prefix %s and %d characters", text, test.prefix, test.length)
			}
			if a.Equal(b) || !a.Equal(a) {
				t.Error("two generated secrets are equal, or one differs from itself")
			}
			again, err := signing.ParseSecret(a.Reveal())
			if err != nil || !again.Equal(a) {
				t.Errorf("ParseSecret(Reveal) = %v, %v, want the same secret", again, err)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	public, ok := parse(t, privateText).Public()
	if !ok || public.String() != publicText {
		t.Errorf("Public of the private key: %s, %t, want %s", public, ok, publicText)
	}
	for _, s := range []signing.Secret{{}, parse(t, symmetricText)} {
		if _, ok := s.Public(); ok {
			t.Errorf("%s has a public half", s)
		}
	}
}

func TestHint(t *testing.T) {
	for text, want := range map[string]string{symmetricText: "LaSw", privateText: "6Kvg"} {
		if got := parse(t, text).Hint(); got != want {
			t.Errorf("Hint of %s: %q, want %q", text, got, want)
		}
	}
	if got := (signing.Secret{}).Hint(); got != "" {
		t.Errorf("Hint of the zero Secret: %q, want none", got)
	}
}

// TestSecretNeverPrints tries what a careless line of code might do, and looks
// for the secret in any of the spellings that bytes come in.
func TestSecretNeverPrints(t *testing.T) {
	for _, text := range []string{symmetricText, privateText} {
		s := parse(t, text)
		type exported struct{ Secret signing.Secret }
		type hidden struct{ secret signing.Secret }
		values := map[string]any{
			"value": s, "pointer": &s, "slice": []signing.Secret{s}, "map": map[string]signing.Secret{"k": s},
			"exported field": exported{s}, "unexported field": hidden{s}, "pointer to unexported field": &hidden{s},
		}
		for name, v := range values {
			var printed strings.Builder
			for _, verb := range "vdxXsqbcoOeEfFgGtTpwU" {
				fmt.Fprintf(&printed, "%"+string(verb)+" %+"+string(verb)+" %#"+string(verb)+"\n", v, v, v)
			}
			fmt.Fprintln(&printed, v, fmt.Errorf("wrapped: %v", v))
			j, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("marshal %s: %v", name, err)
			}
			printed.Write(j)
			slog.New(slog.NewTextHandler(&printed, nil)).Info("text", "secret", v)
			slog.New(slog.NewJSONHandler(&printed, nil)).Info("json", "secret", v)
			requireNoSecret(t, name, printed.String(), text)
		}
		if got, want := s.GoString(), s.String(); got != want || !strings.Contains(want, "redacted") {
			t.Errorf("GoString %q, String %q, want the same and redacted", got, want)
		}
	}
}

func requireNoSecret(t *testing.T, name, printed, text string) {
	t.Helper()
	_, encoded, _ := strings.Cut(text, "_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	lower := strings.ToLower(printed)
	for _, leak := range []string{
		strings.ToLower(encoded), string(raw[:6]),
		fmt.Sprintf("%x", raw[:6]), strings.Trim(fmt.Sprint(raw[:6]), "[]"), fmt.Sprintf("%#x", raw[0]) + ", ",
	} {
		if strings.Contains(lower, strings.ToLower(leak)) {
			t.Errorf("%s printed %q:\n%s", name, leak, printed)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	for _, text := range []string{symmetricText, privateText, publicText, "", "whsec_", "whsec_\n", "whsk_AAAA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := signing.ParseSecret(text)
		if err != nil {
			if !errors.Is(err, signing.ErrBadSecret) {
				t.Errorf("ParseSecret: %v, want ErrBadSecret", err)
			}
			return
		}
		if got := s.Reveal(); got != text {
			t.Errorf("Reveal: %q, want what was parsed: %q", got, text)
		}
	})
}

func parse(t testing.TB, text string) signing.Secret {
	t.Helper()
	s, err := signing.ParseSecret(text)
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return s
}
