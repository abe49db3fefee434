package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"memhook/memory/sqlstore"
	"memhook/signing"
)

// Files in the data directory.
const (
	databaseFile = "memhook.db"
	lockFile     = "memhook.lock"
	secretFile   = "secret.key"
	adminKeyFile = "admin.key"
)

var errLocked = errors.New("locked by another process")

// lockData makes this process the only server of a data directory. SQLite alone
// would let two of them take each other's leases for those of a dead run.
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

// openStore opens the database of a data directory and makes both when they are
// not there. key is the sealing key's text; "" is the one in the directory.
func openStore(ctx context.Context, dir, key string) (*sqlstore.DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, databaseFile)
	sealer, err := openSealer(dir, key)
	if err != nil {
		return nil, err
	}
	// SQLite gives the files beside the database its mode, and would give it 0644.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, sqlstore.Config{Path: path, Sealer: sealer})
}

// checkSealed finds out whether the sealing key is the one of the stored secrets,
// by the first endpoint there is.
func checkSealed(ctx context.Context, db *sqlstore.DB) error {
	projects, err := db.Projects(ctx)
	if err != nil {
		return err
	}
	for _, p := range projects {
		list, err := db.Endpoints(ctx, p.ID)
		if errors.Is(err, signing.ErrOtherKey) {
			return failf(exitFailed, "the endpoint secrets of project %s were sealed with another key; start with that one in MEMHOOK_SECRET_KEY or %s", p.ID, secretFile)
		}
		if err != nil || len(list) > 0 {
			return err
		}
	}
	return nil
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
