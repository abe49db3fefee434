package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// secret is a text that must be nowhere in the end.
const secret = "has a rare condition named Xylophobia-7731"

// An eraser is both services over a real store. Its receivers answer what they were
// sent, and its background work is done when a test says so.
type eraser struct {
	t        *testing.T
	db       *sqlstore.DB
	project  string
	memory   *memory.Service
	delivery *delivery.Service

	mu   sync.Mutex
	now  time.Time
	due  []delivery.Due
	got  []string        // host and event, as they came
	fail map[string]bool // hosts that answer 503
}

type verbatimEngine struct{}

func (verbatimEngine) Decide(_ context.Context, a memory.Add, recall memory.Recall) (memory.Decision, error) {
	var d memory.Decision
	for _, turn := range a.Turns {
		if strings.HasPrefix(turn.Text, "Again: ") {
			continue // known
		}
		d.Drafts = append(d.Drafts, memory.Draft{Kind: memory.ChangeAdd, Text: turn.Text, Scope: a.Scope})
	}
	return d, nil
}

func newEraser(t *testing.T, db *sqlstore.DB) *eraser {
	x := &eraser{t: t, db: db, now: time.Now().UTC().Truncate(time.Microsecond), fail: map[string]bool{}}
	x.project, _ = sqlstoretest.Project(t, db, "p")
	log := slog.New(slog.DiscardHandler)
	push := func(context.Context, queue.Ticket) error { return nil }
	x.memory = memory.New(memory.Config{
		Store: db, Push: push, Log: log, Now: x.clock, Engine: verbatimEngine{},
		Wake: func(due ...delivery.Due) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.due = append(x.due, due...)
		},
	})
	x.delivery = delivery.New(delivery.Config{
		Store: db, CheckURL: func(string) error { return nil }, Push: push, Log: log, Now: x.clock, Version: "test",
		Transport: roundTrip(x.receive), Policy: retry.Policy{MaxAge: retry.DefaultMaxAge},
	})
	return x
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// receive answers with the body, as a receiver in trouble may.
func (x *eraser) receive(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.got = append(x.got, r.URL.Host+" "+string(raw))
	code := http.StatusOK
	if x.fail[r.URL.Host] {
		code = http.StatusServiceUnavailable
	}
	return &http.Response{
		StatusCode: code, Header: http.Header{"X-Echo": {string(raw)}}, Body: io.NopCloser(strings.NewReader(string(raw))), Request: r,
	}, nil
}

func (x *eraser) clock() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.now
}

func (x *eraser) pass(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now = x.now.Add(d)
}

func (x *eraser) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *eraser) endpoint(name string, types ...string) delivery.Endpoint {
	x.t.Helper()
	e, err := x.delivery.CreateEndpoint(x.t.Context(), x.project, delivery.NewEndpoint{Name: name, URL: "https://" + name + ".example.com/secret-path", EventTypes: types})
	x.must(err)
	return e
}

// say adds what a user said, and processes it.
func (x *eraser) say(user string, turns ...string) (memory.Event, []memory.Change) {
	x.t.Helper()
	add := memory.Add{Scope: memory.Scope{UserID: user}, Infer: true, Metadata: []byte(`{"note":"` + secret + ` of ` + user + `"}`)}
	var said []string
	for _, text := range turns {
		add.Turns = append(add.Turns, memory.Turn{Role: "user", Text: text})
		said = append(said, fmt.Sprintf(`{"role":"user","content":%q}`, text))
	}
	e, err := x.memory.Add(x.t.Context(), x.project, add, []byte(`{"user_id":"`+user+`","messages":[`+strings.Join(said, ",")+`]}`))
	x.must(err)
	x.pass(time.Millisecond)
	x.must(x.memory.Process(x.t.Context(), []uuid.UUID{e.ID}))
	e, changes, err := x.memory.Event(x.t.Context(), x.project, e.ID)
	x.must(err)
	return e, changes
}

// send sends what was made due.
func (x *eraser) send() {
	x.t.Helper()
	x.mu.Lock()
	var ids []uuid.UUID
	for _, d := range x.due {
		ids = append(ids, d.DeliveryID)
	}
	x.due = nil
	x.mu.Unlock()
	if len(ids) > 0 {
		x.must(x.delivery.Send(x.t.Context(), ids))
	}
}

