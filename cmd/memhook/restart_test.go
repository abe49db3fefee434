package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// TestPostgresRestartsDuringSends: what was under way when the database crashed is
// recorded when it is back. Nothing is sent twice, nothing waits for its lease, and no
// attempt is on record that was not made.
func TestPostgresRestartsDuringSends(t *testing.T) {
	c := startCluster(t, roleAll, roleAll)
	receiver := newLedger(t)
	to, err := url.Parse(receiver.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(300 * time.Millisecond) // so that there are always some under way
		proxy.ServeHTTP(w, r)
	}))
	defer slow.Close()
	c.node(0).register(slow.URL, "memory_add")
	var sum roll
	stop := make(chan struct{})
	done := c.load(stop, sum.note)
	const crashes = 4
	for range crashes {
		goal := len(sum.list()) + 150
		await(t, "more adds are accepted", func() bool { return len(sum.list()) >= goal })
		c.postgres.Kill()
		<-time.After(500 * time.Millisecond) // all that is under way ends meanwhile
		if err := c.postgres.Start(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	done.Wait()
	accepted := sum.list()
	began := time.Now()
	await(t, "every accepted add is delivered", func() bool { return receiver.missing(accepted) == 0 })
	await(t, "nothing is under way", func() bool { return len(c.node(0).deliveries("&status=waiting")) == 0 })
	took := time.Since(began).Round(time.Millisecond)
	t.Logf("%d crashes: %d accepted, all delivered and recorded %v after the last, %d duplicated", crashes, len(accepted), took, receiver.duplicates())
	if took > 30*time.Second { // a lease is 45 s
		t.Errorf("the last delivery took %v, as if it had waited for a lease", took)
	}
	if n := receiver.duplicates(); n != 0 {
		t.Errorf("%d callbacks came twice", n)
	}
	list := c.node(0).deliveries("")
	if len(list) < len(accepted) {
		t.Errorf("%d deliveries of %d adds", len(list), len(accepted))
	}
	for _, d := range list {
		if d.Status != "succeeded" || d.Attempts != 1 {
			t.Errorf("delivery %s is %s after %d attempts", d.ID, d.Status, d.Attempts)
		}
	}
}

// A listed is a delivery as the API lists it.
type listed struct {
	ID, Status string
	Attempts   int
}

// deliveries lists all deliveries of a filter.
func (p *process) deliveries(filter string) (all []listed) {
	p.t.Helper()
	for after := ""; ; {
		var page struct {
			Data []listed
			Next string `json:"next_cursor"`
		}
		if status := p.call(http.MethodGet, "/api/v2/deliveries?limit=250"+filter+after, nil, &page); status != http.StatusOK {
			p.t.Fatalf("the list of deliveries answers %d", status)
		}
		all = append(all, page.Data...)
		if page.Next == "" {
			return all
		}
		after = "&after=" + page.Next
	}
}
