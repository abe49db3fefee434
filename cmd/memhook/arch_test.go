package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is where each package stands. A package imports only packages on a lower
// floor. The packages of testSupport stand here too, and are imported from tests
// only.
var floors = map[string]int{
	"signing":                      0,
	"signing/apikey":               0,
	"signing/inbound":              0,
	"retry":                        0,
	"delivery/egress":              0,
	"delivery/queue":               0,
	"delivery/queue/queuetest":     1,
	"delivery":                     1,
	"delivery/feed":                2,
	"memory":                       2,
	"memory/sqlstore":              3,
	"memory/engine":                3,
	"memory/explain":               3,
	"memory/sqlstore/sqlstoretest": 4,
	"memory/mem0api":               4,
	"memory/mcp":                   4,
	"memory/inbound":               4,
	"delivery/hookapi":             4,
	"dashboard":                    4,
	"cmd/memhook":                  5,
}

var testSupport = []string{"delivery/queue/queuetest", "memory/sqlstore/sqlstoretest"}

// standardOnly import nothing but the standard library, so that their behaviour
// can be read in one place.
var standardOnly = []string{"signing", "signing/apikey", "signing/inbound", "retry", "delivery/egress"}

// reserved modules are imported by these packages only. metrics.go files may
// import the metrics client anywhere.
var reserved = map[string][]string{
	"github.com/labstack/echo/":            {"memory/mem0api", "memory/inbound", "delivery/hookapi", "dashboard", "cmd/memhook"},
	"github.com/hibiken/asynq":             {"delivery/queue", "delivery/queue/queuetest", "cmd/memhook"},
	"github.com/redis/go-redis/":           {"delivery/queue", "delivery/queue/queuetest"},
	"modernc.org/sqlite":                   {"memory/sqlstore"},
	"github.com/jackc/pgx/":                {"memory/sqlstore", "memory/sqlstore/sqlstoretest"},
	"github.com/openai/openai-go/":         {"memory/engine"},
	"github.com/pressly/goose/":            {"memory/sqlstore"},
	"github.com/prometheus/client_golang/": {"cmd/memhook"},
	"github.com/spf13/":                    {"cmd/memhook"},
	"github.com/BurntSushi/toml":           {"cmd/memhook"},
	"github.com/jedib0t/go-pretty/":        {"cmd/memhook"},
	"github.com/modelcontextprotocol/":     {}, // the client of tests
}

const module = "memhook/"

func TestFloors(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range sources(t) {
		pkg := path.Dir(file)
		seen[pkg] = true
		floor, ok := floors[pkg]
		if !ok {
			t.Errorf("%s: package %s has no floor in arch_test.go", file, pkg)
			continue
		}
		for _, imp := range imports {
			checkImport(t, file, pkg, floor, imp)
		}
	}
	if len(seen) < 10 {
		t.Errorf("found %d packages, so something is wrong with the search", len(seen))
	}
}

func checkImport(t *testing.T, file, pkg string, floor int, imp string) {
	t.Helper()
	own, inside := strings.CutPrefix(imp, module)
	switch below, known := floors[own]; {
	case !inside:
	case !known:
		t.Errorf("%s imports %s, which has no floor", file, imp)
	case below >= floor:
		t.Errorf("%s on floor %d imports %s on floor %d", file, floor, own, below)
	case slices.Contains(testSupport, own) && !slices.Contains(testSupport, pkg):
		t.Errorf("%s imports %s, which is for tests", file, own)
	}
	if slices.Contains(standardOnly, pkg) && !inside && strings.Contains(strings.Split(imp, "/")[0], ".") {
		t.Errorf("%s imports %s; %s uses the standard library only", file, imp, pkg)
	}
	for prefix, allowed := range reserved {
		if !strings.HasPrefix(imp, prefix) || slices.Contains(allowed, pkg) {
			continue
		}
		if prefix == "github.com/prometheus/client_golang/" && path.Base(file) == "metrics.go" {
			continue
		}
		t.Errorf("%s imports %s, which belongs to %v", file, imp, allowed)
	}
}

func TestOnlyCmdReadsTheEnvironment(t *testing.T) {
	for file := range sources(t) {
		if pkg := path.Dir(file); pkg == "cmd/memhook" || slices.Contains(testSupport, pkg) {
			continue
		}
		raw, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"os.Getenv(", "os.LookupEnv(", "os.Environ(", "os.Exit(", "flag.Parse("} {
			if strings.Contains(string(raw), call) {
				t.Errorf("%s calls %s...), which belongs to cmd/memhook", file, call)
			}
		}
	}
}

// sources returns the imports of each Go file of the module that is no test, by its
// path below the module's folder.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != root && (base == "testdata" || base[0] == '.' || base[0] == '_') {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imp)
		}
		files[filepath.ToSlash(rel)] = imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
