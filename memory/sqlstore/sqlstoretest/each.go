// Package sqlstoretest opens real databases for tests.
package sqlstoretest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/signing"
	"memhook/signing/apikey"
)

// onPostgres is what Open opens; set by Main.
var onPostgres bool

// Main runs a package's tests over each database in turn: SQLite, then Postgres. It
// is called from TestMain. Without Postgres on this machine, or with -short, the
// second round is left out; where CI is set, Postgres has to be there.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 && again() {
		fmt.Println("=== once more, over Postgres")
		onPostgres = true
		code = m.Run()
	}
	stopShared()
	os.Exit(code)
}

// again tells whether the tests are to run over Postgres, too.
func again() bool {
	for _, name := range []string{"test.bench", "test.fuzz", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	if testing.Short() {
		return false
	}
	_, err := postgresCommand("postgres")
	return err == nil || os.Getenv("CI") != "" || os.Getenv("MEMHOOK_TEST_POSTGRES_URL") != ""
}

// Each runs a test over each database, empty.
func Each(t *testing.T, test func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, OpenPostgres(t)) })
}

// Open returns an empty database that is closed with the test: a SQLite one, or a
// Postgres one in the second round of Main.
func Open(t testing.TB) *sqlstore.DB {
	t.Helper()
	if onPostgres {
		return OpenPostgres(t)
	}
	return openSQLite(t)
}

// OpenPostgres returns an empty Postgres database that is dropped with the test.
func OpenPostgres(t testing.TB) *sqlstore.DB {
	t.Helper()
	return open(t, sqlstore.Config{URL: PostgresURL(t)})
}

// Node opens a Postgres database as one of the nodes that share it.
func Node(t testing.TB, url string, id uuid.UUID) *sqlstore.DB {
	t.Helper()
	return open(t, sqlstore.Config{URL: url, Node: id})
}

func openSQLite(t testing.TB) *sqlstore.DB {
	t.Helper()
	return At(t, filepath.Join(t.TempDir(), "memhook.db"))
}

// At opens the SQLite database in a file, with the same sealing key each time.
func At(t testing.TB, path string) *sqlstore.DB {
	t.Helper()
	return open(t, sqlstore.Config{Path: path})
}

func open(t testing.TB, c sqlstore.Config) *sqlstore.DB {
	t.Helper()
	c.Sealer = Sealer()
	db, err := sqlstore.Open(t.Context(), c)
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

// Sealer is the one that all these databases are opened with.
func Sealer() *signing.Sealer {
	s, err := signing.NewSealer(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	return s
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
