package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"memhook/signing"
)

// Config says where the database is. The sealer and one of the others are required.
type Config struct {
	Path   string          // of the SQLite file; made with its folder if it is not there
	URL    string          // of a Postgres database, postgres://…; Path is not used then
	Sealer *signing.Sealer // for endpoint secrets
	// Wait is how long to wait for a Postgres that does not answer; zero: not at all.
	Wait time.Duration
	// Node is who takes the work when several servers share the database; nil: there
	// is one server.
	Node uuid.UUID
	// Changed is called with the projects whose deliveries a commit has changed. It
	// must not wait for anything; nil: nobody wants to know.
	Changed func(projects []string)
}

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	dialect dialect
	writer  *writer
	sealer  *signing.Sealer
	node    uuid.UUID
	refused atomic.Bool // a change met an unwritable database, and none has been written since by Ping
}

// readers is the size of the read pool. Reads are short; more connections than
// this only cost memory.
const readers = 8

// Open opens the database, brings its schema up to date and starts the writer.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Path == "" && c.URL == "" || c.Sealer == nil {
		panic("sqlstore.Open: Sealer and either Path or URL are required")
	}
	d, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	return &DB{dialect: d, writer: startWriter(d, c.Node, c.Changed), sealer: c.Sealer, node: c.Node}, nil
}

func open(ctx context.Context, c Config) (dialect, error) {
	if c.URL != "" {
		return openPostgres(ctx, c.URL, c.Wait)
	}
	return openSQLite(ctx, c.Path)
}

// Close waits for the writes under way and closes the database.
func (db *DB) Close() error {
	db.writer.stop()
	return db.dialect.close()
}

const (
	probeKey  = " probe"  // no caller's: theirs have no spaces
	probeSize = 256 << 10 // bytes there have to be room for: about one add
)

// Ping tells whether the database can be read and written.
// When a change was refused, it writes a row and removes it, to know.
// delivery.ErrUnwritable.
func (db *DB) Ping(ctx context.Context) error {
	refused := db.refused.Load()
	err := db.write(ctx, func(t *tx) error {
		if refused {
			if err := t.later(`INSERT INTO idempotency (project_id, key, request, claimed_at) SELECT id, $1, $2, 0 FROM projects LIMIT 1`, probeKey, make([]byte, probeSize)); err != nil {
				return err
			}
			return t.later(`DELETE FROM idempotency WHERE key = $1`, probeKey)
		}
		var one int
		return t.row(`SELECT 1`).Scan(&one)
	})
	if err == nil && refused {
		db.refused.Store(false)
	}
	return err
}

// statement is a prepared read.
type statement struct {
	db   *DB
	text string
}

// stmt returns the prepared form of a read. Texts must be few: constants, or
// built from constants with a bounded number of placeholders.
func (db *DB) stmt(_ context.Context, text string) (statement, error) {
	return statement{db, text}, nil
}

func (s statement) QueryRowContext(ctx context.Context, args ...any) scanner {
	return s.db.row(ctx, s.text, args...)
}

// row runs a read of a constant text of which at most one row counts.
func (db *DB) row(ctx context.Context, text string, args ...any) scanner {
	return db.dialect.first(ctx, text, args)
}

// query runs a read of a constant text and calls scan for each row.
func (db *DB) query(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	return db.dialect.read(ctx, text, false, args, scan)
}

// queryOnce is query for a text that is built for one request.
func (db *DB) queryOnce(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	return db.dialect.read(ctx, text, true, args, scan)
}

// ordered is queryOnce for what one index answers in its order.
func (db *DB) ordered(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	return db.dialect.ordered(ctx, text, args, scan)
}

// one runs a read of at most one row and tells whether there was one.
func (db *DB) one(ctx context.Context, text string, args []any, dest ...any) (bool, error) {
	return found(db.row(ctx, text, args...).Scan(dest...))
}

// snapshot runs reads that all see the database as it is at one moment.
func (db *DB) snapshot(ctx context.Context, reads func(query) error) error {
	return db.dialect.snapshot(ctx, reads)
}

func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
