package sqlstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// snapshot begins a snapshot for an endpoint and makes its first step.
func (x *eraser) snapshot(db *sqlstore.DB, e delivery.Endpoint) delivery.Step {
	x.t.Helper()
	now := x.clock()
	r := delivery.BulkReplay{
		ID: delivery.NewID(), ProjectID: x.project, Set: delivery.ReplaySet{EndpointID: e.ID, What: delivery.WhatMemories, FrozenAt: now},
		State: delivery.ReplayRunning, Total: 100, CreatedAt: now, UpdatedAt: now, NextAt: &now,
	}
	x.must(db.InsertReplay(x.t.Context(), r))
	step, err := db.StepReplay(x.t.Context(), r.ID, now)
	x.must(err)
	return step
}

// TestErasureReachesSnapshots: an endpoint that knows a memory by a snapshot alone is
// told of its erasure, what waits of the snapshot is not sent, and its text is gone.
func TestErasureReachesSnapshots(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		x := newEraser(t, db)
		_, changes := x.say("alice", "Alice "+secret)
		id := changes[0].Memory.ID
		x.pass(time.Minute)
		told, waits := x.endpoint("told", "*"), x.endpoint("waits", "*")
		x.snapshot(db, told)
		x.sweep(10)
		x.snapshot(db, waits)
		if len(x.got) != 1 || !strings.Contains(x.got[0], secret) {
			t.Fatalf("sent: %v", x.got)
		}
		x.got = nil
		e, err := x.memory.Erase(t.Context(), x.project, id, "key mh_…test")
		x.must(err)
		if e = x.finish(e.ID); e.State != memory.ErasureDone {
			t.Fatalf("erasure %+v", e)
		}
		x.nowhere("after the erasure", secret)
		x.pass(time.Minute)
		x.sweep(10)
		for _, got := range x.got {
			if strings.Contains(got, secret) {
				t.Errorf("sent after the erasure: %s", got)
			}
		}
		list, err := x.memory.Receivers(t.Context(), x.project, e.ID, 10)
		x.must(err)
		for _, r := range list {
			if r.EndpointName == "told" && (r.Sent != 1 || r.AcknowledgedAt == nil) {
				t.Errorf("the one that had got it by the snapshot: %+v", r)
			}
		}
	})
}

// TestSnapshotsAreNotMissed by other endpoints: they are made for one.
func TestSnapshotsAreNotMissed(t *testing.T) {
	db := sqlstoretest.Open(t)
	x := newEraser(t, db)
	x.say("alice", "Likes tea")
	x.snapshot(db, x.endpoint("first", "*"))
	second := x.endpoint("second", "*")
	x.pass(time.Minute)
	list, err := db.Candidates(t.Context(), x.project, delivery.ReplaySet{EndpointID: second.ID, What: delivery.WhatMissing, FrozenAt: x.clock()}, uuid.Nil, 10)
	x.must(err)
	n := 0
	for _, c := range list {
		if !c.Void {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d messages are missing at the other endpoint, want the add alone", n)
	}
}

// TestSnapshotsArePruned also when the events of their memories were pruned before.
func TestSnapshotsArePruned(t *testing.T) {
	db := sqlstoretest.Open(t)
	x := newEraser(t, db)
	x.say("alice", "Alice "+secret)
	prune := func() {
		t.Helper()
		if p, err := db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil); err != nil || p.More {
			t.Errorf("pruned %+v, error %v", p, err)
		}
	}
	prune()
	x.snapshot(db, x.endpoint("late", "*"))
	prune()
	rows := func() int {
		t.Helper()
		page, err := db.Deliveries(t.Context(), delivery.Query{ProjectID: x.project, Limit: 10})
		x.must(err)
		return len(page.Rows)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d deliveries before it was sent, want 1", n)
	}
	x.sweep(10)
	prune()
	if n := rows(); n != 0 {
		t.Errorf("%d deliveries are left", n)
	}
	found, err := db.Grep(t.Context(), secret)
	x.must(err)
	for _, place := range found {
		if strings.HasPrefix(place, "messages") || strings.HasPrefix(place, "attempts") {
			t.Errorf("what was sent is left in %s", place)
		}
	}
}

