package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// forwardWithin is a little less than a sender waits.
	forwardWithin = 14 * time.Second
	// maxForwarded is how much of an answer is passed on, in bytes: what is kept of
	// one on record.
	maxForwarded = 16 << 10
)

// A forwarder passes callbacks on to another server.
type forwarder struct {
	to     string
	client *http.Client
}

func newForwarder(to string) (*forwarder, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usagef("--forward-to is not a URL that begins with http:// or https://")
	}
	return &forwarder{to, &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// A forwarded callback is what the other server said to it.
type forwarded struct {
	status int
	kind   string // Content-Type
	body   []byte
	err    error // no answer came
}

// pass sends a callback as it came and returns the answer.
func (f *forwarder) pass(ctx context.Context, h http.Header, body []byte) *forwarded {
	ctx, cancel := context.WithTimeout(ctx, forwardWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.to, bytes.NewReader(body))
	if err != nil {
		return &forwarded{err: err}
	}
	req.Header = h.Clone()
	req.Header.Del("Accept-Encoding") // so that the answer comes as it is
	resp, err := f.client.Do(req)
	if err != nil {
		return &forwarded{err: err}
	}
	defer resp.Body.Close()
	a := &forwarded{status: resp.StatusCode, kind: resp.Header.Get("Content-Type")}
	if a.status < http.StatusOK {
		return &forwarded{err: fmt.Errorf("%s answered %d", f.to, a.status)}
	}
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, maxForwarded))
	return a
}

// write answers the sender as the other server answered, or 502.
func (a *forwarded) write(w http.ResponseWriter) {
	if a.err != nil {
		http.Error(w, "the server behind memhook listen did not answer", http.StatusBadGateway)
		return
	}
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the sender has left; nobody is there to tell
}

// code is the status that the sender gets.
func (a *forwarded) code() int {
	if a.err != nil {
		return http.StatusBadGateway
	}
	return a.status
}
