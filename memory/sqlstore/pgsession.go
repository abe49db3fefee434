package sqlstore

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgSession is one transaction. A round trip is what costs, so statements without
// a result wait for the next one that has one, and go out with it. When all of them
// can wait until the commit the whole transaction is one round trip.
type pgSession struct {
	db     *postgres
	ctx    context.Context // of the transaction; canceled with it
	cancel context.CancelFunc
	conn   *pgxpool.Conn
	begun  bool // the server knows of the transaction
	change int  // that the statements belong to

	// What is queued: locks go first, so that what follows sees what was committed
	// before they were got.
	locks []*pgStatement
	keys  map[string]bool // of locks that are not in locks yet
	queue []*pgStatement
	bulks map[string]*pgStatement // those of the queue
}

// pgStatement is a queued statement, or a bulk with its rows.
type pgStatement struct {
	text      string
	args      []any
	rows      int // of a bulk
	otherwise error
	change    int  // that queued it
	mixed     bool // other changes have rows in it, too
}

func (s *pgSession) owner(change int) { s.change = change }

func (s *pgSession) later(text string, args []any, otherwise error) error {
	if otherwise != nil {
		text = mustChange(text)
	}
	s.queue = append(s.queue, &pgStatement{text: text, args: storable(args), otherwise: otherwise, change: s.change})
	return nil
}

// put adds a row to those that wait for the same statement.
func (s *pgSession) put(b *bulk, args []any, otherwise error) error {
	text := b.many
	if otherwise != nil {
		text = b.checked
	}
	st, ok := s.bulks[text]
	if !ok {
		st = newBulkStatement(text, len(args))
		st.otherwise, st.change = otherwise, s.change
		if s.bulks == nil {
			s.bulks = map[string]*pgStatement{}
		}
		s.bulks[text] = st
		s.queue = append(s.queue, st)
	}
	st.add(args)
	st.mixed = st.mixed || st.change != s.change
	return nil
}

func newBulkStatement(text string, values int) *pgStatement {
	return &pgStatement{text: text, args: make([]any, values)}
}

func (st *pgStatement) add(row []any) {
	for i, v := range storable(row) {
		c, _ := st.args[i].(column)
		st.args[i] = append(c, v)
	}
	st.rows++
}

// which sends a bulk at once.
func (s *pgSession) which(b *bulk, rows [][]any) ([]bool, error) {
	changed := make([]bool, len(rows))
	if len(rows) == 0 {
		return changed, nil
	}
	st := newBulkStatement(b.which, len(rows[0]))
	for _, row := range rows {
		st.add(row)
	}
	err := s.query(st.text, st.args, func(row scanner) error {
		var nth int
		err := row.Scan(&nth)
		changed[nth-1] = true
		return err
	})
	return changed, err
}

// mustChange makes a statement fail that changes no row, so that what is sent
// behind it, the commit too, does not come to pass.
func mustChange(text string) string {
	return `WITH changed AS (` + text + ` RETURNING 1) SELECT 1 / count(*) FROM changed`
}

// divisionByZero is the error of such a statement.
const divisionByZero = "22012"

func (s *pgSession) lock(key string) error {
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	s.keys[key] = true
	return nil
}

// lockEach takes the locks in order, so that two who want several do not wait for
// each other.
func (s *pgSession) lockEach(text string, args []any) error {
	s.locks = append(s.locks, &pgStatement{text: lockKeys(`(` + text + `)`), args: args, change: s.change})
	return nil
}

func lockKeys(from string) string {
	return `SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM ` + from + ` AS keys(key) ORDER BY key`
}

var lockList = lockKeys(`unnest($1::text[])`)

// send sends what is queued and one more statement, and returns the results where
// those of the one begin.
func (s *pgSession) send(text string, args []any) (pgx.BatchResults, error) {
	var b pgx.Batch
	if !s.begun {
		b.Queue(`BEGIN`)
	}
	all := s.pour(&b)
	b.Queue(text, storable(args)...)
	r := s.conn.SendBatch(s.ctx, &b)
	if !s.begun {
		if _, err := r.Exec(); err != nil {
			return nil, errors.Join(lost(err), r.Close())
		}
		s.begun = true
	}
	if err := s.drain(r, all); err != nil {
		r.Close()
		return nil, lost(err)
	}
	return r, nil
}

// pour puts what is queued into a batch and returns it.
func (s *pgSession) pour(b *pgx.Batch) []*pgStatement {
	all := s.locks
	if len(s.keys) > 0 {
		all = append(all, &pgStatement{text: lockList, args: []any{slices.Sorted(maps.Keys(s.keys))}, change: s.change, mixed: true})
	}
	all = append(all, s.queue...)
	s.locks, s.keys, s.queue, s.bulks = nil, nil, nil, nil
	for _, st := range all {
		if st.rows > 0 && st.otherwise != nil {
			st.args = append(st.args, st.rows)
		}
		b.Queue(st.text, st.args...)
	}
	return all
}

// drain reads the results of what was queued.
func (s *pgSession) drain(r pgx.BatchResults, all []*pgStatement) error {
	for _, st := range all {
		_, err := r.Exec()
		var said *pgconn.PgError
		switch {
		case err == nil:
			continue
		case !errors.As(err, &said):
			return err
		case st.mixed:
			return &mixedError{err}
		case st.otherwise != nil && said.Code == divisionByZero:
			err = st.otherwise
		}
		return &ownedError{st.change, err}
	}
	return nil
}

// A mixedError belongs to one of the changes that had rows in a statement.
type mixedError struct{ err error }

func (e *mixedError) Error() string { return e.err.Error() }
func (e *mixedError) Unwrap() error { return e.err }

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
	var b pgx.Batch
	all := s.pour(&b)
	if !s.begun && len(all) == 0 {
		return nil
	}
	if s.begun {
		b.Queue(`COMMIT`)
	}
	r := s.conn.SendBatch(s.ctx, &b)
	err := s.drain(r, all)
	if err == nil && s.begun {
		_, err = r.Exec()
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	if s.conn.Conn().IsClosed() {
		s.db.lost.Add(1)
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
