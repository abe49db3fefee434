package mem0api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"memhook/memory"
	"memhook/signing/apikey"
)

// maxBody is the largest request body, in bytes.
const maxBody = 1 << 20

// A request is read from what the caller sent.
type request[T any] interface {
	*T
	read(in *input) error
}

// handle makes a route's work of a handler: it reads the request and calls f.
func handle[T, R any, P request[T]](a *API, f func(context.Context, apikey.Key, P) (R, error)) work {
	return func(c echo.Context, key apikey.Key) (any, error) {
		req := P(new(T))
		if err := req.read(&input{a: a, c: c}); err != nil {
			return nil, err
		}
		return f(memory.WithWriter(c.Request().Context(), key.ID), key, req)
	}
}

// work does what a route is for and returns what its answer encodes.
type work func(c echo.Context, key apikey.Key) (any, error)

// serve answers the requests of a route.
func (a *API) serve(r Route) echo.HandlerFunc {
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	return func(c echo.Context) error {
		key, err := a.authenticate(c.Request(), r.Scope)
		if err != nil {
			return a.answerError(c, r.form, err)
		}
		resp, err := r.work(c, key)
		if err != nil {
			return a.answerError(c, r.form, err)
		}
		return answer(c, status, resp)
	}
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer that is used again, in bytes.
const maxKept = 64 << 10

// answer writes a status and a JSON body.
func answer(c echo.Context, status int, body any) error {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	err := c.JSONBlob(status, bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
	if buf.Cap() <= maxKept {
		buffers.Put(buf)
	}
	return err
}

// An input is what a request struct is read from.
type input struct {
	a *API
	c echo.Context
}

// body reads the request body, which must be a JSON object.
func (in *input) body() (value, error) {
	raw, err := in.raw()
	if err != nil {
		return nil, err
	}
	v, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if !v.isObject() {
		return nil, &memory.InvalidError{Text: "the request body must be a JSON object"}
	}
	return v, nil
}

func (in *input) raw() ([]byte, error) {
	r := in.c.Request()
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	var raw []byte
	var err error
	limited := http.MaxBytesReader(in.c.Response(), r.Body, maxBody)
	if r.ContentLength >= 0 {
		raw = make([]byte, r.ContentLength)
		_, err = io.ReadFull(limited, raw)
	} else {
		raw, err = io.ReadAll(limited)
	}
	switch {
	case err == nil && len(raw) == 0:
		return nil, &memory.InvalidError{Text: "the request body is empty"}
	case err == nil:
		return raw, nil
	case failureOf(err, plainForm) == errTooLarge:
		return nil, err
	}
	return nil, &memory.InvalidError{Text: "the request body ended early"}
}

// param returns a decoded segment of the path. The router works on the escaped
// path (see normalizePath), so an ID may contain a slash.
func (in *input) param(name string) (string, error) {
	s, err := url.PathUnescape(in.c.Param(name))
	if err != nil || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", errNotFound
	}
	return s, nil
}
