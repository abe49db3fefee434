package mem0api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
)

// TestAFullDiskAsksForPatience: clients learn that it is not their request, and when
// to come again.
func TestAFullDiskAsksForPatience(t *testing.T) {
	a := &API{log: slog.New(slog.DiscardHandler)}
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequest(http.MethodPost, "/v1/memories/", nil), w)
	if err := a.answerError(c, addForm, fmt.Errorf("accept event: %w: database or disk is full", delivery.ErrUnwritable)); err != nil {
		t.Fatal(err)
	}
	var body struct{ Detail, Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != retryAfter || body.Detail == "" || body.Detail != body.Error {
		t.Errorf("answered %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
}
