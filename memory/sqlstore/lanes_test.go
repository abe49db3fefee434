package sqlstore_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// traffic watches which messages of each memory are under way.
type traffic struct {
	mu    sync.Mutex
	busy  map[uuid.UUID]bool
	taken map[uuid.UUID]int64 // the turn that ended last
	ended int
}

func (f *traffic) begin(t *testing.T, d delivery.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[d.Lane] {
		t.Errorf("two messages of memory %s are under way", d.Lane)
	}
	if d.Turn <= f.taken[d.Lane] {
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
