package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// maxGroup is how many changes one commit carries at most.
const maxGroup = 256

// errClosed is what a write gets after Close.
var errClosed = errors.New("database is closed")

// A write is a change that waits for the commit that carries it.
type write struct {
	fn   func(*tx) error
	err  error
	done chan error
}

// writer is the one goroutine that changes the database.
type writer struct {
	conn  *sql.Conn
	tx    *tx
	queue chan *write
	quit  chan struct{}
	ended chan struct{}
}

// tx is what a change may do. Statements are prepared once per text.
type tx struct {
	conn      *sql.Conn
	stmts     map[string]*sql.Stmt
	endpoints map[string]endpointList // of this group, by project
	wrote     bool                    // the current change has written
}

func startWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the writing connection: %w", err)
	}
	w := &writer{
		conn: conn, tx: &tx{conn: conn, stmts: map[string]*sql.Stmt{}},
		queue: make(chan *write, maxGroup), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// write hands in a change and waits for its commit. fn may run more than once. Once
// it is handed in its outcome is awaited, whatever becomes of ctx: fn writes to
// variables of the caller, and a commit takes milliseconds.
func (db *DB) write(ctx context.Context, fn func(*tx) error) error {
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
	defer w.tx.close()
	for {
		select {
		case req := <-w.queue:
			w.commit(w.gather(req))
		case <-w.quit:
			for {
				select {
				case req := <-w.queue:
					w.commit(w.gather(req))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits, without waiting for more: while one group is being
// flushed to disk the next one collects by itself.
func (w *writer) gather(first *write) []*write {
	group := []*write{first}
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
// wrote something, everything is undone and the others are run again.
func (w *writer) commit(group []*write) {
	for len(group) > 0 {
		failed, err := w.try(group)
		if failed < 0 {
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

// try returns the index of the change that has to go before the others can be
// committed, and its error; or -1, and the error of the commit itself.
func (w *writer) try(group []*write) (int, error) {
	if err := w.tx.do("BEGIN IMMEDIATE"); err != nil {
		return -1, fmt.Errorf("begin: %w", err)
	}
	w.tx.endpoints = nil
	for i, req := range group {
		w.tx.wrote = false
		req.err = req.fn(w.tx)
		if req.err != nil && w.tx.wrote {
			if err := w.tx.do("ROLLBACK"); err != nil {
				return -1, fmt.Errorf("undo after %w: %w", req.err, err)
			}
			return i, req.err
		}
	}
	if err := w.tx.do("COMMIT"); err != nil {
		return -1, errors.Join(fmt.Errorf("commit: %w", err), w.tx.do("ROLLBACK"))
	}
	return -1, nil
}

// The context of a change is never a caller's: one caller that leaves must not
// stop the group.
var background = context.Background()

func (t *tx) do(text string) error {
	_, err := t.conn.ExecContext(background, text)
	return err
}

func (t *tx) stmt(text string) (*sql.Stmt, error) {
	if s, ok := t.stmts[text]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(background, text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", text, err)
	}
	t.stmts[text] = s
	return s, nil
}

// exec runs a constant statement and returns how many rows it changed.
func (t *tx) exec(text string, args ...any) (int64, error) {
	s, err := t.stmt(text)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(background, args...)
	if err != nil {
		t.wrote = true // it may have
		return 0, err
	}
	n, err := res.RowsAffected()
	t.wrote = t.wrote || n > 0
	return n, err
}

// query runs a constant read and calls scan for each row.
func (t *tx) query(text string, args []any, scan func(row scanner) error) error {
	s, err := t.stmt(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(background, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// row runs a constant statement that returns at most one row. A statement that
// changes rows is noted with changed.
func (t *tx) row(text string, args ...any) scanner {
	s, err := t.stmt(text)
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(background, args...)
}

// changed notes that row changed the database.
func (t *tx) changed() { t.wrote = true }

func (t *tx) close() {
	for _, s := range t.stmts {
		s.Close()
	}
	t.conn.Close()
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }
