package delivery_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
)

// hanging answers when the test ends.
type hanging struct {
	until   chan struct{}
	healthy http.RoundTripper
}

func (h hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == "healthy" {
		return h.healthy.RoundTrip(req)
	}
	<-h.until
	return nil, fmt.Errorf("too late")
}

// A project whose many endpoints all hang does not take the workers of another.
func TestProjectsShareWorkers(t *testing.T) {
	h := hanging{make(chan struct{}), &receivers{}}
	s := startWith(t, func(c *delivery.Config) {
		c.Transport = h
		c.Lanes = queue.Lanes{memory.Lane: 4, delivery.Lane: 16, delivery.SlowLane: 4}
	})
	t.Cleanup(func() { close(h.until) }) // before the services are waited for
	for i := range 40 {
		s.endpoint(t, fmt.Sprintf("hangs%d", i), nil)
	}
	hog := s.project
	for range 20 {
		s.addAll(t, 10)
	}
	s.project, _ = sqlstoretest.Project(t, s.db, "other")
	e := s.endpoint(t, "healthy", nil)
	events := s.addAll(t, 100)
	s.settle(t, func() bool { return s.states(t, e, events)[delivery.Succeeded] == len(events) })
	endpoints, err := s.db.DueEndpoints(t.Context(), time.Now())
	if err != nil || len(endpoints) == 0 || endpoints[0].ProjectID != hog {
		t.Errorf("due endpoints %v, error %v; want those of the project that hangs", endpoints, err)
	}
}
