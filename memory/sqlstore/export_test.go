package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"memhook/memory"
)

// ErrFault is the error of a step that was made to fail.
var ErrFault = errors.New("fault")

// FailAt makes the n-th step of the transactions from now on fail, 0 none. A step
// is a statement, a lock or a commit.
func (db *DB) FailAt(n int) {
	real := db.dialect
	if n == 0 {
		db.writer.dialect = real
		return
	}
	db.writer.dialect = &faulty{real, n}
}

// faulty fails at a step.
type faulty struct {
	dialect
	left int
}

func (f *faulty) step() error {
	if f.left--; f.left == 0 {
		return ErrFault
	}
	return nil
}

func (f *faulty) begin() (session, error) {
	s, err := f.dialect.begin()
	return &faultySession{s, f}, err
}

type faultySession struct {
	session
	f *faulty
}

func (s *faultySession) exec(text string, args []any) (int64, error) {
	if err := s.f.step(); err != nil {
		return 0, err
	}
	return s.session.exec(text, args)
}

func (s *faultySession) query(text string, args []any, scan func(row scanner) error) error {
	if err := s.f.step(); err != nil {
		return err
	}
	return s.session.query(text, args, scan)
}

func (s *faultySession) row(text string, args []any) scanner {
	if err := s.f.step(); err != nil {
		return failedRow{err}
	}
	return s.session.row(text, args)
}

func (s *faultySession) lock(key string) error {
	return errors.Join(s.f.step(), s.session.lock(key))
}

func (s *faultySession) lockEach(text string, args []any) error {
	return errors.Join(s.f.step(), s.session.lockEach(text, args))
}

func (s *faultySession) later(text string, args []any, otherwise error) error {
	if err := s.f.step(); err != nil {
		return err
	}
	return s.session.later(text, args, otherwise)
}

func (s *faultySession) put(b *bulk, args []any, otherwise error) error {
	if err := s.f.step(); err != nil {
		return err
	}
	return s.session.put(b, args, otherwise)
}

func (s *faultySession) which(b *bulk, rows [][]any) ([]bool, error) {
	if err := s.f.step(); err != nil {
		return nil, err
	}
	return s.session.which(b, rows)
}

func (s *faultySession) commit() error {
	if err := s.f.step(); err != nil {
		return errors.Join(err, s.session.undo())
	}
	return s.session.commit()
}

