package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"memhook/delivery/queue/queuetest"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing"
)

// A cluster is two real servers on one Postgres and one Redis.
type cluster struct {
	t        testing.TB
	postgres *sqlstoretest.Postgres
	redis    *queuetest.Redis
	nodes    [2]atomic.Pointer[process]
	dirs     [2]string
	roles    [2]string
}

func startCluster(t testing.TB, first, second string) *cluster {
	t.Helper()
	c := &cluster{t: t, postgres: sqlstoretest.StartPostgres(t), redis: queuetest.StartRedis(t), roles: [2]string{first, second}}
	t.Setenv("MEMHOOK_SECRET_KEY", signing.GenerateKey())
	for i := range c.nodes {
		c.dirs[i] = t.TempDir()
		c.start(i)
	}
	return c
}

func (c *cluster) start(i int) {
	c.t.Helper()
	c.nodes[i].Store(startProcess(c.t, c.dirs[i], "--database-url", c.postgres.URL, "--redis-url", c.redis.URL, "--role", c.roles[i]))
}

func (c *cluster) node(i int) *process { return c.nodes[i%len(c.nodes)].Load() }

// A roll is what was accepted, by all callers.
type roll struct {
	mu       sync.Mutex
	accepted []string
}

func (l *roll) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted = append(l.accepted, text)
}

func (l *roll) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted[:len(l.accepted):len(l.accepted)]
}

// load adds memories on both nodes until stop is closed. An add that fails is not
// tried again: nobody knows whether it was accepted.
func (c *cluster) load(stop <-chan struct{}, accepted func(string)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("worker %d fact %d", w, i)
				wait := time.Duration(0)
				if c.node(w+i).add(text, fmt.Sprint("user", w)) {
					accepted(text)
				} else {
					wait = 20 * time.Millisecond
				}
				select {
				case <-stop:
					return
				case <-time.After(wait):
				}
			}
		})
	}
	return &wg
}

