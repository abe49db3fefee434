package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/feed"
)

// An ownMessage is a message with the change of the group that it belongs to.
type ownMessage struct {
	message delivery.Message
	change  int
}

// insertAside gives no number.
var insertAside = bulkOf(`INSERT INTO messages (id, project_id, event_id, memory_id, type, body, created_at, trace, seq)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)`, "uuid text uuid uuid text bytea bigint text")

// insertMessage takes the number of the commit, which stands in the row that nextCommit
// has just written.
var insertMessage = bulkOf(`INSERT INTO messages (id, project_id, event_id, memory_id, type, body, created_at, trace, seq)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT f.seq FROM feeds f WHERE f.project_id = $2))`,
	"uuid text uuid uuid text bytea bigint text")

const (
	// nextCommit gives the commit its number in a project's feed. Its row stays locked
	// until the commit is done, so numbers become visible in their order.
	nextCommit = `INSERT INTO feeds (project_id, seq) VALUES ($1, 1) ON CONFLICT (project_id) DO UPDATE SET seq = feeds.seq + 1`
	// pruneFeed stands before the removal of messages.
	pruneFeed  = `INSERT INTO feeds_pruned (project_id, seq) SELECT project_id, max(seq) FROM messages WHERE seq IS NOT NULL AND event_id `
	prunedFeed = ` GROUP BY project_id ON CONFLICT (project_id) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > feeds_pruned.seq`
)

func messageArgs(m delivery.Message) []any {
	return []any{blob(m.ID), m.ProjectID, blob(m.EventID), blobOrNull(m.MemoryID), m.Type, m.Body, micros(m.CreatedAt), textOrNull(m.Trace)}
}

// insertMessage adds a message to the feed of its project. It is stored at the end of
// the group: its number holds up other commits of the project from then on.
func (t *tx) insertMessage(m delivery.Message) {
	t.wrote = true
	t.touch(m.ProjectID)
	t.messages = append(t.messages, ownMessage{m, t.change})
}

// insertAside adds a message that is made for one endpoint and is in no feed: a test
// send, or a memory of a snapshot.
func (t *tx) insertAside(m delivery.Message) error { return t.put(insertAside, messageArgs(m)...) }

