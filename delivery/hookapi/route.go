package hookapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/labstack/echo/v4"

	"memhook/signing/apikey"
)

// A Route is one entry of the route table.
type Route struct {
	Method  string
	Pattern string       // ":name" is one segment
	Scope   apikey.Scope // what a key must have
	Status  int          // of success
	Tag     string       // the group it belongs to
	Summary string
	Doc     string // what else there is to say

	request  reflect.Type
	response reflect.Type // nil: none
	stream   bool         // of server-sent events
	work     func(call) (any, error)
}

// none is a request or response without fields.
type none struct{}

// on makes a route of a handler.
func on[T, R any](method, path string, scope apikey.Scope, status int, tag, summary string, f func(call, *T) (R, error)) Route {
	r := Route{
		Method: method, Pattern: root + path, Scope: scope, Status: status, Tag: tag, Summary: summary,
		request: reflect.TypeFor[T](), response: reflect.TypeFor[R](),
		work: func(c call) (any, error) {
			in := new(T)
			if err := read(c.echo, in); err != nil {
				return nil, err
			}
			return f(c, in)
		},
	}
	if r.response == reflect.TypeFor[none]() {
		r.response = nil
	}
	return r
}

func (r Route) doc(text string) Route {
	r.Doc = text
	return r
}

// streams says that the handler writes the answer itself, as server-sent events.
func (r Route) streams() Route {
	r.stream = true
	return r
}

// serve answers the requests of a route.
func (a *API) serve(r Route) echo.HandlerFunc {
	return func(c echo.Context) error {
		key, err := a.authenticate(c.Request(), r.Scope)
		if err != nil {
			return a.answerError(c, err)
		}
		resp, err := r.work(call{Context: c.Request().Context(), key: key, now: a.now(), echo: c})
		switch {
		case err != nil:
			return a.answerError(c, err)
		case r.stream, c.Response().Committed: // the handler has answered
			return nil
		case r.response == nil:
			return c.NoContent(r.Status)
		}
		return answer(c, r.Status, resp)
	}
}

// answer writes a status and a JSON body.
func answer(c echo.Context, status int, body any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	h := c.Response().Header()
	kind := h.Get(echo.HeaderContentType)
	if kind == "" {
		kind = "application/json"
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if c.Request().Method == http.MethodHead {
		return c.NoContent(status)
	}
	return c.Blob(status, kind, bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}
