package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// pgWriters is how many groups of changes a node commits side by side at most.
	// Usually it is one: with three all the time the same work took a node and
	// Postgres half as much CPU time again, because the groups were smaller.
	pgWriters = 3
	// listers is the size of the pool for lists: a page takes milliseconds.
	listers = 4
	// groupTimeout is how long a group may take. Only a database that hangs takes
	// longer than a fraction of it.
	groupTimeout = 30 * time.Second
	// askAgain is how often a database is asked that does not answer.
	askAgain = 500 * time.Millisecond
)

// postgres is a Postgres database: a pool that writes and two that read, so that
// neither waits for the other.
type postgres struct {
	reads  *pgxpool.Pool
	lists  *pgxpool.Pool // reads, too: the IDs of lists
	writes *pgxpool.Pool
	lost   atomic.Int64
}

func openPostgres(ctx context.Context, url string, wait time.Duration) (*postgres, error) {
	writes, err := pgPool(ctx, url, pgWriters, byIndex)
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, writes, wait); err != nil {
		writes.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	db := stdlib.OpenDBFromPool(writes)
	p, err := postgresMigrations(db)
	err = migrate(ctx, p, err)
	if err = errors.Join(err, db.Close()); err != nil {
		writes.Close()
		return nil, fmt.Errorf("bring the database up to date: %w", err)
	}
	reads, err := pgPool(ctx, url, readers, nil)
	if err != nil {
		writes.Close()
		return nil, err
	}
	lists, err := pgPool(ctx, url, listers, inOrder)
	if err != nil {
		reads.Close()
		writes.Close()
		return nil, err
	}
	return &postgres{reads: reads, lists: lists, writes: writes}, nil
}

// answers waits until the database answers.
func answers(ctx context.Context, pool *pgxpool.Pool, wait time.Duration) error {
	end := time.Now().Add(wait)
	for {
		err := pool.Ping(ctx)
		if err == nil || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(askAgain):
		}
	}
}

// durable makes a commit wait for the disk where the server's default does not.
const durable = `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

// byIndex keeps the plans of the writing connections the same however large the
// tables are: they look rows up by index. A plan made while a table was empty would
// read all of it, and be kept.
var byIndex = map[string]string{
	"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "plan_cache_mode": "force_generic_plan",
}

// inOrder makes Postgres take the IDs of a list from the index that has their order,
// and stop where the limit does: everything else reads all that counts first.
var inOrder = map[string]string{
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off",
}

func pgPool(ctx context.Context, url string, conns int32, settings map[string]string) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read") // the cause may repeat the password
	}
	c.MaxConns = conns
	maps.Copy(c.ConnConfig.RuntimeParams, settings)
	c.ConnConfig.RuntimeParams["application_name"] = "memhook"
	c.ConnConfig.RuntimeParams["jit"] = "off" // it takes longer than these statements
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}})
		_, err := conn.Exec(ctx, durable)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

func (p *postgres) close() error {
	p.reads.Close()
	p.lists.Close()
	p.writes.Close()
	return nil
}

func (p *postgres) read(ctx context.Context, text string, once bool, args []any, scan func(row scanner) error) error {
	args = storable(args)
	if once {
		args = append([]any{pgx.QueryExecModeDescribeExec}, args...)
	}
	return pgEach(p.reads.Query(ctx, text, args...))(scan)
}

func (p *postgres) ordered(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	args = append([]any{pgx.QueryExecModeDescribeExec}, storable(args)...)
	return pgEach(p.lists.Query(ctx, text, args...))(scan)
}

func (p *postgres) first(ctx context.Context, text string, args []any) scanner {
	return p.reads.QueryRow(ctx, text, storable(args)...)
}

func (p *postgres) snapshot(ctx context.Context, reads func(query) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, p.reads, options, func(t pgx.Tx) error {
		return reads(func(text string, args []any, scan func(row scanner) error) error {
			return pgEach(t.Query(ctx, text, storable(args)...))(scan)
		})
	})
}

func (p *postgres) kind() string { return "Postgres" }

// span leaves the planner no choice but the index. Were all of its columns compared
// with =, the order would be that of the ID alone, and the primary key would do: it
// would be followed until enough rows are found, as if those that count were spread
// over the table, and all of it read where they are not. So the last key is compared
// together with what follows it, and all are ordered by. To end at an ID, too, would
// only make it read on without result.
func (p *postgres) span(part indexPart, back bool) (list []condition, order []string) {
	than, stop, first := `<=`, `>=`, part.to
	if back {
		than, stop, first = stop, than, part.from
	}
	at := len(part.keys) - 1
	k := part.keys[at]
	order = append([]string{k.column}, part.order...)
	columns, marks := several(order)
	return append(equal(part.keys[:at]),
		condition{columns + ` ` + than + ` ` + marks, append([]any{k.value}, first...)},
		condition{k.column + ` ` + stop + ` %s`, []any{k.value}}), order
}

func (p *postgres) among(name string, at int, ids []uuid.UUID) (string, []any) {
	return name + ` = ANY($` + strconv.Itoa(at) + `::uuid[])`, []any{column(blobs(ids))}
}

// settle leaves it to Postgres: vacuum and the recycling of its log are its own.
func (p *postgres) settle(context.Context) (bool, error) { return true, nil }

func (p *postgres) clock() string {
	return `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`
}

func (p *postgres) size() string { return `SELECT pg_database_size(current_database())` }

func (p *postgres) losses() int64 { return p.lost.Load() }

func (p *postgres) writers() int { return pgWriters }

// again holds for what another transaction caused, also the one that was the first
// to insert a row, for a connection that was lost before the commit, and when it is
// not known which change of a group failed.
func (p *postgres) again(err error) bool {
	var lost *lostError
	var mixed *mixedError
	var said *pgconn.PgError
	switch {
	case errors.As(err, &lost), errors.As(err, &mixed):
		return true
	case !errors.As(err, &said):
		return false
	}
	switch said.Code {
	case "40001", "40P01", "55P03", "23505": // serialization, deadlock, lock not available, unique
		return true
	}
	return false
}

// unwritable holds for a server that lacks disk, memory or connections, is read-only or
// is out of reach.
func (p *postgres) unwritable(err error) bool {
	var lost *lostError
	var away *pgconn.ConnectError
	var said *pgconn.PgError
	switch {
	case errors.As(err, &lost), errors.As(err, &away):
		return true
	case !errors.As(err, &said):
		return false
	}
	return strings.HasPrefix(said.Code, "53") || strings.HasPrefix(said.Code, "57P") || said.Code == "25006"
}

// A lostError is a connection that was lost while nothing can have been committed.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func (p *postgres) begin() (session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	conn, err := p.writes.Acquire(ctx)
	if err != nil {
		cancel()
		p.lost.Add(1)
		return nil, err
	}
	return &pgSession{db: p, ctx: ctx, cancel: cancel, conn: conn}, nil
}

// storable makes texts such as Postgres takes: NUL and what is no UTF-8 become U+FFFD.
// What callers hand in is refused before; this is for what receivers and models say,
// which has to go on record whatever it is.
func storable(args []any) []any {
	for i, v := range args {
		if s, ok := v.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			args = slices.Clone(args)
			args[i] = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
		}
	}
	return args
}

// pgEach calls scan for each row of a query.
func pgEach(rows pgx.Rows, err error) func(scan func(row scanner) error) error {
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
