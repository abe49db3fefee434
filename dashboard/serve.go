package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/memory"
	"memhook/signing/apikey"
)

// maxForm is the largest form, in bytes.
const maxForm = 64 << 10

// A visit is one request, with whose it is.
type visit struct {
	echo.Context
	now     time.Time
	session tokenHash
	key     apikey.Key // zero when nobody has signed in
}

func (v visit) signedIn() bool       { return v.key.ID != "" }
func (v visit) ctx() context.Context { return v.Request().Context() }
func (v visit) mayWrite() bool       { return v.key.Scope.Allows(apikey.Admin) }

// form reads the fields of a POST.
func (v visit) form() (url.Values, error) {
	r := v.Request()
	r.Body = http.MaxBytesReader(v.Response(), r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, errForm
	}
	return r.PostForm, nil
}

// A reply is a page, a redirect or a file.
type reply struct {
	status int // 0: 200
	page   string
	title  string
	view   any
	to     string // 303 to this path
	file   *file
}

func show(page, title string, view any) reply { return reply{page: page, title: title, view: view} }

func goTo(path string) reply { return reply{to: path} }

// serve answers the requests of a route.
func (d *Dashboard) serve(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		secure(h)
		if h.Get(echo.HeaderXRequestID) == "" {
			h.Set(echo.HeaderXRequestID, newToken()[:22])
		}
		v := visit{Context: c, now: d.now().UTC()}
		err := d.check(c.Request())
		if err == nil {
			err = d.visitor(&v)
		}
		var answer reply
		switch {
		case err != nil:
		case !r.open && !v.signedIn():
			answer = d.askToSignIn(v)
		case !r.open && !v.key.Scope.Allows(r.scope):
			err = errForbidden
		default:
			answer, err = r.work(v)
		}
		if err == nil {
			err = d.write(v, answer)
		}
		if err != nil && !c.Response().Committed {
			d.fail(c, v, err)
		}
		return nil
	}
}

// visitor finds out whose session a request belongs to. A session whose key is
// gone ends here.
func (d *Dashboard) visitor(v *visit) error {
	id, ok := d.sessionOf(v.Request())
	if !ok {
		return nil
	}
	hash, ok := d.sessions.use(id, v.now)
	if !ok {
		return nil
	}
	key, err := d.keys(v.ctx(), hash)
	switch {
	case errors.Is(err, memory.ErrNotFound), err == nil && key.RevokedAt != nil:
		d.sessions.end(id)
		return nil
	case err != nil:
		return fmt.Errorf("look up key of session: %w", err)
	}
	v.session, v.key = id, key
	return nil
}

func (d *Dashboard) askToSignIn(v visit) reply {
	to := root + "login"
	if r := v.Request(); r.Method == http.MethodGet && r.URL.RequestURI() != root {
		to += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	}
	return goTo(to)
}

func (d *Dashboard) home(visit) (reply, error) { return goTo(root), nil }
