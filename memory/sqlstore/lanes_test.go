package sqlstore_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// traffic watches which messages of each memory are under way.
type traffic struct {
	mu    sync.Mutex
	busy  map[uuid.UUID]bool
	taken map[uuid.UUID]int64 // the turn that ended last
	ended int

	anyTurn bool // what is sent again comes out of turn
}

func (f *traffic) begin(t *testing.T, d delivery.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[d.Lane] {
		t.Errorf("two messages of memory %s are under way", d.Lane)
	}
	if d.Turn <= f.taken[d.Lane] && !f.anyTurn {
		t.Errorf("memory %s: turn %d was claimed after turn %d had ended", d.Lane, d.Turn, f.taken[d.Lane])
	}
	f.busy[d.Lane] = true
}

func (f *traffic) end(d delivery.Delivery, final bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy[d.Lane] = false
	if final {
		f.taken[d.Lane], f.ended = d.Turn, f.ended+1
	}
}

func (f *traffic) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

// TestNodesKeepTheOrder has many workers, on Postgres of two nodes, claim and finish
// the deliveries of a few memories, while messages are still being made. What has to
// wait is put off by delivery.TurnEvery, so it ends in time only if each is woken.
func TestNodesKeepTheOrder(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		nodes := []*sqlstore.DB{db}
		if db.Kind() != "SQLite" {
			url := sqlstoretest.PostgresURL(t)
			nodes = []*sqlstore.DB{sqlstoretest.Node(t, url, uuid.New()), sqlstoretest.Node(t, url, uuid.New())}
		}
		const memories, messages, workers = 3, 20, 8
		project, _ := sqlstoretest.Project(t, nodes[0], "p")
		endpoint := newEndpoint(t, nodes[0], project, delivery.AllTypes)
		_, err := nodes[0].UpdateEndpoint(t.Context(), project, endpoint.ID, func(e *delivery.Endpoint) error { e.Order = delivery.InOrder; return nil })
		if err != nil {
			t.Fatal(err)
		}
		f := &traffic{busy: map[uuid.UUID]bool{}, taken: map[uuid.UUID]int64{}}
		var wg sync.WaitGroup
		for i := range memories {
			wg.Go(func() { publish(t, nodes[i%len(nodes)], project, uuid.New(), messages) })
		}
		for i := range workers {
			wg.Go(func() {
				for f.count() < memories*messages && t.Context().Err() == nil && !t.Failed() {
					workOnce(t, nodes[i%len(nodes)], endpoint.ID, f)
				}
			})
		}
		wg.Wait()
	})
}

// TestNodesSendOneAtATime has workers as TestNodesKeepTheOrder, while what has ended is
// sent again and the endpoint is paused and resumed.
func TestNodesSendOneAtATime(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		nodes := []*sqlstore.DB{db}
		if db.Kind() != "SQLite" {
			url := sqlstoretest.PostgresURL(t)
			nodes = []*sqlstore.DB{sqlstoretest.Node(t, url, uuid.New()), sqlstoretest.Node(t, url, uuid.New())}
		}
		const memories, messages, again, workers = 2, 15, 60, 6
		project, _ := sqlstoretest.Project(t, nodes[0], "p")
		endpoint := newEndpoint(t, nodes[0], project, delivery.AllTypes)
		change := func(change func(*delivery.Endpoint)) {
			t.Helper()
			if _, err := nodes[0].UpdateEndpoint(t.Context(), project, endpoint.ID, func(e *delivery.Endpoint) error { change(e); return nil }); err != nil {
				t.Error(err)
			}
		}
		change(func(e *delivery.Endpoint) { e.Order = delivery.InOrder })
		f := &traffic{busy: map[uuid.UUID]bool{}, taken: map[uuid.UUID]int64{}, anyTurn: true}
		for range memories {
			publish(t, nodes[0], project, uuid.New(), messages)
		}
		var wg sync.WaitGroup
		var disturbed atomic.Bool
		for i := range workers {
			wg.Go(func() {
				for !t.Failed() && t.Context().Err() == nil && (!disturbed.Load() || open(t, nodes[0], project)) {
					workOnce(t, nodes[i%len(nodes)], endpoint.ID, f)
				}
			})
		}
		ended := delivery.Query{ProjectID: project, Status: delivery.ListStatus(delivery.Succeeded), Limit: delivery.MaxPage}
		for n := 0; n < again && !t.Failed(); {
			page, err := nodes[0].Deliveries(t.Context(), ended)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Rows) == 0 {
				continue
			}
			n++
			now := time.Now().UTC().Truncate(time.Microsecond)
			id := page.Rows[rand.IntN(len(page.Rows))].Delivery.ID
			if _, err := nodes[n%len(nodes)].SendAgain(t.Context(), project, id, now); err != nil && !errors.Is(err, delivery.ErrState) {
				t.Error(err)
			}
			if n%10 == 0 {
				change(func(e *delivery.Endpoint) { e.PausedAt = &now })
				move(t, nodes[0], endpoint.ID, delivery.Pending, delivery.Held)
				change(func(e *delivery.Endpoint) { e.PausedAt = nil })
				move(t, nodes[0], endpoint.ID, delivery.Held, delivery.Pending)
			}
		}
		// One that was read as that of a paused endpoint may be held by its claim later.
		move(t, nodes[0], endpoint.ID, delivery.Held, delivery.Pending)
		disturbed.Store(true)
		wg.Wait()
	})
}

