package signing

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed request.
const (
	HeaderID        = "webhook-id"        // same for every attempt: the receiver's idempotency key
	HeaderTimestamp = "webhook-timestamp" // of the attempt, in Unix seconds
	HeaderSignature = "webhook-signature" // see the package comment
)

// The versions name the scheme of one signature.
const (
	symmetricVersion  = "v1,"
	asymmetricVersion = "v1a,"
)

// Sign returns the value of the webhook-signature header for an attempt made
// at the time at: one signature for each secret, in the order given. The
// webhook-timestamp header must carry the same time; SetHeaders sees to that.
// Without secrets it returns "".
//
// It panics on a mistake of the program that no receiver should ever see: an
// ID that is empty or has a dot in it, or a zero Secret.
func Sign(secrets []Secret, id string, at time.Time, body []byte) string {
	var buf [256]byte // room for five HMAC signatures, or two of ed25519
	return string(AppendSign(buf[:0], secrets, id, at, body))
}

// AppendSign is Sign appending to dst.
func AppendSign(dst []byte, secrets []Secret, id string, at time.Time, body []byte) []byte {
	if id == "" || strings.Contains(id, ".") {
		panic("signing: webhook-id " + strconv.Quote(id) + " is empty or has a dot")
	}
	head := make([]byte, 0, 64)
	head = append(head, id...)
	head = append(head, '.')
	head = strconv.AppendInt(head, at.Unix(), 10)
	head = append(head, '.')
	for i, s := range secrets {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = s.appendSignature(dst, head, body)
	}
	return dst
}

// SetHeaders sets the three headers of a signed request.
func SetHeaders(h http.Header, secrets []Secret, id string, at time.Time, body []byte) {
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, Sign(secrets, id, at, body))
}

func (s Secret) appendSignature(dst, head, body []byte) []byte {
	switch k := s.load(); {
	case k.private != nil:
		dst = append(dst, asymmetricVersion...)
		return base64.StdEncoding.AppendEncode(dst, ed25519.Sign(k.private, join(head, body)))
	case k.hmac != nil:
		dst = append(dst, symmetricVersion...)
		return base64.StdEncoding.AppendEncode(dst, sum(k.hmac, head, body))
	default:
		panic("signing: sign with a zero Secret")
	}
}

func sum(secret, head, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(head)
	mac.Write(body)
	return mac.Sum(nil)
}

func join(head, body []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(body)), head...), body...)
}
