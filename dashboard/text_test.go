package dashboard

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"memhook/memory/explain"
)

func TestVisible(t *testing.T) {
	tests := []struct{ name, in, line, block string }{
		{"plain", "Grüße, 世界 <b>&", "Grüße, 世界 <b>&", "Grüße, 世界 <b>&"},
		{"bidi override", "a\u202Eb", "a⟨U+202E⟩b", "a⟨U+202E⟩b"},
		{"bidi isolate", "\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩", "⟨U+2066⟩x⟨U+2069⟩"},
		{"zero width", "a\u200B\u200D\uFEFFb", "a⟨U+200B⟩⟨U+200D⟩⟨U+FEFF⟩b", "a⟨U+200B⟩⟨U+200D⟩⟨U+FEFF⟩b"},
		{"tag", "\U000E0041", "⟨U+E0041⟩", "⟨U+E0041⟩"},
		{"blank letter", "\u3164", "⟨U+3164⟩", "⟨U+3164⟩"},
		{"NUL and escape", "\x00\x1b[31m", "⟨U+0000⟩⟨U+001B⟩[31m", "⟨U+0000⟩⟨U+001B⟩[31m"},
		{"C1 control", "\u0085", "⟨U+0085⟩", "⟨U+0085⟩"},
		{"lines", "a\r\nb\n\tc\rd", "a⟨U+000D⟩⟨U+000A⟩b⟨U+000A⟩⟨U+0009⟩c⟨U+000D⟩d", "a\nb\n\tc⟨U+000D⟩d"},
		{"line separator", "a\u2028b", "a⟨U+2028⟩b", "a⟨U+2028⟩b"},
		{"invalid UTF-8", "a\xff\xc3(", "a⟨0xFF⟩⟨0xC3⟩(", "a⟨0xFF⟩⟨0xC3⟩("},
		{"replacement character", "\uFFFD", "\uFFFD", "\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := line(tt.in); string(got) != tt.line {
				t.Errorf("line(%q) = %q, want %q", tt.in, got, tt.line)
			}
			if got := block(tt.in); string(got) != tt.block {
				t.Errorf("block(%q) = %q, want %q", tt.in, got, tt.block)
			}
		})
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "plain", "\u202E", "\xff", "\r\n\t\x00", "\uFFFD\xef\xbf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []text{line(s), block(s)} {
			if !utf8.ValidString(string(got)) {
				t.Errorf("%q became %q, which is not UTF-8", s, got)
			}
			for _, r := range got {
				if hidden(r) || r < ' ' && r != '\n' && r != '\t' {
					t.Errorf("%q became %q, which hides U+%04X", s, got, r)
				}
			}
			if again := block(string(got)); again != got && got == block(s) {
				t.Errorf("%q became %q and then %q", s, got, again)
			}
		}
	})
}

func TestHead(t *testing.T) {
	if got, cut := head([]byte("short")); got != "short" || cut {
		t.Errorf("head of a short body = %q, cut %v", got, cut)
	}
	// The last character stands across the limit.
	body := strings.Repeat("x", maxShown-1) + "世"
	if got, cut := head([]byte(body)); string(got) != body[:maxShown-1] || !cut {
		t.Errorf("head of a long body has %d bytes, cut %v; want %d, cut", len(got), cut, maxShown-1)
	}
}

func TestDurations(t *testing.T) {
	tests := []struct {
		d           time.Duration
		brief, long string
	}{
		{0, "0 ms", "0 s"},
		{250 * time.Microsecond, "0.2 ms", "0 s"},
		{88 * time.Millisecond, "88 ms", "0 s"},
		{time.Second, "1 s", "1 s"},
		{1250 * time.Millisecond, "1.25 s", "1 s"},
		{10 * time.Second, "10 s", "10 s"},
		{97 * time.Second, "1 m 37 s", "1 m 37 s"},
		{2 * time.Minute, "2 m", "2 m"},
		{3*time.Hour + 10*time.Minute + 59*time.Second, "3 h 10 m", "3 h 10 m"},
		{76 * time.Hour, "3 d 4 h", "3 d 4 h"},
	}
	for _, tt := range tests {
		if got := brief(tt.d); got != tt.brief {
			t.Errorf("brief(%v) = %q, want %q", tt.d, got, tt.brief)
		}
		if got := explain.Span(tt.d); got != tt.long {
			t.Errorf("explain.Span(%v) = %q, want %q", tt.d, got, tt.long)
		}
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	tests := []struct {
		name string
		at   time.Time
		want moment
	}{
		{"past", now.Add(-97*time.Second + 118*time.Millisecond), moment{"2026-11-23T09:28:23.118Z", "23 Nov 09:28:23", "2026-11-23 09:28:23.118 UTC", "1 m 37 s ago"}},
		{"now", now.Add(300 * time.Millisecond), moment{"2026-11-23T09:30:00.3Z", "23 Nov 09:30:00", "2026-11-23 09:30:00.300 UTC", "now"}},
		{"future, other zone", now.Add(5 * time.Second).In(time.FixedZone("", 3600)), moment{"2026-11-23T09:30:05Z", "23 Nov 09:30:05", "2026-11-23 09:30:05.000 UTC", "in 5 s"}},
		{"other year", now.AddDate(-1, 0, 0), moment{"2025-11-23T09:30:00Z", "23 Nov 2025 09:30", "2025-11-23 09:30:00.000 UTC", "365 d ago"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := momentOf(tt.at, now); got != tt.want {
				t.Errorf("momentOf(%v) = %+v, want %+v", tt.at, got, tt.want)
			}
		})
	}
}
