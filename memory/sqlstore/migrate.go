package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

func sqliteMigrations(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, dir)
}

// lockEvery and lockTries are how often, in seconds, and how many times a node asks
// for the lock while another one brings the schema up to date.
const (
	lockEvery = 1
	lockTries = 600
)

// postgresMigrations lets one node at a time bring the schema up to date.
func postgresMigrations(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEvery, lockTries))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, bytewise{dir}, goose.WithSessionLocker(locker))
}

// migrate brings the schema up to date, each step in a transaction. A schema
// newer than this program knows is refused.
func migrate(ctx context.Context, p *goose.Provider, err error) error {
	if err == nil {
		err = notNewer(ctx, p)
	}
	if err == nil {
		_, err = p.Up(ctx)
	}
	return err
}

func notNewer(ctx context.Context, p *goose.Provider) error {
	have, want, err := p.GetVersions(ctx)
	if err == nil && have > want {
		err = fmt.Errorf("its schema is version %d and this program knows up to %d: start the newer memhook", have, want)
	}
	return err
}

// A Migration is one step of the schema.
type Migration struct {
	Name      string
	AppliedAt time.Time // zero while it is not
}

// Migrations returns the steps that this program knows, without taking any.
func Migrations(ctx context.Context, c Config) ([]Migration, error) {
	p, _, done, err := c.provider(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := notNewer(ctx, p); err != nil {
		return nil, err
	}
	status, err := p.Status(ctx)
	list := make([]Migration, len(status))
	for i, s := range status {
		list[i] = Migration{strings.TrimSuffix(path.Base(s.Source.Path), ".sql"), s.AppliedAt}
	}
	return list, err
}

// Schema returns the version of the database's schema, 0 where there is none, and the
// one that this program needs. It changes nothing, not even the table of versions.
func Schema(ctx context.Context, c Config) (have, want int64, err error) {
	p, db, done, err := c.provider(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	for _, s := range p.ListSources() {
		want = max(want, s.Version)
	}
	exists := `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`
	if c.URL != "" {
		exists = `SELECT count(*) FROM (SELECT to_regclass('goose_db_version') AS at) AS t WHERE at IS NOT NULL`
	}
	var n int
	if err := db.QueryRowContext(ctx, exists).Scan(&n); err != nil || n == 0 {
		return 0, want, err
	}
	err = db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&have) // there is no way down
	return have, want, err
}

// provider opens the database without bringing it up to date. done closes it.
func (c Config) provider(ctx context.Context) (p *goose.Provider, db *sql.DB, done func(), err error) {
	if c.URL == "" {
		db, err := sqlitePool(c.Path, 1)
		if err != nil {
			return nil, nil, nil, err
		}
		p, err := sqliteMigrations(db)
		return p, db, func() { db.Close() }, err
	}
	pool, err := pgPool(ctx, c.URL, 1, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	db = stdlib.OpenDBFromPool(pool)
	p, err = postgresMigrations(db)
	return p, db, pool.Close, err
}

// bytewise are the migrations as Postgres gets them: with columns that compare and
// sort text by its bytes, as SQLite's do, whatever the database's locale.
type bytewise struct{ fs.FS }

var textColumns = regexp.MustCompile(`(?m)^(\s+\w+\s+|.*\bADD COLUMN \w+\s+)TEXT\b`)

func (b bytewise) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	raw, err := fs.ReadFile(b.FS, name)
	return rewritten{bytes.NewReader(textColumns.ReplaceAll(raw, []byte(`${1}TEXT COLLATE "C"`))), info}, err
}

type rewritten struct {
	*bytes.Reader
	info fs.FileInfo
}

func (m rewritten) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m rewritten) Close() error               { return nil }
