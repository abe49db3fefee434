package sqlstore

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPurgeKnowsEveryTable: a table that says whose its rows are is emptied when
// the project is deleted.
func TestPurgeKnowsEveryTable(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, error %v", len(files), err)
	}
	table := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`)
	deletes := strings.Join(slices.Concat(pruneEvents, purgeRows, purgeFew), "\n") + "\n"
	tables := 0
	for _, file := range files {
		text, err := migrations.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range table.FindAllStringSubmatch(string(text), -1) {
			name := m[1]
			if !strings.Contains(m[2], "project_id ") || name == "api_keys" { // revoked keys stay, by their hashes
				continue
			}
			tables++
			if !strings.Contains(deletes, "DELETE FROM "+name+" ") {
				t.Errorf("%s: rows of %s stay when their project is deleted", file, name)
			}
		}
	}
	if tables < 10 {
		t.Errorf("%d tables found, want all", tables)
	}
}