// TestSnapshotBesideAnEdit: a change that is being committed on another node while a
// snapshot reads its memory comes with the snapshot or after it, not before.
func TestSnapshotBesideAnEdit(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	x := newEraser(t, sqlstoretest.Node(t, url, uuid.New()))
	other := sqlstoretest.Node(t, url, uuid.New())
	e := x.endpoint("index", "memory_add", "memory_update")
	_, err := x.db.UpdateEndpoint(t.Context(), x.project, e.ID, func(e *delivery.Endpoint) error { e.Order = delivery.InOrder; return nil })
	x.must(err)
	_, changes := x.say("alice", "version one")
	x.sweep(1)
	x.pass(time.Minute)
	release := holdCommits(t, url, x.project)
	edited := make(chan struct{})
	go func() {
		defer close(edited)
		text := "version two"
		if _, err := x.memory.Update(t.Context(), x.project, memory.Edit{ID: changes[0].Memory.ID, Text: &text}); err != nil {
			t.Error(err)
		}
	}()
	release.wait(t)
	x.pass(time.Second)
	stepped := make(chan struct{})
	go func() {
		defer close(stepped)
		x.snapshot(other, e)
	}()
	select {
	case <-stepped:
	case <-time.After(300 * time.Millisecond): // it waits for the edit
	}
	release.now(t)
	<-edited
	<-stepped
	x.pass(time.Minute)
	x.got = nil
	for range 5 {
		x.sweep(10)
		x.pass(2 * delivery.TurnEvery)
	}
	if n := len(x.got); n == 0 || !strings.Contains(x.got[n-1], "version two") {
		t.Errorf("the last of %d messages is out of date: %v", n, x.got)
	}
}

// held is a row that transactions wait for.
type held struct{ tx pgx.Tx }

// holdCommits holds up what adds messages to a project's feed, at its commit.
func holdCommits(t *testing.T, url, project string) held {
	t.Helper()
	return hold(t, url, `SELECT seq FROM feeds WHERE project_id = $1 FOR UPDATE`, project)
}

func hold(t *testing.T, url, row string, args ...any) held {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), row, args...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return held{tx}
}

// wait returns when a transaction is held up.
func (c held) wait(t *testing.T) {
	t.Helper()
	for range 1000 {
		var n int
		if err := c.tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		if _, err := c.tx.Exec(t.Context(), `SELECT pg_sleep(0.01)`); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no transaction is held up")
}

func (c held) now(t *testing.T) {
	t.Helper()
	if err := c.tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotMissesNoCommit: a memory that is being committed when an endpoint comes is
// not told to it, and is in its snapshot all the same.
func TestSnapshotMissesNoCommit(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	x := newEraser(t, sqlstoretest.Node(t, url, uuid.New()))
	other := newEraser(t, sqlstoretest.Node(t, url, uuid.New()))
	other.project = x.project
	x.endpoint("first", "*")
	x.say("alice", "Likes tea")
	commits := holdCommits(t, url, x.project)
	added := make(chan struct{})
	go func() {
		defer close(added)
		x.say("alice", "Likes coffee")
	}()
	commits.wait(t)
	_, err := other.delivery.CreateEndpoint(t.Context(), x.project, delivery.NewEndpoint{
		Name: "late", URL: "https://late.example.com/", EventTypes: []string{delivery.MemoryAdd}, Snapshot: true,
	})
	other.must(err)
	step := func() {
		t.Helper()
		ids, err := other.db.DueReplays(t.Context(), other.clock())
		other.must(err)
		for _, id := range ids {
			_, err := other.db.StepReplay(t.Context(), id, other.clock())
			other.must(err)
		}
	}
	step()
	commits.now(t)
	<-added
	other.pass(time.Minute)
	step()
	other.sweep(10)
	n := 0
	for _, got := range other.got {
		if strings.HasPrefix(got, "late") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("the endpoint got %d memories of 2: %v", n, other.got)
	}
}
