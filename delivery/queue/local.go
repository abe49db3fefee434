package queue

import (
	"context"
	"fmt"
	"sync"

	"github.com/hibiken/asynq"
)

// Lanes says how many workers each lane has. A lane that is busy holds up no other.
type Lanes map[string]int

// laneSize is how many tickets wait in a lane of the in-process broker.
const laneSize = 1024

// Local is the broker within one process. It loses its tickets when the process
// ends; the database does not.
type Local struct {
	handler asynq.Handler
	workers Lanes
	lanes   map[string]chan *asynq.Task
}

// NewLocal returns a broker that feeds handler.
func NewLocal(handler asynq.Handler, workers Lanes) *Local {
	l := &Local{handler: handler, workers: workers, lanes: make(map[string]chan *asynq.Task, len(workers))}
	for lane := range workers {
		l.lanes[lane] = make(chan *asynq.Task, laneSize)
	}
	return l
}

// Push hands in a ticket. ErrFull.
func (l *Local) Push(_ context.Context, t Ticket) error {
	lane, ok := l.lanes[t.Lane]
	if !ok {
		return fmt.Errorf("no lane %q for ticket %s", t.Lane, t.Kind)
	}
	task, err := t.task()
	if err != nil {
		return err
	}
	select {
	case lane <- task:
		return nil
	default:
		return ErrFull
	}
}

// Run handles tickets until ctx ends, and returns after the last handler has.
func (l *Local) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for lane, workers := range l.workers {
		for range workers {
			wg.Go(func() { l.work(ctx, l.lanes[lane]) })
		}
	}
	wg.Wait()
	return nil
}

func (l *Local) work(ctx context.Context, tasks <-chan *asynq.Task) {
	for {
		select {
		case <-ctx.Done():
			return
		case task := <-tasks:
			// The Mux turns every error into a log line.
			_ = l.handler.ProcessTask(ctx, task)
		}
	}
}
