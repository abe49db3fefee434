package sqlstore

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/signing"
)

func openForPlans(t *testing.T) *DB {
	t.Helper()
	sealer, err := signing.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "memhook.db"), Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// planOf returns the lines of a query's plan.
func planOf(t *testing.T, db *DB, query string, args []any) []string {
	t.Helper()
	var lines []string
	err := db.queryOnce(t.Context(), "EXPLAIN QUERY PLAN "+query, args, func(row scanner) error {
		var id, parent, unused int
		var detail string
		err := row.Scan(&id, &parent, &unused, &detail)
		lines = append(lines, detail)
		return err
	})
	if err != nil {
		t.Fatalf("plan of %s: %v", query, err)
	}
	return lines
}

func TestListsGoThroughAnIndex(t *testing.T) {
	db := openForPlans(t)
	endpoint := delivery.Endpoint{ID: delivery.NewID(), ProjectID: "proj_1", Name: "crm", EventTypes: []string{"*"}}
	if err := db.write(t.Context(), func(tx *tx) error {
		_, err := tx.exec(`INSERT INTO projects (id, name, settings, created_at, updated_at) VALUES ('proj_1', 'p', '{}', 0, 0)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertEndpoint(t.Context(), endpoint); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ typed, index string }{
		{"", "deliveries_project"},
		{"type:memory_add trigger:test", "deliveries_project"},
		{"status:succeeded", "deliveries_project"},
		{"code:200", "deliveries_project"},
		{"endpoint:crm", "deliveries_endpoint"},
		{"endpoint:crm status:succeeded", "deliveries_endpoint"},
		{"status:failed", "deliveries_project_rest"},
		{"status:skipped type:memory_add", "deliveries_project_rest"},
		{"status:skipped endpoint:crm", "deliveries_endpoint_rest"},
		{"status:failed endpoint:crm", "deliveries_endpoint_rest"},
		{"code:5xx", "deliveries_trouble"},
		{"error:dns endpoint:crm", "deliveries_trouble"},
		{"status:waiting", "deliveries_open"},
		{"status:retrying endpoint:crm", "deliveries_open"},
		{"event:" + uuid.NewString(), "deliveries_event"},
		{"user:alice status:failed", "events_user"},
		{"agent:a", "events_agent"},
		{"run:r code:404", "events_run"},
		{"words", "deliveries_project"},
	}
	for _, tt := range tests {
		for _, span := range []string{"", " since:24h", " since:7d until:24h"} {
			t.Run(tt.typed+span, func(t *testing.T) {
				q := delivery.Query{ProjectID: "proj_1", Limit: 50}
				terms, err := delivery.ParseTerms(tt.typed + span)
				if err == nil {
					err = q.Apply(terms, time.Now())
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, after := range []*delivery.Cursor{nil, {Event: delivery.NewID(), ID: delivery.NewID()}} {
					l, err := db.plan(t.Context(), q)
					if err != nil || l.none {
						t.Fatalf("no list, error %v", err)
					}
					l.place(after, false)
					var args arguments
					inner := strings.Join(planOf(t, db, idsOf(db, l, &args), args), "\n")
					if strings.Contains(inner, "SCAN") || strings.Contains(inner, "FOR ORDER BY") || !strings.Contains(inner, tt.index+" (") {
						t.Errorf("the plan is not through %s in order:\n%s", tt.index, inner)
					}
				}
			})
		}
	}
}

func TestLanesGoThroughAnIndex(t *testing.T) {
	db := openForPlans(t)
	lane := []any{blob(delivery.NewID()), blob(delivery.NewID())}
	for _, tt := range []struct {
		text, index string
		more        []any
	}{
		{lastTurn, "deliveries_lane", nil},
		{goesFirst, "deliveries_lane_open", []any{int64(7), blob(delivery.NewID())}},
		{goesFirst, "deliveries_lane_taken", []any{int64(7), blob(delivery.NewID())}},
		{wentFirst, "deliveries_lane_taken", []any{int64(7), blob(delivery.NewID())}},
		{newestInLane, "deliveries_lane_open", nil},
		{lastInLane, "deliveries_lane", nil},
		{supersede, "deliveries_lane_open", []any{int64(7), int64(0), "", ""}},
		{supersedeHeld, "deliveries_lane_taken", []any{int64(7), int64(0), "", ""}},
		{firstWaits, "deliveries_lane_open", []any{""}},
		{firstWaits, "deliveries_lane_taken", []any{""}},
		{lastWaits, "deliveries_lane_open", []any{""}},
		{firstInLane, "deliveries_lane_open", nil},
		{newestWaits, "deliveries_lane_open", nil},
	} {
		if plan := strings.Join(planOf(t, db, tt.text, append(slices.Clone(lane), tt.more...)), "\n"); !strings.Contains(plan, tt.index+" (") {
			t.Errorf("%s\ndoes not go through %s:\n%s", tt.text, tt.index, plan)
		}
	}
	if plan := strings.Join(planOf(t, db, nudge, lane[:1]), "\n"); !strings.Contains(plan, "SEARCH o USING INDEX deliveries_lane_open (") {
		t.Errorf("%s\ndoes not go through deliveries_lane_open:\n%s", nudge, plan)
	}
}

func TestPruningFindsSnapshotsThroughAnIndex(t *testing.T) {
	db := openForPlans(t)
	if plan := strings.Join(planOf(t, db, oldSnapshots, []any{blob(delivery.NewID()), PruneGroup}), "\n"); !strings.Contains(plan, "messages_aside (id<?)") {
		t.Errorf("the plan is:\n%s", plan)
	}
}

func TestEventListsGoThroughAnIndex(t *testing.T) {
	db := openForPlans(t)
	for _, tt := range []struct {
		q     memory.EventList
		index string
	}{
		{memory.EventList{}, "events_project"},
		{memory.EventList{Status: memory.EventSucceeded, Kind: memory.EventAdd}, "events_project"},
		{memory.EventList{Status: memory.EventFailed}, "events_failed"},
		{memory.EventList{UserID: "alice", Status: memory.EventFailed}, "events_user"},
		{memory.EventList{AgentID: "a", Since: time.Now()}, "events_agent"},
		{memory.EventList{RunID: "r", Until: time.Now()}, "events_run"},
	} {
		tt.q.ProjectID = "proj_1"
		l := eventList(tt.q)
		var args arguments
		plan := strings.Join(planOf(t, db, db.ids(l.part(`e.id`), l.partial, &args, eventsWhere, false, 51), args), "\n")
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "FOR ORDER BY") || !strings.Contains(plan, tt.index+" (") {
			t.Errorf("%+v is not answered through %s in order:\n%s", tt.q, tt.index, plan)
		}
	}
}

func idsOf(db *DB, l *listSQL, args *arguments) string {
	if l.byEvent {
		return db.ids(l.part(`e.id`), l.partial, args, eventsWhere, false, 51)
	}
	return db.ids(l.part(`d.id`), l.partial, args, deliveriesWhere, false, 51)
}

func TestFeedGoesThroughItsIndex(t *testing.T) {
	db := openForPlans(t)
	for _, q := range []struct {
		text string
		args []any
	}{
		{feedRows, []any{"proj_1", 7, make([]byte, 16), 10}},
		{feedLast, []any{"proj_1"}},
	} {
		plan := planOf(t, db, q.text, q.args)
		all := strings.Join(plan, "; ")
		if !strings.Contains(plan[0], "INDEX messages_feed (project_id=?") || strings.Contains(all, "TEMP") {
			t.Errorf("%s\ngoes by %q, want the index messages_feed without a sort", q.text, plan)
		}
	}
}
