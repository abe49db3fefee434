package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"memhook/memory"
	"memhook/retry"
)

// RemoteConfig says where a model is. URL, Model and Log are required.
type RemoteConfig struct {
	URL   string // of an OpenAI-compatible API, up to and without /chat/completions or /embeddings
	Model string
	Key   string // "": none is sent
	Log   *slog.Logger
	// Limit is how long one request may take, from the dial to the last byte;
	// 0: a minute.
	Limit time.Duration
	// Transport makes the requests; nil: one of its own. Where the model runs is the
	// operator's choice, so addresses are not checked.
	Transport http.RoundTripper
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

const (
	defaultLimit = time.Minute
	// maxRequests is how many requests a model gets at once. More events than that
	// wait here, which costs nothing but their time.
	maxRequests = 16
	// maxResponse is the longest answer of a language model that is read, in bytes.
	maxResponse = 4 << 20
	// maxVectors is that of an embedding model: 64 vectors of 8,192 numbers.
	maxVectors = 16 << 20
)

var errTooLong = errors.New("the answer is too long")

// remote makes requests to one model and turns what goes wrong into the two
// errors that matter: refused for good, or later. No error and no log line has the
// key, the URL or anything that was said.
type remote struct {
	config  RemoteConfig
	name    string // for people: "language model"
	options []option.RequestOption
	slots   chan struct{}

	mu   sync.Mutex
	hold time.Time // the model asked to be left alone until then
}

func newRemote(c RemoteConfig, name string, longest int) *remote {
	if c.URL == "" || c.Model == "" || c.Log == nil {
		panic("engine: URL, Model and Log of the " + name + " are required")
	}
	if c.Limit == 0 {
		c.Limit = defaultLimit
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = maxRequests
		c.Transport = t
	}
	client := &http.Client{
		Transport: capped{c.Transport, longest},
		// A redirect would carry what was said elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r := &remote{config: c, name: name, slots: make(chan struct{}, maxRequests)}
	r.options = []option.RequestOption{
		option.WithBaseURL(c.URL), option.WithHTTPClient(client), option.WithMaxRetries(0), option.WithHeader("User-Agent", "memhook"),
	}
	if c.Key != "" {
		r.options = append(r.options, option.WithAPIKey(c.Key))
	}
	return r
}

// A status is the answer of a server that did not do what it was asked.
type status struct {
	code    int
	message string // the server's, shortened
}

func (s *status) Error() string {
	if s.message == "" {
		return fmt.Sprintf("HTTP %d", s.code)
	}
	return fmt.Sprintf("HTTP %d: %s", s.code, s.message)
}

// do makes one request. *memory.LaterError when the same request may succeed
// later, *status when it will not.
func (r *remote) do(ctx context.Context, request func(context.Context, ...option.RequestOption) error) error {
	if wait := r.held(); wait > 0 {
		return &memory.LaterError{Reason: "the " + r.name + " is busy", After: wait}
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return &memory.LaterError{Reason: "too many requests to the " + r.name + " are waiting"}
	}
	limited, cancel := context.WithTimeout(ctx, r.config.Limit)
	defer cancel()
	var answer *http.Response
	err := request(limited, option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		resp, err := next(req)
		answer = resp
		return resp, err
	}))
	switch {
	case err == nil && answer != nil && answer.StatusCode < 300:
		return nil
	case answer != nil && answer.StatusCode >= 300:
		return r.refused(ctx, answer, err)
	case errors.Is(err, errTooLong):
		return err
	}
	reason := "the " + r.name + " " + cause(err, limited.Err())
	r.config.Log.LogAttrs(ctx, slog.LevelWarn, "model not reached", slog.String("model", r.config.Model), slog.String("reason", reason))
	return &memory.LaterError{Reason: reason}
}

// cause says why no answer came that could be read.
func cause(err, limit error) string {
	var network net.Error
	switch {
	case errors.Is(limit, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "did not answer in time"
	case errors.Is(limit, context.Canceled):
		return "was not waited for: the server stops"
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "cannot be reached"
	}
	return "gave an answer that is none of this protocol"
}

// refused turns a status into an error. A key or a model name that is refused may
// be a mistake in the configuration that somebody mends.
func (r *remote) refused(ctx context.Context, answer *http.Response, err error) error {
	code := answer.StatusCode
	r.config.Log.LogAttrs(ctx, slog.LevelWarn, "model refused", slog.String("model", r.config.Model), slog.Int("status", code))
	after, _ := retry.ParseRetryAfter(answer.Header.Get("Retry-After"), r.config.Now())
	switch {
	case code == http.StatusTooManyRequests:
		r.holdFor(after)
		return &memory.LaterError{Reason: "the " + r.name + " is busy (HTTP 429)", After: after}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &memory.LaterError{Reason: fmt.Sprintf("the %s does not accept the key (HTTP %d)", r.name, code)}
	case code == http.StatusNotFound:
		return &memory.LaterError{Reason: "the " + r.name + " is not at this URL, or has another name (HTTP 404)"}
	case code == http.StatusRequestTimeout, code == http.StatusConflict, code < 400, code >= 500 && code != http.StatusNotImplemented:
		if code == http.StatusServiceUnavailable {
			r.holdFor(after)
		}
		return &memory.LaterError{Reason: fmt.Sprintf("the %s is out of order (HTTP %d)", r.name, code), After: after}
	}
	s := &status{code: code}
	var said *openai.Error
	if errors.As(err, &said) {
		s.message = r.redact(said.Message)
	}
	return s
}

// redact shortens what a server says and takes the key out of it.
func (r *remote) redact(s string) string {
	if r.config.Key != "" {
		s = strings.ReplaceAll(s, r.config.Key, "[key]")
	}
	return cut(strings.ReplaceAll(clean(s), "\n", " "), 300)
}

// held is how long the model wants to be left alone from now on.
func (r *remote) held() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hold.Sub(r.config.Now())
}

func (r *remote) holdFor(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until := r.config.Now().Add(min(d, time.Hour)); until.After(r.hold) {
		r.hold = until
	}
}

// capped ends answers that are too long.
type capped struct {
	next    http.RoundTripper
	longest int
}

func (c capped) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &cappedBody{resp.Body, c.longest}
	return resp, nil
}

type cappedBody struct {
	io.ReadCloser
	left int
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
