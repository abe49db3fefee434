package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy is the Content-Security-Policy of every answer.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers that every answer has.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// check refuses what a browser sends on behalf of a foreign page: requests for
// another host, which a name that resolves here (DNS rebinding) would make, and
// writes from another origin.
func (d *Dashboard) check(r *http.Request) error {
	if !d.knownHost(r) {
		return errHost
	}
	if d.origins.Check(r) != nil {
		return errOrigin
	}
	return nil
}

func (d *Dashboard) knownHost(r *http.Request) bool {
	host := hostname(r.Host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if host != "" && (host == d.listenHost || d.public != nil && host == strings.ToLower(d.public.Hostname())) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if addr.IsLoopback() {
		return true
	}
	// An address cannot be made to resolve elsewhere: the one that the connection
	// came in on is the server's own.
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap() == addr.Unmap()
}

// hostname returns the host of a Host header in lower case, without its port and
// brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// overTLS tells whether the browser sees the request as https.
func (d *Dashboard) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return d.public != nil && d.public.Scheme == "https" && strings.EqualFold(r.Host, d.public.Host)
}

// baseURL begins absolute URLs in pages. The host has passed check.
func (d *Dashboard) baseURL(r *http.Request) string {
	switch {
	case d.public != nil:
		return strings.TrimRight(d.public.String(), "/")
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
