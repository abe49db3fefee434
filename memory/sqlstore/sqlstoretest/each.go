// Package sqlstoretest opens real databases for tests.
package sqlstoretest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/signing"
	"memhook/signing/apikey"
)

// Open returns an empty database that is closed with the test.
func Open(t testing.TB) *sqlstore.DB {
	t.Helper()
	return At(t, filepath.Join(t.TempDir(), "memhook.db"))
}

// At opens the database in a file, with the same sealing key each time.
func At(t testing.TB, path string) *sqlstore.DB {
	t.Helper()
	sealer, err := signing.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

// Project makes a project and returns its ID and an admin key.
func Project(t testing.TB, db *sqlstore.DB, name string) (id, key string) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	p := memory.Project{ID: "proj_" + uuid.NewString(), Name: name, CreatedAt: now, UpdatedAt: now}
	key = apikey.Generate()
	k := apikey.Key{
		ID: "key_" + uuid.NewString(), ProjectID: p.ID, Name: "test", Scope: apikey.Admin,
		Hash: apikey.Hash(key), Hint: apikey.Hint(key), CreatedAt: now,
	}
	if err := db.CreateProject(t.Context(), p, k); err != nil {
		t.Fatal(err)
	}
	return p.ID, key
}
