package signing_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"memhook/signing"
)

func TestDiagnose(t *testing.T) {
	const body = `{"type":"memory_add","data":{"memory":"a < b, \"c\" & d","n":1}}`
	now := time.Unix(1700000000, 0)
	secret, old := signing.GenerateSecret(), signing.GenerateSecret()
	pair := signing.GenerateKeyPair()
	public, _ := pair.Public()
	sign := func(s signing.Secret, body string) http.Header {
		h := http.Header{}
		signing.SetHeaders(h, []signing.Secret{s}, "msg_1", now, []byte(body))
		return h
	}
	good := sign(secret, body)
	// by signs as a sender does that gets something wrong.
	by := func(key, signed string, form func([]byte) string) http.Header {
		h := good.Clone()
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(signed))
		h.Set(signing.HeaderSignature, form(mac.Sum(nil)))
		return h
	}
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	key, text := string(raw), secret.Reveal()
	v1 := func(sum []byte) string { return "v1," + base64.StdEncoding.EncodeToString(sum) }
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(body), "", "  "); err != nil {
		t.Fatal(err)
	}
	content := "msg_1.1700000000." + body
	for _, test := range []struct {
		name    string
		secrets []string
		header  http.Header
		body    string
		after   time.Duration
		match   int    // which secret
		repair  string // what one of the repairs says
		wrong   string // what one of the findings that are not OK says
	}{
		{name: "good", secrets: []string{text}, header: good, body: body},
		{name: "previous secret", secrets: []string{old.Reveal(), text}, header: good, body: body, match: 1},
		{name: "key pair", secrets: []string{pair.Reveal()}, header: sign(pair, body), body: body},
		{name: "public key", secrets: []string{text, public.String()}, header: sign(pair, body), body: body, match: 1},
		{name: "old", secrets: []string{text}, header: good, body: body, after: time.Hour, match: 0, wrong: "1h0m0s old"},
		{name: "ahead", secrets: []string{text}, header: good, body: body, after: -time.Hour, match: 0, wrong: "future"},
		{name: "unknown secret", secrets: []string{old.Reveal()}, header: good, body: body, match: -1, wrong: "no usual repair"},
		{name: "no secret", header: good, body: body, match: -1, wrong: "none to check with"},
		{name: "no headers", secrets: []string{text}, header: http.Header{}, body: body, match: -1, wrong: "is missing"},
		{name: "milliseconds", secrets: []string{text}, header: with(signing.HeaderTimestamp, "1700000000000"), body: body, match: -1, wrong: "milliseconds"},
		{name: "dot", secrets: []string{text}, header: with(signing.HeaderID, "a.b"), body: body, match: -1, wrong: "dot"},
		{name: "nonsense signature", secrets: []string{text}, header: with(signing.HeaderSignature, "v9,zz"), body: body, match: -1, wrong: "no signature in it"},

		{name: "final newline", secrets: []string{text}, header: good, body: body + "\n", match: -1, repair: "without the line break at its end"},
		{name: "final CRLF", secrets: []string{text}, header: good, body: body + "\r\n", match: -1, repair: "without the line break at its end"},
		{name: "newline cut", secrets: []string{text}, header: sign(secret, body+"\n"), body: body, match: -1, repair: "with the line break"},
		{name: "CRLF", secrets: []string{text}, header: sign(secret, "{\n}"), body: "{\r\n}", match: -1, repair: "LF became CRLF"},
		{name: "LF", secrets: []string{text}, header: sign(secret, "{\r\n}"), body: "{\n}", match: -1, repair: "CRLF became LF"},
		{name: "BOM", secrets: []string{text}, header: good, body: "\uFEFF" + body, match: -1, repair: "without the byte order mark"},
		{name: "BOM cut", secrets: []string{text}, header: sign(secret, "\uFEFF"+body), body: body, match: -1, repair: "keep the byte order mark"},
		{name: "indented", secrets: []string{text}, header: good, body: indented.String(), match: -1, repair: "parsed and written again"},
		{name: "compacted", secrets: []string{text}, header: sign(secret, indented.String()), body: body, match: -1, repair: "parsed and written again"},
		{name: "Python", secrets: []string{text}, header: sign(secret, strings.NewReplacer(`":`, `": `, `,"`, `, "`).Replace(body)), body: body, match: -1, repair: "parsed and written again"},
		{name: "HTML escaped", secrets: []string{text}, header: good, body: strings.NewReplacer("<", `\u003c`, "&", `\u0026`).Replace(body), match: -1, repair: "parsed and written again"},
		{name: "HTML unescaped", secrets: []string{text}, header: sign(secret, strings.NewReplacer("<", `\u003c`, "&", `\u0026`).Replace(body)), body: body, match: -1, repair: "parsed and written again"},
		{name: "percent-encoded", secrets: []string{text}, header: good, body: url.QueryEscape(body), match: -1, repair: "once too few"},
		{name: "percent-decoded", secrets: []string{text}, header: sign(secret, url.QueryEscape(body)), body: body, match: -1, repair: "once too many"},

		{name: "prefix kept", secrets: []string{text}, header: by(text, content, v1), body: body, match: -1, repair: "cut off whsec_"},
		{name: "not decoded", secrets: []string{text}, header: by(strings.TrimPrefix(text, "whsec_"), content, v1), body: body, match: -1, repair: "must decode the secret"},
		{name: "secret without prefix", secrets: []string{strings.TrimPrefix(text, "whsec_")}, header: good, body: body, match: -1, repair: "write the secret as whsec_", wrong: "must start with whsec_"},
		{name: "secret with a line break", secrets: []string{text + "\n"}, header: good, body: body, match: -1, repair: "without spaces around", wrong: "cannot be used"},
		{name: "hex", secrets: []string{text}, header: by(key, content, func(b []byte) string { return "v1," + hex.EncodeToString(b) }), body: body, match: -1, repair: "not in hex"},
		{name: "no version", secrets: []string{text}, header: by(key, content, base64.StdEncoding.EncodeToString), body: body, match: -1, repair: `write "v1," before`},
		{name: "GitHub's way", secrets: []string{text}, header: by(key, body, func(b []byte) string { return "sha256=" + hex.EncodeToString(b) }), body: body, match: -1, repair: "body alone"},
		{name: "Stripe's content", secrets: []string{text}, header: by(key, "1700000000."+body, v1), body: body, match: -1, repair: "timestamp.body"},
		{name: "percent-encoded signature", secrets: []string{text}, header: by(key, content, func(b []byte) string { return url.PathEscape(v1(b)) }), body: body, match: -1, repair: "percent-encoding of the signature"},
		{name: "two things at once", secrets: []string{text}, header: by(text, content, v1), body: body + "\n", match: -1, repair: "without the line break"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := signing.Diagnose(test.secrets, test.header, []byte(test.body), now.Add(test.after), signing.Tolerance)
			if d.Secret != test.match {
				t.Errorf("secret %d matches, want %d", d.Secret, test.match)
			}
			if want := test.match >= 0 && test.wrong == ""; d.Verified != want {
				t.Errorf("verified: %t, want %t", d.Verified, want)
			}
			if has := strings.Contains(strings.Join(d.Repairs, "; "), test.repair); !has || (len(d.Repairs) > 0) != (test.repair != "") {
				t.Errorf("repairs %q, want %q", d.Repairs, test.repair)
			}
			if !slices.ContainsFunc(d.Findings, func(f signing.Finding) bool {
				return test.wrong == "" || !f.OK && strings.Contains(f.Text, test.wrong)
			}) {
				t.Errorf("findings %+v, want %q", d.Findings, test.wrong)
			}
			for _, f := range d.Findings {
				if strings.Contains(f.Text, strings.TrimPrefix(text, "whsec_")) {
					t.Errorf("a finding repeats the secret: %s", f.Text)
				}
			}
			if err := signing.Verify(usable(test.secrets), test.header, []byte(test.body), now.Add(test.after), signing.Tolerance); test.name != "public key" && (err == nil) != d.Verified {
				t.Errorf("Verify says %v, Diagnose %t", err, d.Verified)
			}
		})
	}
}

func usable(texts []string) []signing.Secret {
	var list []signing.Secret
	for _, text := range texts {
		if s, err := signing.ParseSecret(text); err == nil {
			list = append(list, s)
		}
	}
	return list
}

func FuzzDiagnose(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,x v1a,y sha256=00", "1614265330", []byte(`{"a":[1,"b\""]}`))
	f.Add("", "%20", "", []byte("\uFEFF\r\n"))
	f.Fuzz(func(t *testing.T, secret, signature, timestamp string, body []byte) {
		h := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		now := time.Unix(1614265330, 0)
		d := signing.Diagnose([]string{secret}, h, body, now, signing.Tolerance)
		if err := signing.Verify(usable([]string{secret}), h, body, now, signing.Tolerance); err == nil && !d.Verified {
			t.Errorf("Verify accepts, Diagnose does not: %+v", d)
		}
	})
}
