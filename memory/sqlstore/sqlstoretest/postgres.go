package sqlstoretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"memhook/memory/sqlstore"
)

// Postgres is a private server, on a folder of its own.
type Postgres struct {
	URL string // of a database that is there from the start

	dir     string
	port    string
	args    []string
	cmd     *exec.Cmd
	running io.WriteCloser // the server ends when it is closed
}

// errNoPostgres says that there is no server on this machine.
var errNoPostgres = errors.New("PostgreSQL is not installed")

// StartPostgres starts a server for one test. Without one on this machine the test
// is skipped, or fails where CI is set. args are of the command postgres.
func StartPostgres(t testing.TB, args ...string) *Postgres {
	t.Helper()
	p, err := startPostgres(args...)
	skipWithout(t, err)
	t.Cleanup(p.Remove)
	return p
}

// skipWithout ends a test that has no server.
func skipWithout(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errNoPostgres) && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

func startPostgres(args ...string) (*Postgres, error) {
	initdb, err := postgresCommand("initdb")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "memhook-postgres-")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	p := &Postgres{URL: "postgres://memhook@127.0.0.1:" + port + "/postgres", dir: dir, port: port, args: args}
	as, err := runAs(dir)
	if err != nil {
		return nil, err
	}
	// The locale sorts like a dictionary: what has to sort by bytes must say so.
	init := append(as, initdb, "--pgdata", p.data(), "--username=memhook", "--auth=trust", "--encoding=UTF8", "--no-sync",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	if out, err := exec.Command(init[0], init[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return p, p.Start()
}

// postgresCommand finds a program of PostgreSQL: Debian keeps them out of PATH.
func postgresCommand(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return "", errNoPostgres
	}
	return found[len(found)-1], nil
}

// runAs is the beginning of a command that may not run as root, and gives the
// folder to who it runs as.
func runAs(dir string) ([]string, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return []string{"setpriv", "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups"}, os.Chown(dir, uid, gid)
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Start starts the server and waits until it answers.
func (p *Postgres) Start() error {
	postgres, err := postgresCommand("postgres")
	if err != nil {
		return err
	}
	as, err := runAs(p.dir)
	if err != nil {
		return err
	}
	server := append(as, postgres, "-D", p.data(), "-p", p.port, "-h", "127.0.0.1", "-k", "", "-c", "max_connections=200", "-c", "logging_collector=off")
	server = append(server, p.args...)
	// The shell stays behind to end the server with this process, however it ends.
	p.cmd = exec.Command("sh", append([]string{"-c", `"$@" <&- & read -r line; kill -QUIT $!; wait $!`, "sh"}, server...)...)
	p.cmd.Dir = p.dir
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if p.running, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	return p.await()
}

func (p *Postgres) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			said, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			p.Kill()
			return fmt.Errorf("postgres does not answer: %w: %s", err, said)
		}
	}
}

// Kill ends the server at once, as a crash does.
func (p *Postgres) Kill() {
	if p.cmd == nil {
		return
	}
	p.running.Close()
	_ = p.cmd.Wait() // it was killed; there is nothing to learn
	p.cmd = nil
}

// Remove ends the server and removes its folder.
func (p *Postgres) Remove() {
	p.Kill()
	os.RemoveAll(p.dir)
}

// PID is of the server's first process, the parent of the others.
func (p *Postgres) PID() (int, error) {
	raw, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strconv.Atoi(line)
}

// shared is the server of this test binary.
var shared struct {
	sync.Mutex
	started bool
	err     error
	server  *Postgres // nil when the environment names one
	url     string
	emptied string // the name of a database with nothing but the schema
}

// sharedPostgres starts the server at the first call, and makes the template.
func sharedPostgres() error {
	if shared.started {
		return shared.err
	}
	shared.started = true
	shared.err = func() error {
		shared.url = os.Getenv("MEMHOOK_TEST_POSTGRES_URL")
		if shared.url == "" {
			var err error
			// Nothing has to survive the machine here.
			if shared.server, err = startPostgres("-c", "fsync=off", "-c", "full_page_writes=off"); err != nil {
				return err
			}
			shared.url = shared.server.URL
		}
		name, err := createDatabase("")
		if err != nil {
			return err
		}
		shared.emptied = name
		db, err := sqlstore.Open(context.Background(), sqlstore.Config{URL: databaseURL(name), Sealer: Sealer()})
		if err != nil {
			return err
		}
		return db.Close()
	}()
	return shared.err
}

// stopShared ends what sharedPostgres began.
func stopShared() {
	shared.Lock()
	defer shared.Unlock()
	switch {
	case shared.server != nil:
		shared.server.Remove()
	case shared.emptied != "":
		_ = dropDatabase(shared.emptied)
	}
}

// PostgresURL returns the URL of an empty database with the schema, which is
// dropped with the test.
func PostgresURL(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	err := sharedPostgres()
	skipWithout(t, err)
	name, err := createDatabase(shared.emptied)
	if err != nil {
		t.Fatal(err)
	}
	if shared.server == nil { // which goes with everything in it
		t.Cleanup(func() {
			if err := dropDatabase(name); err != nil {
				t.Error(err)
			}
		})
	}
	return databaseURL(name)
}

func createDatabase(template string) (string, error) {
	name := "memhook_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	text := "CREATE DATABASE " + name
	if template != "" {
		text += " TEMPLATE " + template
	}
	return name, administer(text)
}

func dropDatabase(name string) error { return administer("DROP DATABASE " + name + " WITH (FORCE)") }

func administer(text string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, shared.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, text)
	return err
}

func databaseURL(name string) string {
	u, err := url.Parse(shared.url)
	if err != nil {
		return shared.url
	}
	u.Path = "/" + name
	return u.String()
}

// Exec runs statements in the database that is there from the start.
func (p *Postgres) Exec(t testing.TB, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, text := range statements {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// Count runs a query for a number.
func (p *Postgres) Count(t testing.TB, query string) (n int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
