//go:build browser

package dashboard

import (
	"testing"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// Every page fits on a phone, and neither the console, the policy nor axe has
// anything to say about it, in light and dark, with a day of use and with nothing.
func TestLook(t *testing.T) {
	d := newDemo(t)
	full := d.pages()
	_, fresh := sqlstoretest.Project(t, d.db, "Contoso")
	empty := map[string]string{
		"overview": "/ui/", "events": "/ui/events", "deliveries": "/ui/deliveries", "endpoints": "/ui/endpoints", "memories": "/ui/memories", "erasures": "/ui/erasures",
		"replays": "/ui/replays", "new-replay": "/ui/replays/new", "keys": "/ui/keys", "sources": "/ui/sources", "system": "/ui/system",
		"events-filtered": "/ui/events?q=user:nobody", "deliveries-filtered": "/ui/deliveries?q=code:5xx", "memories-filtered": "/ui/memories?q=user:nobody",
	}
	for name, look := range map[string]screen{"light": desktop, "dark": night, "phone": phone, "small": small} {
		for state, of := range map[string]struct {
			key   string
			pages map[string]string
		}{"full": {d.key, full}, "empty": {fresh, empty}} {
			t.Run(name+" "+state, func(t *testing.T) {
				b := d.tab(t, look).signIn(d.site, of.key)
				for page, path := range of.pages {
					b.open(path)
					if page == "none" {
						b.forgive() // Chromium says that it is not there, as it should
					}
					b.shot(page + "-" + state + "-" + name).fits()
					if look != small {
						b.accessible()
					}
				}
			})
		}
		t.Run(name+" login", func(t *testing.T) {
			d.tab(t, look).open("/ui/login").shot("login-full-" + name).fits().accessible()
		})
	}
}

// pages are all pages of the demo, by name.
func (d *demo) pages() map[string]string {
	d.t.Helper()
	ctx := d.t.Context()
	source, err := d.memory.CreateSource(ctx, d.project, memory.NewSource{Name: "mem0 cloud", Verification: memory.VerifyStandard})
	if err != nil {
		d.t.Fatal(err)
	}
	set, n, err := d.delivery.PreviewReplay(ctx, d.project, delivery.ReplaySet{EndpointID: d.crm.ID, What: delivery.WhatAll})
	if err != nil {
		d.t.Fatal(err)
	}
	replay, err := d.delivery.CreateReplay(ctx, d.project, set, n, 10, "key ••••demo")
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.delivery.PauseEndpoint(ctx, d.project, d.desk.ID, "key ••••demo"); err != nil {
		d.t.Fatal(err)
	}
	for _, a := range []delivery.AuditEntry{
		{Action: "endpoint.create", Subject: delivery.FormatID(delivery.EndpointPrefix, d.crm.ID), Detail: "crm-sync"},
		{Action: "endpoint.rotate_secret", Subject: delivery.FormatID(delivery.EndpointPrefix, d.crm.ID), Detail: "the old one is valid for 24 h"},
		{Action: "delivery.resend", Subject: delivery.FormatID(delivery.DeliveryPrefix, d.failing.ID), Detail: "to slack-bridge"},
		{Action: "replay.create", Subject: delivery.FormatID(delivery.ReplayPrefix, replay.ID), Detail: "122 deliveries to crm-sync"},
	} {
		a.ProjectID, a.Actor, a.ActorHint = d.project, "key_demo", "demo"
		d.delivery.Note(ctx, a)
	}
	parked := d.endpoint(d.project, "warehouse", "https://warehouse.northwind.app/a/rather/long/path/for/an/endpoint/to/have?with=a-query", delivery.MemoryUpdate)
	if _, err := d.db.UpdateEndpoint(ctx, d.project, parked.ID, func(e *delivery.Endpoint) error {
		since, last := d.clock().Add(-190*time.Minute), d.clock().Add(-20*time.Second)
		e.Health = delivery.Health{FailingSince: &since, LastFailureAt: &last, Failures: 14}
		e.Health.Breaker = retry.Breaker{State: retry.Open, Probes: 4, ProbeAt: d.clock().Add(9 * time.Minute)}
		return nil
	}); err != nil {
		d.t.Fatal(err)
	}
	some, _, err := d.memory.Memories(ctx, memory.Query{ProjectID: d.project, Limit: 2, NoCount: true})
	if err != nil || len(some) != 2 {
		d.t.Fatalf("%d memories, error %v", len(some), err)
	}
	if some[0].ID == d.changed {
		some[0] = some[1]
	}
	erasure, err := d.memory.Erase(ctx, d.project, some[0].ID, "key ••••demo")
	if err != nil {
		d.t.Fatal(err)
	}
	crm, slack := endpointPath(d.crm.ID), endpointPath(d.slack.ID)
	return map[string]string{
		"overview": "/ui/", "events": "/ui/events", "event": eventPath(d.failing.EventID), "deliveries": "/ui/deliveries",
		"delivery": deliveryPath(d.failing.ID), "endpoints": "/ui/endpoints", "endpoint": slack, "endpoint-well": crm,
		"endpoint-parked": endpointPath(parked.ID) + "?probe=none", "endpoint-paused": endpointPath(d.desk.ID), "delete": slack + "/delete",
		"new": "/ui/endpoints/new", "edit": slack + "/edit", "secrets": crm + "/secrets",
		"erasures": "/ui/erasures", "erasure": erasurePath(erasure.ID), "erase": memoryPath(d.changed) + "/erase", "memory-erased": memoryPath(some[0].ID),
		"memories": "/ui/memories", "memories-found": "/ui/memories?q=invoices", "memory": memoryPath(d.changed), "playground": "/ui/playground",
		"replays": "/ui/replays", "replay": root + "replays/" + delivery.FormatID(delivery.ReplayPrefix, replay.ID),
		"new-replay": "/ui/replays/new?what=all&endpoint=ep_" + d.crm.ID.String(), "keys": "/ui/keys", "sources": "/ui/sources",
		"source": sourcePath(source), "system": "/ui/system", "system-older": "/ui/system?after=" + delivery.Cursor{ID: delivery.NewID()}.String(),
		"would": slack + "?would=" + d.failed.ID.String() + "#would-title", "none": "/ui/events/none",
	}
}
