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

	_ "modernc.org/sqlite" // the driver

	"memhook/signing"
)

// Config says where the database is. Both fields are required.
type Config struct {
	Path   string          // of the SQLite file; made with its folder if it is not there
	Sealer *signing.Sealer // for endpoint secrets
}

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	reads  *sql.DB
	writes *sql.DB
	writer *writer
	sealer *signing.Sealer

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt // prepared reads, by their text
}

// readers is the size of the read pool. Reads are short; more connections than
// this only cost memory.
const readers = 8

// Open opens the database, brings its schema up to date and starts the writer.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Path == "" || c.Sealer == nil {
		panic("sqlstore.Open: Path and Sealer are required")
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make database folder: %w", err)
	}
	writes, err := openSQLite(c.Path, 1)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writes); err != nil {
		return nil, errors.Join(fmt.Errorf("bring %s up to date: %w", c.Path, err), writes.Close())
	}
	reads, err := openSQLite(c.Path, readers)
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	db := &DB{reads: reads, writes: writes, sealer: c.Sealer, stmts: map[string]*sql.Stmt{}}
	if db.writer, err = startWriter(ctx, writes); err != nil {
		return nil, errors.Join(err, reads.Close(), writes.Close())
	}
	return db, nil
}

func openSQLite(path string, conns int) (*sql.DB, error) {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-16000)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Close waits for the writes under way and closes the file.
func (db *DB) Close() error {
	db.writer.stop()
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, s := range db.stmts {
		s.Close()
	}
	return errors.Join(db.reads.Close(), db.writes.Close())
}

// Ping tells whether the database can be read and written.
func (db *DB) Ping(ctx context.Context) error {
	return db.write(ctx, func(t *tx) error {
		var one int
		return t.row(`SELECT 1`).Scan(&one)
	})
}

// stmt returns the prepared form of a read. Texts must be few: constants, or
// built from constants with a bounded number of placeholders.
func (db *DB) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	db.mu.RLock()
	s, ok := db.stmts[text]
	db.mu.RUnlock()
	if ok {
		return s, nil
	}
	s, err := db.reads.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", text, err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if other, ok := db.stmts[text]; ok {
		s.Close()
		return other, nil
	}
	db.stmts[text] = s
	return s, nil
}

// query runs a read of a constant text and calls scan for each row.
func (db *DB) query(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	s, err := db.stmt(ctx, text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// queryOnce is query for a text that is built for one request.
func (db *DB) queryOnce(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	rows, err := db.reads.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// one runs a read of at most one row and tells whether there was one.
func (db *DB) one(ctx context.Context, text string, args []any, dest ...any) (bool, error) {
	s, err := db.stmt(ctx, text)
	if err != nil {
		return false, err
	}
	return found(s.QueryRowContext(ctx, args...).Scan(dest...))
}

func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

func each(rows *sql.Rows, scan func(row scanner) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
