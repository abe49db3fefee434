package main

import (
	"bufio"
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// follow opens a server's stream of deliveries and hands over its data, line by line.
func (p *process) follow(ctx context.Context, query string) <-chan string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v2/deliveries/stream"+query, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+testKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("the stream answers %d", resp.StatusCode)
	}
	data := make(chan string, 1000)
	began := make(chan struct{})
	go func() {
		defer close(data)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for first := true; lines.Scan(); first = false {
			if first {
				close(began)
			}
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				data <- text
			}
		}
	}()
	<-began
	return data
}

// streamLags makes changes on one node, at any time of the other's poll, and returns
// after what time the other one's stream has them.
func (c *cluster) streamLags(from, to, n int) []time.Duration {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	data := c.node(to).follow(ctx, "?status=succeeded")
	var lags []time.Duration
	for range n {
		<-time.After(250*time.Millisecond + mathrand.N(500*time.Millisecond)) // the stream is quiet
		drain(data)
		text := "lag " + rand.Text()
		began := time.Now()
		if !c.node(from).add(text, "alice") {
			c.t.Fatal("the add is not accepted")
		}
		select {
		case <-data:
			lags = append(lags, time.Since(began))
		case <-time.After(time.Minute):
			c.t.Fatal("the other node's stream does not tell of it")
		}
	}
	slices.Sort(lags)
	return lags
}

// drain drops what a stream told: it begins with what changed a little before.
func drain(data <-chan string) {
	for {
		select {
		case <-data:
		default:
			return
		}
	}
}

// byPolling is below the median lag of a stream that only polls, which is 250 ms.
const byPolling = 200 * time.Millisecond

// A change on one node shows on the stream of another at once, after it has polled
// while Redis is away, and at once again when Redis is back.
func TestStreamsLearnFromOtherNodes(t *testing.T) {
	c := startCluster(t, roleAll, roleAll)
	receiver := newLedger(t)
	c.node(0).register(receiver.URL, "memory_add")
	lags := c.streamLags(0, 1, 11)
	t.Logf("from an add on one node to the other one's stream: %v", lags)
	if lags[5] > byPolling {
		t.Errorf("the median is %v, as if nobody had told the other node", lags[5])
	}
	c.redis.Kill()
	t.Logf("without Redis: %v", c.streamLags(0, 1, 5))
	c.redis.Start()
	await(t, "streams learn at once again", func() bool { return c.streamLags(0, 1, 5)[2] < byPolling })
	c.redis.Flush()
	t.Logf("after a flush: %v", c.streamLags(1, 0, 5))
}

// What a node makes due that sends nothing itself, others send at once.
func TestAPINodeWakesWorkers(t *testing.T) {
	c := startCluster(t, roleAPI, roleWorker)
	receiver := newLedger(t)
	c.node(0).register(receiver.URL, "memory_add")
	var list struct{ Data []struct{ ID string } }
	if status := c.node(0).call(http.MethodGet, "/api/v2/endpoints", nil, &list); status != http.StatusOK || len(list.Data) != 1 {
		t.Fatalf("endpoints: status %d, %+v", status, list)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	data := c.node(0).follow(ctx, "?status=succeeded")
	lags := map[string][]time.Duration{}
	for range 9 {
		for what, do := range map[string]func() bool{
			"test": func() bool {
				var answer any
				return c.node(0).call(http.MethodPost, "/api/v2/endpoints/"+list.Data[0].ID+"/test", map[string]any{}, &answer) == http.StatusCreated
			},
			"add": func() bool { return c.node(0).add("fact "+rand.Text(), "alice") },
		} {
			<-time.After(500*time.Millisecond + mathrand.N(time.Second)) // the worker's pump is at any place
			drain(data)
			began := time.Now()
			if !do() {
				t.Fatalf("the %s is not accepted", what)
			}
			select {
			case <-data:
				lags[what] = append(lags[what], time.Since(began))
			case <-time.After(time.Minute):
				t.Fatalf("the %s is not sent", what)
			}
		}
	}
	for what, list := range lags {
		slices.Sort(list)
		t.Logf("%s: %v", what, list)
		if list[4] > 400*time.Millisecond { // of a pump that nobody wakes: 500 ms and the stream's
			t.Errorf("the median of %s is %v, as if nobody had told the worker", what, list[4])
		}
	}
}
