package memory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"memhook/memory"
	"memhook/memory/engine"
)

func TestSourceSettings(t *testing.T) {
	day := func(d time.Duration) *time.Duration { return &d }
	standard := "whsec_" + strings.Repeat("A", 32)
	for _, test := range []struct {
		name  string
		given memory.NewSource
		field string // "" when it is good
	}{
		{"only a name", memory.NewSource{Name: "a"}, ""},
		{"standard with its secret", memory.NewSource{Name: "a", Secret: standard}, ""},
		{"standard with another's secret", memory.NewSource{Name: "a", Secret: "0123456789abcdef"}, "secret"},
		{"standard with a header", memory.NewSource{Name: "a", Header: "X-Signature"}, "header"},
		{"github", memory.NewSource{Name: "a", Verification: memory.VerifyGitHub}, ""},
		{"github with a header", memory.NewSource{Name: "a", Verification: memory.VerifyGitHub, Header: "X-Signature"}, ""},
		{"no header name", memory.NewSource{Name: "a", Verification: memory.VerifyToken, Header: "X Signature"}, "header"},
		{"a header that is taken", memory.NewSource{Name: "a", Verification: memory.VerifyToken, Header: "cookie"}, "header"},
		{"token in Authorization", memory.NewSource{Name: "a", Verification: memory.VerifyToken, Header: "Authorization"}, ""},
		{"short token", memory.NewSource{Name: "a", Verification: memory.VerifyToken, Secret: "short"}, "secret"},
		{"stripe", memory.NewSource{Name: "a", Verification: memory.VerifyStripe, Secret: "whsec_0123456789"}, ""},
		{"none", memory.NewSource{Name: "a", Verification: memory.VerifyNone}, ""},
		{"none with a secret", memory.NewSource{Name: "a", Verification: memory.VerifyNone, Secret: "0123456789abcdef"}, "secret"},
		{"unknown", memory.NewSource{Name: "a", Verification: "magic"}, "verification"},
		{"no name", memory.NewSource{Name: " "}, "name"},
		{"long name", memory.NewSource{Name: strings.Repeat("ä", 256)}, "name"},
		{"name with a line break", memory.NewSource{Name: "a\nb"}, "name"},
		{"a week", memory.NewSource{Name: "a", Window: day(7 * 24 * time.Hour)}, ""},
		{"more than a week", memory.NewSource{Name: "a", Window: day(8 * 24 * time.Hour)}, "dedupe_window_s"},
		{"negative window", memory.NewSource{Name: "a", Window: day(-1)}, "dedupe_window_s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _, project := start(t, engine.Local{})
			got, err := s.CreateSource(t.Context(), project, test.given)
			var invalid *memory.InvalidError
			switch {
			case test.field == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.field != "" && (!errors.As(err, &invalid) || invalid.Field != test.field):
				t.Errorf("%v, want a mistake in %s", err, test.field)
			case err == nil && (got.Secret.IsZero() != (got.Verification == memory.VerifyNone) || len(got.Path()) < len("/in/")+32):
				t.Errorf("made %+v", got)
			case err != nil && test.given.Secret != "" && strings.Contains(err.Error(), test.given.Secret):
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

// TestChangingASource: another verification takes its own header and a new secret,
// and everything else stays.
func TestChangingASource(t *testing.T) {
	s, _, project := start(t, engine.Local{})
	made, err := s.CreateSource(t.Context(), project, memory.NewSource{Name: "a", Verification: memory.VerifyGitHub, Header: "X-Mine"})
	if err != nil {
		t.Fatal(err)
	}
	change := func(e memory.SourceEdit) memory.Source {
		t.Helper()
		got, err := s.UpdateSource(t.Context(), project, made.ID, e)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	name, yes, empty, none := "b", true, "", memory.VerifyNone
	renamed := change(memory.SourceEdit{Name: &name, Paused: &yes})
	if renamed.Name != "b" || renamed.PausedAt == nil || renamed.Header != "X-Mine" || renamed.Secret.Reveal() != made.Secret.Reveal() || renamed.Path() != made.Path() {
		t.Errorf("after a new name and pausing: %+v", renamed)
	}
	if again := change(memory.SourceEdit{Secret: &empty}); again.Secret.Reveal() == made.Secret.Reveal() || again.PausedAt == nil {
		t.Errorf("after asking for a new secret: %+v", again)
	}
	if open := change(memory.SourceEdit{Verification: &none}); !open.Secret.IsZero() || open.Header != "" {
		t.Errorf("after verification none: %+v", open)
	}
	stripe := memory.VerifyStripe
	if closed := change(memory.SourceEdit{Verification: &stripe}); closed.Secret.IsZero() || closed.Header != "Stripe-Signature" || closed.Path() != made.Path() {
		t.Errorf("after verification stripe: %+v", closed)
	}
}
