package signing_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	official "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"memhook/signing"
)

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestVerify(t *testing.T) {
	secret, private := parse(t, symmetricText), parse(t, privateText)
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	drop := func(name string) func(http.Header) {
		return func(h http.Header) { h.Del(name) }
	}
	// rewrite changes the signature header that the two secrets made.
	rewrite := func(f func(string) string) func(http.Header) {
		return func(h http.Header) { h.Set(signing.HeaderSignature, f(h.Get(signing.HeaderSignature))) }
	}
	both := []signing.Secret{secret, private}
	for _, test := range []struct {
		name    string
		secrets []signing.Secret
		change  func(http.Header)
		body    string
		now     time.Time
		want    error
	}{
		{name: "valid"},
		{name: "the other scheme", secrets: []signing.Secret{private}},
		{name: "second of several secrets", secrets: []signing.Secret{signing.GenerateSecret(), secret}},
		{name: "second signature", change: rewrite(func(s string) string { return "v1,AAAA " + s })},
		{name: "first signature", secrets: []signing.Secret{secret}, change: rewrite(func(s string) string { return s + " v1,AAAA" })},
		{name: "unknown versions beside", change: rewrite(func(s string) string { return "v2,x v1 , " + s })},
		{name: "last of 32 signatures", secrets: []signing.Secret{private}, change: rewrite(func(s string) string { return strings.Repeat("v1,AAAA ", 30) + s })},
		{name: "32nd of 33 signatures", secrets: []signing.Secret{private}, change: rewrite(func(s string) string { return strings.Repeat("v1,AAAA ", 30) + s + " v1,AAAA" })},
		{name: "signature beyond 32", secrets: []signing.Secret{private}, change: rewrite(func(s string) string { return strings.Repeat("v1,AAAA ", 31) + s }), want: signing.ErrNoMatch},
		{name: "other secret", secrets: []signing.Secret{signing.GenerateSecret()}, want: signing.ErrNoMatch},
		{name: "other key pair", secrets: []signing.Secret{signing.GenerateKeyPair()}, want: signing.ErrNoMatch},
		{name: "no secret", secrets: []signing.Secret{}, want: signing.ErrNoMatch},
		{name: "zero secret", secrets: []signing.Secret{{}}, want: signing.ErrNoMatch},
		{name: "body changed", body: body + " ", want: signing.ErrNoMatch},
		{name: "body empty", body: "\x00", want: signing.ErrNoMatch},
		{name: "id changed", change: set(signing.HeaderID, "msg_2"), want: signing.ErrNoMatch},
		{name: "timestamp changed", change: set(signing.HeaderTimestamp, unix(attemptAt.Add(time.Second))), want: signing.ErrNoMatch},
		{name: "no version", change: rewrite(func(s string) string { return strings.ReplaceAll(s, "v1,", "") }), want: nil, secrets: []signing.Secret{private}},
		{name: "version of the other scheme", secrets: []signing.Secret{secret}, change: rewrite(func(s string) string { return strings.Replace(s, "v1,", "v1a,", 1) }), want: signing.ErrNoMatch},
		{name: "signature cut", secrets: []signing.Secret{secret}, change: rewrite(func(s string) string { return s[:40] }), want: signing.ErrNoMatch},
		{name: "signature empty", change: set(signing.HeaderSignature, "v1,"), want: signing.ErrNoMatch},
		{name: "ed25519 signature cut", change: set(signing.HeaderSignature, "v1a,AAAA"), want: signing.ErrNoMatch},
		{name: "ed25519 signature not base64", change: set(signing.HeaderSignature, "v1a,!"), want: signing.ErrNoMatch},
		{name: "id missing", change: drop(signing.HeaderID), want: signing.ErrMissingHeader},
		{name: "timestamp missing", change: drop(signing.HeaderTimestamp), want: signing.ErrMissingHeader},
		{name: "signature missing", change: drop(signing.HeaderSignature), want: signing.ErrMissingHeader},
		{name: "id with a dot", change: set(signing.HeaderID, messageID+".1"), want: signing.ErrBadID},
		{name: "timestamp with a fraction", change: set(signing.HeaderTimestamp, unix(attemptAt)+".0"), want: signing.ErrBadTimestamp},
		{name: "timestamp with a sign", change: set(signing.HeaderTimestamp, "+"+unix(attemptAt)), want: signing.ErrBadTimestamp},
		{name: "timestamp as a date", change: set(signing.HeaderTimestamp, attemptAt.Format(time.RFC3339)), want: signing.ErrBadTimestamp},
		{name: "timestamp past int64", change: set(signing.HeaderTimestamp, strings.Repeat("9", 30)), want: signing.ErrBadTimestamp},
		{name: "timestamp at the end of int64", change: set(signing.HeaderTimestamp, "9223372036854775807"), want: signing.ErrBadTimestamp},
		{name: "largest timestamp", change: set(signing.HeaderTimestamp, "999999999999"), want: signing.ErrTooNew},
		{name: "timestamp zero", change: set(signing.HeaderTimestamp, "0"), want: signing.ErrTooOld},
		{name: "oldest accepted", now: attemptAt.Add(signing.Tolerance)},
		{name: "newest accepted", now: attemptAt.Add(-signing.Tolerance)},
		{name: "too old", now: attemptAt.Add(signing.Tolerance + time.Nanosecond), want: signing.ErrTooOld},
		{name: "too new", now: attemptAt.Add(-signing.Tolerance - time.Nanosecond), want: signing.ErrTooNew},
		{name: "clock far off", now: time.Time{}, change: set(signing.HeaderTimestamp, "1"), want: signing.ErrTooOld},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			signing.SetHeaders(h, both, messageID, attemptAt, []byte(body))
			if test.change != nil {
				test.change(h)
			}
			got := signing.Verify(orElse(test.secrets != nil, test.secrets, both), h,
				[]byte(orElse(test.body != "", test.body, body)),
				orElse(!test.now.IsZero(), test.now, attemptAt), signing.Tolerance)
			if !errors.Is(got, test.want) {
				t.Errorf("Verify: %v, want %v", got, test.want)
			}
		})
	}
}

