package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"memhook/delivery/queue/queuetest"
)

// A ledger is a receiver that writes down what it gets: which texts (with the event
// before them when it is no ADD), how often, and under which webhook-id.
type ledger struct {
	*httptest.Server
	mu     sync.Mutex
	ids    map[string]string // webhook-id by text
	copies map[string]int
	wrong  []string
}

func newLedger(t testing.TB) *ledger {
	l := &ledger{ids: map[string]string{}, copies: map[string]int{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was killed half-way
		}
		var body struct {
			EventDetails struct {
				Event string
				Data  struct{ Memory string }
			} `json:"event_details"`
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if err := json.Unmarshal(raw, &body); err != nil {
			l.wrong = append(l.wrong, err.Error())
			return
		}
		text, id := body.EventDetails.Data.Memory, r.Header.Get("webhook-id")
		if event := body.EventDetails.Event; event != "ADD" {
			text = event + " " + text
		}
		if was, ok := l.ids[text]; ok && was != id {
			l.wrong = append(l.wrong, fmt.Sprintf("%q came as %s and as %s", text, was, id))
		}
		l.ids[text] = id
		l.copies[text]++
	}))
	t.Cleanup(l.Close)
	return l
}

// missing returns how many of the texts did not arrive.
func (l *ledger) missing(texts []string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, text := range texts {
		if l.copies[text] == 0 {
			n++
		}
	}
	return n
}

func (l *ledger) copiesOf(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copies[text]
}

func (l *ledger) duplicates() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, copies := range l.copies {
		n += copies - 1
	}
	return n
}

// load adds memories from several callers until stop is closed, and returns those
// that were accepted.
func load(p *process, prefix string, stop <-chan struct{}, accepted func(string)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				text := fmt.Sprintf("%s worker %d fact %d", prefix, w, i)
				if p.add(text, fmt.Sprint("user", w)) {
					accepted(text)
				} else {
					return // killed
				}
			}
		})
	}
	return &wg
}

// TestKilledServerLosesNothing kills a real server while it accepts and delivers,
// again and again on the same data.
func TestKilledServerLosesNothing(t *testing.T) {
	receiver := newLedger(t)
	dir := t.TempDir()
	var mu sync.Mutex
	var accepted []string
	note := func(text string) { mu.Lock(); accepted = append(accepted, text); mu.Unlock() }
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(accepted) }
	p := startProcess(t, dir)
	p.register(receiver.URL, "memory_add")
	const rounds = 4
	for round := range rounds {
		stop := make(chan struct{})
		done := load(p, fmt.Sprint("round ", round), stop, note)
		goal := count() + 500
		await(t, "enough adds are accepted", func() bool { return count() >= goal })
		p.kill()
		close(stop)
		done.Wait()
		p = startProcess(t, dir)
		began := time.Now()
		await(t, "an old delivery arrives after the restart", func() bool { return receiver.missing(accepted) == 0 })
		took := time.Since(began).Round(time.Millisecond)
		t.Logf("round %d: %d accepted, all delivered %v after ready", round, count(), took)
		if took > 5*time.Second { // usually 15 ms
			t.Errorf("round %d: the last old delivery came %v after ready, want 5 s at most", round, took)
		}
	}
	t.Logf("%d kills: %d accepted, %d lost, %d duplicates", rounds, count(), receiver.missing(accepted), receiver.duplicates())
	if receiver.wrong != nil {
		t.Errorf("wrong callbacks: %s", strings.Join(receiver.wrong, "; "))
	}
}

// TestStoppedServerDoublesNothing: on SIGTERM what is in flight is finished.
func TestStoppedServerDoublesNothing(t *testing.T) {
	receiver := newLedger(t)
	dir := t.TempDir()
	var mu sync.Mutex
	var accepted []string
	p := startProcess(t, dir)
	p.register(receiver.URL, "memory_add")
	for round := range 2 {
		stop := make(chan struct{})
		done := load(p, fmt.Sprint("round ", round), stop, func(text string) { mu.Lock(); accepted = append(accepted, text); mu.Unlock() })
		goal := 200 * (round + 1)
		await(t, "enough adds are accepted", func() bool { mu.Lock(); defer mu.Unlock(); return len(accepted) >= goal })
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("the stopped server exits with %v\n%s", err, p.log)
		}
		close(stop)
		done.Wait()
		p = startProcess(t, dir)
	}
	await(t, "every accepted add is delivered", func() bool { return receiver.missing(accepted) == 0 })
	if n := receiver.duplicates(); n != 0 {
		t.Errorf("%d of %d callbacks came twice", n, len(accepted))
	}
}

// TestRedisIsOnlyAnAlarmClock flushes and kills Redis under load.
func TestRedisIsOnlyAnAlarmClock(t *testing.T) {
	redis := queuetest.StartRedis(t)
	receiver := newLedger(t)
	var mu sync.Mutex
	var accepted []string
	p := startProcess(t, t.TempDir(), "--redis-url", redis.URL)
	p.register(receiver.URL, "memory_add")
	stop := make(chan struct{})
	done := load(p, "fact", stop, func(text string) { mu.Lock(); accepted = append(accepted, text); mu.Unlock() })
	more := func() {
		mu.Lock()
		goal := len(accepted) + 100
		mu.Unlock()
		await(t, "more adds are accepted", func() bool { mu.Lock(); defer mu.Unlock(); return len(accepted) >= goal })
	}
	more()
	redis.Flush()
	more()
	redis.Kill()
	more()
	redis.Start()
	more()
	close(stop)
	done.Wait()
	await(t, "every accepted add is delivered", func() bool { return receiver.missing(accepted) == 0 })
	t.Logf("%d accepted, 0 lost, %d duplicates", len(accepted), receiver.duplicates())
}
