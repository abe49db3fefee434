package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/memory"
	"memhook/signing/apikey"
)

// maxForm is the largest form, in bytes: the playground takes a whole payload.
const maxForm = 1 << 20

// A visit is one request, with whose it is.
type visit struct {
	echo.Context
	now     time.Time
	session apikey.Session
	key     apikey.Key // zero when nobody has signed in
	fields  url.Values // of a form
}

func (v visit) signedIn() bool       { return v.key.ID != "" }
func (v visit) ctx() context.Context { return v.Request().Context() }
func (v visit) mayWrite() bool       { return v.key.Scope.Allows(apikey.Admin) }
func (v visit) project() string      { return v.key.ProjectID }

// form reads the fields of a POST.
func (v visit) form() (url.Values, error) {
	r := v.Request()
	r.Body = http.MaxBytesReader(v.Response(), r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, errForm
	}
	return r.PostForm, nil
}

// A reply is a page, a redirect, a file, a download or a stream.
type reply struct {
	status int // 0: 200
	page   string
	title  string
	view   any
	live   *liveView // what the page watches, nil for nothing
	secret bool      // the page has a secret: it is sent uncompressed
	to     string    // 303 to this path
	again  string    // where a second press of the button leads, for an answer that is a page
	file   *file
	body   *download
	done   bool // the work has answered by itself
}

// A download is stored bytes as they are.
type download struct {
	name string
	data []byte
}

func show(page, title string, view any) reply { return reply{page: page, title: title, view: view} }

func goTo(path string) reply { return reply{to: path} }

// parent is the page above a path.
func parent(p string) string {
	if p = path.Dir(p); len(p) < len(root) {
		return root
	}
	return p
}

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
		case r.method == http.MethodPost && !r.open:
			if v.fields, err = v.form(); err == nil {
				answer, err = d.once(v, r.work)
			}
		default:
			answer, err = r.work(v)
		}
		if err == nil && !answer.done {
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
	s, ok, err := d.useSession(v.ctx(), id, v.now)
	if err != nil || !ok {
		return err
	}
	key, err := d.keys(v.ctx(), s.KeyHash)
	switch {
	case errors.Is(err, memory.ErrNotFound), err == nil && key.RevokedAt != nil:
		return d.sessions.DeleteSession(v.ctx(), id)
	case err != nil:
		return fmt.Errorf("look up key of session: %w", err)
	}
	v.session, v.key = s, key
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
