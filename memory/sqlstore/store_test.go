package sqlstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
	"memhook/signing"
)

// start is when the tests' time begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func newEvent(project string, at time.Time, user string, infer bool) memory.Event {
	scope := memory.Scope{UserID: user}
	return memory.Event{
		ID: delivery.NewID(), ProjectID: project, Kind: memory.EventAdd, Status: memory.EventPending, Scope: scope, Infer: infer,
		Payload: json.RawMessage(`{"user_id":"` + user + `"}`),
		Request: memory.Request{Add: &memory.Add{Turns: []memory.Turn{{Role: "user", Text: "hi"}}, Scope: scope, Infer: infer}},
		NextAt:  &at, CreatedAt: at, UpdatedAt: at,
	}
}

func newEndpoint(t *testing.T, db *sqlstore.DB, project string, types ...string) delivery.Endpoint {
	t.Helper()
	e := delivery.Endpoint{
		ID: delivery.NewID(), ProjectID: project, Name: "crm", URL: "https://crm.example.com/hook", EventTypes: types, Format: delivery.Full,
		Secrets: []delivery.LiveSecret{{Secret: signing.GenerateSecret(), CreatedAt: start}}, CreatedAt: start, UpdatedAt: start,
	}
	if err := db.InsertEndpoint(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// completion is what a claimed event did: it added one memory.
func completion(e memory.Event, now time.Time, text string) memory.Completion {
	m := memory.Memory{ID: delivery.NewID(), ProjectID: e.ProjectID, Scope: e.Scope, Text: text, State: memory.Active, CreatedAt: now, UpdatedAt: now}
	c := memory.Completion{Event: e, Lease: *e.NextAt}
	c.Event.Status, c.Event.NextAt, c.Event.CompletedAt, c.Event.UpdatedAt = memory.EventSucceeded, nil, &now, now
	c.Changes = []memory.Change{{ID: delivery.NewID(), EventID: e.ID, Kind: memory.ChangeAdd, Memory: m, At: now}}
	c.Messages = []delivery.Message{{
		ID: delivery.NewID(), ProjectID: e.ProjectID, EventID: e.ID, MemoryID: m.ID, Type: delivery.MemoryAdd, Body: []byte(`{"type":"memory_add"}`), CreatedAt: now,
	}}
	return c
}

func claimEvent(t *testing.T, db *sqlstore.DB, id uuid.UUID, now time.Time) memory.Event {
	t.Helper()
	list, err := db.ClaimEvents(t.Context(), []uuid.UUID{id}, now, now.Add(time.Minute))
	if err != nil || len(list) != 1 {
		t.Fatalf("claim event %s: %d claimed, error %v", id, len(list), err)
	}
	return list[0]
}

// delivered accepts and completes one event and returns it with what is due.
func delivered(t *testing.T, db *sqlstore.DB, project, text string) (memory.Event, []delivery.Due) {
	t.Helper()
	e := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	done, err := db.CompleteEvent(t.Context(), completion(claimEvent(t, db, e.ID, start), start, text))
	if err != nil {
		t.Fatal(err)
	}
	return e, done.Due
}

func TestEventSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memhook.db")
	db := sqlstoretest.At(t, path)
	project, _ := sqlstoretest.Project(t, db, "p")
	want := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, changes, err := sqlstoretest.At(t, path).Event(t.Context(), project, want.ID)
	if err != nil || len(changes) != 0 {
		t.Fatalf("%d changes, error %v", len(changes), err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event after reopening (-want +got):\n%s", diff)
	}
	if _, _, err := db.Event(t.Context(), "proj_other", want.ID); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("another project reads the event: error %v, want ErrNotFound", err)
	}
}

func TestClaimTakesAnEventOnce(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	claims := 0
	for range 20 {
		wg.Go(func() {
			list, err := db.ClaimEvents(t.Context(), []uuid.UUID{e.ID}, start, start.Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			claims += len(list)
			mu.Unlock()
		})
	}
	wg.Wait()
	if claims != 1 {
		t.Errorf("20 workers claimed the event %d times, want once", claims)
	}
	if again := claimEvent(t, db, e.ID, start.Add(2*time.Minute)); again.Tries != 2 {
		t.Errorf("after its lease the event has %d tries, want 2", again.Tries)
	}
}

func TestEventsOfAScopeTakeTurns(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	first, second := newEvent(project, start, "alice", true), newEvent(project, start, "alice", true)
	other, verbatim := newEvent(project, start, "bob", true), newEvent(project, start, "alice", false)
	ids := []uuid.UUID{first.ID, second.ID, other.ID, verbatim.ID}
	for _, e := range []memory.Event{first, second, other, verbatim} {
		if err := db.InsertEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	due, err := db.DueEvents(t.Context(), start, 10)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uuid.UUID{first.ID, other.ID, verbatim.ID}; !cmp.Equal(want, due) {
		t.Errorf("due %v, want all but the second of alice %v", due, want)
	}
	claimed, err := db.ClaimEvents(t.Context(), ids, start, start.Add(time.Minute))
	if err != nil || len(claimed) != 3 {
		t.Fatalf("claimed %d events, want 3; error %v", len(claimed), err)
	}
	done, err := db.CompleteEvent(t.Context(), completion(claimed[0], start, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uuid.UUID{second.ID}, done.Events); diff != "" {
		t.Errorf("whose turn it is next (-want +got):\n%s", diff)
	}
	claimEvent(t, db, second.ID, start)
}

func TestCompletionIsFenced(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	e := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	stale := claimEvent(t, db, e.ID, start)
	fresh := claimEvent(t, db, e.ID, start.Add(2*time.Minute))
	if _, err := db.CompleteEvent(t.Context(), completion(stale, start, "stale")); !errors.Is(err, memory.ErrNotDue) {
		t.Errorf("completing with a lost lease: %v, want ErrNotDue", err)
	}
	if _, err := db.CompleteEvent(t.Context(), completion(fresh, start, "fresh")); err != nil {
		t.Fatal(err)
	}
	list, total, err := db.Memories(t.Context(), memory.Query{ProjectID: project, Today: "2026-01-02", Limit: 10})
	if err != nil || total != 1 || list[0].Text != "fresh" {
		t.Errorf("memories %v (total %d), want only the fresh one; error %v", list, total, err)
	}
}

func TestAChangedMemoryUndoesTheWholeCompletion(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	first, _ := delivered(t, db, project, "Lives in Berlin")
	_, changes, err := db.Event(t.Context(), project, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	m, err := db.Memory(t.Context(), project, changes[0].Memory.ID)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(text string) error {
		e := newEvent(project, start, "alice", true)
		c := completion(e, start, "unrelated "+text)
		c.Lease = time.Time{}
		m := m
		m.Text = text
		c.Changes = append(c.Changes, memory.Change{ID: delivery.NewID(), EventID: e.ID, Kind: memory.ChangeUpdate, Memory: m, Before: "x", At: start})
		_, err := db.CompleteEvent(t.Context(), c)
		return err
	}
	if err := edit("first"); err != nil {
		t.Fatal(err)
	}
	// Among other writes at once, so that they share a commit: it must fail alone.
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := db.InsertEvent(t.Context(), newEvent(project, start, fmt.Sprint("user", i), true)); err != nil {
				t.Errorf("a write beside the refused one: %v", err)
			}
		})
		wg.Go(func() {
			if err := edit("stale"); !errors.Is(err, memory.ErrChanged) {
				t.Errorf("changing a memory that changed meanwhile: %v, want ErrChanged", err)
			}
		})
	}
	wg.Wait()
	if _, n, err := db.Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 1}); err != nil || n != 52 {
		t.Errorf("%d events, want 52: the two that completed and the 50 beside; error %v", n, err)
	}
	_, total, err := db.Memories(t.Context(), memory.Query{ProjectID: project, Today: "2026-01-02", Limit: 10})
	if err != nil || total != 2 {
		t.Errorf("%d memories, want 2: nothing of the refused completion; error %v", total, err)
	}
}

