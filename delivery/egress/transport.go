package egress

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Config is what a transport needs. The zero Config is ready for use.
type Config struct {
	Guard          Guard
	DNSTimeout     time.Duration  // one lookup, all its servers and tries; 0: 3 s
	ConnectTimeout time.Duration  // all addresses of a name together; 0: 5 s
	TLSTimeout     time.Duration  // 0: 5 s
	Resolver       *net.Resolver  // nil: Go's own resolver
	Roots          *x509.CertPool // nil: the system's
}

const (
	defaultDNSTimeout     = 3 * time.Second
	defaultConnectTimeout = 5 * time.Second
	defaultTLSTimeout     = 5 * time.Second

	// idleTimeout stays under the 60 s and more after which most servers and
	// load balancers close an idle connection: a POST sent into a closing
	// connection fails and costs an attempt.
	idleTimeout = 30 * time.Second
	// idlePerHost is the largest window of deliveries in flight to an endpoint.
	idlePerHost = 64
	// idleTotal bounds memory: an idle connection holds about 10 KB, one with
	// TLS about 50 KB.
	idleTotal = 512
	// maxHeader is far above any real response header and far below the 10 MB
	// that http.Transport reads by default.
	maxHeader = 64 << 10
	// tlsSessions is how many hosts' sessions are kept for resumption, which
	// saves the certificate check and most of the handshake's CPU.
	tlsSessions = 512
)

// NewTransport returns a transport for requests to receivers. Every dial is
// checked by c.Guard. There is no proxy, not even one from the environment, for
// a proxy would do the dialing; and no transparent decompression, so a body is
// never larger than what came over the wire.
//
// HTTP/1 only: a connection carries one request, so the phases of an attempt can
// be timed, and a receiver that stalls one stream or resets a connection does
// not touch other deliveries.
//
// Errors of dialing are *Error. The deadline for the request as a whole, and not
// following redirects, are the caller's.
func NewTransport(c Config) *http.Transport {
	resolver := c.Resolver
	if resolver == nil {
		// With the C library, a lookup that hangs holds an operating system
		// thread after its deadline.
		resolver = &net.Resolver{PreferGo: true}
	}
	d := &dialer{
		guard:    c.Guard,
		resolver: resolver,
		tls: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            c.Roots,
			NextProtos:         []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessions),
		},
		dnsTimeout:     cmp.Or(c.DNSTimeout, defaultDNSTimeout),
		connectTimeout: cmp.Or(c.ConnectTimeout, defaultConnectTimeout),
		tlsTimeout:     cmp.Or(c.TLSTimeout, defaultTLSTimeout),
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		DisableCompression:     true,
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              protocols,
	}
}