// storeMessages stores the messages of the group: at its end, and before a statement that
// has to find them. The
// numbers are taken in the order of projects, so that two groups do not wait for each
// other in a circle.
func (t *tx) storeMessages() error {
	projects := map[string]bool{}
	for _, m := range t.messages {
		projects[m.message.ProjectID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(projects)) {
		if err := t.later(nextCommit, id); err != nil {
			return fmt.Errorf("feed of project %s: %w", id, err)
		}
	}
	for _, m := range t.messages {
		t.session.owner(m.change)
		if err := t.put(insertMessage, messageArgs(m.message)...); err != nil {
			return &ownedError{m.change, fmt.Errorf("message %s: %w", m.message.ID, err)}
		}
	}
	t.messages = nil
	t.session.owner(t.change)
	return nil
}

// feedBytes is how much one look at a feed reads of bodies, about.
const feedBytes = 4 << 20

const (
	// feedRows names what the index begins with in its order, too, so that Postgres has
	// no reason to take another one. What is erased is told, also before it is scrubbed.
	feedRows = `SELECT ` + messageColumns + `, (SELECT e.writer FROM events e WHERE e.id = m.event_id), seq, CASE WHEN ` + notErased + ` THEN 0 ELSE 1 END
		FROM messages m WHERE m.project_id = $1 AND (seq, id) > ($2, $3) ORDER BY m.project_id, seq, id LIMIT $4`
	feedHead   = `SELECT seq FROM feeds WHERE project_id = $1`
	feedPruned = `SELECT seq FROM feeds_pruned WHERE project_id = $1`
	feedKnown  = `SELECT seq FROM messages WHERE id = $1 AND project_id = $2 AND seq = $3`
	feedLast   = `SELECT seq, id FROM messages WHERE project_id = $1 AND seq IS NOT NULL ORDER BY project_id DESC, seq DESC, id DESC LIMIT 1`
)

// FeedAfter returns up to limit entries of a project's feed behind a place.
func (db *DB) FeedAfter(ctx context.Context, projectID string, at feed.Place, limit int) (feed.Look, error) {
	var l feed.Look
	err := db.snapshot(ctx, func(q query) error {
		l = feed.Look{Pruned: -1}
		number := func(to *int64) func(scanner) error { return func(row scanner) error { return row.Scan(to) } }
		if err := q(feedHead, []any{projectID}, number(&l.Head)); err != nil {
			return err
		}
		if err := q(feedPruned, []any{projectID}, number(&l.Pruned)); err != nil {
			return err
		}
		if at.ID != uuid.Nil {
			known := []any{blob(at.ID), projectID, at.Seq}
			if err := q(feedKnown, known, func(scanner) error { l.Known = true; return nil }); err != nil {
				return err
			}
		}
		return readFeed(q, &l, projectID, at, limit)
	})
	if err != nil {
		return l, fmt.Errorf("feed of project %s: %w", projectID, err)
	}
	return l, nil
}

// readFeed reads the rows behind a place and one more, which says whether a commit ends.
func readFeed(q query, l *feed.Look, projectID string, at feed.Place, limit int) error {
	id, size := at.ID, 0
	if at.Whole {
		id = last
	}
	err := q(feedRows, []any{projectID, at.Seq, blob(id), limit + 1}, func(row scanner) error {
		var e feed.Entry
		if err := scanMessage(feedRow{row, &e}, &e.Message); err != nil {
			return err
		}
		if n := len(l.Entries); n > 0 {
			l.Entries[n-1].Place.Whole = l.Entries[n-1].Place.Seq != e.Place.Seq
		}
		if len(l.Entries) == limit || size > feedBytes {
			l.More = true
			return errEnough
		}
		size += len(e.Message.Body)
		e.Place.ID, e.Place.Whole = e.Message.ID, true // a commit is seen as a whole
		l.Entries = append(l.Entries, e)
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// A feedRow has the writer, the number of the commit and whether it is erased behind the
// other columns.
type feedRow struct {
	row scanner
	to  *feed.Entry
}

// Scan implements scanner.
func (r feedRow) Scan(dest ...any) error {
	erased := 0
	err := r.row.Scan(append(dest, text(&r.to.Message.Facets.Writer), &r.to.Place.Seq, intColumn{&erased})...)
	r.to.Erased = erased != 0
	return err
}

// FeedEnd returns the place behind the last entry of a project's feed.
func (db *DB) FeedEnd(ctx context.Context, projectID string) (feed.Place, error) {
	at := feed.Place{Whole: true}
	_, err := db.one(ctx, feedLast, []any{projectID}, &at.Seq, &at.ID)
	if err == nil && at.ID == uuid.Nil { // all that there was is pruned
		_, err = db.one(ctx, feedHead, []any{projectID}, &at.Seq)
	}
	if err != nil {
		return at, fmt.Errorf("end of the feed of project %s: %w", projectID, err)
	}
	return at, nil
}

// FeedHeads returns the last commit in the feed of each of the projects that have one.
func (db *DB) FeedHeads(ctx context.Context, projects []string) (map[string]int64, error) {
	heads := map[string]int64{}
	for list := range slices.Chunk(projects, chunkRows) {
		args := make([]any, len(list))
		for i, id := range list {
			args[i] = id
		}
		err := db.queryOnce(ctx, `SELECT project_id, seq FROM feeds WHERE project_id IN (`+placeholders(1, len(list))+`)`, args, func(row scanner) error {
			var id string
			var seq int64
			err := row.Scan(&id, &seq)
			heads[id] = seq
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("feeds of %d projects: %w", len(projects), err)
		}
	}
	return heads, nil
}
