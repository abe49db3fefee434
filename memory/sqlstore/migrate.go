package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

func migrateSQLite(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrate(ctx, goose.DialectSQLite3, db, dir)
}

// lockEvery and lockTries are how often, in seconds, and how many times a node asks
// for the lock while another one brings the schema up to date.
const (
	lockEvery = 1
	lockTries = 600
)

// migratePostgres lets one node at a time bring the schema up to date.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEvery, lockTries))
	if err != nil {
		return err
	}
	return migrate(ctx, goose.DialectPostgres, db, bytewise{dir}, goose.WithSessionLocker(locker))
}

// migrate brings the schema up to date, each step in a transaction. A schema
// newer than this program knows is refused.
func migrate(ctx context.Context, d goose.Dialect, db *sql.DB, dir fs.FS, options ...goose.ProviderOption) error {
	p, err := goose.NewProvider(d, db, dir, options...)
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("its schema is version %d and this program knows up to %d: start the newer memhook", have, want)
	}
	_, err = p.Up(ctx)
	return err
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
	return migration{bytes.NewReader(textColumns.ReplaceAll(raw, []byte(`${1}TEXT COLLATE "C"`))), info}, err
}

type migration struct {
	*bytes.Reader
	info fs.FileInfo
}

func (m migration) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m migration) Close() error               { return nil }
