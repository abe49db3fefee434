package hookapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/memory"
)

// problemShape is a problem detail (RFC 9457).
type problemShape struct {
	Type      string       `json:"type" doc:"Names the kind of problem and does not change."`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Errors    []fieldShape `json:"errors,omitempty" doc:"What is wrong, field by field."`
	RequestID string       `json:"request_id,omitempty" doc:"What to look for in the server's log."`
}

type fieldShape struct {
	Field  string `json:"field" doc:"The path of a member of the body, or the name of a parameter."`
	Detail string `json:"detail"`
}

// A problem is an error with its answer.
type problem struct {
	status int
	kind   string // the end of its type
	title  string
	detail string
	fields []fieldShape
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.status, p.title, p.detail) }

// retryAfter is how long to wait for a database that takes nothing, or for room among
// readers, in seconds.
const retryAfter = "5"

// problemType is where the types of problems begin.
const problemType = "urn:memhook:problem:"

var (
	errNoKey      = &problem{http.StatusUnauthorized, "unauthorized", "Unauthorized", "An API key is needed: Authorization: Bearer mh_…, Authorization: Token mh_… or X-API-Key: mh_….", nil}
	errBadKey     = &problem{http.StatusUnauthorized, "unauthorized", "Unauthorized", "The API key is not valid.", nil}
	errReadOnly   = &problem{http.StatusForbidden, "read-only-key", "Forbidden", "This API key may only read.", nil}
	errNotFound   = &problem{http.StatusNotFound, "not-found", "Not found", "Nothing in this project has this ID.", nil}
	errNoPath     = &problem{http.StatusNotFound, "no-such-path", "Not found", "There is nothing at this path; /api/docs lists what there is.", nil}
	errMethod     = &problem{http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed", "This path does not take this method; the Allow header lists those that it does.", nil}
	errTooLarge   = &problem{http.StatusRequestEntityTooLarge, "too-large", "Request too large", fmt.Sprintf("The request body is larger than %d bytes.", maxBody), nil}
	errUnwritable = &problem{http.StatusServiceUnavailable, "cannot-store", "Cannot store", "The server cannot store anything now; its disk may be full or its database away. Try again later.", nil}
	errInternal   = &problem{http.StatusInternalServerError, "internal", "Internal error", "Something went wrong; the server's log says more under the request's ID.", nil}
)

// invalid is the problem about fields that are wrong.
func invalid(fields ...fieldShape) *problem {
	var said []string
	for _, f := range fields {
		if f.Field == "" {
			said = append(said, f.Detail)
		} else {
			said = append(said, f.Field+": "+f.Detail)
		}
	}
	return &problem{http.StatusBadRequest, "invalid-request", "Invalid request", strings.Join(said, " "), fields}
}

func conflict(kind, detail string) *problem {
	return &problem{http.StatusConflict, kind, "Conflict", detail, nil}
}

// problemOf is the one place where an error becomes an answer. An error that it
// does not know is errInternal.
func problemOf(err error) *problem {
	var (
		known   *problem
		field   *delivery.InvalidError
		other   *memory.InvalidError
		tooBig  *http.MaxBytesError
		changed *delivery.ChangedError
		ofEcho  *echo.HTTPError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &field):
		return invalid(fieldShape{field.Field, field.Text})
	case errors.As(err, &other):
		return invalid(fieldShape{other.Field, capital(other.Text) + "."})
	case errors.Is(err, delivery.ErrNotFound), errors.Is(err, memory.ErrNotFound):
		return errNotFound
	case errors.As(err, &changed):
		return conflict("changed-since-preview", capital(changed.Error())+". Preview it again.")
	case errors.Is(err, delivery.ErrInactive):
		return conflict("endpoint-not-active", "The endpoint is paused, disabled or deleted; resume or enable it first.")
	case errors.Is(err, delivery.ErrErased):
		return conflict("erased", "The memory was erased, and what was to be sent with it. The endpoints are sent the erasure instead.")
	case errors.Is(err, delivery.ErrState):
		return conflict("wrong-state", "Its state does not allow this: it is being sent, or it is over.")
	case errors.Is(err, delivery.ErrNotParked):
		return conflict("not-parked", "The endpoint's breaker is not open, so its deliveries go out by themselves.")
	case errors.Is(err, delivery.ErrProbing):
		return conflict("probe-under-way", "A probe of the endpoint is under way.")
	case errors.Is(err, delivery.ErrNothingWaits):
		return conflict("nothing-waits", "No delivery waits for the endpoint, so there is nothing to probe it with. Send it a test.")
	case errors.Is(err, delivery.ErrTooMany):
		return conflict("too-many-endpoints", fmt.Sprintf("A project can have at most %d endpoints.", delivery.MaxEndpoints))
	case errors.Is(err, memory.ErrTooManySources):
		return conflict("too-many-sources", fmt.Sprintf("A project can have at most %d sources.", memory.MaxSources))
	case errors.Is(err, memory.ErrTooMany):
		return conflict("too-many", "The project has as many of these as it may have.")
	case errors.Is(err, memory.ErrLastKey):
		return conflict("last-key", "This is the project's last admin key; create another one first.")
	case errors.Is(err, delivery.ErrUnwritable):
		return errUnwritable
	case errors.Is(err, feed.ErrTooMany):
		return errReaders
	case errors.Is(err, feed.ErrFull):
		return errFeedFull
	case errors.Is(err, feed.ErrGone):
		return errFeedGone
	case errors.As(err, &tooBig):
		return errTooLarge
	case errors.As(err, &ofEcho) && ofEcho.Code != http.StatusInternalServerError:
		text := http.StatusText(ofEcho.Code)
		return &problem{ofEcho.Code, strings.ToLower(strings.ReplaceAll(text, " ", "-")), text, sentence(fmt.Sprint(ofEcho.Message)), nil}
	}
	return errInternal
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func sentence(s string) string {
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// answerError writes the answer to err. What is not the caller's to know is logged
// instead.
func (a *API) answerError(c echo.Context, err error) error {
	if c.Response().Committed {
		return nil
	}
	p := problemOf(err)
	h := c.Response().Header()
	id := h.Get(echo.HeaderXRequestID)
	if p == errUnwritable || p == errReaders || p == errFeedFull {
		h.Set(echo.HeaderRetryAfter, retryAfter)
	}
	if p == errInternal || p == errUnwritable {
		r := c.Request()
		level := slog.LevelError
		if r.Context().Err() != nil {
			level = slog.LevelDebug // the caller has left
		}
		a.log.LogAttrs(r.Context(), level, "request failed", slog.String("request_id", id),
			slog.String("method", r.Method), slog.String("route", c.Path()), slog.Any("error", err))
	}
	if p.status == http.StatusUnauthorized {
		h.Set(echo.HeaderWWWAuthenticate, `Bearer realm="memhook"`)
	}
	h.Set(echo.HeaderContentType, "application/problem+json")
	return answer(c, p.status, problemShape{
		Type: problemType + p.kind, Title: p.title, Status: p.status, Detail: p.detail, Errors: p.fields, RequestID: id,
	})
}
