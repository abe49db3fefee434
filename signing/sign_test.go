package signing_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	official "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"memhook/signing"
)

const (
	messageID = "msg_0198c7f2-6f0b-7cc3-98a1-3d6a0d9f4b11"
	body      = `{"event_details":{"id":"01","data":{"memory":"likes tea"}}}`
)

var attemptAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type vector struct {
	Name, Source, Secret, Public, ID, Body, Signature string
	Timestamp                                         int64
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v []vector
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPublishedVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			secret, at := parse(t, v.Secret), time.Unix(v.Timestamp, 0)
			secrets := []signing.Secret{secret}
			if got := signing.Sign(secrets, v.ID, at, []byte(v.Body)); got != v.Signature {
				t.Errorf("Sign: %s, want %s", got, v.Signature)
			}
			h := http.Header{}
			h.Set("Webhook-Id", v.ID)
			h.Set("Webhook-Timestamp", fmt.Sprint(v.Timestamp))
			h.Set("Webhook-Signature", v.Signature)
			if err := signing.Verify(secrets, h, []byte(v.Body), at, signing.Tolerance); err != nil {
				t.Errorf("Verify: %v", err)
			}
			if v.Public == "" {
				return
			}
			public, err := signing.ParsePublicKey(v.Public)
			if err != nil {
				t.Fatal(err)
			}
			keys := []signing.PublicKey{public}
			if err := signing.VerifyPublic(keys, h, []byte(v.Body), at, signing.Tolerance); err != nil {
				t.Errorf("VerifyPublic: %v", err)
			}
		})
	}
}

// TestOfficialLibrary signs with one implementation and verifies with the
// other, both ways, for every size of secret and some awkward bodies.
func TestOfficialLibrary(t *testing.T) {
	for _, size := range []int{24, 32, 33, 63, 64} {
		secret := secretOfSize(t, size)
		theirs, err := official.NewWebhook(secret.Reveal())
		if err != nil {
			t.Fatalf("official.NewWebhook with %d bytes: %v", size, err)
		}
		for _, body := range []string{"", "{}", body, "a.b.c", "%s%d", "\x00\xff", strings.Repeat("x", 256<<10)} {
			now := time.Now()
			h := http.Header{}
			signing.SetHeaders(h, []signing.Secret{signing.GenerateSecret(), secret, signing.GenerateKeyPair()}, messageID, now, []byte(body))
			if err := theirs.Verify([]byte(body), h); err != nil {
				t.Errorf("secret of %d bytes, body %.20q: theirs refuses ours: %v", size, body, err)
			}
			signature, err := theirs.Sign(messageID, now, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			h.Set(official.HeaderWebhookSignature, signature)
			if err := signing.Verify([]signing.Secret{secret}, h, []byte(body), now, signing.Tolerance); err != nil {
				t.Errorf("secret of %d bytes, body %.20q: ours refuses theirs: %v", size, body, err)
			}
		}
	}
}

func TestSignSeveralSecrets(t *testing.T) {
	newest, older := parse(t, symmetricText), parse(t, privateText)
	one := func(s signing.Secret) string {
		return signing.Sign([]signing.Secret{s}, messageID, attemptAt, []byte(body))
	}
	for _, test := range []struct {
		name    string
		secrets []signing.Secret
		want    string
	}{
		{"none", nil, ""},
		{"newest first", []signing.Secret{newest, older}, one(newest) + " " + one(older)},
		{"in the order given", []signing.Secret{older, newest}, one(older) + " " + one(newest)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := signing.Sign(test.secrets, messageID, attemptAt, []byte(body))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Sign (-want +got):\n%s", diff)
			}
			appended := string(signing.AppendSign([]byte("before "), test.secrets, messageID, attemptAt, []byte(body)))
			if diff := cmp.Diff("before "+test.want, appended); diff != "" {
				t.Errorf("AppendSign (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	for _, test := range []struct {
		name, id string
		secret   signing.Secret
	}{
		{"id with a dot", "msg.1", parse(t, symmetricText)},
		{"no id", "", parse(t, symmetricText)},
		{"zero secret", messageID, signing.Secret{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Sign returned, want a panic")
				}
			}()
			signing.Sign([]signing.Secret{test.secret}, test.id, attemptAt, []byte(body))
		})
	}
}

func secretOfSize(t testing.TB, n int) signing.Secret {
	t.Helper()
	return parse(t, "whsec_"+base64Of(strings.Repeat("k", n)))
}

func BenchmarkSign(b *testing.B) {
	symmetric, private := parse(b, symmetricText), parse(b, privateText)
	payload := []byte(strings.Repeat("x", 1<<10))
	for _, bench := range []struct {
		name    string
		secrets []signing.Secret
	}{
		{"one secret", []signing.Secret{symmetric}},
		{"two secrets", []signing.Secret{symmetric, symmetric}},
		{"ed25519", []signing.Secret{private}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				signing.Sign(bench.secrets, messageID, attemptAt, payload)
			}
		})
	}
}
