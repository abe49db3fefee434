package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// soon is a limit that is meant to be hit, late one that is not.
const (
	soon = 50 * time.Millisecond
	late = 10 * time.Second
)

func receiver(t *testing.T) (port string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	return portOf(srv.Listener)
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// get makes one request and returns the status, or 0 and the error.
func get(t *testing.T, tr *http.Transport, url string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), late)
	defer cancel()
	return getContext(ctx, t, tr, url)
}

func getContext(ctx context.Context, t *testing.T, tr *http.Transport, url string) (int, error) {
	t.Helper()
	t.Cleanup(tr.CloseIdleConnections)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, nil
}

// phase fails the test unless err is an *Error of the phase.
func phase(t *testing.T, err error, want Phase) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %#v (%v), want an *Error", err, err)
	}
	if e.Phase != want {
		t.Errorf("phase of %q is %q, want %q", e, e.Phase, want)
	}
	return e
}

func TestTransportAddresses(t *testing.T) {
	port := receiver(t)
	tests := []struct {
		name, host, allow string
		addrs             []string
		blocked           string // the address in the BlockedError
	}{
		{name: "literal, allowed", host: "127.0.0.1", allow: "127.0.0.1"},
		{name: "literal, closed", host: "127.0.0.1", blocked: "127.0.0.1"},
		{name: "mapped literal, closed", host: "[::ffff:127.0.0.1]", blocked: "::ffff:127.0.0.1"},
		{name: "mapped literal, allowed", host: "[::ffff:127.0.0.1]", allow: "127.0.0.1"},
		{name: "name, allowed", host: "rcv.test", addrs: []string{"127.0.0.1"}, allow: "127.0.0.0/8"},
		{name: "name, closed", host: "rcv.test", addrs: []string{"127.0.0.1"}, blocked: "127.0.0.1"},
		{name: "name in a private network", host: "rcv.test", addrs: []string{"10.0.0.1", "fd00::1"}, allow: "127.0.0.1", blocked: "10.0.0.1"},
		{name: "name of the metadata service", host: "rcv.test", addrs: []string{"169.254.169.254"}, allow: "0.0.0.0/0", blocked: "169.254.169.254"},
		{name: "one address of several allowed", host: "rcv.test", addrs: []string{"10.0.0.1", "127.0.0.1", "192.168.0.1"}, allow: "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := NewTransport(Config{
				Guard:    guard(t, tt.allow),
				Resolver: nameServer(t, zone(map[string][]string{"rcv.test": tt.addrs})),
			})
			status, err := get(t, tr, "http://"+tt.host+":"+port+"/")
			if tt.blocked == "" {
				if err != nil || status != http.StatusNoContent {
					t.Errorf("GET %s = %d, %v; want 204", tt.host, status, err)
				}
				return
			}
			phase(t, err, PhaseConnect)
			var b *BlockedError
			if !errors.As(err, &b) || b.Addr != netip.MustParseAddr(tt.blocked) || !errors.Is(err, ErrBlocked) {
				t.Errorf("GET %s: %v, want %s blocked", tt.host, err, tt.blocked)
			}
		})
	}
}

// A name that was public when it was looked at and is private when it is used.
func TestTransportRebinding(t *testing.T) {
	var rebound atomic.Bool
	port := receiver(t)
	tr := NewTransport(Config{
		Guard:    guard(t, "127.0.0.1"),
		Resolver: nameServer(t, rebinding(&rebound, "127.0.0.1", "127.0.0.2")),
	})
	if _, err := get(t, tr, "http://rcv.test:"+port+"/"); err != nil {
		t.Fatalf("before rebinding: %v", err)
	}
	rebound.Store(true)
	tr.CloseIdleConnections()
	if _, err := get(t, tr, "http://rcv.test:"+port+"/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("after rebinding: %v, want ErrBlocked", err)
	}
}

// The socket is checked even if nothing before it was.
func TestConnectChecksSocket(t *testing.T) {
	d := &dialer{}
	_, err := d.connect(t.Context(), "tcp", netip.MustParseAddr("127.0.0.1"), receiver(t))
	if !errors.Is(err, ErrBlocked) {
		t.Errorf("connect to loopback: %v, want ErrBlocked", err)
	}
}