// sweep sends up to n of what is due to each endpoint, one at a time, as the pump does.
func (x *eraser) sweep(n int) {
	x.t.Helper()
	endpoints, err := x.db.DueEndpoints(x.t.Context(), x.clock())
	x.must(err)
	for _, e := range endpoints {
		ids, err := x.db.DueDeliveries(x.t.Context(), e.ID, x.clock(), n)
		x.must(err)
		for _, id := range ids {
			x.must(x.delivery.Send(x.t.Context(), []uuid.UUID{id}))
		}
	}
}

// finish carries an erasure on until it is over.
func (x *eraser) finish(id uuid.UUID) memory.Erasure {
	x.t.Helper()
	for range 1000 {
		x.must(x.memory.Process(x.t.Context(), []uuid.UUID{id})) // of a mass deletion
		step, err := x.db.StepErasure(x.t.Context(), id, x.clock())
		if errors.Is(err, memory.ErrNotDue) {
			x.pass(time.Second)
			continue
		}
		x.must(err)
		x.mu.Lock()
		x.due = append(x.due, step.Due...)
		x.mu.Unlock()
		if step.Next == nil {
			e, err := x.memory.Erasure(x.t.Context(), x.project, id)
			x.must(err)
			return e
		}
	}
	x.t.Fatalf("erasure %s does not end", id)
	return memory.Erasure{}
}

func (x *eraser) nowhere(what string, texts ...string) {
	x.t.Helper()
	for _, text := range texts {
		found, err := x.db.Grep(x.t.Context(), text)
		x.must(err)
		if found != nil {
			x.t.Errorf("%s: %q still stands in %s", what, text, strings.Join(found, ", "))
		}
	}
}

func (x *eraser) update(id uuid.UUID, text string) {
	x.t.Helper()
	_, err := x.memory.Update(x.t.Context(), x.project, memory.Edit{ID: id, Text: &text})
	x.must(err)
}

func TestErasureLeavesNoText(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		x := newEraser(t, db)
		x.endpoint("crm", "*")
		x.endpoint("adds", "memory_add")
		gone := x.endpoint("gone", "*")
		paused := x.endpoint("paused", "*")
		_, err := x.delivery.PauseEndpoint(t.Context(), x.project, paused.ID, "key")
		x.must(err)

		_, changes := x.say("alice", "Alice "+secret, "Likes tea")
		id, other := changes[0].Memory.ID, changes[1].Memory.ID
		x.say("alice", "Again: Alice "+secret) // no change: only its request has the text
		x.update(id, "Alice still "+secret)
		x.must(x.db.SaveFeedback(t.Context(), x.project, memory.Feedback{ID: uuid.New(), MemoryID: id, Kind: "POSITIVE", Reason: secret, CreatedAt: x.clock()}))
		x.mu.Lock()
		x.fail["crm.example.com"] = true
		x.mu.Unlock()
		x.send() // answered with what was sent
		x.must(x.delivery.DeleteEndpoint(t.Context(), x.project, gone.ID))
		if found, err := db.Grep(t.Context(), secret); err != nil || len(found) < 7 {
			t.Fatalf("the text stands in %v before, error %v: the test is not about much", found, err)
		}
		preview, err := x.memory.PreviewErasure(t.Context(), x.project, id)
		if err != nil || preview.Counts.Changes != 2 || preview.Counts.Messages != 2 || preview.Endpoints != 3 {
			t.Errorf("preview %+v, error %v", preview, err)
		}

		e, err := x.memory.Erase(t.Context(), x.project, id, "key mh_…test")
		x.must(err)
		if _, err := x.memory.Memory(t.Context(), x.project, id); !errors.Is(err, memory.ErrNotFound) {
			t.Errorf("the memory is there after the call: %v", err)
		}
		x.feedLeavesItOut(id) // before it is scrubbed, too
		if e = x.finish(e.ID); e.State != memory.ErasureDone {
			t.Fatalf("erasure %+v", e)
		}
		// What the two memories shared is the metadata of their add: it goes with each of
		// them alone.
		if m, err := x.memory.Memory(t.Context(), x.project, other); err != nil || m.Text != "Likes tea" {
			t.Errorf("another memory of the same request is %q, error %v", m.Text, err)
		}
		x.nowhere("after the erasure", "Alice "+secret, "Alice still")
		history, err := x.memory.History(t.Context(), x.project, id)
		x.must(err)
		var kinds []string
		for _, c := range history {
			kinds = append(kinds, string(c.Kind))
			if c.Memory.Text != "" || c.Before != "" || c.Memory.Metadata != nil {
				t.Errorf("history still has %+v", c)
			}
		}
		if diff := cmp.Diff([]string{"ADD", "UPDATE", "DELETE"}, kinds); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		want := memory.ErasureCounts{Memories: 1, Changes: 3, Messages: 2, Deliveries: 4, Attempts: 5, Events: 2}
		if diff := cmp.Diff(want, e.Counts); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}

		x.mu.Lock()
		x.fail["crm.example.com"], x.got = false, nil
		x.mu.Unlock()
		x.pass(time.Minute)
		x.sweep(10)
		x.mu.Lock()
		for i, got := range x.got {
			if strings.Contains(got, "Alice") || (i == 0) != strings.Contains(got, `"erased":true`) {
				t.Errorf("sent after the erasure, as number %d: %s", i, got)
			}
		}
		x.mu.Unlock()
		list, err := x.memory.Receivers(t.Context(), x.project, e.ID, 10)
		x.must(err)
		who := map[string]string{}
		for _, r := range list {
			acknowledged := ""
			if r.AcknowledgedAt != nil {
				acknowledged = " acknowledged"
			}
			if r.DeletedAt != nil {
				acknowledged += " deleted"
			}
			who[r.EndpointName] = fmt.Sprintf("%d %s%s", r.Sent, r.Status, acknowledged)
		}
		wantWho := map[string]string{"crm": "2 succeeded acknowledged", "adds": "1 skipped", "gone": "2  deleted", "paused": "0 held"}
		if diff := cmp.Diff(wantWho, who); diff != "" {
			t.Errorf("who was told (-want +got):\n%s", diff)
		}
		again, err := x.memory.Erase(t.Context(), x.project, id, "key")
		if err != nil || again.ID != e.ID {
			t.Errorf("a second erasure is %s, error %v; want %s", again.ID, err, e.ID)
		}
		x.cannotBeSentAgain()
		x.feedLeavesItOut(id)
		x.keepsTheLedger(e, list)
	})
}