// open tells whether anything waits or is under way.
func open(t *testing.T, db *sqlstore.DB, project string) bool {
	counts, err := db.DeliveryCounts(t.Context(), delivery.Query{ProjectID: project})
	if err != nil {
		t.Error(err)
	}
	return counts[delivery.Waiting].N+counts[delivery.ListStatus(delivery.Sending)].N > 0
}

// move moves deliveries a few at a time.
func move(t *testing.T, db *sqlstore.DB, endpoint uuid.UUID, from, to delivery.Status) {
	for n := 3; n == 3; {
		var err error
		if n, err = db.MoveDeliveries(t.Context(), endpoint, from, to, "", time.Now().UTC().Truncate(time.Microsecond), 3); err != nil {
			t.Error(err)
			return
		}
	}
}

// publish makes n messages of a memory, one after another.
func publish(t *testing.T, db *sqlstore.DB, project string, memoryID uuid.UUID, n int) {
	for range n {
		e := newEvent(project, start, uuid.NewString(), true)
		if err := db.InsertEvent(t.Context(), e); err != nil {
			t.Error(err)
			return
		}
		list, err := db.ClaimEvents(t.Context(), []uuid.UUID{e.ID}, start, start.Add(time.Minute))
		if err != nil || len(list) != 1 {
			t.Errorf("%d events claimed, error %v", len(list), err)
			return
		}
		c := completion(list[0], start, "")
		c.Changes, c.Messages[0].MemoryID = nil, memoryID
		if _, err := db.CompleteEvent(t.Context(), c); err != nil {
			t.Error(err)
			return
		}
	}
}

// workOnce claims what is due and finishes it, a third of it with a retry.
func workOnce(t *testing.T, db *sqlstore.DB, endpoint uuid.UUID, f *traffic) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	ids, err := db.DueDeliveries(t.Context(), endpoint, now, 10)
	if err != nil || len(ids) == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	claims, err := db.ClaimDeliveries(t.Context(), ids, now, nil)
	if err != nil {
		t.Error(err)
		return
	}
	for _, c := range claims {
		f.begin(t, c.Delivery)
		r := delivery.Result{Claim: c, Status: delivery.Succeeded, Attempt: delivery.Attempt{
			ID: delivery.NewID(), DeliveryID: c.Delivery.ID, Number: c.Delivery.Attempts + 1, Trigger: delivery.Scheduled, StartedAt: start, StatusCode: 200,
		}}
		if rand.IntN(3) == 0 {
			r.Status, r.NextAt = delivery.Pending, &now
		}
		f.end(c.Delivery, r.Status.Final()) // before anybody else can see that it ended
		if _, err := db.FinishAttempt(t.Context(), r); err != nil && !errors.Is(err, delivery.ErrNotDue) {
			t.Error(err)
		}
	}
}

// A lane is the messages of one memory to an endpoint that keeps an order.
type lane struct {
	db       *sqlstore.DB
	project  string
	endpoint delivery.Endpoint
	memory   uuid.UUID
	now      time.Time
}

// eachLane runs a test on a lane of every database.
func eachLane(t *testing.T, o delivery.Order, test func(t *testing.T, l *lane)) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		l := &lane{db: db, memory: uuid.New(), now: start.Add(time.Hour)}
		l.project, _ = sqlstoretest.Project(t, db, "p")
		l.endpoint = newEndpoint(t, db, l.project, delivery.AllTypes)
		l.change(t, func(e *delivery.Endpoint) { e.Order = o })
		test(t, l)
	})
}

