package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// Backup writes what a SQLite database has at this moment to a new file, which only
// the user may read. A server may be using the database at the same time.
func Backup(ctx context.Context, path, to string) (err error) {
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(to)
		}
	}()
	if _, err := os.Stat(path); err != nil { // opening would make one
		return err
	}
	db, err := sqlitePool(path, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err = db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	return nil
}

// CheckFile finds out whether a file is a whole SQLite database that this program
// can open.
func CheckFile(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := sqlitePool(path, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if said != "ok" {
		return fmt.Errorf("%s is damaged: %s", path, said)
	}
	return known(ctx, path, db)
}

// known refuses a file with another schema.
func known(ctx context.Context, path string, db *sql.DB) error {
	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name IN ('projects', 'goose_db_version')`).Scan(&n); err != nil || n != 2 {
		return fmt.Errorf("%s is no memhook database", path)
	}
	p, err := sqliteMigrations(db)
	if err != nil {
		return err
	}
	return notNewer(ctx, p)
}
