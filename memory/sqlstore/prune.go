package sqlstore

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
)

// PruneGroup is how many events one call of Prune removes at most, so that it holds
// up other writes for milliseconds only.
const PruneGroup = 200

// oldEvents begins behind the last group: from the beginning, Postgres would pass all
// that was removed before, until it is vacuumed, again for each group.
const oldEvents = `SELECT id FROM events WHERE id > $3 AND id < $1 AND next_at IS NULL
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id AND d.next_at IS NOT NULL)
	ORDER BY id LIMIT $2`

// pruneChunk is how many rows one statement removes, with what hangs beside them.
const pruneChunk = 50

var chunk = `IN (` + placeholders(1, pruneChunk) + `)`

// pruneEvents removes events and what hangs beside them, leaves first.
var pruneEvents = []string{
	settleReceivers,
	`DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id ` + chunk + `)`,
	`DELETE FROM deliveries WHERE event_id ` + chunk,
	pruneFeed + chunk + prunedFeed,
	`DELETE FROM messages WHERE event_id ` + chunk,
	uncountEvents + chunk + uncounted,
	`DELETE FROM events WHERE id ` + chunk,
}

// oldAside finds what belongs to no event: test sends.
const oldAside = `SELECT id FROM deliveries WHERE event_id = $3 AND id < $1 AND next_at IS NULL ORDER BY event_id, id LIMIT $2`

var pruneAside = []string{
	`DELETE FROM attempts WHERE delivery_id ` + chunk,
	`DELETE FROM messages WHERE id IN (SELECT message_id FROM deliveries WHERE id ` + chunk + `)`,
	`DELETE FROM deliveries WHERE id ` + chunk,
}

// oldSnapshots finds messages of snapshots whose event was pruned before them. Those of
// other memories go with their event, as soon as they are delivered.
const oldSnapshots = `SELECT m.id FROM messages m WHERE m.seq IS NULL AND m.memory_id IS NOT NULL AND m.id < $1
	AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = m.event_id)
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id AND d.message_id = m.id AND d.next_at IS NOT NULL)
	ORDER BY m.id LIMIT $2`

var itsDeliveries = `IN (SELECT d.id FROM messages m JOIN deliveries d ON d.event_id = m.event_id AND d.message_id = m.id WHERE m.id ` + chunk + `)`

var pruneSnapshots = []string{
	`DELETE FROM attempts WHERE delivery_id ` + itsDeliveries,
	`DELETE FROM deliveries WHERE id ` + itsDeliveries,
	`DELETE FROM messages WHERE id ` + chunk,
}

// oldReplays are bulk replays that are over.
const oldReplays = `DELETE FROM replays WHERE id < $1 AND next_at IS NULL`

// A Pruned is what one call of Prune removed.
type Pruned struct {
	Events int       // and test sends, and memories of snapshots
	Place  uuid.UUID // where the next call begins
	More   bool      // there may be more to remove
}

// Prune removes up to PruneGroup events that were accepted before a time, with their
// messages, deliveries and attempts, and as many messages that no event is there for. It begins
// behind the place of the call before, Nil at first. Memories and their history stay, and so does an
// event that still has something to deliver.
func (db *DB) Prune(ctx context.Context, before time.Time, place uuid.UUID) (Pruned, error) {
	var p Pruned
	first := blob(firstID(before))
	err := db.write(ctx, func(t *tx) error {
		p = Pruned{Place: place}
		if err := t.lock("prune"); err != nil {
			return err
		}
		events, err := t.prune(pruneEvents, oldEvents, first, PruneGroup, blob(place))
		if err != nil {
			return err
		}
		aside, err := t.prune(pruneAside, oldAside, first, PruneGroup, blob(uuid.Nil))
		if err != nil {
			return err
		}
		snapshots, err := t.prune(pruneSnapshots, oldSnapshots, first, PruneGroup)
		if err != nil {
			return err
		}
		if len(events) > 0 {
			p.Place = events[len(events)-1]
		}
		p.Events = len(events) + len(aside) + len(snapshots)
		p.More = max(len(events), len(aside), len(snapshots)) == PruneGroup
		_, err = t.exec(oldReplays, first)
		return err
	})
	return p, err
}

// prune removes each of the rows that are found, and returns them.
func (t *tx) prune(remove []string, find string, args ...any) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	if err := t.query(find, args, collect(&ids)); err != nil {
		return nil, err
	}
	return ids, t.remove(ids, remove)
}

// remove runs the statements for the rows, a chunk at a time.
func (t *tx) remove(ids []uuid.UUID, texts []string) error {
	for list := range slices.Chunk(ids, pruneChunk) {
		for len(list) < pruneChunk {
			list = append(list[:len(list):len(list)], list[0]) // one text for any number
		}
		for _, text := range texts {
			if err := t.later(text, blobs(list)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstID is the smallest version 7 UUID of a time: its first 48 bits are Unix
// milliseconds.
func firstID(t time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	return id
}
