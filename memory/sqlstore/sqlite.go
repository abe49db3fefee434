package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// sqlite is a SQLite file: one connection that writes, and a pool that reads.
type sqlite struct {
	reads  *sql.DB
	writes *sql.DB
	conn   *sqliteConn

	mu    sync.RWMutex
	stmts map[string]positional // prepared reads, by their text
}

func openSQLite(ctx context.Context, path string) (*sqlite, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make database folder: %w", err)
	}
	writes, err := sqlitePool(path, 1)
	if err != nil {
		return nil, err
	}
	p, err := sqliteMigrations(writes)
	if err := migrate(ctx, p, err); err != nil {
		return nil, errors.Join(fmt.Errorf("bring %s up to date: %w", path, err), writes.Close())
	}
	reads, err := sqlitePool(path, readers)
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	conn, err := writes.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the writing connection: %w", err), reads.Close(), writes.Close())
	}
	return &sqlite{
		reads: reads, writes: writes, stmts: map[string]positional{},
		conn: &sqliteConn{conn: conn, stmts: map[string]positional{}},
	}, nil
}

func sqlitePool(path string, conns int) (*sql.DB, error) {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-16000)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)", "secure_delete(ON)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func (s *sqlite) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stmts {
		st.Close()
	}
	s.conn.close()
	return errors.Join(s.reads.Close(), s.writes.Close())
}

// prepared returns the prepared form of a read.
func (s *sqlite) prepared(ctx context.Context, text string) (positional, error) {
	s.mu.RLock()
	st, ok := s.stmts[text]
	s.mu.RUnlock()
	if ok {
		return st, nil
	}
	plain, order := unnumbered(text)
	stmt, err := s.reads.PrepareContext(ctx, plain)
	if err != nil {
		return st, fmt.Errorf("prepare %q: %w", text, err)
	}
	st = positional{stmt, order}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.stmts[text]; ok {
		st.Close()
		return other, nil
	}
	s.stmts[text] = st
	return st, nil
}

func (s *sqlite) read(ctx context.Context, text string, once bool, args []any, scan func(row scanner) error) error {
	if once {
		return each(s.reads.QueryContext(ctx, text, args...))(scan)
	}
	st, err := s.prepared(ctx, text)
	if err != nil {
		return err
	}
	return each(st.QueryContext(ctx, st.arrange(args)...))(scan)
}

func (s *sqlite) ordered(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	return s.read(ctx, text, true, args, scan)
}

func (s *sqlite) first(ctx context.Context, text string, args []any) scanner {
	st, err := s.prepared(ctx, text)
	if err != nil {
		return failedRow{err}
	}
	return st.QueryRowContext(ctx, st.arrange(args)...)
}

func (s *sqlite) snapshot(ctx context.Context, reads func(query) error) error {
	t, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.Rollback()
	return reads(func(text string, args []any, scan func(row scanner) error) error {
		return each(t.QueryContext(ctx, text, args...))(scan)
	})
}

func (s *sqlite) kind() string { return "SQLite" }

func (s *sqlite) span(part indexPart, _ bool) (list []condition, order []string) {
	columns, marks := several(part.order)
	return append(equal(part.keys),
		condition{columns + ` >= ` + marks, part.from}, condition{columns + ` <= ` + marks, part.to}), part.order
}

func (s *sqlite) among(column string, at int, ids []uuid.UUID) (string, []any) {
	return column + ` IN (` + placeholders(at, len(ids)) + `)`, blobs(ids)
}

// settle brings the write-ahead log into the database file and empties it.
func (s *sqlite) settle(ctx context.Context) (bool, error) {
	var busy, frames, moved int
	err := s.reads.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	return err == nil && busy == 0, err
}

func (s *sqlite) clock() string { return `CAST(unixepoch('subsec') * 1000000 AS BIGINT)` }

func (s *sqlite) size() string {
	return `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
}

// writers is 1: SQLite has one writer, whatever the number of connections.
func (s *sqlite) writers() int { return 1 }

func (s *sqlite) losses() int64 { return 0 }

// again never holds: nobody else writes.
func (s *sqlite) again(error) bool { return false }

// unwritable holds for a disk that is full, read-only or broken.
func (s *sqlite) unwritable(err error) bool {
	var said *driver.Error
	if !errors.As(err, &said) {
		return false
	}
	switch said.Code() & 0xff { // the rest says more about the same
	case codes.SQLITE_FULL, codes.SQLITE_READONLY, codes.SQLITE_IOERR, codes.SQLITE_CANTOPEN:
		return true
	}
	return false
}

func (s *sqlite) begin() (session, error) { return s.conn, s.conn.do("BEGIN IMMEDIATE") }

// sqliteConn is the writing connection. Statements are prepared once per text and
// run at once: nothing is gained by queueing them.
type sqliteConn struct {
	conn  *sql.Conn
	stmts map[string]positional
}

// The context of a change is never a caller's: one caller that leaves must not
// stop the group.
var background = context.Background()

func (c *sqliteConn) do(text string) error {
	_, err := c.conn.ExecContext(background, text)
	return err
}

func (c *sqliteConn) stmt(text string) (positional, error) {
	if s, ok := c.stmts[text]; ok {
		return s, nil
	}
	plain, order := unnumbered(text)
	stmt, err := c.conn.PrepareContext(background, plain)
	if err != nil {
		return positional{}, fmt.Errorf("prepare %q: %w", text, err)
	}
	s := positional{stmt, order}
	c.stmts[text] = s
	return s, nil
}

func (c *sqliteConn) exec(text string, args []any) (int64, error) {
	s, err := c.stmt(text)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(background, s.arrange(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (c *sqliteConn) later(text string, args []any, otherwise error) error {
	n, err := c.exec(text, args)
	if err == nil && n == 0 {
		return otherwise
	}
	return err
}

func (c *sqliteConn) put(b *bulk, args []any, otherwise error) error {
	return c.later(b.one, args, otherwise)
}

func (c *sqliteConn) which(b *bulk, rows [][]any) ([]bool, error) {
	changed := make([]bool, len(rows))
	for i, args := range rows {
		n, err := c.exec(b.one, args)
		if err != nil {
			return nil, err
		}
		changed[i] = n > 0
	}
	return changed, nil
}

func (c *sqliteConn) query(text string, args []any, scan func(row scanner) error) error {
	s, err := c.stmt(text)
	if err != nil {
		return err
	}
	return each(s.QueryContext(background, s.arrange(args)...))(scan)
}

func (c *sqliteConn) row(text string, args []any) scanner {
	s, err := c.stmt(text)
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(background, s.arrange(args)...)
}

// The locks do nothing: there is one writer.
func (c *sqliteConn) lock(string) error            { return nil }
func (c *sqliteConn) lockEach(string, []any) error { return nil }

func (c *sqliteConn) owner(int)   {}
func (c *sqliteConn) undo() error { return c.do("ROLLBACK") }

func (c *sqliteConn) commit() error {
	if err := c.do("COMMIT"); err != nil {
		return errors.Join(err, c.undo())
	}
	return nil
}

func (c *sqliteConn) close() {
	for _, s := range c.stmts {
		s.Close()
	}
	c.conn.Close()
}

// each calls scan for each row of a query.
func each(rows *sql.Rows, err error) func(scan func(row scanner) error) error {
	return func(scan func(row scanner) error) error {
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}
