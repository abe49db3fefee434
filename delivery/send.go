package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"memhook/delivery/egress"
	"memhook/retry"
)

// send makes one request under one deadline, from the first dial to the last byte
// read, and returns what came of it. Whatever the receiver does is a value, never
// an error.
func (s *Service) send(ctx context.Context, c Claim, number int) (Attempt, retry.Outcome) {
	ctx, cancel := context.WithTimeout(ctx, c.Endpoint.Deadline())
	defer cancel()
	ctx, span := s.traceAttempt(ctx, c, number)
	now := s.now().UTC().Truncate(time.Microsecond)
	a := Attempt{
		ID: NewID(), DeliveryID: c.Delivery.ID, Number: number, Trigger: c.Delivery.Trigger, URL: c.Endpoint.URL, StartedAt: now,
	}
	started := time.Now() // of the monotonic clock: phases are differences
	clock := &phaseClock{started: started}
	var out retry.Outcome
	req, err := s.request(httptrace.WithClientTrace(ctx, clock.trace()), c, number, now)
	if err != nil {
		out.Class, a.Detail = retry.ClassProtocol, "the request could not be built"
	} else {
		a.RequestHeader = recorded(req.Header, c.Endpoint.Headers)
		out = s.roundTrip(req, &a, clock)
	}
	a.Duration = time.Since(started)
	a.Phases, a.RemoteAddr = clock.phases()
	a.StatusCode, a.Class, a.RetryAfter = out.StatusCode, out.Class, out.RetryAfter
	traced(span, a)
	return a, out
}

func (s *Service) roundTrip(req *http.Request, a *Attempt, clock *phaseClock) retry.Outcome {
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		class, detail := classify(err, req.Context(), clock)
		a.Detail = detail
		return retry.Outcome{Class: class}
	}
	defer resp.Body.Close()
	out := retry.Outcome{StatusCode: resp.StatusCode, Class: retry.StatusClass(resp.StatusCode)}
	a.ResponseHeader = recordedAnswer(resp.Header)
	if resp.StatusCode < 200 {
		// After 101 the connection is the receiver's: no deadline covers a read
		// from it, so it is closed unread.
		a.Detail = fmt.Sprintf("the receiver answered %d, which is not a final status", resp.StatusCode)
		return out
	}
	out.RetryAfter, _ = retry.ParseRetryAfter(resp.Header.Get("Retry-After"), a.StartedAt)
	out.Disable = strings.EqualFold(resp.Header.Get("webhook-delivery"), "disable")
	err = readBody(resp.Body, a)
	clock.read()
	if err != nil && out.Class == "" {
		out.Class, a.Detail = classify(err, req.Context(), clock)
		return out
	}
	a.Detail = statusDetail(resp)
	return out
}

// readBody keeps the first MaxStoredBody bytes and reads on, to be able to use
// the connection again, up to maxReadBody.
func readBody(r io.Reader, a *Attempt) error {
	kept, err := io.ReadAll(io.LimitReader(r, MaxStoredBody+1))
	if len(kept) > MaxStoredBody {
		kept, a.Truncated = kept[:MaxStoredBody], true
	}
	a.ResponseBody = kept
	if err != nil || !a.Truncated {
		return err
	}
	_, err = io.CopyN(io.Discard, r, maxReadBody-MaxStoredBody-1)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// statusDetail says in words what is wrong with a status, "" for 2xx.
func statusDetail(resp *http.Response) string {
	if retry.StatusClass(resp.StatusCode) == "" {
		return ""
	}
	text := fmt.Sprintf("the receiver answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Host != "" {
			text += "; it points to host " + clip(to.Host, 255) + ", and redirects are not followed: register that address"
		}
	}
	return text
}

// classify names what went wrong before a full answer was there.
func classify(err error, ctx context.Context, clock *phaseClock) (retry.Class, string) {
	detail := clip(err.Error(), 500)
	if errors.Is(err, egress.ErrBlocked) {
		return retry.ClassBlockedAddress, detail
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return clock.timeoutClass(), "the deadline of the attempt ran out"
	}
	var dial *egress.Error
	if errors.As(err, &dial) {
		return dialClass(dial), detail
	}
	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return clock.timeoutClass(), detail
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "malformed MIME"), strings.Contains(err.Error(), "response headers exceeded"):
		return retry.ClassProtocol, detail // net/http has no type for them
	}
	return retry.ClassReset, detail
}

func dialClass(err *egress.Error) retry.Class {
	switch err.Phase {
	case egress.PhaseDNS:
		return retry.ClassDNS
	case egress.PhaseTLS:
		return tlsClass(err)
	}
	if err.Timeout() {
		return retry.ClassConnectTimeout
	}
	return retry.ClassConnectRefused
}

func tlsClass(err error) retry.Class {
	var (
		name    x509.HostnameError
		issuer  x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &name):
		return retry.ClassTLSName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return retry.ClassTLSExpired
	case errors.As(err, &issuer), errors.As(err, &verify):
		return retry.ClassTLSUntrusted
	}
	return retry.ClassTLSOther
}

// phaseClock notes when each phase of a request ended. The transport calls it from
// goroutines that may outlive the request.
type phaseClock struct {
	started time.Time

	mu                                     sync.Mutex
	dnsStart, dnsDone, connStart, connDone time.Time
	tlsStart, tlsDone, wrote, first, last  time.Time
	got                                    bool
	remote                                 string
}

func (c *phaseClock) mark(t *time.Time) {
	now := time.Now()
	c.mu.Lock()
	*t = now
	c.mu.Unlock()
}

func (c *phaseClock) read() { c.mark(&c.last) }

func (c *phaseClock) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { c.mark(&c.dnsStart) },
		DNSDone:              func(httptrace.DNSDoneInfo) { c.mark(&c.dnsDone) },
		ConnectStart:         func(string, string) { c.mark(&c.connStart) },
		ConnectDone:          func(string, string, error) { c.mark(&c.connDone) },
		TLSHandshakeStart:    func() { c.mark(&c.tlsStart) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { c.mark(&c.tlsDone) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { c.mark(&c.wrote) },
		GotFirstResponseByte: func() { c.mark(&c.first) },
		GotConn: func(i httptrace.GotConnInfo) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.got, c.remote = true, i.Conn.RemoteAddr().String()
			if i.Reused {
				// Dials that were begun for this request went to another one.
				c.dnsStart, c.connStart, c.tlsStart = time.Time{}, time.Time{}, time.Time{}
			}
		},
	}
}

func (c *phaseClock) phases() (Phases, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Phases{
		DNS: between(c.dnsStart, c.dnsDone), Connect: between(c.connStart, c.connDone), TLS: between(c.tlsStart, c.tlsDone),
		Wait: between(c.wrote, c.first), Body: between(c.first, c.last),
	}, c.remote
}

func between(from, to time.Time) time.Duration {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from)
}

// timeoutClass says in which phase the deadline came.
func (c *phaseClock) timeoutClass() retry.Class {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.first.IsZero():
		return retry.ClassBodyTimeout
	case c.got:
		return retry.ClassHeaderTimeout
	case !c.dnsStart.IsZero() && c.dnsDone.IsZero():
		return retry.ClassDNS
	}
	return retry.ClassConnectTimeout
}
