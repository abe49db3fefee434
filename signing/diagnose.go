package signing

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A Diagnosis says whether a request verifies, and if not, why.
type Diagnosis struct {
	Verified bool
	Secret   int       // which of the secrets matched, counted from 0; -1: none
	Findings []Finding // one for each thing that was looked at, in order
	// Repairs, all applied together, would make the signature match. None: it
	// matches, or nothing that was tried does.
	Repairs []string
}

// A Finding is one thing that was looked at.
type Finding struct {
	Name string // webhook-id, webhook-timestamp, secret or webhook-signature
	OK   bool
	Text string // a sentence; it never repeats a secret
}

// Diagnose is Verify for a person: it looks at everything even when the first
// thing is wrong, and tries what usually goes wrong. Secrets are texts (whsec_…,
// whsk_… or whpk_…), the current one first, so that it can see what is wrong with
// them too.
func Diagnose(secrets []string, h http.Header, body []byte, now time.Time, tolerance time.Duration) Diagnosis {
	d := Diagnosis{Secret: -1}
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	fresh := d.readTimestamp(timestamp, now, tolerance)
	named := d.readID(id)
	keys := d.readSecrets(secrets)
	signatures := d.readSignatures(h.Get(HeaderSignature))
	if found, ok := search(keys, signatures, id, timestamp, body); ok {
		d.Repairs = found.repairs
		if len(found.repairs) == 0 {
			d.Secret = found.secret
		}
	}
	d.judge(secrets, len(signatures) > 0)
	d.Verified = d.Secret >= 0 && fresh && named
	return d
}

func (d *Diagnosis) find(name string, ok bool, format string, args ...any) bool {
	d.Findings = append(d.Findings, Finding{name, ok, fmt.Sprintf(format, args...)})
	return ok
}

func (d *Diagnosis) readID(id string) bool {
	switch {
	case id == "":
		return d.find(HeaderID, false, "The header is missing.")
	case strings.Contains(id, "."):
		return d.find(HeaderID, false, "It has a dot in it, which the specification forbids.")
	}
	return d.find(HeaderID, true, "It is there.")
}

func (d *Diagnosis) readTimestamp(s string, now time.Time, tolerance time.Duration) bool {
	at, err := parseTimestamp(s)
	switch {
	case s == "":
		return d.find(HeaderTimestamp, false, "The header is missing.")
	case len(s) == 13 && strings.Trim(s, "0123456789") == "":
		return d.find(HeaderTimestamp, false, "It is in milliseconds; it must be in seconds.")
	case err != nil:
		return d.find(HeaderTimestamp, false, "It is not a number of Unix seconds.")
	}
	age := now.Sub(at).Round(time.Second)
	switch {
	case age > tolerance:
		return d.find(HeaderTimestamp, false, "The request is %s old, and %s is the most; is it an old one, or is a clock wrong?", age, tolerance)
	case -age > tolerance:
		return d.find(HeaderTimestamp, false, "The request comes %s out of the future, and %s is the most; is a clock wrong?", -age, tolerance)
	case age < 0:
		return d.find(HeaderTimestamp, true, "%s ahead of the clock.", -age)
	}
	return d.find(HeaderTimestamp, true, "%s old.", age)
}

// readSecrets returns every way in which the texts may be meant as keys.
func (d *Diagnosis) readSecrets(texts []string) []trialKey {
	var keys []trialKey
	for i, text := range texts {
		name := secretName(i, len(texts))
		more, err := keysOf(i, text)
		if err == nil {
			d.find("secret", true, "%s can be read.", name)
		} else {
			d.find("secret", false, "%s cannot be used: %s.", name, strings.TrimPrefix(err.Error(), ErrBadSecret.Error()+": "))
		}
		keys = append(keys, more...)
	}
	if len(texts) == 0 {
		d.find("secret", false, "There is none to check with.")
	}
	return keys
}

func secretName(i, n int) string {
	switch {
	case n == 1:
		return "The secret"
	case i == 0:
		return "The current secret"
	}
	return fmt.Sprintf("Secret %d", i+1)
}

func (d *Diagnosis) readSignatures(header string) []trialSignature {
	if header == "" {
		d.find(HeaderSignature, false, "The header is missing.")
		return nil
	}
	list := signaturesOf(header)
	if len(list) == 0 {
		d.find(HeaderSignature, false, `It has no signature in it: one begins with "v1," or "v1a,".`)
	}
	return list
}

// judge adds what was found out about the signature.
func (d *Diagnosis) judge(secrets []string, signed bool) {
	switch {
	case d.Secret == 0:
		d.find(HeaderSignature, true, "It matches %s.", lower(secretName(0, len(secrets))))
	case d.Secret > 0:
		d.find(HeaderSignature, true, "It matches secret %d, not the current one: the sender still signs with it.", d.Secret+1)
	case len(d.Repairs) > 0:
		d.find(HeaderSignature, false, "It does not match, but would: %s.", strings.Join(d.Repairs, "; "))
	case signed && len(secrets) > 0:
		d.find(HeaderSignature, false, "It does not match, and no usual repair makes it. Is the secret that of this endpoint, and is the body every byte that came?")
	}
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }
