package signing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// maxRepairBody is the largest body that is spelled in other ways, in bytes.
const maxRepairBody = 1 << 20

// A trialKey is one way to read a secret. Its repair is "" when it is the right
// way; the same holds for the other trials.
type trialKey struct {
	repair string
	secret int
	hmac   []byte
	public PublicKey
}

type trialBody struct {
	repair string
	body   []byte
}

type trialHead struct{ repair, head string }

type trialSignature struct {
	repair string
	public bool // ed25519
	sum    []byte
}

type trialMatch struct {
	secret  int
	repairs []string
}

// search looks for the combination of trials that matches with the fewest repairs.
func search(keys []trialKey, signatures []trialSignature, id, timestamp string, body []byte) (best trialMatch, ok bool) {
	bodies, heads := bodiesOf(body), headsOf(id, timestamp)
	for _, b := range bodies {
		for _, h := range heads {
			for _, k := range keys {
				m, matches := match(k, h, b, signatures)
				if matches && (!ok || len(m.repairs) < len(best.repairs)) {
					best, ok = m, true
				}
			}
		}
		if ok && len(best.repairs) == 0 {
			break // it was the body as it came
		}
	}
	return best, ok
}

func match(k trialKey, h trialHead, b trialBody, signatures []trialSignature) (trialMatch, bool) {
	var want []byte
	if k.hmac != nil {
		want = sum(k.hmac, []byte(h.head), b.body)
	}
	for _, s := range signatures {
		if k.verifies(want, h, b, s) {
			return trialMatch{k.secret, given(b.repair, h.repair, k.repair, s.repair)}, true
		}
	}
	return trialMatch{}, false
}

func (k trialKey) verifies(want []byte, h trialHead, b trialBody, s trialSignature) bool {
	if s.public {
		r := request{head: []byte(h.head), signatures: []string{asymmetricVersion + base64.StdEncoding.EncodeToString(s.sum)}}
		return r.signedBy(k.public, b.body)
	}
	return want != nil && hmac.Equal(want, s.sum)
}

func given(repairs ...string) []string {
	var list []string
	for _, r := range repairs {
		if r != "" {
			list = append(list, r)
		}
	}
	return list
}

// keysOf returns the ways in which a text may be meant as a key, and what is wrong
// with it as a secret.
func keysOf(i int, text string) ([]trialKey, error) {
	if strings.HasPrefix(text, publicPrefix) {
		public, err := ParsePublicKey(text)
		return []trialKey{{secret: i, public: public}}, err
	}
	var keys []trialKey
	s, err := ParseSecret(text)
	if err == nil {
		public, _ := s.Public()
		keys = append(keys, trialKey{secret: i, hmac: s.load().hmac, public: public})
	}
	trimmed := strings.TrimSpace(text)
	bare := strings.TrimPrefix(trimmed, symmetricPrefix)
	if b, ok := anyBase64(bare); ok && err != nil {
		keys = append(keys, trialKey{repair: "write the secret as whsec_ and standard base64, without spaces around it", secret: i, hmac: b})
	}
	keys = append(keys, trialKey{repair: "the sender must decode the secret from base64; it used the text after whsec_ as it is", secret: i, hmac: []byte(bare)})
	if bare != trimmed {
		keys = append(keys, trialKey{repair: "the sender must cut off whsec_ and decode the rest from base64; it used the whole text as it is", secret: i, hmac: []byte(trimmed)})
	}
	return keys, err
}

// anyBase64 reads base64 of either alphabet, with or without padding.
func anyBase64(text string) ([]byte, bool) {
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawStdEncoding.DecodeString(standard)
	return b, err == nil && len(b) > 0
}

// headsOf returns what may have been signed before the body.
func headsOf(id, timestamp string) []trialHead {
	return []trialHead{
		{"", id + "." + timestamp + "."},
		{"the sender must sign id.timestamp.body; it signed timestamp.body", timestamp + "."},
		{"the sender must sign id.timestamp.body; it signed the body alone", ""},
	}
}

// signaturesOf returns the ways in which each part of a header may be meant.
func signaturesOf(header string) []trialSignature {
	var list []trialSignature
	if plain, err := url.PathUnescape(header); err == nil && plain != header {
		for _, s := range signaturesOf(plain) {
			s.repair = strings.Join(given("undo the percent-encoding of the signature header", s.repair), "; ")
			list = append(list, s)
		}
	}
	parts := strings.FieldsFunc(header, func(r rune) bool { return r == ' ' || r == '\t' })
	for _, part := range parts[:min(len(parts), maxSignatures)] {
		list = append(list, readSignature(part)...)
	}
	return list
}

func readSignature(part string) []trialSignature {
	if encoded, ok := strings.CutPrefix(part, asymmetricVersion); ok {
		b, good := anyBase64(encoded)
		if !good {
			return nil
		}
		return []trialSignature{{public: true, sum: b}}
	}
	encoded, repair := part, `write "v1," before the signature`
	for _, form := range []struct{ prefix, repair string }{
		{symmetricVersion, ""},
		{"v1=", `write "v1," before the signature, not "v1="`},
		{"sha256=", `write "v1," before the signature, not "sha256="`},
	} {
		if rest, ok := strings.CutPrefix(part, form.prefix); ok {
			encoded, repair = rest, form.repair
			break
		}
	}
	if b, err := hex.DecodeString(encoded); err == nil && len(b) == sha256.Size {
		return []trialSignature{{repair: strings.Join(given(repair, "write the signature in base64, not in hex"), "; "), sum: b}}
	}
	if b, err := base64.StdEncoding.DecodeString(encoded); err == nil && len(b) == sha256.Size {
		return []trialSignature{{repair: repair, sum: b}}
	}
	if b, ok := anyBase64(encoded); ok && len(b) == sha256.Size {
		return []trialSignature{{repair: strings.Join(given(repair, "write the signature in standard base64 with padding"), "; "), sum: b}}
	}
	return nil
}

// bodiesOf returns what the body may have been when it was signed.
func bodiesOf(body []byte) []trialBody {
	list := []trialBody{{"", body}}
	try := func(repair string, b []byte) {
		if !bytes.Equal(b, body) {
			list = append(list, trialBody{repair, b})
		}
	}
	try("take the body without the line break at its end", bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r")))
	try("take the body with the line break at its end", append(bytes.Clone(body), '\n'))
	if len(body) > maxRepairBody {
		return list
	}
	unix := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	try("keep line breaks as they came: LF became CRLF", unix)
	try("keep line breaks as they came: LF became CRLF, and one at the end was added", bytes.TrimSuffix(unix, []byte("\n")))
	try("keep line breaks as they came: CRLF became LF", bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n")))
	const bom = "\uFEFF"
	try("take the body without the byte order mark (EF BB BF) at its start", bytes.TrimPrefix(body, []byte(bom)))
	try("keep the byte order mark (EF BB BF) at the start of the body", append([]byte(bom), body...))
	for _, b := range spellings(bytes.TrimPrefix(body, []byte(bom))) {
		try("take the body as it came, not parsed and written again as JSON", b)
	}
	if plain, err := url.QueryUnescape(string(body)); err == nil {
		try("take the body as it came: it was percent-decoded once too few", []byte(plain))
	}
	try("take the body as it came: it was percent-decoded once too many", []byte(url.QueryEscape(string(body))))
	return list
}

// spellings writes JSON in the ways in which encoders of several languages do. The
// order of members is kept, since what it was cannot be known.
func spellings(body []byte) [][]byte {
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return nil
	}
	flat := compact.Bytes()
	list := [][]byte{flat, spaced(flat)}
	for _, b := range [][]byte{flat, spaced(flat)} {
		var escaped bytes.Buffer
		json.HTMLEscape(&escaped, b)
		list = append(list, escaped.Bytes(), unescapeHTML(b))
	}
	for _, indent := range []string{"  ", "    ", "\t"} {
		var wide bytes.Buffer
		if json.Indent(&wide, flat, "", indent) == nil {
			list = append(list, wide.Bytes())
		}
	}
	return list
}

// spaced puts a space after each comma and colon, as Python does.
func spaced(compact []byte) []byte {
	var out []byte
	inString := false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		out = append(out, c)
		switch {
		case inString && c == '\\':
			i++
			out = append(out, compact[i])
		case c == '"':
			inString = !inString
		case !inString && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}

func unescapeHTML(b []byte) []byte {
	for escaped, plain := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&", `\u2028`: "\u2028", `\u2029`: "\u2029"} {
		b = bytes.ReplaceAll(b, []byte(escaped), []byte(plain))
	}
	return b
}
