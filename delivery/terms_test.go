package delivery_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestTermsMeanTheSameTypedAndInAURL(t *testing.T) {
	event := uuid.MustParse("0193a1f0-0000-7000-8000-000000000001")
	typed := `status:failed endpoint:"crm sync" code:5xx since:2h user:alice event:` + event.String() + ` "lives in" Lisbon`
	want := delivery.Query{
		Status: "failed", Endpoint: "crm sync", Codes: delivery.Codes{From: 500, To: 599}, Since: today.Add(-2 * time.Hour),
		UserID: "alice", EventID: event, Text: "lives in Lisbon",
	}
	terms, err := delivery.ParseTerms(typed)
	if err != nil {
		t.Fatal(err)
	}
	var got delivery.Query
	if err := got.Apply(terms, today); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", typed, diff)
	}
	if terms.String() != typed {
		t.Errorf("printed as %s, want %s", terms, typed)
	}
	fromURL, err := delivery.TermsOf(terms.Values(), "after")
	if err != nil {
		t.Fatal(err)
	}
	got = delivery.Query{}
	if err := got.Apply(fromURL, today); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", terms.Values().Encode(), diff)
	}
}

func TestTermsSayWhatIsWrong(t *testing.T) {
	tests := []struct{ typed, field, text string }{
		{"stauts:failed", "stauts", "There is no such filter. Did you mean status?"},
		{"colour:red", "colour", "There is no such filter. Valid: status, endpoint,"},
		{"status:fialed", "status", `"fialed" is not a valid choice. Did you mean failed?`},
		{"status:", "status", "A value must follow the colon."},
		{"status:failed status:held", "status", "It is given twice."},
		{"code:6xx", "code", `"6xx" is not a status`},
		{"code:20", "code", `"20" is not a status`},
		{"error:dsn", "error", "Did you mean dns?"},
		{"since:yesterday", "since", `"yesterday" is not a time`},
		{"since:-2h", "since", "is not a time"},
		{"event:12", "event", "is not an ID"},
		{`user:"al`, "filter", "A quote is not closed."},
		{strings.Repeat("x", delivery.MaxFilter+1), "filter", "at most"},
		{"user:\xff", "filter", "valid UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.typed[:min(len(tt.typed), 20)], func(t *testing.T) {
			terms, err := delivery.ParseTerms(tt.typed)
			if err == nil {
				err = new(delivery.Query).Apply(terms, today)
			}
			var invalid *delivery.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != tt.field || !strings.Contains(invalid.Text, tt.text) {
				t.Errorf("error %v, want one of %s with %q", err, tt.field, tt.text)
			}
		})
	}
}

func TestTermsOfManyForms(t *testing.T) {
	tests := []struct {
		typed string
		want  delivery.Query
	}{
		{"", delivery.Query{}},
		{"code:404 error:STATUS trigger:test", delivery.Query{Codes: delivery.Codes{From: 404, To: 404}, Class: retry.ClassStatus, Trigger: delivery.Test}},
		{"status:Waiting since:7d until:2026-11-20", delivery.Query{
			Status: delivery.Waiting, Since: today.Add(-7 * 24 * time.Hour), Until: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		}},
		{`since:2026-11-20T10:00:00Z "a:b" "say \"hi\""`, delivery.Query{Since: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), Text: `a:b say "hi"`}},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			terms, err := delivery.ParseTerms(tt.typed)
			var got delivery.Query
			if err == nil {
				err = got.Apply(terms, today)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCursorIsReadBack(t *testing.T) {
	for _, want := range []delivery.Cursor{{ID: delivery.NewID()}, {Event: delivery.NewID(), ID: delivery.NewID()}} {
		if got, err := delivery.ParseCursor("after", want.String()); err != nil || got != want {
			t.Errorf("cursor %s read as %v, error %v", want, got, err)
		}
	}
	for _, bad := range []string{"", "x", "AAAA", strings.Repeat("A", 100), "a b"} {
		if _, err := delivery.ParseCursor("after", bad); err == nil {
			t.Errorf("cursor %q is accepted", bad)
		}
	}
}

func FuzzTerms(f *testing.F) {
	for _, s := range []string{`status:failed "x y"`, `a:"\"\\"`, "code:5xx since:2h", ":", `""`, "é:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		terms, err := delivery.ParseTerms(s)
		if err != nil {
			return
		}
		again, err := delivery.ParseTerms(terms.String())
		if err != nil && len(terms.String()) <= delivery.MaxFilter {
			t.Fatalf("%q prints as %q, which is not read: %v", s, terms.String(), err)
		}
		if err == nil && !cmp.Equal(terms, again) {
			t.Errorf("%q prints as %q, which is read as %q", s, terms, again)
		}
		_ = new(delivery.Query).Apply(terms, today)
		if _, err := delivery.TermsOf(url.Values{"q": {s}}); err != nil {
			t.Errorf("%q is read alone and not in a URL: %v", s, err)
		}
	})
}
