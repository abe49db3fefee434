package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const testKey = "mh_test_0123456789abcdef0123456789abcdef"

// A process is a real server.
type process struct {
	t    testing.TB
	url  string
	dir  string
	args []string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// startProcess starts a server on the data directory; it is killed with the test.
// The command memhook is this test's own binary: TestMain puts it on the PATH.
func startProcess(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, args: args}
	all := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--allow-net", "127.0.0.1/32", "--log-level", "warn"}, args...)
	p.cmd, p.log = exec.Command("memhook", all...), &bytes.Buffer{}
	p.cmd.Env = append(os.Environ(), "MEMHOOK_BOOTSTRAP_KEY="+testKey)
	p.cmd.Stderr = p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "Ready "); ok {
			p.url = strings.TrimSpace(url)
			break
		}
	}
	if p.url == "" {
		p.kill()
		t.Fatalf("the server did not get ready:\n%s", p.log)
	}
	go io.Copy(io.Discard, stdout)
	await(t, "the server is ready", func() bool {
		resp, err := http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// kill ends the process at once, as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed; there is nothing to learn
}

// call makes an API request and decodes its answer. The status is 0 when no
// answer came.
func (p *process) call(method, path string, body, answer any) int {
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+testKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return 0
	}
	return resp.StatusCode
}

// register adds a webhook for the types and returns its secret.
func (p *process) register(url string, types ...string) string {
	p.t.Helper()
	var webhook struct{ Secret string }
	body := map[string]any{"name": "test", "url": url, "event_types": types}
	if status := p.call(http.MethodPost, "/api/v1/webhooks/projects/null/", body, &webhook); status != http.StatusCreated {
		p.t.Fatalf("register: status %d\n%s", status, p.log)
	}
	return webhook.Secret
}

// add queues one memory, stored as it is, and tells whether it was accepted.
func (p *process) add(text, user string) bool {
	var answer any
	body := map[string]any{"messages": text, "user_id": user, "infer": false}
	return p.call(http.MethodPost, "/v1/memories/", body, &answer) == http.StatusOK
}

// await waits until the condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	awaitFor(t, time.Minute, what, holds)
}

func awaitFor(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("after %v it does not hold that %s", limit, what)
		}
	}
}
