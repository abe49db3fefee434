package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

// ErrFull says that a lane has no room. The rows stay due in the database.
var ErrFull = errors.New("queue is full")

// A Broker carries tickets to the handlers of a Mux.
type Broker interface {
	// Push hands in a ticket without waiting for room: ErrFull.
	Push(ctx context.Context, t Ticket) error
	// Run handles tickets until ctx ends, and returns after the last handler has.
	Run(ctx context.Context) error
}

// A Handler works on the rows of a ticket. Its error is logged; the pump brings
// the rows back.
type Handler func(ctx context.Context, ids []uuid.UUID) error

// task is the ticket as asynq carries it: the kind is the task's type, the
// payload the IDs, 16 bytes each.
func (t Ticket) task() (*asynq.Task, error) {
	if t.Kind == "" {
		return nil, errors.New("ticket has no kind")
	}
	if len(t.IDs) == 0 || len(t.IDs) > MaxIDs {
		return nil, fmt.Errorf("ticket %s has %d IDs, want 1 to %d", t.Kind, len(t.IDs), MaxIDs)
	}
	payload := make([]byte, 0, 16*len(t.IDs))
	for _, id := range t.IDs {
		payload = append(payload, id[:]...)
	}
	return asynq.NewTask(t.Kind, payload), nil
}

func idsOf(task *asynq.Task) ([]uuid.UUID, error) {
	payload := task.Payload()
	if len(payload) == 0 || len(payload)%16 != 0 || len(payload) > 16*MaxIDs {
		return nil, fmt.Errorf("ticket %s has a payload of %d bytes, want 16 for each of 1 to %d IDs", task.Type(), len(payload), MaxIDs)
	}
	ids := make([]uuid.UUID, len(payload)/16)
	for i := range ids {
		ids[i] = uuid.UUID(payload[16*i:])
	}
	return ids, nil
}

// Mux routes tickets to the handler of their kind, with logging, metrics and a
// guard against panics. Whatever a handler returns, its task is done: a ticket is
// never retried and never archived, because the database knows what is left.
func Mux(handlers map[string]Handler, log *slog.Logger, m *Metrics) *asynq.ServeMux {
	mux := asynq.NewServeMux()
	mux.Use(logged(log), measured(m), recovered)
	for kind, handle := range handlers {
		mux.HandleFunc(kind, func(ctx context.Context, task *asynq.Task) error {
			// asynq matches by prefix: delivery:send would get delivery:sender.
			if task.Type() != kind {
				return asynq.NotFound(ctx, task)
			}
			ids, err := idsOf(task)
			if err != nil {
				return err
			}
			return handle(ctx, ids)
		})
	}
	return mux
}

func logged(log *slog.Logger) asynq.MiddlewareFunc {
	return func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			if err := next.ProcessTask(ctx, task); err != nil {
				log.LogAttrs(ctx, slog.LevelError, "ticket not handled, its rows come back", slog.String("kind", task.Type()), slog.Any("error", err))
			}
			return nil
		})
	}
}

func measured(m *Metrics) asynq.MiddlewareFunc {
	return func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			began := time.Now()
			err := next.ProcessTask(ctx, task)
			m.handled(task.Type(), time.Since(began), err)
			return err
		})
	}
}

func recovered(next asynq.Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next.ProcessTask(ctx, task)
	})
}
