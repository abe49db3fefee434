//go:build browser

package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

// session returns the token of a new session.
func (s *site) session(key string) string {
	s.t.Helper()
	token, err := s.ui.startSession(s.t.Context(), apikey.Hash(key), s.clock())
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// A demo is a project as it looks after a day of use: endpoints that are well,
// failing, paused and choosy, and events with every kind of outcome.
type demo struct {
	*site
	project, key                   string
	crm, analytics, slack, billing delivery.Endpoint
	desk                           delivery.Endpoint
	failed                         memory.Event
	failing                        delivery.Delivery // to slack-bridge
	changed                        uuid.UUID         // the memory of failed
}

var people = []string{"alice", "bruno", "chen", "dana", "emil", "farah", "gita"}

var says = []string{
	"Prefers window seats on morning flights", "Is allergic to peanuts", "Runs the payments team in Singapore", "Works from Berlin, four days a week",
	"Wants invoices as PDF, not as links", "Learns Portuguese for a move in spring", "Has two children, Ida and Noor", "Uses the dark theme everywhere",
	"Asked to be called instead of mailed", "Deploys on Tuesdays only", "Reads release notes before an upgrade", "Keeps the weekly report to one page",
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{}
	d.site = newSite(t, func(c *Config) {
		c.System = func(context.Context) (SystemFacts, error) {
			now, oldest := d.clock(), d.clock().Add(-29*24*time.Hour)
			return SystemFacts{
				Version: "0.9.0", Database: "Postgres", Size: 412 << 20, Oldest: &oldest, Queue: "Redis",
				Nodes: []NodeFacts{
					{"web-1", "all", "0.9.0", now.Add(-75 * time.Hour), now.Add(-2 * time.Second)},
					{"web-2", "worker", "0.9.0", now.Add(-75 * time.Hour), now.Add(-40 * time.Second)},
				},
			}, nil
		}
	})
	end := d.now
	d.project, d.key = sqlstoretest.Project(t, d.db, "Northwind")
	d.now = end.Add(-23 * time.Hour)
	d.crm = d.endpoint(d.project, "crm-sync", "https://crm.northwind.app/hooks/memory", "*")
	d.analytics = d.endpoint(d.project, "analytics", "https://events.northwind.app/v1/ingest", "*")
	d.slack = d.endpoint(d.project, "slack-bridge", "https://bridge.northwind.app/slack/memory", delivery.MemoryAdd, delivery.MemoryUpdate)
	d.desk = d.endpoint(d.project, "support-desk", "https://desk.northwind.app/webhooks", delivery.MemoryDelete)
	d.billing = d.endpoint(d.project, "billing-agent", "https://billing.northwind.app/agent/memory", delivery.MemoryUpdate)
	took := 0
	d.answer = func(r *http.Request) (*http.Response, error) {
		took++
		switch {
		case r.URL.Host == "bridge.northwind.app" && d.clock().After(end.Add(-3*time.Hour)):
			return answerWith(http.StatusServiceUnavailable, `{"error": "upstream_unavailable", "message": "Slack answered 503; try again in two minutes", "trace": "b3f1c2"}`)(r)
		case r.URL.Host == "crm.northwind.app" && took%17 == 0:
			return answerWith(http.StatusBadGateway, "<html><body><h1>502 Bad Gateway</h1></body></html>")(r)
		}
		return answerWith(http.StatusOK, `{"ok": true}`)(r)
	}
	for i := range 60 {
		d.pass(22 * time.Minute)
		d.remember(people[i%len(people)]+"@northwind.app", says[i%len(says)])
		d.send()
	}
	d.mu.Lock()
	d.now = end.Add(-90 * time.Second)
	d.mu.Unlock()
	d.failed = d.remember("alice@northwind.app", "Lives in Lisbon, prefers tea")
	d.send()
	d.mu.Lock()
	d.now = end
	d.mu.Unlock()
	_, changes, err := d.memory.Event(t.Context(), d.project, d.failed.ID)
	if err != nil || len(changes) == 0 {
		t.Fatalf("the last event changed %d memories (%v)", len(changes), err)
	}
	d.changed = changes[0].Memory.ID
	rows, err := d.delivery.Deliveries(t.Context(), delivery.Query{ProjectID: d.project, Endpoint: "slack-bridge", Status: delivery.Retrying})
	if err != nil || len(rows.Rows) == 0 {
		t.Fatalf("no delivery to slack-bridge is retrying (%v)", err)
	}
	d.failing = rows.Rows[0].Delivery
	return d
}

func (d *demo) remember(user, text string) memory.Event {
	d.t.Helper()
	turns := []memory.Turn{{Role: "user", Text: text}}
	e, err := d.memory.Add(d.t.Context(), d.project, memory.Add{Turns: turns, Scope: memory.Scope{UserID: user, AgentID: "concierge"}},
		[]byte(fmt.Sprintf(`{"user_id": %q, "agent_id": "concierge", "messages": [{"role": "user", "content": %q}]}`, user, text)))
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.memory.Process(d.t.Context(), []uuid.UUID{e.ID}); err != nil {
		d.t.Fatal(err)
	}
	return e
}
