package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// A probe by hand has the lease of the breaker's probe, and gives it back with its
// claim.
func TestAProbeByHandHasTheLease(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	crm := newEndpoint(t, db, project, delivery.AllTypes)
	id := happened(t, db, project, "alice", "Likes tea", 0)[0]
	if _, err := db.UpdateEndpoint(t.Context(), project, crm.ID, func(e *delivery.Endpoint) error {
		e.Health.Breaker = retry.Breaker{State: retry.Open, ProbeAt: start.Add(time.Minute)}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	now := start.Add(time.Second)
	due := func(want int, when string) {
		t.Helper()
		if list, err := db.DueEndpoints(t.Context(), now); err != nil || len(list) != want {
			t.Errorf("%s %d endpoints are due, error %v; want %d", when, len(list), err, want)
		}
	}
	due(0, "parked")
	got, err := db.Probe(t.Context(), project, crm.ID, now)
	if err != nil || got.DeliveryID != id || !got.Forced {
		t.Fatalf("probe %+v, error %v; want %s", got, err, id)
	}
	due(1, "probed") // so that another node finds it
	claims, err := db.ClaimDeliveries(t.Context(), []uuid.UUID{id}, now, nil)
	if err != nil || len(claims) != 1 || claims[0].Delivery.Trigger != delivery.Manual {
		t.Fatalf("claims %+v, error %v", claims, err)
	}
	due(0, "while it is under way")
	if _, err := db.Probe(t.Context(), project, crm.ID, now); !errors.Is(err, delivery.ErrProbing) {
		t.Errorf("a second probe: %v, want ErrProbing", err)
	}
	if err := db.ReturnDeliveries(t.Context(), claims, now); err != nil {
		t.Fatal(err)
	}
	due(1, "returned")
}
