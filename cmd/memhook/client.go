package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A client asks a server's API.
type client struct {
	base string // without a final slash
	key  string
	http *http.Client
}

const clientTimeout = 30 * time.Second

func newClient(base, key string) (*client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usagef("--server is not a URL that begins with http:// or https://")
	}
	return &client{base: strings.TrimRight(base, "/"), key: key, http: &http.Client{Timeout: clientTimeout}}, nil
}

// patience is how long a command waits for a server that limits its rate.
const patience = time.Minute

// call sends in as JSON, unless it is nil, and reads the answer into out. It waits when
// there were too many requests, as long as the server asks. Its errors carry exit codes.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	for left := patience; ; {
		resp, raw, err := c.send(ctx, method, path, body)
		switch {
		case err != nil:
			return err
		case resp.StatusCode == http.StatusTooManyRequests:
			seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			wait := max(time.Duration(seconds)*time.Second, time.Second)
			if left -= wait; err != nil || left < 0 {
				return refusal(method, path, resp, raw)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
			continue
		case resp.StatusCode/100 != 2:
			return refusal(method, path, resp, raw)
		case resp.StatusCode == http.StatusNoContent:
			return nil
		}
		if err := json.Unmarshal(raw, out); err != nil {
			return failf(exitFailed, "%s %s did not answer with JSON; is %s a memhook server?", method, path, c.base)
		}
		return nil
	}
}

// send makes one request and reads the answer, whatever it is.
func (c *client) send(ctx context.Context, method, path string, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	c.identify(req)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, nil, c.unreachable(ctx, err)
	}
	return resp, raw, nil
}

// identify says who asks.
func (c *client) identify(req *http.Request) {
	req.Header.Set("Authorization", "Token "+c.key)
	req.Header.Set("User-Agent", "memhook-cli/"+version())
}

func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return failf(exitUnreachable, "no answer from %s (%w); is the server running, and is --server right?", c.base, err)
}

func refusal(method, path string, resp *http.Response, raw []byte) error {
	var said struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(raw, &said) // what is no JSON says nothing
	code := exitFailed
	switch resp.StatusCode {
	case http.StatusNotFound:
		code = exitNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		code = exitNotAllowed
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		code = exitUnreachable
	}
	if strings.HasSuffix(said.Type, ":changed-since-preview") {
		code = exitChanged
	}
	return failf(code, "%s %s was answered %d: %s (request %s)", method, path, resp.StatusCode,
		printable(cmp.Or(said.Detail, http.StatusText(resp.StatusCode))), printable(resp.Header.Get("X-Request-ID")))
}

// webhook is a registered endpoint, as mem0's API shows it.
type webhook struct {
	ID     string `json:"webhook_id"`
	Secret string `json:"secret"`
}

// project returns the project that the key belongs to.
func (c *client) project(ctx context.Context) (string, error) {
	var ping struct {
		ProjectID string `json:"project_id"`
	}
	err := c.call(ctx, http.MethodGet, "/v1/ping/", nil, &ping)
	return ping.ProjectID, err
}

func (c *client) register(ctx context.Context, name, url string, types []string) (webhook, error) {
	var w webhook
	project, err := c.project(ctx)
	if err != nil {
		return w, err
	}
	err = c.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/webhooks/projects/%s/", project),
		map[string]any{"name": name, "url": url, "event_types": types}, &w)
	return w, err
}

func (c *client) unregister(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/webhooks/"+url.PathEscape(id)+"/", nil, &struct{}{})
}
