package sqlstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgSession is one transaction. A round trip is what costs, so statements without
// a result wait for the next one that has one, and go out with it. When all of them
// can wait until the commit the whole transaction is one round trip.
type pgSession struct {
	ctx    context.Context // of the transaction; canceled with it
	cancel context.CancelFunc
	conn   *pgxpool.Conn
	begun  bool // the server knows of the transaction
	queue  []pgStatement
	change int // that the statements belong to
}

type pgStatement struct {
	text      string
	args      []any
	otherwise error
	change    int
}

func (s *pgSession) owner(change int) { s.change = change }

func (s *pgSession) later(text string, args []any, otherwise error) error {
	if otherwise != nil {
		text = mustChange(text)
	}
	s.queue = append(s.queue, pgStatement{text, args, otherwise, s.change})
	return nil
}

// mustChange makes a statement fail that changes no row, so that what is sent
// behind it, the commit too, does not come to pass.
func mustChange(text string) string {
	return `WITH changed AS (` + text + ` RETURNING 1) SELECT 1 / count(*) FROM changed`
}

// divisionByZero is the error of such a statement.
const divisionByZero = "22012"

func (s *pgSession) lock(key string) error {
	return s.later(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, []any{key}, nil)
}

// lockEach takes the locks in order, so that two who want several do not wait for
// each other.
func (s *pgSession) lockEach(text string, args []any) error {
	return s.later(`SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM (`+text+`) AS keys(key) ORDER BY key`, args, nil)
}

// send sends what is queued and one more statement, and returns the results where
// those of the one begin.
func (s *pgSession) send(text string, args []any) (pgx.BatchResults, error) {
	var b pgx.Batch
	if !s.begun {
		b.Queue(`BEGIN`)
	}
	s.pour(&b)
	b.Queue(text, args...)
	r := s.conn.SendBatch(s.ctx, &b)
	if !s.begun {
		if _, err := r.Exec(); err != nil {
			return nil, errors.Join(lost(err), r.Close())
		}
		s.begun = true
	}
	if err := s.drain(r); err != nil {
		r.Close()
		return nil, lost(err)
	}
	return r, nil
}

func (s *pgSession) pour(b *pgx.Batch) {
	for _, q := range s.queue {
		b.Queue(q.text, q.args...)
	}
}

// drain reads the results of what was queued.
func (s *pgSession) drain(r pgx.BatchResults) error {
	queue := s.queue
	s.queue = s.queue[:0]
	for _, q := range queue {
		_, err := r.Exec()
		var said *pgconn.PgError
		if !errors.As(err, &said) {
			if err != nil {
				return err
			}
			continue
		}
		if q.otherwise != nil && said.Code == divisionByZero {
			err = q.otherwise
		}
		return &ownedError{q.change, err}
	}
	return nil
}

// lost marks an error that is the connection's, not the server's. It is not for
// commits.
func lost(err error) error {
	var said *pgconn.PgError
	var owned *ownedError
	if err == nil || errors.As(err, &said) || errors.As(err, &owned) {
		return err
	}
	return &lostError{err}
}

func (s *pgSession) exec(text string, args []any) (int64, error) {
	r, err := s.send(text, args)
	if err != nil {
		return 0, err
	}
	tag, err := r.Exec()
	if closed := r.Close(); err == nil {
		err = closed
	}
	return tag.RowsAffected(), lost(err)
}

func (s *pgSession) query(text string, args []any, scan func(row scanner) error) error {
	r, err := s.send(text, args)
	if err != nil {
		return err
	}
	err = pgEach(r.Query())(scan)
	if closed := r.Close(); err == nil {
		err = lost(closed)
	}
	return err
}

func (s *pgSession) row(text string, args []any) scanner {
	r, err := s.send(text, args)
	if err != nil {
		return failedRow{err}
	}
	return pgRow{r}
}

type pgRow struct{ results pgx.BatchResults }

func (r pgRow) Scan(dest ...any) error {
	err := r.results.QueryRow().Scan(dest...)
	if closed := r.results.Close(); err == nil {
		err = lost(closed)
	}
	return err
}

// commit ends the transaction. What is queued goes out with the commit; when the
// server does not know of the transaction yet, a batch is one by itself.
func (s *pgSession) commit() error {
	defer s.end()
	if !s.begun && len(s.queue) == 0 {
		return nil
	}
	var b pgx.Batch
	s.pour(&b)
	if s.begun {
		b.Queue(`COMMIT`)
	}
	r := s.conn.SendBatch(s.ctx, &b)
	err := s.drain(r)
	if err == nil && s.begun {
		_, err = r.Exec()
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

func (s *pgSession) undo() error {
	defer s.end()
	if !s.begun || s.conn.Conn().IsClosed() {
		return nil
	}
	_, err := s.conn.Exec(s.ctx, `ROLLBACK`)
	if s.conn.Conn().IsClosed() {
		return nil // which undoes it as well
	}
	return err
}

// end gives the connection back. The pool closes it when the transaction is not
// over.
func (s *pgSession) end() {
	s.conn.Release()
	s.cancel()
}
