package sqlstore

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// PruneGroup is how many events one call of Prune removes at most, so that it holds
// up other writes for milliseconds only.
const PruneGroup = 200

const oldEvents = `SELECT id FROM events WHERE id < $1 AND next_at IS NULL
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id AND d.next_at IS NOT NULL)
	ORDER BY id LIMIT $2`

// pruneEvent removes an event and what hangs beside it, leaves first.
var pruneEvent = []string{
	`DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = $1)`,
	`DELETE FROM deliveries WHERE event_id = $1`,
	`DELETE FROM messages WHERE event_id = $1`,
	`DELETE FROM events WHERE id = $1`,
}

// Prune removes up to PruneGroup events that were accepted before a time, with their
// messages, deliveries and attempts, and returns how many. Memories and their
// history stay, and so does an event that still has something to deliver.
func (db *DB) Prune(ctx context.Context, before time.Time) (int, error) {
	n := 0
	err := db.write(ctx, func(t *tx) error {
		var ids []uuid.UUID
		if err := t.query(oldEvents, []any{blob(firstID(before)), PruneGroup}, collect(&ids)); err != nil {
			return err
		}
		n = len(ids)
		for _, id := range ids {
			for _, text := range pruneEvent {
				if _, err := t.exec(text, blob(id)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return n, err
}

// firstID is the smallest version 7 UUID of a time: its first 48 bits are Unix
// milliseconds.
func firstID(t time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	return id
}
