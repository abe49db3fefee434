package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/signing/apikey"
)

const (
	// idempotencyLife is how long an answer is given again.
	idempotencyLife = 24 * time.Hour
	// maxIdempotencyKey is how long a key may be, in characters.
	maxIdempotencyKey = 255
	// maxKeptAnswer is the largest answer that is kept, in bytes. A request with a
	// larger one may be repeated.
	maxKeptAnswer = 1 << 20
	// answerPatience is how long a repeat waits for the first request's answer, and
	// answerPoll how often it looks.
	answerPatience = 10 * time.Second
	answerPoll     = 50 * time.Millisecond
)

// answerStore keeps the answers of requests with an idempotency key.
type answerStore interface {
	ClaimAnswer(ctx context.Context, projectID, key string, request [sha256.Size]byte, now time.Time, life time.Duration) (sqlstore.Answer, *sqlstore.Reservation, error)
	StoreAnswer(ctx context.Context, projectID, key string, claimedAt time.Time, a sqlstore.Answer) error
	ReleaseAnswer(ctx context.Context, projectID, key string, claimedAt time.Time) error
}

// idempotency carries out a POST with an Idempotency-Key once: repeats get the same
// answer. A request that a crash cut off before its answer was kept is carried out
// again when it is repeated after the restart, or once another node has noticed. An add
// then finds the event it made. Of others, such as a test send, there may be two.
type idempotency struct {
	store answerStore
	keys  func(context.Context, [sha256.Size]byte) (apikey.Key, error)
	now   func() time.Time
	log   *slog.Logger
}

func (i idempotency) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		given, ok := r.Header["Idempotency-Key"]
		if !ok || r.Method != http.MethodPost {
			return next(c)
		}
		text, _ := apikey.FromHeader(r.Header)
		k, err := i.keys(r.Context(), apikey.Hash(text))
		if err != nil || !k.Matches(text) {
			return next(c) // to be refused there
		}
		key := strings.Join(given, ",")
		if !visible(key) || len(key) > maxIdempotencyKey {
			return echo.NewHTTPError(http.StatusBadRequest, fmt.Sprintf("Idempotency-Key must have 1 to %d visible ASCII characters.", maxIdempotencyKey))
		}
		hash, err := hashRequest(r)
		if err != nil {
			return next(c) // it is too large or ended early, which is said there
		}
		return i.once(c, next, k.ProjectID, key, hash)
	}
}

func visible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// hashRequest returns what two requests have in common that are the same. It leaves
// the body to be read again.
func hashRequest(r *http.Request) (hash [sha256.Size]byte, err error) {
	body, err := io.ReadAll(r.Body)
	rest := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", r.Method, r.URL.RequestURI())
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil)), err
}

func (i idempotency) once(c echo.Context, next echo.HandlerFunc, project, key string, hash [sha256.Size]byte) error {
	ctx := c.Request().Context()
	deadline := i.now().Add(answerPatience)
	for {
		now := i.now().UTC().Truncate(time.Microsecond)
		a, mine, err := i.store.ClaimAnswer(ctx, project, key, hash, now, idempotencyLife)
		switch {
		case errors.Is(err, sqlstore.ErrOtherRequest):
			return echo.NewHTTPError(http.StatusConflict, "This Idempotency-Key was used for another request within the last 24 hours.")
		case err != nil:
			return fmt.Errorf("claim idempotency key: %w", err)
		case mine != nil:
			c.SetRequest(c.Request().WithContext(memory.WithEvent(ctx, mine.EventID, mine.Again)))
			return i.carryOut(c, next, project, key, mine.At)
		case a.Status != 0:
			c.Response().Header().Set("Idempotency-Replayed", "true")
			return c.Blob(a.Status, a.ContentType, a.Body)
		case now.After(deadline):
			c.Response().Header().Set("Retry-After", "10")
			return echo.NewHTTPError(http.StatusConflict, "The first request with this Idempotency-Key is still being carried out.")
		}
		if !sleep(ctx, answerPoll) {
			return ctx.Err()
		}
	}
}

// carryOut runs the request and keeps its answer. One that says that the server or
// the caller's key is at fault is not kept: a repeat may fare better.
func (i idempotency) carryOut(c echo.Context, next echo.HandlerFunc, project, key string, claimedAt time.Time) error {
	rec := &recorder{ResponseWriter: c.Response().Writer}
	c.Response().Writer = rec
	kept := false
	defer func() {
		c.Response().Writer = rec.ResponseWriter
		if kept {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), 5*time.Second)
		defer cancel()
		if err := i.store.ReleaseAnswer(ctx, project, key, claimedAt); err != nil {
			i.log.LogAttrs(ctx, slog.LevelError, "idempotency key not released", slog.Any("error", err))
		}
	}()
	err := next(c)
	if err != nil {
		c.Error(err) // writes the answer, so that it can be kept
	}
	status := c.Response().Status
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests
	if !c.Response().Committed || status >= 500 || refused || rec.cut {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), 5*time.Second)
	defer cancel()
	answer := sqlstore.Answer{Status: status, ContentType: c.Response().Header().Get(echo.HeaderContentType), Body: rec.body.Bytes()}
	if err := i.store.StoreAnswer(ctx, project, key, claimedAt, answer); err != nil {
		i.log.LogAttrs(ctx, slog.LevelError, "answer to a request with an idempotency key not kept", slog.Any("error", err))
	}
	kept = true
	return err
}

// recorder copies what is written, up to maxKeptAnswer.
type recorder struct {
	http.ResponseWriter
	body bytes.Buffer
	cut  bool
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.cut = r.cut || r.body.Len()+len(b) > maxKeptAnswer; !r.cut {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
