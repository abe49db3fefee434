package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

const (
	// maxGroup is how many changes one commit carries at most.
	maxGroup = 256
	// maxAgain is how often a change is run that meets other transactions.
	maxAgain = 5
)

// errClosed is what a write gets after Close.
var errClosed = errors.New("database is closed")

// A write is a change that waits for the commit that carries it.
type write struct {
	fn   func(*tx) error
	err  error
	done chan error
}

// patience is how long a group may take before others are committed beside it.
const patience = 50 * time.Millisecond

// writer commits changes in groups: one goroutine takes whatever waits. The larger
// the groups the less they cost, so there are two only while one takes long, such
// as when it waits for another node.
type writer struct {
	dialect dialect
	node    uuid.UUID
	changed func(projects []string)
	queue   chan *write
	spare   chan struct{} // room for groups beside the first
	quit    chan struct{}
	ended   chan struct{}
}

func startWriter(d dialect, node uuid.UUID, changed func([]string)) *writer {
	w := &writer{dialect: d, node: node, changed: changed, queue: make(chan *write, maxGroup), spare: make(chan struct{}, d.writers()-1), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// write hands in a change and waits for its commit. fn may run more than once. Once
// it is handed in its outcome is awaited, whatever becomes of ctx: fn writes to
// variables of the caller, and a commit takes milliseconds.
func (db *DB) write(ctx context.Context, fn func(*tx) error) error {
	err := db.hand(ctx, fn)
	if err != nil && db.dialect.unwritable(err) {
		db.refused.Store(true)
		return fmt.Errorf("%w: %w", delivery.ErrUnwritable, err)
	}
	return err
}

// hand hands a change to the writer and waits for its commit.
func (db *DB) hand(ctx context.Context, fn func(*tx) error) error {
	req := &write{fn: fn, done: make(chan error, 1)}
	select {
	case db.writer.queue <- req:
	case <-db.writer.quit:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-req.done:
		return err
	case <-db.writer.ended:
		select {
		case err := <-req.done:
			return err
		default:
			return errClosed
		}
	}
}

// stop ends the writer after the changes that were handed in.
func (w *writer) stop() {
	close(w.quit)
	<-w.ended
}

func (w *writer) run() {
	defer close(w.ended)
	var beside sync.WaitGroup
	defer beside.Wait()
	for {
		select {
		case req := <-w.queue:
			w.work(w.gather(req), &beside)
		case <-w.quit:
			for {
				select {
				case req := <-w.queue:
					w.work(w.gather(req), &beside)
				default:
					return
				}
			}
		}
	}
}

// work commits a group and, when that takes long, others beside it.
func (w *writer) work(group []*write, beside *sync.WaitGroup) {
	if cap(w.spare) == 0 {
		w.commit(group)
		return
	}
	done := make(chan struct{})
	beside.Add(1)
	relief := time.AfterFunc(patience, func() {
		defer beside.Done()
		w.relieve(done)
	})
	w.commit(group)
	close(done)
	if relief.Stop() {
		beside.Done()
	}
}

// relieve commits what waits until done.
func (w *writer) relieve(done <-chan struct{}) {
	select {
	case w.spare <- struct{}{}:
		defer func() { <-w.spare }()
	default:
		return
	}
	for {
		select {
		case <-done:
			return
		case req := <-w.queue:
			w.commit(w.gather(req))
		}
	}
}

// yields is how often a group lets others run that may add to it.
const yields = 3

// gather takes what waits, without waiting for more: while one group is being
// flushed to disk the next one collects by itself. Whoever is about to hand something
// in goes first: on a busy machine that makes fewer and larger groups, which cost a
// twentieth less CPU, and on an idle one it takes no time.
func (w *writer) gather(first *write) []*write {
	group := []*write{first}
	for range yields {
		had := len(group)
		runtime.Gosched()
		if group = w.drain(group); len(group) == had {
			break
		}
	}
	return group
}

// drain adds what waits to the group.
func (w *writer) drain(group []*write) []*write {
	for len(group) < maxGroup {
		select {
		case req := <-w.queue:
			group = append(group, req)
		default:
			return group
		}
	}
	return group
}

// commit runs the changes in one transaction. When one of them fails after it
// wrote something, everything is undone and the others are run again. When the
// transaction met another one, its changes are run again one by one, which hold
// few locks for a short time.
func (w *writer) commit(group []*write) {
	for len(group) > 0 {
		failed, err := w.try(group)
		switch {
		case err != nil && w.dialect.again(err):
			for _, req := range group {
				req.done <- w.alone(req)
			}
			return
		case failed < 0:
			for _, req := range group {
				if err != nil {
					req.err = err
				}
				req.done <- req.err
			}
			return
		}
		group[failed].done <- err
		group = append(group[:failed:failed], group[failed+1:]...)
	}
}

func (w *writer) alone(req *write) error {
	for n := 1; ; n++ {
		failed, err := w.try([]*write{req})
		switch {
		case err != nil && w.dialect.again(err) && n < maxAgain:
			continue
		case failed < 0 && err == nil:
			return req.err
		}
		return err
	}
}

// try returns the index of the change that has to go before the others can be
// committed, and its error; or -1, and the error of the transaction itself.
func (w *writer) try(group []*write) (int, error) {
	s, err := w.dialect.begin()
	if err != nil {
		return -1, fmt.Errorf("begin: %w", err)
	}
	t := &tx{session: s, node: w.node}
	for i, req := range group {
		t.wrote, t.change = false, i
		s.owner(i)
		req.err = req.fn(t)
		if t.failure != nil || req.err != nil && t.wrote {
			return blame(i, cmp.Or(req.err, t.failure), s.undo())
		}
	}
	if err := t.flush(min(w.dialect.writers(), tallyParts)); err != nil {
		return blame(-1, fmt.Errorf("count: %w", err), s.undo())
	}
	if err := t.storeMessages(); err != nil {
		return blame(-1, err, s.undo())
	}
	if err := s.commit(); err != nil {
		return blame(-1, fmt.Errorf("commit: %w", err), nil)
	}
	if w.changed != nil && len(t.projects) > 0 {
		w.changed(slices.Collect(maps.Keys(t.projects)))
	}
	return -1, nil
}

// blame finds the change that an error belongs to.
func blame(running int, err, undone error) (int, error) {
	if undone != nil {
		return -1, fmt.Errorf("undo after %w: %w", err, undone)
	}
	var owned *ownedError
	if errors.As(err, &owned) && owned.change != running {
		return owned.change, owned.err
	}
	return running, err
}
