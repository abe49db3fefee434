package inbound

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/memory"
)

// root begins every path of this package.
const root = "/in/"

// Config is what the API needs. Both fields are required.
type Config struct {
	Memory *memory.Service
	Log    *slog.Logger
}

// API answers sources.
type API struct {
	memory *memory.Service
	log    *slog.Logger
}

// New returns the API.
func New(c Config) *API {
	if c.Memory == nil || c.Log == nil {
		panic("inbound.New: Memory and Log are required")
	}
	return &API{memory: c.Memory, log: c.Log}
}

// Register adds the route to e. An error handler that e already has keeps
// answering for all other paths.
func (a *API) Register(e *echo.Echo) {
	for _, end := range []string{"", "/"} {
		e.POST(root+":token"+end, a.receive)
	}
	others := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !strings.HasPrefix(c.Request().URL.Path, root) {
			others(err, c)
			return
		}
		if err := a.refuse(c, err); err != nil {
			a.log.LogAttrs(c.Request().Context(), slog.LevelDebug, "answer not written", slog.Any("error", err))
		}
	}
}

// accepted is the answer to a request that was taken.
type accepted struct {
	EventID   uuid.UUID `json:"event_id"`
	Duplicate bool      `json:"duplicate"`
}

func (a *API) receive(c echo.Context) error {
	r := c.Request()
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, memory.MaxRelay))
	if err != nil {
		return a.refuse(c, unread(err))
	}
	done, err := a.memory.Receive(r.Context(), c.Param("token"), r.Header, body)
	if err != nil {
		return a.refuse(c, err)
	}
	return c.JSON(http.StatusOK, accepted{done.EventID, done.Duplicate})
}

func unread(err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return memory.ErrTooLarge
	}
	return &memory.InvalidError{Text: "the request body ended early"}
}

// A problem is the body of a refusal: RFC 9457.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id,omitempty"`
}

// retryAfter is when a paused source is told to come back, in seconds.
const retryAfter = "60"

// problemOf is the one place where an error becomes a status.
func problemOf(err error) (status int, detail string) {
	var (
		invalid *memory.InvalidError
		ofEcho  *echo.HTTPError
	)
	switch {
	case errors.As(err, &invalid):
		return http.StatusBadRequest, invalid.Error()
	case errors.Is(err, memory.ErrUnverified):
		return http.StatusUnauthorized, err.Error()
	case errors.Is(err, memory.ErrNotFound):
		return http.StatusNotFound, "There is no source at this address."
	case errors.Is(err, memory.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, "The request body is larger than a relayed payload may be (256 KiB; 192 KiB of what is no JSON)."
	case errors.Is(err, memory.ErrPaused):
		return http.StatusServiceUnavailable, "The source is paused; send it again later."
	case errors.Is(err, delivery.ErrUnwritable):
		return http.StatusServiceUnavailable, "The server cannot store anything now; send it again later."
	case errors.As(err, &ofEcho) && ofEcho.Code != http.StatusInternalServerError:
		if text, ok := ofEcho.Message.(string); ok {
			return ofEcho.Code, text
		}
		return ofEcho.Code, http.StatusText(ofEcho.Code)
	}
	return http.StatusInternalServerError, "internal error"
}

// refuse writes the answer to err. What is not the sender's to know is logged
// instead.
func (a *API) refuse(c echo.Context, err error) error {
	if c.Response().Committed {
		return nil
	}
	status, detail := problemOf(err)
	id := c.Response().Header().Get(echo.HeaderXRequestID)
	if status == http.StatusInternalServerError || errors.Is(err, delivery.ErrUnwritable) {
		a.log.LogAttrs(c.Request().Context(), slog.LevelError, "request of a source failed", slog.String("request_id", id), slog.Any("error", err))
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
	}
	raw, err := json.Marshal(problem{"about:blank", http.StatusText(status), status, detail, id})
	if err != nil {
		return err
	}
	return c.Blob(status, "application/problem+json", raw)
}
