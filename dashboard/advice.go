package dashboard

import (
	"net/http"
	"net/url"

	"memhook/delivery"
	"memhook/retry"
)

// advice says what a person can do about a delivery that was given up.
func advice(t delivery.Trail) string {
	if len(t.List) == 0 {
		return ""
	}
	a := t.List[len(t.List)-1]
	switch a.Class {
	case retry.ClassBlockedAddress:
		return "If the address is yours, let the operator open it with --allow-net."
	case retry.ClassRedirect:
		if to := redirectHost(a); to != "" {
			return "It points to " + to + ". Register the address it leads to."
		}
		return "Register the address it leads to."
	case retry.ClassDNS:
		return "Check the host name in the URL."
	case retry.ClassConnectRefused, retry.ClassConnectTimeout:
		return "Check that the receiver runs and that its firewall lets this server in."
	case retry.ClassTLSExpired, retry.ClassTLSName, retry.ClassTLSUntrusted, retry.ClassTLSOther:
		return "Renew or correct the receiver's certificate."
	case retry.ClassHeaderTimeout, retry.ClassBodyTimeout:
		return "Let the receiver answer at once and do its work afterwards."
	case retry.ClassTooLarge:
		return "Raise the receiver's limit, or use the format thin, which has IDs only."
	case retry.ClassStatus:
		return statusAdvice(a.StatusCode)
	}
	return ""
}

func statusAdvice(code int) string {
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return "Check that the receiver verifies with this endpoint's secret."
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		return "Check the path of the URL, and that it takes POST."
	case code >= http.StatusInternalServerError:
		return "The receiver's own log says why it failed."
	}
	return "The response body may say what the receiver minds."
}

// redirectHost returns the host that a redirect names, "" for the same one.
func redirectHost(a delivery.Attempt) string {
	u, err := url.Parse(a.ResponseHeader.Get("Location"))
	if err != nil {
		return ""
	}
	return u.Host
}
