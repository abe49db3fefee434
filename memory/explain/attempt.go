package explain

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"memhook/delivery"
	"memhook/retry"
)

// Attempt says in a line what an attempt ended with.
func Attempt(a delivery.Attempt) string {
	s := a.Class.Sentence()
	switch {
	case a.StatusCode != 0 && a.Class == retry.ClassStatus:
		s = "The endpoint answered " + strconv.Itoa(a.StatusCode) + "."
	case a.Class == retry.ClassRedirect:
		if to := redirectHost(a); to != "" {
			s = "The endpoint answered with a redirect to " + to + "; redirects are not followed."
		}
	}
	if a.RetryAfter > 0 {
		s += " It asked to be left alone for " + Span(a.RetryAfter) + "."
	}
	return s
}

// Advice says what a person can do about a failed attempt, "" when there is nothing.
func Advice(a delivery.Attempt) string {
	switch a.Class {
	case retry.ClassBlockedAddress:
		return "If the address is yours, let the operator open it with --allow-net."
	case retry.ClassRedirect:
		return "Register the address it leads to."
	case retry.ClassDNS:
		return "Check the host name in the URL."
	case retry.ClassConnectRefused, retry.ClassConnectTimeout:
		return "Check that the receiver runs and that its firewall lets this server in."
	case retry.ClassTLSExpired, retry.ClassTLSName, retry.ClassTLSUntrusted:
		return "Renew or correct the receiver's certificate."
	case retry.ClassTLSOther:
		return "See that the port in the URL speaks TLS; if it does not, register the URL with http://."
	case retry.ClassHeaderTimeout, retry.ClassBodyTimeout:
		return "Let the receiver answer at once and do its work afterwards."
	case retry.ClassReset, retry.ClassProtocol:
		if a.StatusCode >= http.StatusOK {
			return "The receiver broke off its answer; its own log, or that of a proxy before it, says why."
		}
		return "See that an HTTP server listens at the URL."
	case retry.ClassTooLarge:
		return "Raise the receiver's limit, or use the format thin, which has IDs only."
	case retry.ClassStatus:
		return statusAdvice(a.StatusCode)
	}
	return ""
}

func statusAdvice(code int) string {
	switch {
	case denied(code):
		return "Check that the receiver verifies with this endpoint's secret."
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		return "Check the path of the URL, and that it takes POST."
	case code == http.StatusTooManyRequests:
		return "Give the endpoint a rate limit that the receiver can take."
	case code >= http.StatusInternalServerError:
		return "The receiver's own log says why it failed."
	}
	return "The response body may say what the receiver minds."
}

func denied(code int) bool { return code == http.StatusUnauthorized || code == http.StatusForbidden }

// redirectHost returns the host that a redirect names, "" for the same one.
func redirectHost(a delivery.Attempt) string {
	u, err := url.Parse(a.ResponseHeader.Get("Location"))
	if err != nil {
		return ""
	}
	return u.Host
}

// webPage tells whether an attempt was answered with a web page: the URL may lead
// to a site instead of a receiver.
func webPage(a delivery.Attempt) bool {
	kind := strings.ToLower(strings.TrimSpace(a.ResponseHeader.Get("Content-Type")))
	return strings.HasPrefix(kind, "text/html") || strings.HasPrefix(kind, "application/xhtml")
}
