package dashboard

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/memory"
)

// A failure is an error with its page. The text is written for the reader.
type failure struct {
	status int
	title  string
	text   string
}

func (f *failure) Error() string { return fmt.Sprintf("%d: %s", f.status, f.title) }

var (
	errNotFound  = &failure{http.StatusNotFound, "Not found", "This project has nothing under that address. It may have been deleted, be older than the retention, or belong to another project."}
	errMethod    = &failure{http.StatusMethodNotAllowed, "Not possible", "This address does not take that kind of request."}
	errForbidden = &failure{http.StatusForbidden, "Read-only key", "You signed in with a key that may look and change nothing. Sign in with an admin key to do this."}
	errOrigin    = &failure{http.StatusForbidden, "Refused", "The request came from another site, so nothing was changed. Go back to the dashboard and try again there."}
	errHost      = &failure{http.StatusMisdirectedRequest, "Unknown host name", "The dashboard does not answer under this host name. Use localhost or the server's address, or start the server with this name in --public-url."}
	errSignIns   = &failure{http.StatusTooManyRequests, "Too many attempts", "Five sign-ins a minute are the limit for one address. Wait a minute and try again."}
	errForm      = &failure{http.StatusBadRequest, "Unreadable form", "The form could not be read, so nothing was changed. Go back and send it again."}
	errInternal  = &failure{http.StatusInternalServerError, "Something went wrong", "This is a fault of the server, not yours. Its log says more under the request ID below."}
)

// failureOf is the one place where an error becomes a page. An error that it does
// not know is errInternal.
func failureOf(err error) *failure {
	var known *failure
	var ofEcho *echo.HTTPError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, memory.ErrNotFound), errors.Is(err, delivery.ErrNotFound):
		return errNotFound
	case errors.As(err, &ofEcho) && ofEcho.Code == http.StatusNotFound:
		return errNotFound
	case errors.As(err, &ofEcho) && ofEcho.Code == http.StatusMethodNotAllowed:
		return errMethod
	case errors.As(err, &ofEcho) && ofEcho.Code != http.StatusInternalServerError:
		return &failure{ofEcho.Code, http.StatusText(ofEcho.Code), "The server did not answer this request. Try again in a moment."}
	}
	return errInternal
}

type errorView struct {
	Title     string
	Text      string
	Retry     string // the page's own address, "" when asking again is of no use
	RequestID string
}

// fail answers with the page of an error.
func (d *Dashboard) fail(c echo.Context, v visit, err error) {
	f := failureOf(err)
	id := c.Response().Header().Get(echo.HeaderXRequestID)
	if f == errInternal {
		d.log.LogAttrs(v.ctx(), slog.LevelError, "page not shown", slog.String("request_id", id),
			slog.String("path", c.Path()), slog.Any("error", err))
	}
	view := errorView{Title: f.title, Text: f.text, RequestID: id}
	if f.status >= http.StatusInternalServerError && c.Request().Method == http.MethodGet {
		view.Retry = c.Request().URL.RequestURI()
	}
	r := show("error", f.title, view)
	r.status = f.status
	if err := d.write(v, r); err != nil {
		d.log.LogAttrs(v.ctx(), slog.LevelError, "error page not written", slog.String("request_id", id), slog.Any("error", err))
	}
}

func (d *Dashboard) noPage(v visit) (reply, error) {
	if v.Request().Method != http.MethodGet && v.Request().Method != http.MethodHead {
		return reply{}, errMethod
	}
	return reply{}, errNotFound
}
