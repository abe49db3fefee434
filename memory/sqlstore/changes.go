package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"memhook/memory"
)

const changeColumns = `id, project_id, event_id, memory_id, kind, text, before, user_id, agent_id, app_id, run_id,
	metadata, categories, memory_created_at, created_at`

var insertChange = bulkOf(`INSERT INTO changes (`+changeColumns+`)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
	"uuid text uuid uuid text text text text text text text text text bigint bigint")

func scanChange(row scanner, c *memory.Change) error {
	m := &c.Memory
	err := row.Scan(&c.ID, &m.ProjectID, &c.EventID, &m.ID, text(&c.Kind), &m.Text, text(&c.Before),
		text(&m.Scope.UserID), text(&m.Scope.AgentID), text(&m.Scope.AppID), text(&m.Scope.RunID),
		rawColumn{&m.Metadata}, jsonColumn{&m.Categories}, timeColumn{&m.CreatedAt}, timeColumn{&c.At})
	m.UpdatedAt = c.At
	return err
}

// applyChange writes the memory, unless it was added, and its history entry.
func (t *tx) applyChange(e memory.Event, c memory.Change, added bool) error {
	var err error
	switch c.Kind {
	case memory.ChangeAdd:
		if !added {
			err = t.put(insertMemory, memoryArgs(c.Memory)...)
		}
	case memory.ChangeUpdate, memory.ChangeReplace:
		err = t.updateMemory(c.Memory)
	case memory.ChangeDelete:
		err = t.deleteMemory(c.Memory)
	default:
		err = fmt.Errorf("unknown kind of change %q", c.Kind)
	}
	if err != nil {
		return err
	}
	m := c.Memory
	return t.put(insertChange, blob(c.ID), e.ProjectID, blob(c.EventID), blob(m.ID), string(c.Kind), m.Text, textOrNull(c.Before),
		textOrNull(m.Scope.UserID), textOrNull(m.Scope.AgentID), textOrNull(m.Scope.AppID), textOrNull(m.Scope.RunID),
		jsonOrNull(m.Metadata), listOrNull(m.Categories), micros(m.CreatedAt), micros(c.At))
}

const results = `SELECT ` + changeColumns + ` FROM changes WHERE event_id = $1 AND kind <> 'REPLACE' ORDER BY id LIMIT $2`

// ChangesOf returns the changes of several events that are results, by event,
// oldest first: of each at most memory.MaxResults, and of all together about
// memory.MaxListBytes.
func (db *DB) ChangesOf(ctx context.Context, events []uuid.UUID) (map[uuid.UUID][]memory.Change, error) {
	byEvent := make(map[uuid.UUID][]memory.Change, len(events))
	size := 0
	for _, id := range events {
		err := db.query(ctx, results, []any{blob(id), memory.MaxResults}, func(row scanner) error {
			var c memory.Change
			if err := scanChange(row, &c); err != nil {
				return err
			}
			if size += len(c.Memory.Text) + len(c.Before) + len(c.Memory.Metadata); size > memory.MaxListBytes {
				return errEnough
			}
			byEvent[id] = append(byEvent[id], c)
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, fmt.Errorf("changes of event %s: %w", id, err)
		}
	}
	return byEvent, nil
}

// History returns the changes of one memory, oldest first.
func (db *DB) History(ctx context.Context, projectID string, id uuid.UUID) ([]memory.Change, error) {
	var list []memory.Change
	query := `SELECT ` + changeColumns + ` FROM changes WHERE memory_id = $1 AND project_id = $2 ORDER BY id`
	err := db.query(ctx, query, []any{blob(id), projectID}, func(row scanner) error {
		var c memory.Change
		err := scanChange(row, &c)
		list = append(list, c)
		return err
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("memory %s: %w", id, memory.ErrNotFound)
	}
	return list, err
}