// soakFor is how long TestClusterLosesNothing breaks things: MEMHOOK_SOAK, or less.
func soakFor(t *testing.T) time.Duration {
	text := os.Getenv("MEMHOOK_SOAK")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// inFlight is how many deliveries a node has in its hands at most: the window of
// the one endpoint.
const inFlight = 64

// leaseOver is above the lease of an event: a live node keeps it when Postgres crashes
// just as the event is to be completed.
const leaseOver = 150 * time.Second

// TestClusterLosesNothing kills nodes and what they share, in random order and
// under load.
func TestClusterLosesNothing(t *testing.T) {
	c := startCluster(t, roleAll, roleAll)
	receiver := newLedger(t)
	c.node(0).register(receiver.URL, "memory_add")
	var sum roll
	stop := make(chan struct{})
	done := c.load(stop, sum.note)
	more := func() {
		goal := len(sum.list()) + 200
		await(t, "more adds are accepted", func() bool { return len(sum.list()) >= goal })
	}
	killNode := func(i int) func() {
		return func() {
			c.node(i).kill()
			more()
			c.start(i)
		}
	}
	faults := []struct {
		name   string
		doubts int // nodes that may not have recorded what they sent
		do     func()
	}{
		{"kill the first node", 1, killNode(0)},
		{"kill the second node", 1, killNode(1)},
		{"flush Redis", 0, c.redis.Flush},
		{"kill Redis", 0, func() { c.redis.Kill(); more(); c.redis.Start() }},
		{"crash Postgres", 0, func() { // attempts are recorded when it is back
			c.postgres.Kill()
			if err := c.postgres.Start(); err != nil {
				t.Fatal(err)
			}
		}},
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	end := time.Now().Add(soakFor(t))
	bound, said := 0, []string{}
	for time.Now().Before(end) {
		for _, i := range random.Perm(len(faults)) {
			more()
			faults[i].do()
			bound += faults[i].doubts * inFlight
			said = append(said, faults[i].name)
		}
	}
	more()
	close(stop)
	done.Wait()
	accepted := sum.list()
	awaitFor(t, leaseOver, "every accepted add is delivered", func() bool { return receiver.missing(accepted) == 0 })
	t.Logf("seed %d, %d faults: %s", seed, len(said), strings.Join(said, ", "))
	t.Logf("%d accepted, %d delivered, %d duplicated (at most %d), %d lost",
		len(accepted), len(accepted)-receiver.missing(accepted), receiver.duplicates(), bound, receiver.missing(accepted))
	if n := receiver.duplicates(); n > bound {
		t.Errorf("%d callbacks came twice, want at most the %d in flight when something was killed", n, bound)
	}
	if receiver.wrong != nil {
		t.Errorf("wrong callbacks: %s", strings.Join(receiver.wrong, "; "))
	}
}

// TestRoles: what one node accepts another one works on.
func TestRoles(t *testing.T) {
	c := startCluster(t, roleAPI, roleWorker)
	receiver := newLedger(t)
	c.node(0).register(receiver.URL, "memory_add")
	var accepted []string
	for i := range 20 {
		text := fmt.Sprint("fact ", i)
		if !c.node(0).add(text, "alice") {
			t.Fatal("the api node accepts no add")
		}
		accepted = append(accepted, text)
	}
	await(t, "every accepted add is delivered", func() bool { return receiver.missing(accepted) == 0 })
	if c.node(1).add("to the wrong one", "alice") {
		t.Error("the worker accepts adds")
	}
	if n := receiver.duplicates(); n != 0 {
		t.Errorf("%d callbacks came twice", n)
	}
}

// TestDeadNodesWorkGoesOn: what a node had in its hands when it died does not wait
// for its lease.
func TestDeadNodesWorkGoesOn(t *testing.T) {
	c := startCluster(t, roleAll, roleAll)
	receiver := newLedger(t)
	c.node(0).register(receiver.URL, "memory_add")
	var sum roll
	stop := make(chan struct{})
	done := c.load(stop, sum.note)
	await(t, "adds are accepted", func() bool { return len(sum.list()) >= 300 })
	c.node(0).kill()
	began := time.Now()
	close(stop)
	done.Wait()
	accepted := sum.list()
	await(t, "every accepted add is delivered", func() bool { return receiver.missing(accepted) == 0 })
	took := time.Since(began).Round(time.Millisecond)
	t.Logf("%d accepted, all delivered %v after a node died, %d duplicated", len(accepted), took, receiver.duplicates())
	// It is silent for deadAfter, and a ticket it took is given up as late.
	if limit := 3 * deadAfter; took > limit {
		t.Errorf("a dead node's work took %v, want at most %v", took, limit)
	}
}

// benchmarkCluster is the same work with Postgres and Redis, flushing to disk as
// they are installed, and counts the CPU time of all three.
func benchmarkCluster(b *testing.B) {
	postgres, redis := sqlstoretest.StartPostgres(b), queuetest.StartRedis(b)
	p := startProcess(b, b.TempDir(), "--database-url", postgres.URL, "--redis-url", redis.URL)
	pid, err := postgres.PID()
	if err != nil {
		b.Fatal(err)
	}
	benchmarkAdds(b, p, 1, 64, 0,
		usage{name: "postgres", cpu: func(b *testing.B) time.Duration { return familyTime(b, pid) }},
		usage{name: "redis", cpu: func(b *testing.B) time.Duration { return cpuTime(b, redis.PID()) }})
}

// familyTime is the CPU time of a process and its children, also of those that
// have ended.
func familyTime(b *testing.B, parent int) time.Duration {
	sum := cpuFields(b, parent, 11, 15)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		b.Skip("children are read from /proc")
	}
	for _, child := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			b.Fatal(err)
		}
		sum += cpuTime(b, pid)
	}
	return sum
}