// cannotBeSentAgain tries to send what was scrubbed.
func (x *eraser) cannotBeSentAgain() {
	x.t.Helper()
	t := x.t
	page, err := x.delivery.Deliveries(t.Context(), delivery.Query{ProjectID: x.project, Endpoint: "crm", Type: "memory_update", Limit: 10})
	x.must(err)
	d := page.Rows[0].Delivery
	if d.Status != delivery.Canceled || d.Reason != delivery.ReasonErased {
		t.Errorf("the delivery that waited is %s, %s", d.Status, d.Reason)
	}
	if err := x.delivery.SendAgain(t.Context(), x.project, d.ID); !errors.Is(err, delivery.ErrErased) {
		t.Errorf("sent again: %v, want ErrErased", err)
	}
	late, err := x.delivery.CreateEndpoint(t.Context(), x.project, delivery.NewEndpoint{Name: "late", URL: "https://late.example.com", EventTypes: []string{"memory_add", "memory_update"}})
	x.must(err)
	x.pass(time.Minute)
	_, n, err := x.delivery.PreviewReplay(t.Context(), x.project, delivery.ReplaySet{EndpointID: late.ID, What: delivery.WhatMissing})
	if err != nil || n != 1 { // the other memory of the add
		t.Errorf("a replay of what the new endpoint missed has %d, error %v; want 1", n, err)
	}
}

// feedLeavesItOut reads the feed from its start: of the memory it has the erasure.
func (x *eraser) feedLeavesItOut(id uuid.UUID) {
	x.t.Helper()
	f := feed.New(feed.Config{Store: x.db, Log: slog.New(slog.DiscardHandler)})
	batch, err := f.Read(x.t.Context(), feed.Query{ProjectID: x.project, Limit: 100})
	x.must(err)
	var bodies []string
	for _, e := range batch.Entries {
		if e.Message.MemoryID == id {
			bodies = append(bodies, string(e.Message.Body))
		}
	}
	if len(bodies) != 1 || !strings.Contains(bodies[0], `"erased":true,"erasure_id"`) {
		x.t.Errorf("the feed has of the memory: %v; want the erasure alone", bodies)
	}
}

// keepsTheLedger prunes everything and looks at who acknowledged.
func (x *eraser) keepsTheLedger(e memory.Erasure, before []memory.Receiver) {
	x.t.Helper()
	t := x.t
	x.pass(time.Hour)
	n, err := x.db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil)
	if err != nil || n.Events == 0 {
		t.Fatalf("%d pruned, error %v", n.Events, err)
	}
	after, err := x.memory.Receivers(t.Context(), x.project, e.ID, 10)
	x.must(err)
	for i := range before {
		if diff := cmp.Diff(before[i], after[i]); diff != "" {
			t.Errorf("receiver %s before and after pruning:\n%s", before[i].EndpointName, diff)
		}
	}
}

