package main

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite"
)

// crashVariable makes a server of the tests kill itself at its n-th commit: "7" when
// it is about to make the seventh, "7+200us" that much later, which is during the
// flush to disk, or when it is on disk and nobody has been answered.
const crashVariable = "CRASH_AT_COMMIT"

// crashAtCommit counts the commits of this process and kills it.
func crashAtCommit(when string) {
	n, later, _ := strings.Cut(when, "+")
	at, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		panic(err)
	}
	var wait time.Duration
	if later != "" {
		if wait, err = time.ParseDuration(later); err != nil {
			panic(err)
		}
	}
	kill := func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	var commits atomic.Int64
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
			switch {
			case commits.Add(1) != at:
			case wait > 0:
				time.AfterFunc(wait, kill)
			default:
				kill()
				select {} // nothing of this commit may be written
			}
			return 0
		})
		return nil
	})
}

// startDoomed starts a server that kills itself, see crashVariable. It may be dead
// before it is ready; its url is empty then.
func startDoomed(t *testing.T, dir, when string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, log: &bytes.Buffer{}}
	p.cmd = exec.Command("memhook", "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--allow-net", "127.0.0.1/32", "--log-level", "warn")
	p.cmd.Env = append(os.Environ(), "MEMHOOK_BOOTSTRAP_KEY="+testKey, crashVariable+"="+when)
	p.cmd.Stderr = p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if lines := bufio.NewScanner(stdout); lines.Scan() {
		p.url = strings.TrimSpace(strings.TrimPrefix(lines.Text(), "Ready "))
	}
	return p
}

// A story is one run of every kind of write, and what a server accepted of it.
type story struct {
	p       *process
	adds    map[string]string // accepted adds: the text and its event
	changed []string          // other accepted changes, as the ledger names them
	done    bool              // every request was answered
}

// tell makes the requests one after another until one of them gets no answer.
func (s *story) tell(receiver string) {
	var webhook struct{ Secret string }
	body := map[string]any{"name": "ledger", "url": receiver, "event_types": []string{"memory_add", "memory_update", "memory_delete"}}
	if s.p.call(http.MethodPost, "/api/v1/webhooks/projects/null/", body, &webhook) != http.StatusCreated {
		return
	}
	for _, text := range []string{"first fact", "second fact", "third fact"} {
		var queued struct {
			Results []struct {
				EventID string `json:"event_id"`
			}
		}
		add := map[string]any{"messages": text, "user_id": "alice", "infer": false}
		if s.p.call(http.MethodPost, "/v1/memories/", add, &queued) != http.StatusOK {
			return
		}
		s.adds[text] = queued.Results[0].EventID
	}
	var known struct{ Results []struct{ ID string } }
	now := map[string]any{"messages": "fourth fact", "user_id": "alice", "infer": false, "async_mode": false}
	if s.p.call(http.MethodPost, "/v1/memories/", now, &known) != http.StatusOK {
		return
	}
	s.changed = append(s.changed, "fourth fact")
	memory := "/v1/memories/" + known.Results[0].ID + "/"
	var answer any
	if s.p.call(http.MethodPut, memory, map[string]any{"text": "better fact"}, &answer) != http.StatusOK {
		return
	}
	s.changed = append(s.changed, "UPDATE better fact")
	if s.p.call(http.MethodDelete, memory, map[string]any{}, &answer) != http.StatusOK {
		return
	}
	s.changed = append(s.changed, "DELETE better fact")
	s.done = true
}

// texts are the callbacks that must arrive.
func (s *story) texts() []string {
	texts := append([]string{}, s.changed...)
	for text := range s.adds {
		texts = append(texts, text)
	}
	return texts
}

// recorded returns how many attempts the server has on record for an event.
func (p *process) recorded(event string) int {
	var e shownEvent
	if status := p.call(http.MethodGet, "/v1/event/"+event+"/", nil, &e); status != http.StatusOK {
		p.t.Errorf("event %s that was accepted: status %d", event, status)
	}
	n := 0
	for _, d := range e.Deliveries {
		n += len(d.Attempts)
	}
	return n
}

// wantedKills is how often the servers of TestEveryCommitPoint are killed at least,
// in lives that each end at another commit.
const wantedKills = 200

// TestEveryCommitPoint kills a server at its first commit, another at its second,
// and so on through a whole life: start, registration, adds, changes, deliveries.
// What was accepted must arrive after the restart, and every request that the
// receiver saw must be on record. Every second life is killed a moment after the
// commit began, each time another one.
func TestEveryCommitPoint(t *testing.T) {
	var sum tally
	for life := 0; sum.kills < wantedKills; life++ {
		points := 0
		for n := 1; ; n++ {
			when := strconv.Itoa(n)
			if life%2 == 1 {
				when += "+" + (time.Duration(1+life*37%300) * time.Microsecond).String()
			}
			if !sum.killOnce(t, when) {
				break
			}
			points++
		}
		if points < 15 {
			t.Fatalf("only %d commit points were found, so something is wrong with the count", points)
		}
	}
	t.Logf("%d kills: %d accepted, %d delivered, %d duplicated, 0 lost", sum.kills, sum.accepted, sum.accepted, sum.duplicated)
}

type tally struct{ kills, accepted, duplicated int }

// killOnce lets one server live until its end, restarts it, and checks that nothing
// was lost. False means that it outlived its story.
func (sum *tally) killOnce(t *testing.T, when string) bool {
	t.Helper()
	receiver := newLedger(t)
	defer receiver.Close()
	dir := t.TempDir()
	s := &story{p: startDoomed(t, dir, when), adds: map[string]string{}}
	if s.p.url != "" {
		s.tell(receiver.URL)
	}
	dead := func() bool { return s.p.call(http.MethodGet, "/v1/ping/", nil, new(any)) == 0 }
	if s.done {
		await(t, "everything is delivered or the server is dead", func() bool { return receiver.missing(s.texts()) == 0 || dead() })
	}
	killed := !s.done || dead()
	s.p.kill()
	s.p = startProcess(t, dir)
	defer s.p.kill()
	await(t, "what was accepted is delivered after the restart", func() bool { return receiver.missing(s.texts()) == 0 })
	for text, event := range s.adds {
		await(t, "every request is on record", func() bool { return s.p.recorded(event) >= receiver.copiesOf(text) })
	}
	if receiver.wrong != nil {
		t.Errorf("killed at commit %s: wrong callbacks: %s", when, strings.Join(receiver.wrong, "; "))
	}
	if d := receiver.duplicates(); d > len(s.texts()) {
		t.Errorf("killed at commit %s: %d duplicates of %d callbacks", when, d, len(s.texts()))
	}
	if killed {
		sum.kills++
	}
	sum.accepted += len(s.texts())
	sum.duplicated += receiver.duplicates()
	return killed
}
