package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing"
)

// about returns what the doctor says of the database.
func about(t *testing.T, c *config) string {
	t.Helper()
	d := &doctor{c: c}
	d.database(t.Context())
	var said []string
	for _, f := range d.findings {
		said = append(said, string(f.Level)+" "+f.Name+": "+f.Text+" "+f.Fix)
	}
	return strings.Join(said, "\n")
}

// The doctor looks at the schema and leaves it as it is.
func TestDoctorLeavesTheSchema(t *testing.T) {
	c := &config{DataDir: t.TempDir(), SecretKey: signing.GenerateKey()}
	path := filepath.Join(c.DataDir, databaseFile)
	sqlstoretest.At(t, path)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, s := range []struct{ name, change, want string }{
		{"as it is", `SELECT 1`, "ok database: It can be read and written."},
		{"older", `DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`, "Run memhook migrate up"},
		{"newer", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`, "Its schema is version 9999, and this program knows up to"},
	} {
		if _, err := raw.Exec(s.change); err != nil {
			t.Fatal(err)
		}
		before := versions(t, raw)
		if said := about(t, c); !strings.Contains(said, s.want) {
			t.Errorf("%s: the doctor says\n%s\nwant %s", s.name, said, s.want)
		}
		if after := versions(t, raw); after != before {
			t.Errorf("%s: versions %s became %s", s.name, before, after)
		}
	}
	var marks int
	if err := raw.QueryRow(`SELECT count(*) FROM marks`).Scan(&marks); err != nil || marks != 0 {
		t.Errorf("%d marks, error %v; looking made this key the database's", marks, err)
	}
}

func versions(t *testing.T, db *sql.DB) (list string) {
	t.Helper()
	if err := db.QueryRow(`SELECT group_concat(version_id) FROM goose_db_version`).Scan(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

// Nothing is made in a Postgres that is empty, nor beside it.
func TestDoctorLeavesAnEmptyPostgres(t *testing.T) {
	postgres := sqlstoretest.StartPostgres(t)
	dir := filepath.Join(t.TempDir(), "data")
	c := &config{DataDir: dir, DatabaseURL: postgres.URL, SecretKey: signing.GenerateKey()}
	if said := about(t, c); !strings.HasPrefix(said, "note database: It is empty") {
		t.Errorf("the doctor says %s", said)
	}
	if n := postgres.Count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`); n != 0 {
		t.Errorf("%d tables were made", n)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a data directory was made")
	}
	startProcess(t, t.TempDir(), "--database-url", postgres.URL).kill()
	if said := about(t, c); !strings.Contains(said, "another key") {
		t.Errorf("with a key that is not the database's the doctor says %s", said)
	}
}
