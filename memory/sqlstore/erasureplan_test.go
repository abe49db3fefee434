package sqlstore

import (
	"strings"
	"testing"

	"memhook/delivery"
	"memhook/memory"
)

// TestErasuresGoThroughIndexes: what an erasure does for each memory, and what the
// pump asks for each endpoint, looks at rows of theirs alone.
func TestErasuresGoThroughIndexes(t *testing.T) {
	db := openForPlans(t)
	id := blob(delivery.NewID())
	events, args := inScope(memory.Scope{UserID: "alice"}, []any{"proj_1", id, id, 50})
	for name, tt := range map[string]struct {
		text  string
		args  []any
		index string
	}{
		"due":      {dueDeliveries, []any{id, 1, 50}, "deliveries_erasure ("},
		"others":   {dueDeliveries, []any{id, 1, 50}, "deliveries_due ("},
		"sent":     {sentTo, []any{id}, "deliveries_event ("},
		"waiting":  {cancelWaiting, []any{id, 1}, "deliveries_event ("},
		"bodies":   {itsBodies, []any{id, 100}, "messages_event ("},
		"left":     {leftToScrub, []any{id, 20}, "erased_memories_left ("},
		"history":  {scrubChange, []any{id}, "changes_memory ("},
		"events":   {`SELECT id FROM events WHERE project_id = $1 AND id < $2 AND id > $3` + events + ` ORDER BY id LIMIT $4`, args, "events_user ("},
		"ledger":   {receivers, []any{id, "proj_1", 50}, "erasure_receivers_1 ("},
		"attempts": {scrubAttempts, []any{id, id}, "deliveries_event ("},
	} {
		plan := strings.Join(planOf(t, db, tt.text, tt.args), "\n")
		for _, line := range strings.Split(plan, "\n") {
			if strings.HasPrefix(line, "SCAN ") && !strings.HasPrefix(line, "SCAN due") && !strings.HasPrefix(line, "SCAN others") && !strings.HasPrefix(line, "SCAN (") {
				t.Errorf("%s reads a whole table:\n%s", name, plan)
			}
		}
		if !strings.Contains(plan, tt.index) {
			t.Errorf("%s does not go through %s):\n%s", name, tt.index, plan)
		}
	}
}
