package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// A Phase is a step of reaching a receiver.
type Phase string

// Each phase has its own time limit.
const (
	PhaseDNS     Phase = "dns"
	PhaseConnect Phase = "connect"
	PhaseTLS     Phase = "tls"
)

// An Error says in which phase a receiver could not be reached. What happened is
// in Err: a *net.DNSError, a *BlockedError, a *net.OpError around a
// syscall.Errno such as ECONNREFUSED, a *tls.CertificateVerificationError. A
// request whose own deadline comes first ends with context.DeadlineExceeded and
// no Error: http.Transport goes on dialing for the next request.
type Error struct {
	Phase Phase
	Err   error
}

func (e *Error) Error() string { return string(e.Phase) + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the phase's time ran out; it makes Error a net.Error.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Temporary is part of net.Error.
func (e *Error) Temporary() bool { return e.Timeout() }

const (
	// maxAddrs is how many addresses of a name are tried. A name may have
	// hundreds, each good for a connection attempt.
	maxAddrs = 6
	// stagger is how long an address is tried alone before the next one is
	// tried beside it. RFC 8305, section 5, recommends 250 ms.
	stagger = 250 * time.Millisecond
)

type dialer struct {
	guard    Guard
	resolver *net.Resolver
	tls      *tls.Config

	dnsTimeout, connectTimeout, tlsTimeout time.Duration
}

// dial resolves the host of addr, drops addresses that are not allowed and
// connects to one of the rest. Its errors are *Error.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &Error{PhaseConnect, err}
	}
	addrs, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.connectTimeout)
	defer cancel()
	conn, err := d.race(ctx, network, addrs, port)
	if err != nil {
		return nil, &Error{PhaseConnect, err}
	}
	return conn, nil
}

// lookup returns the allowed addresses of host, at least one.
func (d *dialer) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else {
		ctx, cancel := context.WithTimeout(ctx, d.dnsTimeout)
		defer cancel()
		if addrs, err = d.resolve(ctx, host); err != nil {
			return nil, &Error{PhaseDNS, err}
		}
	}
	var allowed []netip.Addr
	var blocked error
	for _, a := range addrs {
		if err := d.guard.Check(a); err == nil {
			allowed = append(allowed, a.Unmap())
		} else if blocked == nil {
			blocked = err
		}
	}
	if len(allowed) == 0 {
		return nil, &Error{PhaseConnect, blocked}
	}
	return allowed[:min(len(allowed), maxAddrs)], nil
}

// resolve looks a name up. The trace hears of the lookup, but not of the resolver's
// own connections to name servers, which would look like ones to the receiver.
func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.DNSStart != nil {
		trace.DNSStart(httptrace.DNSStartInfo{Host: host})
	}
	addrs, err := d.resolver.LookupNetIP(untraced{ctx}, "ip", host)
	if trace != nil && trace.DNSDone != nil {
		trace.DNSDone(httptrace.DNSDoneInfo{Err: err})
	}
	return addrs, err
}

// untraced is a context without its values, and so without its trace.
type untraced struct{ context.Context }

func (untraced) Value(any) any { return nil }

type dialed struct {
	conn net.Conn
	err  error
}

// race connects to addrs in order, starting with the next when one has failed
// or has had its time alone. The first connection wins, the others are closed.
// When all fail, the first error is returned: it belongs to the address that
// the resolver preferred.
func (d *dialer) race(ctx context.Context, network string, addrs []netip.Addr, port string) (net.Conn, error) {
	if len(addrs) == 1 {
		return d.connect(ctx, network, addrs[0], port)
	}
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan dialed)
	next, running := 0, 0
	start := func() {
		a := addrs[next]
		next, running = next+1, running+1
		go func() {
			conn, err := d.connect(ctx, network, a, port)
			results <- dialed{conn, err}
		}()
	}
	defer func() {
		cancel()
		go closeRest(results, running)
	}()

	var first error
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	start()
	for running > 0 {
		select {
		case <-timer.C:
		case r := <-results:
			running--
			if r.err == nil {
				return r.conn, nil
			}
			if first == nil {
				first = r.err
			}
		}
		if next < len(addrs) {
			start()
			timer.Reset(stagger)
		}
	}
	return nil, first
}

func closeRest(results <-chan dialed, n int) {
	for range n {
		if r := <-results; r.err == nil {
			r.conn.Close()
		}
	}
}

func (d *dialer) connect(ctx context.Context, network string, a netip.Addr, port string) (net.Conn, error) {
	nd := net.Dialer{ControlContext: d.control}
	return nd.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
}

// control refuses the socket's address, whatever was checked before.
func (d *dialer) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return d.guard.Check(ap.Addr())
}

// dialTLS dials and shakes hands. The handshake is done here and not by
// http.Transport so that its errors say that they come from it.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(addr) // dial has split it already
	cfg := d.tls.Clone()
	cfg.ServerName = strings.TrimSuffix(host, ".")
	tc := tls.Client(conn, cfg)
	if err := d.handshake(ctx, tc); err != nil {
		conn.Close()
		return nil, &Error{PhaseTLS, err}
	}
	return tlsConn{tc}, nil
}

func (d *dialer) handshake(ctx context.Context, tc *tls.Conn) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	ctx, cancel := context.WithTimeout(ctx, d.tlsTimeout)
	defer cancel()
	err := tc.HandshakeContext(ctx)
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(tc.ConnectionState(), err)
	}
	return err
}

// tlsConn keeps http.Transport from recognising a *tls.Conn, for which it would
// call the trace's TLS hooks a second time. The price is http.Response.TLS,
// which stays nil.
type tlsConn struct{ net.Conn }
