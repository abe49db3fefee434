package mem0api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/memory"
)

// A failure is an error with its answer. The body has "detail" and whatever else
// callers of mem0's hosted service read in that case.
type failure struct {
	status int
	body   map[string]any
}

func (f *failure) Error() string { return fmt.Sprintf("%d: %v", f.status, f.body["detail"]) }

// refuse makes a failure whose text stands in "detail" and under the other keys.
func refuse(status int, text string, keys ...string) *failure {
	body := map[string]any{"detail": text}
	for _, k := range keys {
		body[k] = text
	}
	return &failure{status, body}
}

var (
	errBadKey     = refuse(http.StatusUnauthorized, "Invalid API key.")
	errForbidden  = refuse(http.StatusForbidden, "This API key may only read.", "error")
	errProject    = refuse(http.StatusForbidden, "You don't have access to this project", "error")
	errMember     = refuse(http.StatusNotFound, "This user is no member of the project.", "error", "message")
	errOrg        = refuse(http.StatusNotFound, "Organization not found", "error", "message")
	errDefault    = refuse(http.StatusBadRequest, "The default project cannot be deleted. Delete its memories with DELETE /v1/memories/ instead.", "error", "message")
	errProjects   = refuse(http.StatusBadRequest, fmt.Sprintf("There can be at most %d projects.", memory.MaxProjects), "error", "message")
	errNotFound   = refuse(http.StatusNotFound, "Not found.")
	errPage       = refuse(http.StatusNotFound, "Invalid page.")
	errMemoryID   = refuse(http.StatusBadRequest, "memory_id should be a valid UUID", "error")
	errMemory     = refuse(http.StatusNotFound, "Memory not found!", "error")
	errEvent      = refuse(http.StatusNotFound, "Event not found", "error")
	errWebhook    = refuse(http.StatusNotFound, "Webhook not found", "error")
	errNoEntity   = refuse(http.StatusBadRequest, "One of the filters: app_id, user_id, agent_id, run_id is required!", "message")
	errBatch      = refuse(http.StatusBadRequest, fmt.Sprintf("Maximum of %d memories can be updated/deleted in a single request", memory.MaxBatch), "error")
	errEntityType = refuse(http.StatusBadRequest, "Invalid entity type", "message", "error")
	errExport     = refuse(http.StatusNotFound, "Memory export not found", "error", "message")
	errEntity     = refuse(http.StatusNotFound, "Entity not found", "error")
	errPageBytes  = refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("This page has more than %d bytes of text and metadata; ask for a smaller page_size.", memory.MaxListBytes), "error")
	errTooLarge   = refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("The request body is larger than %d bytes.", maxBody), "error")
	errInternal   = refuse(http.StatusInternalServerError, "internal error", "error")
	errUnwritable = refuse(http.StatusServiceUnavailable, "The server cannot store anything now; its disk may be full or its database away. Try again later.", "error")
	errEndpoints  = fieldErrors{"non_field_errors": {fmt.Sprintf("A project can have at most %d webhooks.", delivery.MaxEndpoints)}}
)

// form says how the callers of a route expect a mistake in their input to be
// shown.
type form int

const (
	plainForm form = iota // the text in "error"
	addForm               // "400 Bad Request" in "error", the text in "details"
)

// fieldErrors are mistakes by field, as the webhook routes show them.
type fieldErrors map[string][]string

func (f fieldErrors) Error() string { return f.failure().Error() }

func (f fieldErrors) add(field, text string) { f[field] = append(f[field], text) }

// orNil returns f as an error if there is a mistake.
func (f fieldErrors) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

func (f fieldErrors) failure() *failure {
	body := make(map[string]any, len(f)+1)
	var detail []string
	for _, field := range sortedKeys(f) {
		body[field] = f[field]
		text := strings.Join(f[field], " ")
		if field != "non_field_errors" {
			text = field + ": " + text
		}
		detail = append(detail, text)
	}
	body["detail"] = strings.Join(detail, " ")
	return &failure{http.StatusBadRequest, body}
}

// failureOf is the one place where an error becomes a status and a body. An error
// that it does not know is errInternal.
func failureOf(err error, f form) *failure {
	var (
		known   *failure
		fields  fieldErrors
		invalid *memory.InvalidError
		webhook *delivery.InvalidError
		tooBig  *http.MaxBytesError
		ofEcho  *echo.HTTPError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &fields):
		return fields.failure()
	case errors.As(err, &invalid):
		return f.failure(invalid.Error())
	case errors.As(err, &webhook):
		if webhook.Field == "" {
			return fieldErrors{"non_field_errors": {webhook.Text}}.failure()
		}
		return fieldErrors{webhook.Field: {webhook.Text}}.failure()
	case errors.Is(err, delivery.ErrTooMany):
		return errEndpoints.failure()
	case errors.Is(err, delivery.ErrNotFound):
		return errWebhook
	case errors.Is(err, memory.ErrDefault):
		return errDefault
	case errors.Is(err, memory.ErrTooMany):
		return errProjects
	case errors.Is(err, memory.ErrNotFound):
		return errMemory
	case errors.Is(err, delivery.ErrUnwritable):
		return errUnwritable
	case errors.As(err, &tooBig):
		return errTooLarge
	case errors.As(err, &ofEcho) && ofEcho.Code < http.StatusInternalServerError:
		return refuse(ofEcho.Code, fmt.Sprint(ofEcho.Message), "error")
	case errors.As(err, &ofEcho) && ofEcho.Code != http.StatusInternalServerError:
		return refuse(ofEcho.Code, http.StatusText(ofEcho.Code), "error")
	}
	return errInternal
}

func (f form) failure(text string) *failure {
	if f == addForm {
		return &failure{http.StatusBadRequest, map[string]any{
			"detail": text, "error": "400 Bad Request", "details": map[string]any{"message": text},
		}}
	}
	return refuse(http.StatusBadRequest, text, "error")
}

// retryAfter is what a caller is told to wait when an engine is out of reach, in
// whole seconds: mem0's Python client reads nothing else.
const retryAfter = "5"

// answerError writes the answer to err. What is not the caller's to know is
// logged instead.
func (a *API) answerError(c echo.Context, f form, err error) error {
	if c.Response().Committed {
		return nil
	}
	fail := failureOf(err, f)
	if fail == errInternal || fail == errUnwritable {
		r := c.Request()
		level := slog.LevelError
		if r.Context().Err() != nil {
			level = slog.LevelDebug // the caller has left
		}
		a.log.LogAttrs(r.Context(), level, "request failed",
			slog.String("request_id", c.Response().Header().Get(echo.HeaderXRequestID)),
			slog.String("method", r.Method), slog.String("route", c.Path()), slog.Any("error", err))
	}
	if fail.status == http.StatusServiceUnavailable && c.Response().Header().Get("Retry-After") == "" {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	return answer(c, fail.status, fail.body)
}