func TestTransportDNS(t *testing.T) {
	tests := []struct {
		name     string
		answer   answer
		timeout  bool
		notFound bool
	}{
		{name: "no such name", answer: answer{rcode: nxdomain}, notFound: true},
		{name: "no addresses", answer: answer{}, notFound: true},
		{name: "server failure", answer: answer{rcode: servfail}},
		{name: "no answer", answer: answer{silent: true}, timeout: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limit := late
			if tt.timeout {
				limit = soon
			}
			tr := NewTransport(Config{DNSTimeout: limit, Resolver: nameServer(t, func(string) answer { return tt.answer })})
			_, err := get(t, tr, "http://rcv.test/")
			e := phase(t, err, PhaseDNS)
			if e.Timeout() != tt.timeout {
				t.Errorf("Timeout() of %q = %t, want %t", err, e.Timeout(), tt.timeout)
			}
			var dns *net.DNSError
			if !errors.As(err, &dns) {
				t.Fatalf("error %#v, want a *net.DNSError", err)
			}
			if dns.IsNotFound != tt.notFound {
				t.Errorf("IsNotFound of %q = %t, want %t", err, dns.IsNotFound, tt.notFound)
			}
		})
	}
}

func TestTransportConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens on this port now

	t.Run("refused", func(t *testing.T) {
		tr := NewTransport(Config{Guard: guard(t, "127.0.0.1")})
		_, err := get(t, tr, "http://"+l.Addr().String())
		if e := phase(t, err, PhaseConnect); !errors.Is(err, syscall.ECONNREFUSED) || e.Timeout() {
			t.Errorf("error %q, want connection refused and no timeout", err)
		}
	})
	t.Run("all refused", func(t *testing.T) {
		tr := NewTransport(Config{
			Guard:    guard(t, "127.0.0.0/8"),
			Resolver: nameServer(t, zone(map[string][]string{"rcv.test": {"127.0.0.1", "127.0.0.2", "127.0.0.3"}})),
		})
		_, err := get(t, tr, "http://rcv.test:"+portOf(l))
		phase(t, err, PhaseConnect)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %q, want connection refused", err)
		}
	})
	t.Run("no time left", func(t *testing.T) {
		tr := NewTransport(Config{Guard: guard(t, "127.0.0.1"), ConnectTimeout: time.Nanosecond})
		_, err := get(t, tr, "http://127.0.0.1:"+receiver(t))
		if e := phase(t, err, PhaseConnect); !e.Timeout() {
			t.Errorf("error %q, want a timeout", err)
		}
	})
	// Nobody listens at 127.0.0.3; at 127.0.0.1 another test may have the port.
	t.Run("second address answers", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("127.0.0.2 is not a loopback address here: %v", err)
			}
			t.Skipf("127.0.0.2 is not a loopback address here: %v", err)
		}
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Listener.Close()
		srv.Listener = l
		srv.Start()
		defer srv.Close()
		tr := NewTransport(Config{
			Guard:    guard(t, "127.0.0.0/8"),
			Resolver: nameServer(t, zone(map[string][]string{"rcv.test": {"127.0.0.3", "127.0.0.2"}})),
		})
		if status, err := get(t, tr, "http://rcv.test:"+portOf(l)); status != http.StatusNotFound {
			t.Errorf("GET = %d, %v; want 404 from the second address", status, err)
		}
	})
}

func tlsReceiver(t *testing.T) (url string, roots *x509.CertPool) {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Proto", r.Proto)
	}))
	t.Cleanup(srv.Close)
	roots = x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return srv.URL, roots
}

