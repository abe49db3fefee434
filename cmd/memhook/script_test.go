package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"memhook": func() {
		if n, ok := os.LookupEnv(crashVariable); ok {
			crashAtCommit(n)
		}
		main()
	}})
}

// TestScripts runs the command line as a shell would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "server": server},
	})
}

// exits runs a command that must end with the code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got := strconv.Itoa(code); got != args[0] {
		ts.Fatalf("%v exited with %s, want %s", args[1:], got, args[0])
	}
}

// server starts a server on the folder data, and sets MEMHOOK_SERVER and
// MEMHOOK_API_KEY: server [FLAG...]. It is stopped with the script.
func server(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! server")
	}
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", ts.MkAbs("data"), "--allow-net", "127.0.0.1/32", "--log-level", "warn"}, args...)
	cmd := exec.Command("memhook", args...)
	cmd.Env = append(os.Environ(), "MEMHOOK_BOOTSTRAP_KEY="+testKey)
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed; there is nothing to learn
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "Ready "); ok {
			go io.Copy(io.Discard, stdout)
			ts.Setenv("MEMHOOK_SERVER", url)
			ts.Setenv("MEMHOOK_API_KEY", testKey)
			return
		}
	}
	ts.Fatalf("the server did not get ready")
}