// TestErasuresGoFirst: an erasure overtakes what waits, also after a try that failed.
func TestErasuresGoFirst(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		x := newEraser(t, db)
		x.endpoint("crm", "memory_add", "memory_delete")
		_, changes := x.say("alice", "Alice "+secret)
		x.send()
		x.mu.Lock()
		x.fail["crm.example.com"] = true
		x.mu.Unlock()
		for i := range 20 {
			x.say("bob", fmt.Sprint("backlog ", i))
		}
		x.pass(time.Second)
		e, err := x.memory.Erase(t.Context(), x.project, changes[0].Memory.ID, "key")
		x.must(err)
		x.finish(e.ID)
		x.sweep(1) // fails
		x.pass(time.Minute)
		x.mu.Lock()
		x.fail, x.got = map[string]bool{}, nil
		x.mu.Unlock()
		x.sweep(30)
		x.mu.Lock()
		defer x.mu.Unlock()
		if len(x.got) != 21 || !strings.Contains(x.got[0], `"erased":true`) {
			t.Errorf("%d messages came, the first is %v; want 21 and the erasure first", len(x.got), x.got[:min(1, len(x.got))])
		}
	})
}

// TestErasureOfAUser takes everything of one user and nothing of another.
func TestErasureOfAUser(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		x := newEraser(t, db)
		x.endpoint("crm", "*")
		_, changes := x.say("alice", "Alice "+secret)
		x.say("alice", "Again: "+secret)
		x.say("alice", "Was deleted before: "+secret)
		list, _, err := x.memory.Memories(t.Context(), memory.Query{ProjectID: x.project})
		x.must(err)
		x.must(x.memory.Delete(t.Context(), x.project, list[0].ID))
		bob := "Bob is well"
		x.say("bob", bob)
		x.send()
		x.must(x.db.SaveExport(t.Context(), memory.Export{ID: uuid.New(), ProjectID: x.project, Filter: []byte(`{}`), Result: []byte(`"` + secret + `"`), CreatedAt: x.clock()}))
		id := changes[0].Memory.ID
		others := `{"id":"` + uuid.NewString() + `"}`
		for key, body := range map[string]string{"its": `{"id":"` + id.String() + `","memory":"` + secret + `"}`, "others": others} {
			_, r, err := db.ClaimAnswer(t.Context(), x.project, key, [32]byte{}, x.clock(), time.Hour)
			x.must(err)
			x.must(db.StoreAnswer(t.Context(), x.project, key, r.At, sqlstore.Answer{Status: 200, Body: []byte(body)}))
		}

		e, err := x.memory.EraseScope(t.Context(), x.project, memory.Scope{UserID: "alice"}, "key")
		x.must(err)
		if e = x.finish(e.ID); e.State != memory.ErasureDone || e.Counts.Memories != 2 {
			t.Fatalf("erasure %+v", e)
		}
		x.nowhere("after the erasure", "Alice "+secret, "Again: "+secret, "before: "+secret, secret+" of alice", `"`+secret+`"`)
		for key, want := range map[string]string{"its": `{"erased":true}`, "others": others} {
			a, again, err := db.ClaimAnswer(t.Context(), x.project, key, [32]byte{}, x.clock(), time.Hour)
			if err != nil || again != nil || string(a.Body) != want {
				t.Errorf("the answer kept under %s is %s, error %v; want %s", key, a.Body, err, want)
			}
		}
		if found, err := db.Grep(t.Context(), bob); err != nil || len(found) < 4 {
			t.Errorf("of another user %v is left, error %v", found, err)
		}
		if found, err := db.Grep(t.Context(), `"erased":true`); err != nil || len(found) == 0 {
			t.Errorf("nothing is marked erased, error %v", err)
		}
		receivers, err := x.memory.Receivers(t.Context(), x.project, e.ID, 10)
		if err != nil || len(receivers) != 2 {
			t.Errorf("%d lines in the ledger, error %v; want one for each memory, also that deleted before", len(receivers), err)
		}
	})
}

