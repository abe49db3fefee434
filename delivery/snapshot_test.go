package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// replica is what a receiver that keeps a copy of every memory has.
func replica(t *testing.T, list []request) (copies map[uuid.UUID]string, told map[uuid.UUID]int) {
	t.Helper()
	copies, told = map[uuid.UUID]string{}, map[uuid.UUID]int{}
	for _, r := range list {
		var m struct {
			Type string
			Data struct {
				MemoryID uuid.UUID `json:"memory_id"`
				Memory   string
			}
		}
		if err := json.Unmarshal([]byte(r.body), &m); err != nil {
			t.Fatalf("%v in %s", err, r.body)
		}
		told[m.Data.MemoryID]++
		if copies[m.Data.MemoryID] = m.Data.Memory; m.Type == delivery.MemoryDelete {
			delete(copies, m.Data.MemoryID)
		}
	}
	return copies, told
}

// TestSnapshotThenLive registers an endpoint for a copy of every memory while memories
// are added, edited and deleted.
func TestSnapshotThenLive(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		const old, changed = 250, 40
		ids := s.memories(t, old)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range changed {
				s.edit(t, ids[i], i, 1)
				if err := s.memory.Delete(t.Context(), s.project, ids[old-1-i]); err != nil {
					t.Error(err)
				}
				s.add(t, fmt.Sprintf("memory %d version 0", old+i))
				time.Sleep(10 * time.Millisecond)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		const host = "index.example.com"
		s.endpoint(t, host, func(n *delivery.NewEndpoint) {
			n.Order, n.Snapshot = delivery.InOrder, true
			n.EventTypes = []string{delivery.MemoryAdd, delivery.MemoryUpdate, delivery.MemoryDelete}
		})
		<-done
		s.idle(t)
		time.Sleep(time.Minute)
		s.idle(t)
		copies, told := replica(t, r.to(host))
		list, _, err := s.db.Memories(t.Context(), memory.Query{ProjectID: s.project, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		stored := map[uuid.UUID]string{}
		for _, m := range list {
			stored[m.ID] = m.Text
		}
		if len(copies) != len(stored) || len(stored) != old {
			t.Errorf("the receiver has %d memories of %d", len(copies), len(stored))
		}
		for id, text := range stored {
			if copies[id] != text {
				t.Errorf("memory %s is %q at the receiver, want %q", id, copies[id], text)
			}
		}
		for _, id := range ids[changed : old-changed] {
			if told[id] != 1 {
				t.Errorf("memory %s, which did not change, was sent %d times", id, told[id])
			}
		}
	})
}

// TestSnapshotGoesOn after its server has stopped, and sends no memory twice.
func TestSnapshotGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receivers{}
		s := &system{db: sqlstoretest.Open(t)}
		s.project, _ = sqlstoretest.Project(t, s.db, "p")
		with := func(c *delivery.Config) { c.Transport = r }
		stop := s.run(t, with)
		ids := s.memories(t, 350)
		e := s.endpoint(t, "index.example.com", nil)
		set, n, err := s.delivery.PreviewReplay(t.Context(), s.project, delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatMemories})
		if err != nil || n != len(ids) {
			t.Fatalf("a snapshot has %d memories, error %v; want %d", n, err, len(ids))
		}
		if _, err := s.delivery.CreateReplay(t.Context(), s.project, set, n, 0, "test"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Millisecond)
		stop()
		if n := len(r.to("index.example.com")); n == 0 || n == len(ids) {
			t.Fatalf("%d of %d were sent before the stop: the test shows nothing", n, len(ids))
		}
		s.run(t, with)
		s.idle(t)
		time.Sleep(time.Minute)
		s.idle(t)
		_, told := replica(t, r.to("index.example.com"))
		for _, id := range ids {
			if told[id] != 1 {
				t.Errorf("memory %s was sent %d times", id, told[id])
			}
		}
	})
}

// TestSnapshotIsPruned like all that was delivered.
func TestSnapshotIsPruned(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, _ *receivers) {
		s.memories(t, 5)
		s.endpoint(t, "index.example.com", func(n *delivery.NewEndpoint) { n.Snapshot = true })
		arrived := delivery.Query{ProjectID: s.project, Status: delivery.ListStatus(delivery.Succeeded), Limit: delivery.MaxPage}
		s.settle(t, func() bool {
			page, err := s.db.Deliveries(t.Context(), arrived)
			return err == nil && len(page.Rows) == 5
		})
		if p, err := s.db.Prune(t.Context(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Nil); err != nil || p.More {
			t.Fatalf("pruned %+v, error %v", p, err)
		}
		page, err := s.db.Deliveries(t.Context(), delivery.Query{ProjectID: s.project, Limit: delivery.MaxPage})
		if err != nil || len(page.Rows) != 0 {
			t.Errorf("%d deliveries are left, error %v", len(page.Rows), err)
		}
	})
}

// leaving is a store whose caller has given up before the memories are counted.
type leaving struct {
	*sqlstore.DB
	leave context.CancelFunc
}

func (l *leaving) Candidates(ctx context.Context, project string, set delivery.ReplaySet, place uuid.UUID, limit int) ([]delivery.Candidate, error) {
	list, err := l.DB.Candidates(ctx, project, set, place, limit)
	l.leave()
	return list, err
}

// TestEndpointHasItsSnapshot or is not there: also when its caller does not wait until
// the memories are counted.
func TestEndpointHasItsSnapshot(t *testing.T) {
	c := startClocked(t)
	c.remember("Likes tea")
	ctx, leave := context.WithCancel(t.Context())
	d := delivery.New(delivery.Config{
		Store: &leaving{c.db, leave}, Push: func(context.Context, queue.Ticket) error { return nil }, Log: slog.New(slog.DiscardHandler),
		Version: "test", Policy: retry.DefaultPolicy(nil), Transport: c.r, CheckURL: func(string) error { return nil },
	})
	_, err := d.CreateEndpoint(ctx, c.project, delivery.NewEndpoint{Name: "index", URL: "https://index.example.com/", EventTypes: []string{delivery.MemoryAdd}, Snapshot: true})
	endpoints, errList := c.db.Endpoints(t.Context(), c.project)
	replays, errReplays := c.db.Replays(t.Context(), c.project, uuid.Nil, 10)
	if errList != nil || errReplays != nil || len(endpoints) != len(replays) || (err == nil) != (len(endpoints) == 1) {
		t.Errorf("%d endpoints and %d snapshots after %v", len(endpoints), len(replays), err)
	}
}
