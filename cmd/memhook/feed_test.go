package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A follower reads the feed of a server that may go and come back, by long-poll.
type follower struct {
	mu     sync.Mutex
	copies map[string]int    // by text
	ids    map[string]string // webhook-id by text
}

func (f *follower) missing(texts []string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, text := range texts {
		if f.copies[text] == 0 {
			n++
		}
	}
	return n
}

func (f *follower) doubled() (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for text, n := range f.copies {
		if n > 1 {
			list = append(list, fmt.Sprintf("%s: %d times", text, n))
		}
	}
	return list
}

// read asks for what follows the cursor and returns the next one: the same when no
// answer came.
func (f *follower) read(p *process, cursor string) string {
	var page struct {
		Data []struct {
			ID   string
			Body struct{ Data struct{ Memory string } }
		}
		Cursor string
	}
	if p.call(http.MethodGet, "/api/v2/feed?limit=20&wait=5s&after="+cursor, nil, &page) != http.StatusOK {
		return cursor
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range page.Data {
		f.copies[m.Body.Data.Memory]++
		f.ids[m.Body.Data.Memory] = m.ID
	}
	return page.Cursor
}

// TestFeedOfAKilledServerMissesAndDoublesNothing: a reader without a URL sees each
// message once while the server is killed under load, again and again; and the same
// messages as an endpoint.
func TestFeedOfAKilledServerMissesAndDoublesNothing(t *testing.T) {
	receiver := newLedger(t)
	dir := t.TempDir()
	var mu sync.Mutex // of the server
	p := startProcess(t, dir)
	server := func() *process { mu.Lock(); defer mu.Unlock(); return p }
	p.register(receiver.URL, "memory_add")
	f := &follower{copies: map[string]int{}, ids: map[string]string{}}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		cursor := "start"
		for {
			select {
			case <-stop:
				return
			default:
				cursor = f.read(server(), cursor)
			}
		}
	})
	var sum roll
	const rounds = 3
	for round := range rounds {
		loading := make(chan struct{})
		done := load(server(), fmt.Sprint("round ", round), loading, sum.note)
		goal := len(sum.list()) + 300
		await(t, "enough adds are accepted", func() bool { return len(sum.list()) >= goal })
		server().kill()
		close(loading)
		done.Wait()
		next := startProcess(t, dir)
		mu.Lock()
		p = next
		mu.Unlock()
		accepted := sum.list()
		await(t, "all that was accepted is in the feed", func() bool { return f.missing(accepted) == 0 })
	}
	accepted := sum.list()
	await(t, "all that was accepted is delivered", func() bool { return receiver.missing(accepted) == 0 })
	close(stop)
	reading.Wait()
	doubled := f.doubled()
	t.Logf("%d kills: %d accepted, %d missing in the feed, %d doubled", rounds, len(accepted), f.missing(accepted), len(doubled))
	if doubled != nil {
		t.Errorf("the feed doubles %s", strings.Join(doubled, "; "))
	}
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	for text, id := range receiver.ids {
		if f.ids[text] != id {
			t.Errorf("%q is %s for the endpoint and %s in the feed", text, id, f.ids[text])
		}
	}
}

// TestStoppingServerEndsWaits: SIGTERM does not wait for readers.
func TestStoppingServerEndsWaits(t *testing.T) {
	p := startProcess(t, t.TempDir())
	answered := make(chan int)
	go func() {
		var page struct{ Cursor string }
		answered <- p.call(http.MethodGet, "/api/v2/feed?wait=60s", nil, &page)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v2/feed/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+testKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the stopped server exits with %v\n%s", err, p.log)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if status := <-answered; status != http.StatusOK && status != 0 { // 0: it had not been read yet
		t.Errorf("the wait was answered %d", status)
	}
}

// TestWaitGoesOnFromItsFile: one call after the other, and over a restart, the command
// prints each message once.
func TestWaitGoesOnFromItsFile(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir)
	file := filepath.Join(t.TempDir(), "cursor")
	wait := func(more ...string) ([]string, int) {
		t.Helper()
		cmd := exec.Command("memhook", append([]string{"wait", "--server", p.url, "--cursor-file", file}, more...)...)
		cmd.Env = append(os.Environ(), "MEMHOOK_API_KEY="+testKey)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if err != nil && cmd.ProcessState.ExitCode() != exitUnreachable {
			t.Fatalf("%v: %s", err, &stderr)
		}
		var texts []string
		for line := range strings.Lines(stdout.String()) {
			var m struct {
				Body struct{ Data struct{ Memory string } }
			}
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			texts = append(texts, m.Body.Data.Memory)
		}
		return texts, cmd.ProcessState.ExitCode()
	}
	add := func(text, user string) {
		t.Helper()
		if !p.add(text, user) {
			t.Fatalf("%q is not accepted", text)
		}
		var list struct{ Results []struct{ Memory string } }
		await(t, text+" is remembered", func() bool {
			return p.call(http.MethodPost, "/v3/memories/", map[string]any{"filters": map[string]any{"user_id": user}}, &list) == http.StatusOK &&
				strings.Contains(fmt.Sprint(list), text)
		})
	}
	add("one", "alice")
	if got, code := wait("--timeout", "1s"); got != nil || code != exitUnreachable {
		t.Errorf("a new file begins with %q, exit code %d; want nothing", got, code)
	}
	add("two", "alice")
	add("three", "bob")
	add("four", "alice")
	if got, _ := wait("--user", "alice", "--timeout", "30s"); fmt.Sprint(got) != "[two]" {
		t.Errorf("first %q, want two", got)
	}
	p.kill()
	p = startProcess(t, dir)
	if got, code := wait("--user", "alice", "--timeout", "3s", "--count", "0"); fmt.Sprint(got) != "[four]" || code != exitUnreachable {
		t.Errorf("then %q, exit code %d, want four", got, code)
	}
	if got, _ := wait("--after", "start", "--count", "4", "--timeout", "30s"); fmt.Sprint(got) != "[one two three four]" {
		t.Errorf("from the start %q", got)
	}
}

// TestFeedOfNodesMissesAndDoublesNothing: a reader goes from one node to the other with
// its cursor, while both are written to and one after the other is killed.
func TestFeedOfNodesMissesAndDoublesNothing(t *testing.T) {
	c := startCluster(t, roleAll, roleAll)
	f := &follower{copies: map[string]int{}, ids: map[string]string{}}
	stop, stopReading := make(chan struct{}), make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		cursor := "start"
		for i := 0; ; i++ {
			select {
			case <-stopReading:
				return
			default:
				cursor = f.read(c.node(i), cursor)
			}
		}
	})
	var sum roll
	done := c.load(stop, sum.note)
	for round := range 4 {
		goal := len(sum.list()) + 150
		await(t, "more adds are accepted", func() bool { return len(sum.list()) >= goal })
		c.node(round).kill()
		c.start(round % 2)
	}
	close(stop)
	done.Wait()
	accepted := sum.list()
	await(t, "all that was accepted is in the feed", func() bool { return f.missing(accepted) == 0 })
	close(stopReading)
	reading.Wait()
	doubled := f.doubled()
	t.Logf("4 kills of two nodes: %d accepted, %d missing in the feed, %d doubled", len(accepted), f.missing(accepted), len(doubled))
	if doubled != nil {
		t.Errorf("the feed doubles %s", strings.Join(doubled, "; "))
	}
}