// TestErasureWaitsForTheWorker: a message that is being sent is scrubbed when it has
// been sent; one whose worker died is ended.
func TestErasureWaitsForTheWorker(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		x := newEraser(t, db)
		crm := x.endpoint("crm", "memory_add")
		for _, died := range []bool{false, true} {
			_, changes := x.say("alice", fmt.Sprint("Alice ", secret, died))
			ids, err := db.DueDeliveries(t.Context(), crm.ID, x.clock(), 10)
			x.must(err)
			claims, err := db.ClaimDeliveries(t.Context(), ids, x.clock(), nil)
			if err != nil || len(claims) != 1 {
				t.Fatalf("%d claims, error %v", len(claims), err)
			}
			e, err := x.memory.Erase(t.Context(), x.project, changes[0].Memory.ID, "key")
			x.must(err)
			for range 10 {
				x.pass(200 * time.Millisecond)
				_, err := db.StepErasure(t.Context(), e.ID, x.clock())
				x.must(err)
			}
			if found, err := db.Grep(t.Context(), secret); err != nil || len(found) == 0 {
				t.Fatalf("scrubbed under the worker's hands, error %v", err)
			}
			want := delivery.Canceled
			if !died {
				a := delivery.Attempt{ID: delivery.NewID(), DeliveryID: ids[0], Number: 1, Trigger: delivery.Scheduled, StartedAt: x.clock(), StatusCode: 200, ResponseBody: []byte(secret)}
				_, err := db.FinishAttempt(t.Context(), delivery.Result{Claim: claims[0], Attempt: a, Status: delivery.Succeeded})
				x.must(err)
				want = delivery.Succeeded
			} else {
				x.pass(time.Hour)
			}
			if e = x.finish(e.ID); e.State != memory.ErasureDone {
				t.Errorf("erasure %+v", e)
			}
			x.nowhere("after the erasure", "Alice "+secret)
			trail, err := x.delivery.Trail(t.Context(), x.project, ids[0])
			if err != nil || trail.Delivery.Status != want || len(trail.List) != 1 || trail.List[0].ResponseBody != nil {
				t.Errorf("died: %t: the delivery is %+v, error %v; want it %s with one attempt on record", died, trail, err, want)
			}
		}
	})
}

// TestDeletionsEraseWhereTheProjectSaysSo: mem0's deletions are erasures then.
func TestDeletionsEraseWhereTheProjectSaysSo(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		x := newEraser(t, db)
		x.endpoint("crm", "*")
		_, err := x.memory.UpdateProject(t.Context(), x.project, func(p *memory.Project) error {
			p.Settings = memory.Settings{memory.SettingErase: []byte("true")}
			return nil
		})
		x.must(err)
		_, changes := x.say("alice", "One "+secret, "Two "+secret, "Three "+secret, "Four "+secret)
		x.say("carol", "Five "+secret)
		var ids []uuid.UUID
		for _, c := range changes {
			ids = append(ids, c.Memory.ID)
		}
		x.must(x.memory.Delete(t.Context(), x.project, ids[0]))
		if err := x.memory.Delete(t.Context(), x.project, ids[0]); !errors.Is(err, memory.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		if n, err := x.memory.DeleteBatch(t.Context(), x.project, []uuid.UUID{ids[1], ids[1], uuid.New()}); n != 1 || err != nil {
			t.Errorf("a batch deletes %d, error %v; want 1", n, err)
		}
		_, err = x.memory.DeleteAll(t.Context(), memory.EventDeleteAll, memory.Query{ProjectID: x.project, Filter: memory.Entity(memory.FieldUser, "alice")}, nil)
		x.must(err)
		_, err = x.memory.DeleteAll(t.Context(), memory.EventDeleteUser, memory.Query{ProjectID: x.project, Filter: memory.Entity(memory.FieldUser, "carol")}, nil)
		x.must(err)
		list, err := x.memory.Erasures(t.Context(), x.project, uuid.Nil, 10)
		if err != nil || len(list) != 4 {
			t.Fatalf("%d erasures, error %v; want 4", len(list), err)
		}
		memories := 0
		for _, e := range list {
			if e = x.finish(e.ID); e.State != memory.ErasureDone {
				t.Errorf("erasure %+v", e)
			}
			memories += e.Counts.Memories
		}
		if memories != 5 {
			t.Errorf("%d memories were erased, want 5", memories)
		}
		x.nowhere("after the deletions", secret)
		if n, err := db.Stats(t.Context(), x.project); err != nil || n.Memories != 0 {
			t.Errorf("%d memories are counted, error %v", n.Memories, err)
		}
	})
}
