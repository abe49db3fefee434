package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hibiken/asynq"
)

// Lanes says how many workers each lane has. A lane that is busy holds up no other.
// One without workers here is served by other nodes, through Redis.
type Lanes map[string]int

// laneSize is how many tickets wait in a lane of the in-process broker.
const laneSize = 1024

// errStopped says that the broker runs no more. The rows stay due in the database.
var errStopped = errors.New("queue is stopped")

// Local is the broker within one process. It loses its tickets when the process
// ends; the database does not.
type Local struct {
	handler asynq.Handler
	workers Lanes
	lanes   map[string]chan *asynq.Task
	metrics *Metrics
	stopped chan struct{}
}

// NewLocal returns a broker that feeds handler.
func NewLocal(handler asynq.Handler, workers Lanes) *Local {
	l := &Local{
		handler: handler, workers: workers,
		lanes:   make(map[string]chan *asynq.Task, len(workers)),
		stopped: make(chan struct{}),
	}
	for lane := range workers {
		l.lanes[lane] = make(chan *asynq.Task, laneSize)
	}
	return l
}

// Instrument makes the broker count in m. It is called before Run.
func (l *Local) Instrument(m *Metrics) { l.metrics = m }

// Push hands in a ticket. ErrFull.
func (l *Local) Push(_ context.Context, t Ticket) error {
	err := l.push(t)
	l.metrics.pushed("local", t.Lane, err)
	return err
}

func (l *Local) push(t Ticket) error {
	lane, ok := l.lanes[t.Lane]
	if !ok {
		return fmt.Errorf("no lane %q for ticket %s", t.Lane, t.Kind)
	}
	task, err := t.task()
	if err != nil {
		return err
	}
	if !l.running() {
		return errStopped
	}
	if l.workers[t.Lane] == 0 {
		return ErrFull
	}
	select {
	case lane <- task:
		return nil
	default:
		return ErrFull
	}
}

// Run handles tickets until ctx ends, and returns after the last handler has.
// Handlers are not told that ctx has ended: what is under way is finished. Tickets
// that wait are dropped. Run is called once.
func (l *Local) Run(ctx context.Context) error {
	context.AfterFunc(ctx, func() { close(l.stopped) })
	handle := context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	for lane, workers := range l.workers {
		for range workers {
			wg.Go(func() { l.work(handle, l.lanes[lane]) })
		}
	}
	wg.Wait()
	return nil
}

func (l *Local) running() bool {
	select {
	case <-l.stopped:
		return false
	default:
		return true
	}
}

func (l *Local) work(ctx context.Context, tasks <-chan *asynq.Task) {
	for l.running() {
		select {
		case <-l.stopped:
		case task := <-tasks:
			// The Mux turns every error into a log line.
			_ = l.handler.ProcessTask(ctx, task)
		}
	}
}