func TestDeliveryClaimAndAttempt(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	endpoint := newEndpoint(t, db, project, delivery.MemoryAdd)
	newEndpoint(t, db, project, delivery.MemoryDelete)
	e, due := delivered(t, db, project, "Lives in Berlin")
	if len(due) != 1 || due[0].EndpointID != endpoint.ID {
		t.Fatalf("due %v, want one delivery of endpoint %s", due, endpoint.ID)
	}
	claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, start, nil)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, error %v", len(claims), err)
	}
	c := claims[0]
	if got, want := c.Endpoint.Secrets[0].Reveal(), endpoint.Secrets[0].Reveal(); got != want {
		t.Error("the claim's secret is not the endpoint's")
	}
	if again, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, start, nil); err != nil || len(again) != 0 {
		t.Errorf("claimed again while leased: %d claims, error %v", len(again), err)
	}
	next := start.Add(5 * time.Second)
	want := delivery.Attempt{
		ID: delivery.NewID(), DeliveryID: c.Delivery.ID, Number: 1, Trigger: delivery.Scheduled, URL: endpoint.URL,
		StartedAt: start, Duration: 1500 * time.Microsecond, Phases: delivery.Phases{Connect: time.Millisecond, Wait: 400 * time.Microsecond},
		StatusCode: 503, Class: retry.ClassStatus, Detail: "the receiver answered 503", RemoteAddr: "203.0.113.7:443",
		RequestHeader: map[string][]string{"A": {"1"}}, ResponseHeader: map[string][]string{"B": {"2"}}, ResponseBody: []byte("busy"),
		Truncated: true, RetryAfter: time.Second, NextAt: &next,
	}
	hold := start.Add(time.Second)
	r := delivery.Result{Claim: c, Attempt: want, Status: delivery.Pending, NextAt: &next, Changes: true, Outcome: retry.Outcome{StatusCode: 503}, HoldUntil: &hold}
	if _, err := db.FinishAttempt(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := db.FinishAttempt(t.Context(), r); !errors.Is(err, delivery.ErrNotDue) {
		t.Errorf("recorded twice: %v, want ErrNotDue", err)
	}
	trails, err := db.TrailsByEvent(t.Context(), project, e.ID)
	if err != nil || len(trails) != 2 {
		t.Fatalf("%d trails, want 2; error %v", len(trails), err)
	}
	if diff := cmp.Diff([]delivery.Attempt{want}, trails[0].List); diff != "" {
		t.Errorf("attempts on record (-want +got):\n%s", diff)
	}
	if got := trails[1].Delivery; got.Status != delivery.Skipped || got.Reason != delivery.ReasonTypeNotWanted {
		t.Errorf("the other endpoint's delivery is %s (%s), want skipped because of its type", got.Status, got.Reason)
	}
	for _, tt := range []struct {
		name string
		at   time.Time
		due  int
	}{
		{"while the endpoint asks for a pause", start.Add(999 * time.Millisecond), 0},
		{"before the retry", start.Add(4 * time.Second), 0},
		{"when the retry is due", next, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, err := db.DueEndpoints(t.Context(), tt.at)
			if err != nil || len(list) != tt.due {
				t.Errorf("%d endpoints due, want %d; error %v", len(list), tt.due, err)
			}
		})
	}
	if at, ok, err := db.NextDeliveryAt(t.Context(), hold); err != nil || !ok || !at.Equal(next) {
		t.Errorf("next delivery at %v (%t), want %v; error %v", at, ok, next, err)
	}
}