func TestVerifyPublic(t *testing.T) {
	private := parse(t, privateText)
	public, _ := private.Public()
	other, _ := signing.GenerateKeyPair().Public()
	h := http.Header{}
	signing.SetHeaders(h, []signing.Secret{parse(t, symmetricText), private}, messageID, attemptAt, []byte(body))
	for _, test := range []struct {
		name string
		keys []signing.PublicKey
		body string
		now  time.Time
		want error
	}{
		{"valid", []signing.PublicKey{other, public}, body, attemptAt, nil},
		{"other key", []signing.PublicKey{other}, body, attemptAt, signing.ErrNoMatch},
		{"zero key", []signing.PublicKey{{}}, body, attemptAt, signing.ErrNoMatch},
		{"no key", nil, body, attemptAt, signing.ErrNoMatch},
		{"body changed", []signing.PublicKey{public}, body + " ", attemptAt, signing.ErrNoMatch},
		{"too old", []signing.PublicKey{public}, body, attemptAt.Add(time.Hour), signing.ErrTooOld},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := signing.VerifyPublic(test.keys, h, []byte(test.body), test.now, signing.Tolerance)
			if !errors.Is(err, test.want) {
				t.Errorf("VerifyPublic: %v, want %v", err, test.want)
			}
		})
	}
}

// FuzzVerify holds that whatever headers Verify accepts, the official library
// accepts too, and that every refusal is one of the listed errors.
func FuzzVerify(f *testing.F) {
	secret := parse(f, symmetricText)
	secrets := []signing.Secret{secret, parse(f, privateText)}
	theirs, err := official.NewWebhook(symmetricText)
	if err != nil {
		f.Fatal(err)
	}
	valid := signing.Sign([]signing.Secret{secret}, messageID, attemptAt, []byte(body))
	f.Add(messageID, unix(attemptAt), valid, body)
	f.Add("", "", "", "")
	f.Add("a.b", "-1", "v1,", "")
	f.Add(messageID, "1772366400000", "v1a,AAAA v1,AAAA  v1", body)
	for _, v := range vectors(f) {
		f.Add(v.ID, strconv.FormatInt(v.Timestamp, 10), v.Signature, v.Body)
	}
	refusals := []error{
		signing.ErrMissingHeader, signing.ErrBadID, signing.ErrBadTimestamp,
		signing.ErrTooOld, signing.ErrTooNew, signing.ErrNoMatch,
	}
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body string) {
		h := http.Header{}
		h.Set(signing.HeaderID, id)
		h.Set(signing.HeaderTimestamp, timestamp)
		h.Set(signing.HeaderSignature, signature)
		err := signing.Verify(secrets, h, []byte(body), attemptAt, 100*365*24*time.Hour)
		if err == nil {
			if err := theirs.VerifyIgnoringTimestamp([]byte(body), h); err != nil && !strings.Contains(signature, "v1a,") {
				t.Errorf("accepted what the official library refuses: %v", err)
			}
			return
		}
		for _, refusal := range refusals {
			if errors.Is(err, refusal) {
				return
			}
		}
		t.Errorf("Verify: %v, want one of the listed errors", err)
	})
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func orElse[T any](given bool, value, otherwise T) T {
	if given {
		return value
	}
	return otherwise
}
