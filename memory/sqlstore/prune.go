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

// oldTests finds test sends, which belong to no event.
const oldTests = `SELECT id FROM deliveries WHERE cause = 'test' AND id < $1 AND next_at IS NULL ORDER BY id LIMIT $2`

var pruneTest = []string{
	`DELETE FROM attempts WHERE delivery_id = $1`,
	`DELETE FROM messages WHERE id IN (SELECT message_id FROM deliveries WHERE id = $1)`,
	`DELETE FROM deliveries WHERE id = $1`,
}

// oldReplays are bulk replays that are over.
const oldReplays = `DELETE FROM replays WHERE id < $1 AND next_at IS NULL`

// Prune removes up to PruneGroup events that were accepted before a time, with their
// messages, deliveries and attempts, and as many test sends, and returns how many.
// Memories and their history stay, and so does an event that still has something to
// deliver.
func (db *DB) Prune(ctx context.Context, before time.Time) (int, error) {
	n := 0
	first := blob(firstID(before))
	err := db.write(ctx, func(t *tx) error {
		events, err := t.prune(oldEvents, first, pruneEvent)
		if err != nil {
			return err
		}
		tests, err := t.prune(oldTests, first, pruneTest)
		if err != nil {
			return err
		}
		n = events + tests
		_, err = t.exec(oldReplays, first)
		return err
	})
	return n, err
}

// prune removes each of the rows that are found, and returns how many.
func (t *tx) prune(find string, first []byte, remove []string) (int, error) {
	var ids []uuid.UUID
	if err := t.query(find, []any{first, PruneGroup}, collect(&ids)); err != nil {
		return 0, err
	}
	for _, id := range ids {
		for _, text := range remove {
			if _, err := t.exec(text, blob(id)); err != nil {
				return 0, err
			}
		}
	}
	return len(ids), nil
}

// firstID is the smallest version 7 UUID of a time: its first 48 bits are Unix
// milliseconds.
func firstID(t time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	return id
}
