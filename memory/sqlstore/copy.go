package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Copied is how many rows of a table are in both databases.
type Copied struct {
	Table string
	Rows  int64
}

// leftBehind are tables that say something about one database only, or about people
// who are signed in to its server.
var leftBehind = []string{"goose_db_version", "nodes", "marks", "sessions", "login_links", "forms"}

// ofProject are the conditions of the tables that do not name their project.
var ofProject = map[string]string{
	"projects":    "id = $1",
	"attempts":    "delivery_id IN (SELECT id FROM deliveries WHERE project_id = $1)",
	"source_seen": "source_id IN (SELECT id FROM sources WHERE project_id = $1)",
}

// A copying is under way from SQLite to Postgres.
type copying struct {
	from    *sqlite
	to      pgx.Tx
	project string // "" is all
}

// Copy adds what a SQLite database has to a Postgres one, all of it or one project,
// in one transaction, and checks that as many rows are there. No server may be
// writing to the first; the second must have none of it. Both have to be opened by
// this program with the same sealer.
func Copy(ctx context.Context, from, to *DB, project string) ([]Copied, error) {
	source, ok := from.dialect.(*sqlite)
	target, ok2 := to.dialect.(*postgres)
	if !ok || !ok2 {
		return nil, fmt.Errorf("can copy from SQLite to Postgres only")
	}
	var done []Copied
	err := pgx.BeginFunc(ctx, target.writes, func(t pgx.Tx) (err error) {
		done, err = copying{source, t, project}.run(ctx)
		return err
	})
	return done, err
}

func (c copying) run(ctx context.Context) ([]Copied, error) {
	tables, err := c.tables(ctx)
	if err != nil {
		return nil, err
	}
	var done []Copied
	for _, table := range tables {
		n, err := c.table(ctx, table)
		if err != nil {
			return nil, fmt.Errorf("copy %s: %w", table, err)
		}
		done = append(done, Copied{table, n})
	}
	for _, d := range done {
		if err := c.verify(ctx, d); err != nil {
			return nil, fmt.Errorf("copy %s: %w", d.Table, err)
		}
	}
	return done, nil
}

// tables are those to copy, those that others refer to first.
func (c copying) tables(ctx context.Context) ([]string, error) {
	var list []string
	err := c.from.read(ctx, `SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!'
		ORDER BY EXISTS (SELECT 1 FROM pragma_foreign_key_list(m.name)), m.name`, true, nil, collect(&list))
	return slices.DeleteFunc(list, func(name string) bool { return slices.Contains(leftBehind, name) }), err
}

// selection is the condition of the rows to copy.
func (c copying) selection(ctx context.Context, table string) (where string, args []any, err error) {
	if c.project == "" {
		return "TRUE", nil, nil
	}
	where, ok := ofProject[table]
	if ok {
		return where, []any{c.project}, nil
	}
	var n int
	if err := c.from.first(ctx, `SELECT count(*) FROM pragma_table_info($1) WHERE name = 'project_id'`, []any{table}).Scan(&n); err != nil {
		return "", nil, err
	}
	if n == 0 {
		return "", nil, fmt.Errorf("it is not known which rows belong to a project")
	}
	return "project_id = $1", []any{c.project}, nil
}

func (c copying) table(ctx context.Context, table string) (int64, error) {
	where, args, err := c.selection(ctx, table)
	if err != nil {
		return 0, err
	}
	rows, err := c.from.reads.QueryContext(ctx, `SELECT * FROM `+table+` WHERE `+where, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name()
	}
	return c.to.CopyFrom(ctx, pgx.Identifier{table}, names, &rowSource{rows, columns, make([]any, len(columns))})
}

// verify counts on both sides.
func (c copying) verify(ctx context.Context, d Copied) error {
	where, args, err := c.selection(ctx, d.Table)
	if err != nil {
		return err
	}
	text := `SELECT count(*) FROM ` + d.Table + ` WHERE ` + where
	var here, there int64
	if err := c.from.first(ctx, text, args).Scan(&here); err != nil {
		return err
	}
	if err := c.to.QueryRow(ctx, text, args...).Scan(&there); err != nil {
		return err
	}
	if here != d.Rows || there != d.Rows {
		return fmt.Errorf("%d rows were copied of %d, and %d are there", d.Rows, here, there)
	}
	return nil
}

// rowSource hands SQLite's rows to Postgres.
type rowSource struct {
	rows    *sql.Rows
	columns []*sql.ColumnType
	values  []any
}

func (s *rowSource) Next() bool { return s.rows.Next() }

func (s *rowSource) Values() ([]any, error) {
	to := make([]any, len(s.values))
	for i := range s.values {
		to[i] = &s.values[i]
	}
	if err := s.rows.Scan(to...); err != nil {
		return nil, err
	}
	for i, v := range s.values {
		switch v := v.(type) {
		case string:
			if strings.ContainsRune(v, 0) {
				return nil, fmt.Errorf("a text has a NUL character, which Postgres does not take")
			}
		case int64: // SQLite has no other truth
			if s.columns[i].DatabaseTypeName() == "BOOLEAN" {
				s.values[i] = v != 0
			}
		}
	}
	return s.values, nil
}

func (s *rowSource) Err() error { return s.rows.Err() }
