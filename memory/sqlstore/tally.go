package sqlstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"memhook/delivery"
)

// EventTallies returns how many deliveries each of the events has in each of the
// states, with Retrying apart from Pending.
func (db *DB) EventTallies(ctx context.Context, projectID string, events []uuid.UUID) (map[uuid.UUID]map[delivery.ListStatus]int, error) {
	list := map[uuid.UUID]map[delivery.ListStatus]int{}
	if len(events) == 0 {
		return list, nil
	}
	args := []any{projectID}
	for _, id := range events {
		args = append(args, blob(id))
	}
	text := `SELECT event_id, CASE WHEN status = 'pending' AND attempts > 0 THEN 'retrying' ELSE status END AS state, count(*)
		FROM deliveries WHERE project_id = $1 AND event_id IN (` + placeholders(2, len(events)) + `)
		GROUP BY event_id, CASE WHEN status = 'pending' AND attempts > 0 THEN 'retrying' ELSE status END`
	err := db.queryOnce(ctx, text, args, func(row scanner) error {
		var id uuid.UUID
		var state string
		var n int
		if err := row.Scan(&id, &state, &n); err != nil {
			return err
		}
		if list[id] == nil {
			list[id] = map[delivery.ListStatus]int{}
		}
		list[id][delivery.ListStatus(state)] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tally deliveries of %d events: %w", len(events), err)
	}
	return list, nil
}

// Kind names the kind of database, for people.
func (db *DB) Kind() string { return db.dialect.kind() }
