package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
)

const firstProject = `SELECT id FROM projects WHERE deleted_at IS NULL ORDER BY created_at, id LIMIT 1`

// DeleteProject marks a project deleted, revokes its keys and removes its sources:
// nothing comes in any more.
func (db *DB) DeleteProject(ctx context.Context, id string, now time.Time) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.lock("projects"); err != nil {
			return err
		}
		var first string
		if ok, err := found(t.row(firstProject).Scan(&first)); err != nil || ok && first == id {
			if err == nil {
				err = memory.ErrDefault
			}
			return err
		}
		n, err := t.exec(`UPDATE projects SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL`, id, micros(now))
		if err == nil && n == 0 {
			err = memory.ErrNotFound
		}
		if err == nil {
			_, err = t.exec(`UPDATE api_keys SET revoked_at = $2 WHERE project_id = $1 AND revoked_at IS NULL`, id, micros(now))
		}
		if err == nil {
			_, err = t.exec(`DELETE FROM sources WHERE project_id = $1`, id)
		}
		if err != nil {
			return fmt.Errorf("project %s: %w", id, err)
		}
		return nil
	})
}

const (
	projectToPurge = `SELECT id FROM projects WHERE deleted_at <= $1 AND purged_at IS NULL ORDER BY id LIMIT 1`
	eventsToPurge  = `SELECT id FROM events WHERE project_id = $1 ORDER BY id LIMIT $2`
)

// purgeRows removes rows of a project in groups. Every memory has one of the four
// entity IDs, and each of them has an index.
var purgeRows = []string{
	`DELETE FROM memories WHERE id IN (SELECT id FROM memories WHERE project_id = $1 AND user_id IS NOT NULL LIMIT $2)`,
	`DELETE FROM memories WHERE id IN (SELECT id FROM memories WHERE project_id = $1 AND agent_id IS NOT NULL LIMIT $2)`,
	`DELETE FROM memories WHERE id IN (SELECT id FROM memories WHERE project_id = $1 AND app_id IS NOT NULL LIMIT $2)`,
	`DELETE FROM memories WHERE id IN (SELECT id FROM memories WHERE project_id = $1 AND run_id IS NOT NULL LIMIT $2)`,
	`DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE project_id = $1 LIMIT $2)`,
	// test sends, which belong to no event
	`DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE project_id = $1 ORDER BY id LIMIT $2)`,
	`DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE project_id = $1 ORDER BY id LIMIT $2)`,
	`DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE project_id = $1 ORDER BY id LIMIT $2)`,
	`DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE project_id = $1 LIMIT $2)`,
	`DELETE FROM replays WHERE id IN (SELECT id FROM replays WHERE project_id = $1 LIMIT $2)`,
	`DELETE FROM erasure_receivers WHERE (erasure_id, memory_id, endpoint_id) IN
		(SELECT erasure_id, memory_id, endpoint_id FROM erasure_receivers WHERE project_id = $1 LIMIT $2)`,
	`DELETE FROM erased_memories WHERE memory_id IN (SELECT memory_id FROM erased_memories WHERE project_id = $1 LIMIT $2)`,
	// what belongs to no event: test sends
	`DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE project_id = $1 ORDER BY id LIMIT $2)`,
	`DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE project_id = $1 ORDER BY id LIMIT $2)`,
	`DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE project_id = $1 ORDER BY id LIMIT $2)`,
}

// purgeFew removes what a project has little of.
var purgeFew = []string{
	`DELETE FROM erasures WHERE project_id = $1`,
	`DELETE FROM receipt_keys WHERE project_id = $1`,
	`DELETE FROM feedback WHERE project_id = $1`,
	`DELETE FROM entities WHERE project_id = $1`,
	`DELETE FROM exports WHERE project_id = $1`,
	`DELETE FROM retrievals WHERE project_id = $1`,
	`DELETE FROM counts WHERE project_id = $1`,
	`DELETE FROM feeds WHERE project_id = $1`,
	`DELETE FROM feeds_pruned WHERE project_id = $1`,
	`DELETE FROM sources WHERE project_id = $1`,
	`DELETE FROM replays WHERE project_id = $1`,
	`DELETE FROM tallies WHERE project_id = $1`,
	`DELETE FROM idempotency WHERE project_id = $1`,
	`DELETE FROM endpoints WHERE project_id = $1`,
	`DELETE FROM tallies WHERE project_id = $1`,
	`DELETE FROM audit WHERE project_id = $1`,
	`DELETE FROM idempotency WHERE project_id = $1`,
}

const (
	// purgeProject keeps the row without what was in it: the keys refer to it.
	purgeProject = `UPDATE projects SET purged_at = $2, name = '', settings = '{}', members = NULL WHERE id = $1`
)

// PurgeProjects removes up to limit rows of each kind of one project that was
// deleted memory.PurgeAfter ago, and tells whether there may be more.
func (db *DB) PurgeProjects(ctx context.Context, now time.Time, limit int) (more bool, err error) {
	var id string
	if ok, err := db.one(ctx, projectToPurge, []any{micros(now.Add(-memory.PurgeAfter))}, &id); !ok || err != nil {
		return false, err
	}
	err = db.write(ctx, func(t *tx) error {
		left, err := t.purge(id, limit)
		if err != nil || left {
			return err
		}
		for _, text := range purgeFew {
			if _, err := t.exec(text, id); err != nil {
				return err
			}
		}
		_, err = t.exec(purgeProject, id, micros(now))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remove project %s: %w", id, err)
	}
	return true, nil
}

// purge removes a group of each kind of row and tells whether there were any.
func (t *tx) purge(projectID string, limit int) (left bool, err error) {
	var ids []uuid.UUID
	if err := t.query(eventsToPurge, []any{projectID, limit}, collect(&ids)); err != nil {
		return false, err
	}
	if err := t.remove(ids, pruneEvents); err != nil {
		return false, err
	}
	left = len(ids) > 0
	for _, text := range purgeRows {
		n, err := t.exec(text, projectID, limit)
		if err != nil {
			return false, err
		}
		left = left || n > 0
	}
	return left, nil
}
