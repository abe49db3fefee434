// Package clients_test runs the clients that mem0 publishes, unmodified, against a
// real server. The packages are those of package-lock.json.
package clients_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const key = "mh_test_0123456789abcdef0123456789abcdef"

func TestMem0aiFromNPM(t *testing.T) {
	env := setUp(t)
	for _, tt := range []struct{ driver, version string }{
		{"classic.mjs", "1.0.39"},
		{"classic.mjs", "2.1.38"},
		{"classic.mjs", "2.4.6"},
		{"current.mjs", "3.3.1"},
	} {
		t.Run(tt.version, func(t *testing.T) {
			env.drive(t, tt.driver, tt.version)
		})
	}
}

func TestMem0CLIFromNPM(t *testing.T) {
	setUp(t).drive(t, "cli.mjs")
}

// An environment is what the drivers run in.
type environment struct {
	binary   string // memhook
	packages string // the folder with node_modules
}

// setUp builds the server and installs the packages. It skips the test where
// there is no npm, but not in CI.
func setUp(t *testing.T) environment {
	t.Helper()
	for _, command := range []string{"node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	binary := filepath.Join(t.TempDir(), "memhook")
	output(t, exec.Command("go", "build", "-o", binary, "memhook/cmd/memhook"))
	return environment{binary: binary, packages: install(t)}
}

// install installs the packages and returns the folder. They stay in the user's
// cache folder, where the next run finds them by the lock file's hash.
func install(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	sum := sha256.Sum256(lock)
	installed := filepath.Join(cache, "memhook-test-clients", hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	if err := os.MkdirAll(filepath.Dir(installed), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(installed), "new-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(fresh) })
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(fresh, name), raw, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	npm := exec.Command("npm", "ci", "--omit=peer", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = fresh
	output(t, npm)
	if err := os.Rename(fresh, installed); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, other := os.Stat(installed); other != nil { // unless another test run was faster
			t.Fatal(err)
		}
	}
	return installed
}

func output(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// drive starts a server with an empty database and lets a driver loose on it.
func (e environment) drive(t *testing.T, driver string, args ...string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{driver}, args...)...)
	home := t.TempDir()
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "USERPROFILE=" + home, "MEM0_TELEMETRY=false",
		"NODE_OPTIONS=--require=" + filepath.Join(here, "guard.cjs"),
		"MEMHOOK_URL=" + e.serve(t), "MEMHOOK_KEY=" + key, "MEMHOOK_PACKAGES=" + e.packages,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", driver, args, err, out)
	}
	t.Logf("%s", bytes.TrimSpace(out))
}

// serve starts a server that is killed with the test, and returns its URL.
func (e environment) serve(t *testing.T) string {
	t.Helper()
	server := exec.Command(e.binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(),
		"--allow-net", "127.0.0.1/32", "--log-level", "warn")
	server.Env = append(os.Environ(), "MEMHOOK_BOOTSTRAP_KEY="+key)
	var log bytes.Buffer
	server.Stderr = &log
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("the server said:\n%s", &log)
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "Ready "); ok {
			go io.Copy(io.Discard, stdout)
			return strings.TrimSpace(url)
		}
	}
	t.Fatal("the server did not get ready")
	return ""
}