func TestAnAbandonedAttemptIsOnRecord(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	e, due := delivered(t, db, project, "Lives in Berlin")
	ids := []uuid.UUID{due[0].DeliveryID}
	if _, err := db.ClaimDeliveries(t.Context(), ids, start, nil); err != nil {
		t.Fatal(err)
	}
	restart := start.Add(time.Second)
	if n, err := db.FreeLeases(t.Context(), restart); err != nil || n != 1 {
		t.Fatalf("freed %d leases, want 1; error %v", n, err)
	}
	claims, err := db.ClaimDeliveries(t.Context(), ids, restart, nil)
	if err != nil || len(claims) != 1 || claims[0].Delivery.Attempts != 1 {
		t.Fatalf("claims %v, error %v; want one with an attempt on record", claims, err)
	}
	trails, err := db.TrailsByEvent(t.Context(), project, e.ID)
	if err != nil || len(trails) != 1 || len(trails[0].List) != 1 || trails[0].List[0].Class != retry.ClassInterrupted {
		t.Errorf("trails %v, error %v; want one interrupted attempt", trails, err)
	}
}

func TestPausingHoldsAndDeletingCancels(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	endpoint := newEndpoint(t, db, project, delivery.AllTypes)
	e, due := delivered(t, db, project, "Lives in Berlin")
	pause := func(e *delivery.Endpoint) error { e.PausedAt = &start; return nil }
	if _, err := db.UpdateEndpoint(t.Context(), project, endpoint.ID, pause); err != nil {
		t.Fatal(err)
	}
	if claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, start, nil); err != nil || len(claims) != 0 {
		t.Errorf("claimed %d deliveries of a paused endpoint; error %v", len(claims), err)
	}
	delivered(t, db, project, "Likes tea") // held from the start
	for _, tt := range []struct {
		from, to delivery.Status
		n        int
	}{{delivery.Held, delivery.Pending, 2}, {delivery.Pending, delivery.Held, 2}, {delivery.Held, delivery.Canceled, 2}, {delivery.Held, delivery.Canceled, 0}} {
		n, err := db.MoveDeliveries(t.Context(), endpoint.ID, tt.from, tt.to, delivery.ReasonNone, start, 100)
		if err != nil || n != tt.n {
			t.Errorf("moved %d deliveries from %s to %s, want %d; error %v", n, tt.from, tt.to, tt.n, err)
		}
	}
	trails, err := db.TrailsByEvent(t.Context(), project, e.ID)
	if err != nil || trails[0].Delivery.Status != delivery.Canceled {
		t.Errorf("delivery %v, error %v; want canceled", trails, err)
	}
}

func TestEndpointsAreLimited(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	for range delivery.MaxEndpoints {
		newEndpoint(t, db, project, delivery.AllTypes)
	}
	e := delivery.Endpoint{ID: delivery.NewID(), ProjectID: project, Name: "one more", EventTypes: []string{"*"}, Format: delivery.Full}
	if err := db.InsertEndpoint(t.Context(), e); !errors.Is(err, delivery.ErrTooMany) {
		t.Errorf("one endpoint too many: %v, want ErrTooMany", err)
	}
}

