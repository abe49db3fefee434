package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"memhook/memory"
)

var entityFields = []memory.Field{memory.FieldUser, memory.FieldAgent, memory.FieldApp, memory.FieldRun}

// EachEntity calls each for every entity that the query selects, newest first.
func (db *DB) EachEntity(ctx context.Context, q memory.EntityQuery, each func(memory.EntitySummary) error) error {
	args := []any{q.ProjectID}
	if q.Name != "" {
		args = append(args, q.Name)
	}
	var parts []string
	for _, f := range entityFields {
		if q.Field != "" && q.Field != f {
			continue
		}
		part := fmt.Sprintf(`SELECT '%[1]s' AS field, %[1]s AS name, count(*) AS memories, min(created_at) AS first, max(updated_at) AS last
			FROM memories WHERE project_id = $1 AND %[1]s IS NOT NULL`, f)
		if q.Name != "" {
			part += fmt.Sprintf(` AND %s = $2`, f)
		}
		parts = append(parts, part+` GROUP BY name`)
	}
	text := strings.Join(parts, ` UNION ALL `) + ` ORDER BY first DESC, field, name`
	return db.query(ctx, text, args, func(row scanner) error {
		var e memory.EntitySummary
		if err := row.Scan(&e.Field, &e.Name, &e.Memories, timeColumn{&e.CreatedAt}, timeColumn{&e.UpdatedAt}); err != nil {
			return err
		}
		return each(e)
	})
}
