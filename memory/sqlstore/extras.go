package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"memhook/memory"
)

// SaveFeedback notes what is thought of a memory; no kind takes it back.
func (db *DB) SaveFeedback(ctx context.Context, projectID string, f memory.Feedback) error {
	return db.write(ctx, func(t *tx) error {
		if f.Kind == "" {
			_, err := t.exec(`DELETE FROM feedback WHERE memory_id = $1 AND project_id = $2`, blob(f.MemoryID), projectID)
			return err
		}
		_, err := t.exec(`INSERT INTO feedback (memory_id, project_id, id, feedback, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (memory_id) DO UPDATE SET id = excluded.id, feedback = excluded.feedback, reason = excluded.reason, created_at = excluded.created_at`,
			blob(f.MemoryID), projectID, blob(f.ID), f.Kind, textOrNull(f.Reason), micros(f.CreatedAt))
		return err
	})
}

// SaveEntity makes an entity, or changes the label and metadata of one that was made.
func (db *DB) SaveEntity(ctx context.Context, projectID string, e memory.EntitySummary) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO entities (project_id, field, name, label, metadata, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (project_id, field, name) DO UPDATE SET label = excluded.label, metadata = excluded.metadata, updated_at = excluded.updated_at`,
			projectID, string(e.Field), e.Name, textOrNull(e.Label), jsonOrNull(e.Metadata), micros(e.CreatedAt), micros(e.UpdatedAt))
		return err
	})
}

// forgetEntity removes what was made by name once its memories are gone.
func (t *tx) forgetEntity(e memory.Event) error {
	if e.Kind != memory.EventDeleteUser || !e.Status.Final() || e.Request.Delete == nil || e.Request.Delete.Filter.Cond == nil {
		return nil
	}
	c := e.Request.Delete.Filter.Cond
	for _, name := range c.Text {
		if _, err := t.exec(`DELETE FROM entities WHERE project_id = $1 AND field = $2 AND name = $3`, e.ProjectID, string(c.Field), name); err != nil {
			return err
		}
	}
	return nil
}

const oldExports = `DELETE FROM exports WHERE project_id = $1 AND id NOT IN
	(SELECT id FROM exports WHERE project_id = $1 ORDER BY id DESC LIMIT $2)`

// SaveExport keeps an export, and of the older ones the newest.
func (db *DB) SaveExport(ctx context.Context, e memory.Export) error {
	return db.write(ctx, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO exports (id, project_id, filter, result, created_at) VALUES ($1, $2, $3, $4, $5)`,
			blob(e.ID), e.ProjectID, string(e.Filter), string(e.Result), micros(e.CreatedAt)); err != nil {
			return fmt.Errorf("export %s: %w", e.ID, err)
		}
		_, err := t.exec(oldExports, e.ProjectID, memory.KeptExports)
		return err
	})
}

const exportColumns = `id, project_id, filter, result, created_at`

// Export returns an export of the project.
func (db *DB) Export(ctx context.Context, projectID string, id uuid.UUID) (memory.Export, error) {
	return db.export(ctx, `SELECT `+exportColumns+` FROM exports WHERE project_id = $1 AND id = $2`, projectID, blob(id))
}

// LatestExport returns the latest export of a selection.
func (db *DB) LatestExport(ctx context.Context, projectID string, filter json.RawMessage) (memory.Export, error) {
	return db.export(ctx, `SELECT `+exportColumns+` FROM exports WHERE project_id = $1 AND filter = $2 ORDER BY id DESC LIMIT 1`, projectID, string(filter))
}

func (db *DB) export(ctx context.Context, text string, args ...any) (memory.Export, error) {
	var e memory.Export
	ok, err := db.one(ctx, text, args, &e.ID, &e.ProjectID, rawColumn{&e.Filter}, rawColumn{&e.Result}, timeColumn{&e.CreatedAt})
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("export: %w", err)
	}
	return e, nil
}

// Stats counts a project's memories, adds on record and retrievals.
func (db *DB) Stats(ctx context.Context, projectID string) (memory.Stats, error) {
	var s memory.Stats
	_, err := db.one(ctx, `SELECT count FROM retrievals WHERE project_id = $1`, []any{projectID}, intColumn{&s.Retrievals})
	if err == nil {
		s.Memories, err = db.counted(ctx, projectID, countedMemories)
	}
	if err == nil {
		s.AddEvents, err = db.counted(ctx, projectID, string(memory.EventAdd))
	}
	if err != nil {
		return s, fmt.Errorf("stats of project %s: %w", projectID, err)
	}
	return s, nil
}

// AddRetrievals adds to what was counted before, by project.
func (db *DB) AddRetrievals(ctx context.Context, counts map[string]int) error {
	return db.write(ctx, func(t *tx) error {
		for _, project := range slices.Sorted(maps.Keys(counts)) {
			if _, err := t.exec(`INSERT INTO retrievals (project_id, count) VALUES ($1, $2)
				ON CONFLICT (project_id) DO UPDATE SET count = retrievals.count + excluded.count`, project, counts[project]); err != nil {
				return err
			}
		}
		return nil
	})
}

// ProjectHistory returns a page of a project's changes, newest first, and how many
// there are in all.
func (db *DB) ProjectHistory(ctx context.Context, projectID string, offset, limit int) ([]memory.Change, int, error) {
	var total int
	if _, err := db.one(ctx, `SELECT count(*) FROM changes WHERE project_id = $1`, []any{projectID}, intColumn{&total}); err != nil {
		return nil, 0, err
	}
	var list []memory.Change
	err := db.query(ctx, `SELECT `+changeColumns+` FROM changes WHERE project_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3`,
		[]any{projectID, limit, offset}, func(row scanner) error {
			var c memory.Change
			err := scanChange(row, &c)
			list = append(list, c)
			return err
		})
	return list, total, err
}
