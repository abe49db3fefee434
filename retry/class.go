package retry

import "net/http"

// A Class says what went wrong with an attempt. "" is a success.
type Class string

// The classes.
const (
	ClassDNS            Class = "dns"
	ClassBlockedAddress Class = "blocked_address"
	ClassConnectRefused Class = "connect_refused" // or unreachable
	ClassConnectTimeout Class = "connect_timeout"
	ClassTLSExpired     Class = "tls_expired" // or not valid yet
	ClassTLSName        Class = "tls_name"
	ClassTLSUntrusted   Class = "tls_untrusted"
	ClassTLSOther       Class = "tls_other"
	ClassHeaderTimeout  Class = "header_timeout"
	ClassBodyTimeout    Class = "body_timeout"
	ClassReset          Class = "reset"
	ClassProtocol       Class = "protocol"  // not HTTP, or a status below 200
	ClassRedirect       Class = "redirect"  // 3xx
	ClassGone           Class = "gone"      // 410
	ClassTooLarge       Class = "too_large" // 413
	ClassStatus         Class = "status"    // any other status that is not 2xx
	ClassInterrupted    Class = "interrupted"
)

// Classes lists every class of a failed attempt.
func Classes() []Class {
	return []Class{
		ClassDNS, ClassBlockedAddress, ClassConnectRefused, ClassConnectTimeout, ClassTLSExpired, ClassTLSName,
		ClassTLSUntrusted, ClassTLSOther, ClassHeaderTimeout, ClassBodyTimeout, ClassReset, ClassProtocol, ClassRedirect,
		ClassGone, ClassTooLarge, ClassStatus, ClassInterrupted,
	}
}

// StatusClass returns the class of an HTTP status, "" for 2xx.
func StatusClass(code int) Class {
	switch {
	case code < 200:
		return ClassProtocol
	case code < 300:
		return ""
	case code < 400:
		return ClassRedirect
	case code == http.StatusGone:
		return ClassGone
	case code == http.StatusRequestEntityTooLarge:
		return ClassTooLarge
	}
	return ClassStatus
}

// Sentence says for a person what happened.
func (c Class) Sentence() string {
	switch c {
	case "":
		return "The endpoint accepted the message."
	case ClassDNS:
		return "The host name could not be resolved."
	case ClassBlockedAddress:
		return "The address is one that deliveries may not reach; nothing was sent."
	case ClassConnectRefused:
		return "The host refused the connection or could not be reached."
	case ClassConnectTimeout:
		return "The host did not take the connection in time."
	case ClassTLSExpired:
		return "The TLS certificate has expired or is not valid yet."
	case ClassTLSName:
		return "The TLS certificate is for another host name."
	case ClassTLSUntrusted:
		return "The TLS certificate is not signed by a known authority."
	case ClassTLSOther:
		return "The TLS handshake failed."
	case ClassHeaderTimeout:
		return "The endpoint did not begin to answer in time."
	case ClassBodyTimeout:
		return "The endpoint began to answer but did not finish in time."
	case ClassReset:
		return "The connection broke before the answer was complete."
	case ClassProtocol:
		return "The answer was not a final HTTP response."
	case ClassRedirect:
		return "The endpoint answered with a redirect; redirects are not followed."
	case ClassGone:
		return "The endpoint wants no more messages."
	case ClassTooLarge:
		return "The endpoint refused the message as too large."
	case ClassStatus:
		return "The endpoint answered with a status other than 2xx."
	case ClassInterrupted:
		return "The sender stopped during the attempt, so it is not known whether the message arrived."
	}
	return "The attempt failed for a reason this version does not know."
}

// timeout reports whether the endpoint kept the sender waiting.
func (c Class) timeout() bool {
	switch c {
	case ClassConnectTimeout, ClassHeaderTimeout, ClassBodyTimeout:
		return true
	}
	return false
}

// connection reports whether no connection came about, or not one that
// carried a response.
func (c Class) connection() bool {
	switch c {
	case ClassDNS, ClassConnectRefused, ClassConnectTimeout, ClassReset, ClassProtocol,
		ClassTLSExpired, ClassTLSName, ClassTLSUntrusted, ClassTLSOther:
		return true
	}
	return false
}
