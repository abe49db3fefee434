package sqlstore

import (
	"context"

	"github.com/google/uuid"
)

// A dialect is a kind of database, where SQLite and Postgres differ. The SQL is one
// text for both; what stands here is how it reaches them.
type dialect interface {
	// read runs a read and calls scan for each row. A text that is built for one
	// request is not worth preparing: once.
	read(ctx context.Context, text string, once bool, args []any, scan func(row scanner) error) error
	// ordered is read for a text that one index answers in its order: it goes through
	// that one, whatever the planner thinks of the others.
	ordered(ctx context.Context, text string, args []any, scan func(row scanner) error) error
	// span is the condition for the part of an index that a list reads, beginning where
	// the list does, and the columns it is ordered by.
	span(part indexPart, back bool) (list []condition, order []string)
	// first runs a prepared read of at most one row.
	first(ctx context.Context, text string, args []any) scanner
	// snapshot runs reads that all see the database as it is at one moment.
	snapshot(ctx context.Context, reads func(query) error) error

	// among is a condition that holds where the column is one of the IDs, with its
	// values, the first of which is $at.
	among(column string, at int, ids []uuid.UUID) (string, []any)
	// clock is an expression for the database's time in Unix microseconds.
	clock() string
	// size is a read of how many bytes the database takes.
	size() string
	// kind is the name of the database.
	kind() string
	// writers is how many groups of changes are committed side by side at most.
	writers() int
	// begin begins a transaction that writes, on a connection of its own.
	begin() (session, error)
	// again tells whether a change that failed for an error of the database may
	// succeed when it is run again, alone, because it met another transaction.
	again(err error) bool
	// unwritable tells whether an error says that the database takes no change now,
	// whichever it is.
	unwritable(err error) bool
	// losses counts the transactions whose outcome was lost with the connection.
	losses() int64
	// settle takes what was overwritten out of the files in which the database notes its
	// changes, as far as it can. It returns false when somebody still reads them.
	settle(ctx context.Context) (bool, error)
	close() error
}

// query runs a read and calls scan for each row.
type query func(text string, args []any, scan func(row scanner) error) error

// A session is one transaction that writes. It ends with commit or undo, which is
// also the answer to any error of one of its statements.
type session interface {
	exec(text string, args []any) (int64, error)
	query(text string, args []any, scan func(row scanner) error) error
	row(text string, args []any) scanner
	// lock holds up other transactions that lock the same key until this one ends.
	lock(key string) error
	// lockEach is lock for each key of a read of one column.
	lockEach(text string, args []any) error
	// later queues a statement that must come to pass no later than the next one with
	// a result, or the commit. Unless otherwise is nil, it is the error when the
	// statement changes no row.
	later(text string, args []any, otherwise error) error
	// put queues a bulk for one row, like later.
	put(b *bulk, args []any, otherwise error) error
	// which runs a bulk for rows and tells which of them it changed.
	which(b *bulk, rows [][]any) ([]bool, error)
	// owner is the change that the statements belong to from here on.
	owner(change int)
	commit() error
	undo() error
}

// An ownedError is an error of a queued statement: it belongs to the change that
// queued it, and may come to light while another one runs.
type ownedError struct {
	change int
	err    error
}

func (e *ownedError) Error() string { return e.err.Error() }
func (e *ownedError) Unwrap() error { return e.err }

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }
