package sqlstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing"
)

func TestNodesComeAndGo(t *testing.T) {
	db := sqlstoretest.Open(t)
	a := sqlstore.Node{ID: uuid.New(), Name: "a", Role: "all", Version: "1"}
	b := sqlstore.Node{ID: uuid.New(), Name: "b", Role: "api", Version: "1"}
	for _, n := range []sqlstore.Node{a, b, a} {
		at, err := db.Beat(t.Context(), n)
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Fatalf("the database's time is %v, error %v", at, err)
		}
	}
	if err := db.Leave(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	list, err := db.Nodes(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != a.ID || list[0].SeenAt.Before(list[0].StartedAt) {
		t.Fatalf("nodes %v, error %v; want a alone", list, err)
	}
	if dead, _, err := db.Reap(t.Context(), time.Minute); err != nil || len(dead) != 0 {
		t.Errorf("dead are %v, error %v; want none", dead, err)
	}
	dead, _, err := db.Reap(t.Context(), -time.Minute)
	if diff := cmp.Diff([]uuid.UUID{a.ID}, dead); diff != "" || err != nil {
		t.Errorf("silent nodes (-want +got), error %v:\n%s", err, diff)
	}
}

// TestADeadNodesLeasesAreFreed on the database that nodes share.
func TestADeadNodesLeasesAreFreed(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	dead, alive := uuid.New(), uuid.New()
	first, second := sqlstoretest.Node(t, url, dead), sqlstoretest.Node(t, url, alive)
	project, _ := sqlstoretest.Project(t, first, "p")
	newEndpoint(t, first, project, delivery.AllTypes)
	now := time.Now().UTC().Truncate(time.Microsecond)
	var events, deliveries []uuid.UUID
	for _, db := range []*sqlstore.DB{first, second} {
		if _, err := db.Beat(t.Context(), sqlstore.Node{ID: map[*sqlstore.DB]uuid.UUID{first: dead, second: alive}[db]}); err != nil {
			t.Fatal(err)
		}
		_, due := delivered(t, db, project, uuid.NewString())
		if claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, now, nil); err != nil || len(claims) != 1 {
			t.Fatalf("%d claims, error %v", len(claims), err)
		}
		e := newEvent(project, now, uuid.NewString(), true)
		if err := db.InsertEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		claimEvent(t, db, e.ID, now)
		if _, r, err := db.ClaimAnswer(t.Context(), project, fmt.Sprint("key ", len(events)), [32]byte{}, now, time.Hour); err != nil || r == nil {
			t.Fatalf("reservation %+v, error %v", r, err)
		}
		events, deliveries = append(events, e.ID), append(deliveries, due[0].DeliveryID)
	}
	if err := second.Leave(t.Context(), alive); err != nil { // so that only the other one is silent
		t.Fatal(err)
	}
	if ids, n, err := second.Reap(t.Context(), -time.Minute); err != nil || n != 2 || len(ids) != 1 || ids[0] != dead {
		t.Fatalf("freed %d leases of %v, error %v; want 2 of the dead node", n, ids, err)
	}
	later := time.Now().Add(time.Second)
	due, err := second.DueEvents(t.Context(), later, 10)
	if diff := cmp.Diff(events[:1], due); diff != "" || err != nil {
		t.Errorf("due events (-want +got), error %v:\n%s", err, diff)
	}
	claims, err := second.ClaimDeliveries(t.Context(), deliveries, later, nil)
	if err != nil || len(claims) != 1 || claims[0].Delivery.ID != deliveries[0] {
		t.Errorf("%d claims, error %v; want the dead node's delivery", len(claims), err)
	}
	for key, freed := range map[string]bool{"key 0": true, "key 1": false} {
		_, r, err := second.ClaimAnswer(t.Context(), project, key, [32]byte{}, later, time.Hour)
		if err != nil || (r != nil) != freed || freed && !r.Again {
			t.Errorf("%s: reservation %+v, error %v; want those of the dead node free", key, r, err)
		}
	}
}

// A claim is given back by the node that has it, as long as it has it.
func TestOnlyItsOwnClaimIsReturned(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	mine, other := sqlstoretest.Node(t, url, uuid.New()), sqlstoretest.Node(t, url, uuid.New())
	project, _ := sqlstoretest.Project(t, mine, "p")
	newEndpoint(t, mine, project, delivery.AllTypes)
	_, due := delivered(t, mine, project, "Lives in Berlin")
	now := time.Now().UTC().Truncate(time.Microsecond)
	ids := []uuid.UUID{due[0].DeliveryID}
	claims, err := mine.ClaimDeliveries(t.Context(), ids, now, nil)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, error %v", len(claims), err)
	}
	stale := claims[0]
	stale.Lease = stale.Lease.Add(-time.Microsecond)
	for _, s := range []struct {
		name  string
		db    *sqlstore.DB
		claim delivery.Claim
		due   int
	}{
		{"of another node", other, claims[0], 0},
		{"of another lease", mine, stale, 0},
		{"its own", mine, claims[0], 1},
		{"its own again", mine, claims[0], 1},
	} {
		if err := s.db.ReturnDeliveries(t.Context(), []delivery.Claim{s.claim}, now); err != nil {
			t.Fatal(err)
		}
		list, err := mine.DueDeliveries(t.Context(), claims[0].Endpoint.ID, now, 10)
		if err != nil || len(list) != s.due {
			t.Errorf("after a claim %s was returned %d are due, error %v; want %d", s.name, len(list), err, s.due)
		}
	}
	again, err := other.ClaimDeliveries(t.Context(), ids, now, nil)
	if err != nil || len(again) != 1 || again[0].Delivery.Attempts != 0 {
		t.Errorf("claimed again: %+v, error %v; want one without an attempt", again, err)
	}
}

func TestAnotherSealingKeyIsFoundOut(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	if err := sqlstoretest.Node(t, url, uuid.New()).CheckSeal(t.Context()); err != nil {
		t.Fatal(err)
	}
	sealer, err := signing.NewSealer([]byte("another key of thirty-two bytes."))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.CheckSeal(t.Context()); !errors.Is(err, signing.ErrOtherKey) {
		t.Errorf("with another key: %v, want ErrOtherKey", err)
	}
}