// silentReceiver accepts connections and says nothing.
func silentReceiver(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestTransportTLS(t *testing.T) {
	url, roots := tlsReceiver(t)
	allow := guard(t, "127.0.0.1")

	t.Run("trusted", func(t *testing.T) {
		if status, err := get(t, NewTransport(Config{Guard: allow, Roots: roots}), url); status != http.StatusOK {
			t.Errorf("GET = %d, %v; want 200", status, err)
		}
	})
	t.Run("unknown authority", func(t *testing.T) {
		_, err := get(t, NewTransport(Config{Guard: allow}), url)
		phase(t, err, PhaseTLS)
		var cert *tls.CertificateVerificationError
		if !errors.As(err, &cert) {
			t.Errorf("error %#v, want a *tls.CertificateVerificationError", err)
		}
	})
	t.Run("other name", func(t *testing.T) {
		tr := NewTransport(Config{Guard: allow, Roots: roots, Resolver: nameServer(t, zone(map[string][]string{"rcv.test": {"127.0.0.1"}}))})
		_, err := get(t, tr, strings.Replace(url, "127.0.0.1", "rcv.test", 1))
		phase(t, err, PhaseTLS)
		var name x509.HostnameError
		if !errors.As(err, &name) {
			t.Errorf("error %#v, want a x509.HostnameError", err)
		}
	})
	t.Run("certificate's name with a trailing dot", func(t *testing.T) {
		tr := NewTransport(Config{Guard: allow, Roots: roots, Resolver: nameServer(t, zone(map[string][]string{"example.com": {"127.0.0.1"}}))})
		if status, err := get(t, tr, strings.Replace(url, "127.0.0.1", "example.com.", 1)); status != http.StatusOK {
			t.Errorf("GET = %d, %v; want 200", status, err)
		}
	})
	t.Run("plain HTTP server", func(t *testing.T) {
		_, err := get(t, NewTransport(Config{Guard: allow}), "https://127.0.0.1:"+receiver(t))
		phase(t, err, PhaseTLS)
		var header tls.RecordHeaderError
		if !errors.As(err, &header) {
			t.Errorf("error %#v, want a tls.RecordHeaderError", err)
		}
	})
	t.Run("silent server", func(t *testing.T) {
		tr := NewTransport(Config{Guard: allow, TLSTimeout: soon})
		_, err := get(t, tr, "https://"+silentReceiver(t))
		if e := phase(t, err, PhaseTLS); !e.Timeout() {
			t.Errorf("error %q, want a timeout", err)
		}
	})
	t.Run("closed address", func(t *testing.T) {
		_, err := get(t, NewTransport(Config{Roots: roots}), url)
		phase(t, err, PhaseConnect)
		if !errors.Is(err, ErrBlocked) {
			t.Errorf("error %q, want ErrBlocked", err)
		}
	})
}

// The request's own deadline ends it, whatever phase it is in.
func TestTransportRequestDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	tr := NewTransport(Config{Guard: guard(t, "127.0.0.1")})
	_, err := getContext(ctx, t, tr, "https://"+silentReceiver(t))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
}

// Every hook of the trace is called once a connection, in order.
func TestTransportTrace(t *testing.T) {
	url, roots := tlsReceiver(t)
	tr := NewTransport(Config{
		Guard: guard(t, "127.0.0.1"), Roots: roots,
		Resolver: nameServer(t, zone(map[string][]string{"example.com": {"127.0.0.1"}})),
	})
	var steps []string
	add := func(s string) { steps = append(steps, s) }
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { add("dns") },
		DNSDone:           func(httptrace.DNSDoneInfo) { add("dns done") },
		ConnectStart:      func(_, _ string) { add("connect") },
		ConnectDone:       func(_, _ string, _ error) { add("connect done") },
		TLSHandshakeStart: func() { add("tls") },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { add("tls done") },
		GotConn:           func(httptrace.GotConnInfo) { add("connection") },
	})
	if _, err := getContext(ctx, t, tr, strings.Replace(url, "127.0.0.1", "example.com", 1)); err != nil {
		t.Fatal(err)
	}
	const want = "dns, dns done, connect, connect done, tls, tls done, connection"
	if got := strings.Join(steps, ", "); got != want {
		t.Errorf("steps of the trace:\n got %s\nwant %s", got, want)
	}
}

func TestTransportIgnoresProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	tr := NewTransport(Config{Guard: guard(t, "127.0.0.1")})
	if tr.Proxy != nil {
		t.Error("the transport has a proxy")
	}
	if _, err := get(t, tr, "http://127.0.0.1:"+receiver(t)); err != nil {
		t.Errorf("GET with a proxy in the environment: %v", err)
	}
}

func TestTransportReadsLittleHeader(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", strings.Repeat("x", maxHeader))
	}))
	defer srv.Close()
	if status, err := get(t, NewTransport(Config{Guard: guard(t, "127.0.0.1")}), srv.URL); err == nil {
		t.Errorf("GET with a header of more than %d bytes = %d, want an error", maxHeader, status)
	}
}

func TestTransportDoesNotDecompress(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v := r.Header.Get("Accept-Encoding"); v != "" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer srv.Close()
	if status, err := get(t, NewTransport(Config{Guard: guard(t, "127.0.0.1")}), srv.URL); status != http.StatusOK {
		t.Errorf("GET = %d, %v; want 200 for a request without Accept-Encoding", status, err)
	}
}

func TestTransportReusesConnections(t *testing.T) {
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	tr := NewTransport(Config{Guard: guard(t, "127.0.0.1"), Roots: roots})
	for range 3 {
		if _, err := get(t, tr, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("three requests in a row made %d connections, want 1", n)
	}
}