func (l *lane) change(t *testing.T, change func(*delivery.Endpoint)) {
	t.Helper()
	e, err := l.db.UpdateEndpoint(t.Context(), l.project, l.endpoint.ID, func(e *delivery.Endpoint) error { change(e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	l.endpoint = e
}

// publish makes n messages.
func (l *lane) publish(t *testing.T, n int) { publish(t, l.db, l.project, l.memory, n) }

// claim claims all that is due, a moment later.
func (l *lane) claim(t *testing.T) []delivery.Claim {
	t.Helper()
	l.now = l.now.Add(time.Millisecond)
	ids, err := l.db.DueDeliveries(t.Context(), l.endpoint.ID, l.now, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) == 0 {
		return nil
	}
	claims, err := l.db.ClaimDeliveries(t.Context(), ids, l.now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(claims) > 1 {
		t.Fatalf("%d deliveries of one memory are under way", len(claims))
	}
	return claims
}

// claimOnly claims the one that is due and may go.
func (l *lane) claimOnly(t *testing.T) delivery.Claim {
	t.Helper()
	claims := l.claim(t)
	if len(claims) != 1 {
		t.Fatalf("%d deliveries may go, want 1", len(claims))
	}
	return claims[0]
}

// end records what came of a claim.
func (l *lane) end(t *testing.T, c delivery.Claim, s delivery.Status) delivery.Learned {
	t.Helper()
	r := delivery.Result{Claim: c, Status: s, Attempt: delivery.Attempt{
		ID: delivery.NewID(), DeliveryID: c.Delivery.ID, Number: c.Delivery.Attempts + 1, Trigger: delivery.Scheduled, StartedAt: l.now,
	}}
	if s == delivery.Pending {
		at := l.now.Add(time.Hour)
		r.NextAt = &at
	}
	learned, err := l.db.FinishAttempt(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return learned
}

func (l *lane) again(t *testing.T, id uuid.UUID) {
	t.Helper()
	if _, err := l.db.SendAgain(t.Context(), l.project, id, l.now); err != nil {
		t.Fatal(err)
	}
}

func (l *lane) delivery(t *testing.T, id uuid.UUID) delivery.Delivery {
	t.Helper()
	trail, err := l.db.Trail(t.Context(), l.project, id)
	if err != nil {
		t.Fatal(err)
	}
	return trail.Delivery
}

// TestSentAgainWaits for the one of its memory that is under way, and follows it when
// that one has to be tried again.
func TestSentAgainWaits(t *testing.T) {
	eachLane(t, delivery.InOrder, func(t *testing.T, l *lane) {
		l.publish(t, 2)
		first := l.claimOnly(t)
		l.end(t, first, delivery.Failed)
		second := l.claimOnly(t)
		l.again(t, first.Delivery.ID)
		if got := l.claim(t); len(got) != 0 {
			t.Fatalf("delivery %s was claimed while %s of the same memory is under way", got[0].Delivery.ID, second.Delivery.ID)
		}
		if d := l.delivery(t, first.Delivery.ID); d.Reason != delivery.ReasonTurn {
			t.Errorf("the one that was sent again has the reason %q", d.Reason)
		}
		due := l.end(t, second, delivery.Pending).Due
		if len(due) != 1 || due[0].DeliveryID != first.Delivery.ID {
			t.Errorf("due after the one under way: %v, want %s", due, first.Delivery.ID)
		}
		if got := l.claimOnly(t); got.Delivery.ID != first.Delivery.ID {
			t.Errorf("%s was claimed, want the older one", got.Delivery.ID)
		}
	})
}

// TestSentAgainDuringAClaim: a claim that has looked at its lane before an older one was
// sent again does not go beside that one.
func TestSentAgainDuringAClaim(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	db, other := sqlstoretest.Node(t, url, uuid.New()), sqlstoretest.Node(t, url, uuid.New())
	l := &lane{db: db, memory: uuid.New(), now: start.Add(time.Hour)}
	l.project, _ = sqlstoretest.Project(t, db, "p")
	l.endpoint = newEndpoint(t, db, l.project, delivery.AllTypes)
	l.change(t, func(e *delivery.Endpoint) { e.Order = delivery.InOrder })
	l.publish(t, 1)
	first := l.claimOnly(t)
	l.end(t, first, delivery.Failed)
	l.publish(t, 1)
	ids, err := db.DueDeliveries(t.Context(), l.endpoint.ID, l.now, 10)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%d are due, error %v", len(ids), err)
	}
	second := hold(t, url, `SELECT id FROM deliveries WHERE id = $1 FOR UPDATE`, ids[0])
	claimed := make(chan int, 2)
	claim := func(db *sqlstore.DB, id uuid.UUID) {
		claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{id}, l.now, nil)
		if err != nil {
			t.Error(err)
		}
		claimed <- len(claims)
	}
	go claim(db, ids[0])
	second.wait(t) // it has looked
	again := make(chan struct{})
	go func() {
		defer close(again)
		if _, err := other.SendAgain(t.Context(), l.project, first.Delivery.ID, l.now); err != nil {
			t.Error(err)
		}
		claim(other, first.Delivery.ID)
	}()
	select {
	case <-again:
	case <-time.After(300 * time.Millisecond):
	}
	second.now(t)
	if n := <-claimed + <-claimed; n > 1 {
		t.Errorf("%d messages of one memory are under way", n)
	}
}

// TestInterruptedGoesOn although an older one was sent again: it may be under way.
func TestInterruptedGoesOn(t *testing.T) {
	eachLane(t, delivery.InOrder, func(t *testing.T, l *lane) {
		l.publish(t, 2)
		first := l.claimOnly(t)
		l.end(t, first, delivery.Failed)
		second := l.claimOnly(t)
		l.again(t, first.Delivery.ID)
		l.claim(t)
		l.now = second.Lease.Add(2 * delivery.TurnEvery)
		if got := l.claimOnly(t); got.Delivery.ID != second.Delivery.ID {
			t.Errorf("%s was claimed, want the interrupted one", got.Delivery.ID)
		}
	})
}

// TestHeldGoFirst: what was held while the endpoint was paused goes before what is new,
// also when the new message is there before they were released.
func TestHeldGoFirst(t *testing.T) {
	paused := func(t *testing.T, l *lane) {
		l.change(t, func(e *delivery.Endpoint) { e.PausedAt = &l.now })
		l.publish(t, 2)
		l.change(t, func(e *delivery.Endpoint) { e.PausedAt = nil })
		l.publish(t, 1)
	}
	t.Run("memory", func(t *testing.T) {
		eachLane(t, delivery.InOrder, func(t *testing.T, l *lane) {
			paused(t, l)
			last := int64(0)
			for n := 0; n < 3; {
				for _, c := range l.claim(t) {
					if c.Delivery.Turn < last {
						t.Errorf("turn %d was claimed after turn %d", c.Delivery.Turn, last)
					}
					last = c.Delivery.Turn
					l.end(t, c, delivery.Succeeded)
					n++
				}
				if l.now.After(start.Add(2 * time.Hour)) {
					t.Fatalf("%d of 3 went", n)
				}
			}
		})
	})
	t.Run("latest", func(t *testing.T) {
		eachLane(t, delivery.Latest, func(t *testing.T, l *lane) {
			paused(t, l)
			l.end(t, l.claimOnly(t), delivery.Succeeded)
			if _, err := l.db.MoveDeliveries(t.Context(), l.endpoint.ID, delivery.Held, delivery.Pending, "", l.now, 100); err != nil {
				t.Fatal(err)
			}
			if got := l.claim(t); len(got) != 0 {
				t.Errorf("an older one was claimed after the newest had arrived")
			}
			counts, err := l.db.DeliveryCounts(t.Context(), delivery.Query{ProjectID: l.project})
			if err != nil || counts[delivery.ListStatus(delivery.Canceled)].N != 2 {
				t.Errorf("%v, error %v; want two superseded", counts, err)
			}
		})
	})
}

// replay runs a bulk replay to its end.
func (l *lane) replay(t *testing.T, what delivery.What) {
	t.Helper()
	r := delivery.BulkReplay{
		ID: delivery.NewID(), ProjectID: l.project, Set: delivery.ReplaySet{EndpointID: l.endpoint.ID, What: what, FrozenAt: l.now},
		State: delivery.ReplayRunning, Total: 100, CreatedAt: l.now, UpdatedAt: l.now, NextAt: &l.now,
	}
	if err := l.db.InsertReplay(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if step, err := l.db.StepReplay(t.Context(), r.ID, l.now); err != nil || step.Next != nil {
		t.Fatalf("step %v, error %v", step, err)
	}
}

// TestReplayedKeepTheOrder also when they took no turn before.
func TestReplayedKeepTheOrder(t *testing.T) {
	for _, what := range []delivery.What{delivery.WhatSkipped, delivery.WhatMissing} {
		t.Run(string(what), func(t *testing.T) {
			eachLane(t, delivery.InOrder, func(t *testing.T, l *lane) {
				l.change(t, func(e *delivery.Endpoint) { e.EventTypes = []string{delivery.MemoryDelete} })
				l.publish(t, 3)
				if what == delivery.WhatMissing {
					l.endpoint = newEndpoint(t, l.db, l.project, delivery.AllTypes)
					l.change(t, func(e *delivery.Endpoint) { e.Order = delivery.InOrder })
				}
				l.change(t, func(e *delivery.Endpoint) { e.EventTypes = []string{delivery.MemoryAdd} })
				l.replay(t, what)
				l.publish(t, 1)
				last := uuid.Nil
				for range 4 {
					c := l.claimOnly(t)
					if c.Delivery.MessageID.String() < last.String() {
						t.Errorf("message %s was claimed after %s", c.Delivery.MessageID, last)
					}
					last = c.Delivery.MessageID
					l.end(t, c, delivery.Succeeded)
				}
			})
		})
	}
}

// TestLatestSendsNothingOld: a bulk replay does not bring back what a newer message has
// overtaken; a person may.
func TestLatestSendsNothingOld(t *testing.T) {
	eachLane(t, delivery.Latest, func(t *testing.T, l *lane) {
		l.publish(t, 1)
		old := l.claimOnly(t)
		l.end(t, old, delivery.Failed)
		l.publish(t, 1)
		l.end(t, l.claimOnly(t), delivery.Succeeded)
		l.now = l.now.Add(time.Minute)
		l.replay(t, delivery.WhatFailed)
		if got := l.claim(t); len(got) != 0 {
			t.Error("an older message was claimed after a newer one had arrived")
		}
		if d := l.delivery(t, old.Delivery.ID); d.Status != delivery.Canceled || d.Reason != delivery.ReasonSuperseded {
			t.Errorf("it is %s (%s), want superseded", d.Status, d.Reason)
		}
		l.again(t, old.Delivery.ID)
		l.claimOnly(t)
	})
}

// TestProbeTakesTheFirst of a memory, and not one that has to wait for it.
func TestProbeTakesTheFirst(t *testing.T) {
	eachLane(t, delivery.InOrder, func(t *testing.T, l *lane) {
		l.publish(t, 2)
		first := l.claimOnly(t)
		l.end(t, first, delivery.Pending) // due again in an hour
		l.change(t, func(e *delivery.Endpoint) {
			e.Health.Breaker = retry.Breaker{State: retry.Open, ProbeAt: l.now.Add(10 * time.Minute)}
		})
		due, err := l.db.Probe(t.Context(), l.project, l.endpoint.ID, l.now)
		if err != nil || due.DeliveryID != first.Delivery.ID {
			t.Errorf("%s is the probe, error %v; want %s, which goes first", due.DeliveryID, err, first.Delivery.ID)
		}
		if got := l.claimOnly(t); got.Delivery.ID != first.Delivery.ID {
			t.Errorf("%s was claimed", got.Delivery.ID)
		}
	})
}

// TestClaimOfAnEarlierRound: a claim that has read a delivery before it was sent, and sent
// again with the same due time, does not get it: its attempt would have a number that is
// taken.
func TestClaimOfAnEarlierRound(t *testing.T) {
	eachLane(t, delivery.Unordered, func(t *testing.T, l *lane) {
		l.publish(t, 2)
		ids, err := l.db.DueDeliveries(t.Context(), l.endpoint.ID, l.now, 1)
		if err != nil || len(ids) != 1 {
			t.Fatalf("%d are due, error %v", len(ids), err)
		}
		l.again(t, ids[0]) // in front of the other, which stays
		due := *l.delivery(t, ids[0]).NextAt
		round := func(delivery.Delivery, delivery.Endpoint) bool {
			claims, err := l.db.ClaimDeliveries(t.Context(), ids, l.now, nil)
			if err != nil || len(claims) != 1 {
				t.Fatalf("%d claims, error %v", len(claims), err)
			}
			l.end(t, claims[0], delivery.Succeeded)
			l.again(t, ids[0])
			return true
		}
		claims, err := l.db.ClaimDeliveries(t.Context(), ids, l.now, round)
		if at := l.delivery(t, ids[0]).NextAt; err != nil || len(claims) == 0 && !at.Equal(due) {
			t.Fatalf("due at %v and then at %v, error %v: the test shows nothing", due, at, err)
		}
		for _, c := range claims {
			t.Errorf("claimed with %d attempts on record, want 1", c.Delivery.Attempts)
		}
		claims, err = l.db.ClaimDeliveries(t.Context(), ids, l.now, nil)
		if err != nil || len(claims) != 1 {
			t.Fatalf("%d claims, error %v", len(claims), err)
		}
		l.end(t, claims[0], delivery.Succeeded)
	})
}
