package sqlstore_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/delivery"
	"memhook/memory/sqlstore/sqlstoretest"
)

func TestStatsCountWhatHappened(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	other, _ := sqlstoretest.Project(t, db, "other")
	crm, quiet := newEndpoint(t, db, project, delivery.AllTypes), newEndpoint(t, db, project, delivery.MemoryDelete)
	newEndpoint(t, db, other, delivery.AllTypes)
	happened(t, db, project, "alice", "a", 200)
	happened(t, db, project, "alice", "b", 503)
	happened(t, db, project, "alice", "c", 0)
	happened(t, db, other, "alice", "d", 200)

	var took delivery.Histogram
	took[0] = 2
	wantCRM := delivery.Tally{Created: 3, Succeeded: 1, Failed: 1, Attempts: 2, FailedAttempts: 1, Latency: took}
	wantQuiet := delivery.Tally{Created: 3, Skipped: 3}
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour} {
		q := delivery.StatsQuery{ProjectID: project, Since: start.Add(-step), Until: start.Add(step), Step: step}
		got, err := db.DeliveryStats(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantCRM.Plus(wantQuiet), got.Total); diff != "" {
			t.Errorf("total by %s (-want +got):\n%s", step, diff)
		}
		if diff := cmp.Diff(map[any]delivery.Tally{crm.ID: wantCRM, quiet.ID: wantQuiet}, map[any]delivery.Tally{crm.ID: got.Endpoints[crm.ID], quiet.ID: got.Endpoints[quiet.ID]}); diff != "" || len(got.Endpoints) != 2 {
			t.Errorf("by endpoint (-want +got):\n%s", diff)
		}
		sum := delivery.Tally{}
		for i, p := range got.Series {
			if sum = sum.Plus(p.Tally); i > 0 && p.At.Sub(got.Series[i-1].At) != step {
				t.Errorf("point %d is at %s, after %s", i, p.At, got.Series[i-1].At)
			}
		}
		if sum != got.Total {
			t.Errorf("the series adds up to %+v, want %+v", sum, got.Total)
		}
		q.EndpointID = quiet.ID
		if got, err := db.DeliveryStats(t.Context(), q); err != nil || got.Total != wantQuiet {
			t.Errorf("of one endpoint: %+v, error %v", got.Total, err)
		}
	}
	if at, ok, err := db.OldestWaiting(t.Context(), project); !ok || err != nil || !at.Equal(start) {
		t.Errorf("the oldest waits since %s, %t, error %v", at, ok, err)
	}
	if _, ok, err := db.OldestWaiting(t.Context(), other); ok || err != nil {
		t.Errorf("something of the other project waits, error %v", err)
	}
}

func TestStatsArePruned(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	happened(t, db, project, "alice", "a", 200)
	count := func(step time.Duration) int {
		s, err := db.DeliveryStats(t.Context(), delivery.StatsQuery{ProjectID: project, Since: start.Add(-time.Hour), Until: start.Add(time.Hour), Step: step})
		if err != nil {
			t.Fatal(err)
		}
		return s.Total.Created
	}
	for _, tt := range []struct {
		now, before   time.Time
		minutes, hour int
	}{
		{start.Add(time.Hour), start.Add(-time.Hour), 1, 1},
		{start.Add(8 * 24 * time.Hour), start.Add(-time.Hour), 0, 1},
		{start.Add(31 * 24 * time.Hour), start.Add(24 * time.Hour), 0, 0},
	} {
		if err := db.PruneStats(t.Context(), tt.now, tt.before); err != nil {
			t.Fatal(err)
		}
		if m, h := count(time.Minute), count(time.Hour); m != tt.minutes || h != tt.hour {
			t.Errorf("at %s %d by the minute and %d by the hour are left, want %d and %d", tt.now, m, h, tt.minutes, tt.hour)
		}
	}
}

func TestSizeOfTheDatabase(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	s, err := db.Size(t.Context())
	if err != nil || s.Bytes < 10_000 || s.Oldest != nil {
		t.Errorf("empty: %+v, error %v", s, err)
	}
	e := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if s, err = db.Size(t.Context()); err != nil || s.Oldest == nil || !s.Oldest.Equal(start) {
		t.Errorf("with an event: %+v, error %v", s, err)
	}
}
