package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"memhook/memory/sqlstore"
	"memhook/signing"
)

// Files in the data directory.
const (
	databaseFile = "memhook.db"
	lockFile     = "memhook.lock"
	secretFile   = "secret.key"
	adminKeyFile = "admin.key"
	nodeFile     = "node.id"
)

var errLocked = errors.New("locked by another process")

// lockData makes this process the only server of a data directory: two of them
// would take each other's leases for those of a dead run.
func lockData(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := openLocked(filepath.Join(dir, lockFile))
	if errors.Is(err, errLocked) {
		return nil, failf(exitFailed, "another memhook server is using %s; stop it, or choose another --data-dir", dir)
	}
	return f, err
}

// openStore opens the database that the configuration names, and makes a SQLite one
// with its directory when they are not there. node is who opens it to work, changed is
// told whose deliveries change.
func openStore(ctx context.Context, c *config, node uuid.UUID, changed func(projects []string)) (*sqlstore.DB, error) {
	sc, err := storeConfig(c)
	if err != nil {
		return nil, err
	}
	sc.Changed = changed
	if sc.Node = node; node != uuid.Nil {
		sc.Wait = databaseWait
	}
	return sqlstore.Open(ctx, sc)
}

// databaseWait is how long a server waits at its start for a Postgres that starts
// at the same time.
const databaseWait = 30 * time.Second

// storeConfig says where the database is. A SQLite file is there afterwards.
func storeConfig(c *config) (sqlstore.Config, error) {
	var sc sqlstore.Config
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return sc, err
	}
	sealer, err := openSealer(c.DataDir, c.SecretKey)
	if err != nil {
		return sc, err
	}
	sc.Sealer, sc.URL = sealer, c.DatabaseURL
	if sc.URL != "" {
		return sc, nil
	}
	sc.Path = filepath.Join(c.DataDir, databaseFile)
	// SQLite gives the files beside the database its mode, and would give it 0644.
	f, err := os.OpenFile(sc.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return sc, err
	}
	return sc, f.Close()
}

// checkSealed finds out whether the sealing key is the one of the stored secrets.
func checkSealed(ctx context.Context, db *sqlstore.DB) error { return sealed(db.CheckSeal(ctx)) }

// sealed says in words that a database was sealed with another key.
func sealed(err error) error {
	if errors.Is(err, signing.ErrOtherKey) {
		return failf(exitFailed, "the secrets in this database were sealed with another key; start with that one in MEMHOOK_SECRET_KEY or %s", secretFile)
	}
	return err
}

func openSealer(dir, key string) (*signing.Sealer, error) {
	if key == "" {
		var err error
		if key, err = storedKey(dir); err != nil {
			return nil, err
		}
	}
	raw, err := signing.ParseKey(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, secretFile), err)
	}
	return signing.NewSealer(raw)
}

// storedKey reads the sealing key of a data directory. A new one is made only where
// there is no database yet: with it, secrets that another key sealed would be lost.
func storedKey(dir string) (string, error) {
	path := filepath.Join(dir, secretFile)
	key, err := readSecret(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if _, err := os.Stat(filepath.Join(dir, databaseFile)); err == nil {
		return "", failf(exitFailed, "%s is missing, so the endpoint secrets cannot be read; restore it, or give the key in MEMHOOK_SECRET_KEY", path)
	}
	key = signing.GenerateKey()
	err = writeNew(path, key+"\n")
	if errors.Is(err, fs.ErrExist) { // another process was first
		return readSecret(path)
	}
	return key, err
}

// writeNew writes a file that only the user may read, and whose content is on disk
// when it returns. fs.ErrExist when there is one already.
func writeNew(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path) // unlike a rename, it replaces nothing
}