// Grow says how many pages a SQLite database may have. It is never less than it has.
func (db *DB) Grow(ctx context.Context, pages int) error {
	return db.hand(ctx, func(*tx) error {
		return db.dialect.(*sqlite).conn.do(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	})
}

// dumped is what Dump shows of each table.
var dumped = []string{
	`SELECT CAST(count(*) AS TEXT) FROM projects`, `SELECT CAST(count(*) AS TEXT) FROM api_keys`,
	`SELECT CAST(count(*) AS TEXT) FROM changes`, `SELECT CAST(count(*) AS TEXT) FROM messages`,
	`SELECT CAST(count(*) AS TEXT) FROM attempts`, `SELECT CAST(count(*) AS TEXT) FROM nodes`,
	`SELECT status || ' ' || tries || ' ' || COALESCE(CAST(next_at AS TEXT), '') FROM events ORDER BY id`,
	`SELECT status || ' ' || attempts || ' ' || COALESCE(CAST(next_at AS TEXT), '') FROM deliveries ORDER BY id`,
	`SELECT text || ' ' || revision FROM memories ORDER BY id`,
	`SELECT part || ' ' || COALESCE(place, '') || ' ' || owner || ' ' || counts FROM erasures ORDER BY id`,
	`SELECT name || ' ' || failures || ' ' || COALESCE(CAST(last_success_at AS TEXT), '') FROM endpoints ORDER BY id`,
}

// Dump shows what the database has, enough to see that something was written.
func (db *DB) Dump(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, text := range dumped {
		err := db.query(ctx, text, nil, func(row scanner) error {
			var s string
			err := row.Scan(&s)
			fmt.Fprintln(&b, s)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("%s: %w", text, err)
		}
	}
	return b.String(), nil
}

// Settle does what Postgres' autovacuum does in time: it counts rows and marks pages.
func (db *DB) Settle(ctx context.Context) error {
	_, err := db.dialect.(*postgres).reads.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// A Statement is a read with its values.
type Statement struct {
	Text    string
	Args    []any
	ordered bool
}

// Watch returns the reads that f makes.
func (db *DB) Watch(f func() error) ([]Statement, error) {
	real := db.dialect
	seen := &watched{dialect: real}
	db.dialect = seen
	defer func() { db.dialect = real }()
	err := f()
	return seen.list, err
}

type watched struct {
	dialect
	list []Statement
}

func (w *watched) read(ctx context.Context, text string, once bool, args []any, scan func(row scanner) error) error {
	w.list = append(w.list, Statement{text, args, false})
	return w.dialect.read(ctx, text, once, args, scan)
}

func (w *watched) ordered(ctx context.Context, text string, args []any, scan func(row scanner) error) error {
	w.list = append(w.list, Statement{text, args, true})
	return w.dialect.ordered(ctx, text, args, scan)
}

func (w *watched) first(ctx context.Context, text string, args []any) scanner {
	w.list = append(w.list, Statement{text, args, false})
	return w.dialect.first(ctx, text, args)
}

// Plan returns the lines of a read's plan on SQLite, those of a part of it indented.
func (db *DB) Plan(ctx context.Context, s Statement) ([]string, error) {
	var lines []string
	indent := map[int]string{}
	err := db.queryOnce(ctx, "EXPLAIN QUERY PLAN "+s.Text, s.Args, func(row scanner) error {
		var id, parent, unused int
		var detail string
		err := row.Scan(&id, &parent, &unused, &detail)
		lines = append(lines, indent[parent]+detail)
		indent[id] = indent[parent] + "  "
		return err
	})
	return lines, err
}

// Run runs a read on Postgres and returns what its plan did, as JSON.
func (db *DB) Run(ctx context.Context, s Statement) ([]byte, error) {
	var plan []byte
	run := db.queryOnce
	if s.ordered {
		run = db.ordered
	}
	err := run(ctx, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+s.Text, s.Args, func(row scanner) error { return row.Scan(&plan) })
	return plan, err
}

// Grep returns the columns in which a text stands in some row, as table.column.
func (db *DB) Grep(ctx context.Context, needle string) ([]string, error) {
	columns := `SELECT m.name, p.name, p.type FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY 1, 2`
	here := `instr(CAST(%s AS BLOB), $1) > 0`
	postgres := db.dialect.kind() != "SQLite"
	if postgres {
		columns = `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2`
		here = `position($1::bytea in %s) > 0`
	}
	type column struct{ table, name, kind string }
	var list []column
	err := db.queryOnce(ctx, columns, nil, func(row scanner) error {
		var c column
		err := row.Scan(&c.table, &c.name, &c.kind)
		list = append(list, c)
		return err
	})
	var where []string
	for _, c := range list {
		kind := strings.ToUpper(c.kind)
		if kind != "TEXT" && kind != "BYTEA" {
			continue
		}
		value := c.name
		if postgres && kind == "TEXT" {
			value = "convert_to(" + value + ", 'UTF8')"
		}
		var n int
		if err == nil {
			err = db.queryOnce(ctx, `SELECT count(*) FROM `+c.table+` WHERE `+fmt.Sprintf(here, value), []any{[]byte(needle)}, func(row scanner) error { return row.Scan(&n) })
		}
		if n > 0 {
			where = append(where, c.table+"."+c.name)
		}
	}
	return where, err
}

// Exec runs a statement in a transaction of its own.
func (db *DB) Exec(ctx context.Context, text string, args ...any) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(text, args...)
		return err
	})
}

// FreshPlan is Postgres' plan of adding a memory unless its scope has the text.
func (db *DB) FreshPlan(ctx context.Context) (string, error) {
	var args []any
	for _, v := range memoryArgs(memory.Memory{ID: uuid.New(), State: memory.Active}) {
		args = append(args, column{v})
	}
	var lines []string
	err := db.write(ctx, func(t *tx) error {
		return t.query("EXPLAIN "+insertFreshMemory.many, args, func(row scanner) error {
			var line string
			err := row.Scan(&line)
			lines = append(lines, line)
			return err
		})
	})
	return strings.Join(lines, "\n"), err
}