func TestRecall(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	delivered(t, db, project, "Lives in Berlin")
	delivered(t, db, project, "Likes tea")
	scope := memory.Scope{UserID: "alice"}
	for _, tt := range []struct {
		name  string
		query memory.RecallQuery
		want  int
	}{
		{"by hash", memory.RecallQuery{Scope: scope, Hashes: []string{memory.TextHash("Likes tea"), memory.TextHash("x")}}, 1},
		{"another scope", memory.RecallQuery{Scope: memory.Scope{UserID: "alice", RunID: "1"}, Hashes: []string{memory.TextHash("Likes tea")}}, 0},
		{"by subject", memory.RecallQuery{Scope: scope, Subjects: []string{"lives_in"}}, 0},
		{"by nothing", memory.RecallQuery{Scope: scope}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, err := db.Recall(t.Context(), project, tt.query)
			if err != nil || len(list) != tt.want {
				t.Errorf("recalled %d memories, want %d; error %v", len(list), tt.want, err)
			}
		})
	}
}

func TestPruneKeepsWhatIsNotDone(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	done, _ := delivered(t, db, project, "nobody wants to know")
	newEndpoint(t, db, project, delivery.AllTypes)
	waiting, due := delivered(t, db, project, "Lives in Berlin")
	prune := func(before time.Time, want int) {
		t.Helper()
		if p, err := db.Prune(t.Context(), before, uuid.Nil); err != nil || p.Events != want || p.More {
			t.Errorf("pruned %+v, want %d events and no more; error %v", p, want, err)
		}
	}
	later := time.Now().Add(time.Hour)
	prune(time.Now().Add(-time.Hour), 0)
	prune(later, 1)
	if _, _, err := db.Event(t.Context(), project, done.ID); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("the pruned event: %v, want ErrNotFound", err)
	}
	claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, start, nil)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, error %v", len(claims), err)
	}
	r := delivery.Result{Claim: claims[0], Attempt: delivery.Attempt{ID: delivery.NewID(), DeliveryID: due[0].DeliveryID, Number: 1, StartedAt: start}, Status: delivery.Succeeded}
	if _, err := db.FinishAttempt(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	prune(later, 1)
	if trails, err := db.TrailsByEvent(t.Context(), project, waiting.ID); err != nil || len(trails) != 0 {
		t.Errorf("%d deliveries are left, error %v", len(trails), err)
	}
	if _, n, err := db.Memories(t.Context(), memory.Query{ProjectID: project, Today: "2026-01-02"}); err != nil || n != 2 {
		t.Errorf("%d memories are left, want both; error %v", n, err)
	}
}

// Groups go on where the last one ended, and a group is full also when there was less
// of one kind.
func TestPruneGoesOnInGroups(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	const events = sqlstore.PruneGroup + 30
	for i := range events {
		delivered(t, db, project, fmt.Sprint("fact ", i))
	}
	e := newEndpoint(t, db, project, delivery.AllTypes)
	m := delivery.Message{ID: delivery.NewID(), ProjectID: project, Type: delivery.MemoryAdd, Body: []byte("{}"), CreatedAt: start}
	d := delivery.Delivery{
		ID: delivery.NewID(), ProjectID: project, MessageID: m.ID, EndpointID: e.ID, Type: m.Type, Status: delivery.Failed,
		Trigger: delivery.Test, RoundAt: start, CreatedAt: start, UpdatedAt: start,
	}
	if err := db.InsertTest(t.Context(), m, d); err != nil {
		t.Fatal(err)
	}
	p := sqlstore.Pruned{More: true}
	var groups []int
	for p.More {
		var err error
		if p, err = db.Prune(t.Context(), time.Now().Add(time.Hour), p.Place); err != nil {
			t.Fatal(err)
		}
		groups = append(groups, p.Events)
	}
	if diff := cmp.Diff([]int{sqlstore.PruneGroup + 1, 30}, groups); diff != "" {
		t.Errorf("pruned in groups (-want +got):\n%s", diff)
	}
}

// TestAWriteIsAwaited: a caller that leaves while its change is being committed
// learns what became of it.
func TestAWriteIsAwaited(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	endpoint := newEndpoint(t, db, project, delivery.AllTypes)
	ctx, cancel := context.WithCancel(t.Context())
	e, err := db.UpdateEndpoint(ctx, project, endpoint.ID, func(e *delivery.Endpoint) error {
		cancel()
		e.Name = "renamed"
		return nil
	})
	if err != nil || e.Name != "renamed" {
		t.Errorf("endpoint %q, error %v; want the change and no error", e.Name, err)
	}
}
