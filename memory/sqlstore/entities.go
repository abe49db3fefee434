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
	made := `SELECT field, name, 0 AS memories, created_at AS first, updated_at AS last, label, metadata FROM entities WHERE project_id = $1`
	if q.Name != "" {
		args = append(args, q.Name)
		made += ` AND name = $2`
	}
	parts := []string{}
	for _, f := range entityFields {
		if q.Field != "" && q.Field != f {
			continue
		}
		part := fmt.Sprintf(`SELECT '%[1]s' AS field, %[1]s AS name, count(*) AS memories, min(created_at) AS first, max(updated_at) AS last,
			CAST(NULL AS TEXT) AS label, CAST(NULL AS TEXT) AS metadata FROM memories WHERE project_id = $1 AND %[1]s IS NOT NULL`, f)
		if q.Name != "" {
			part += fmt.Sprintf(` AND %s = $2`, f)
		}
		parts = append(parts, part+fmt.Sprintf(` GROUP BY %s`, f))
	}
	if q.Field != "" {
		args = append(args, string(q.Field))
		made += fmt.Sprintf(` AND field = $%d`, len(args))
	}
	query := `SELECT field, name, CAST(sum(memories) AS BIGINT), min(first), max(last), max(label), max(metadata) FROM (` +
		strings.Join(append(parts, made), ` UNION ALL `) + `) AS e GROUP BY field, name ORDER BY min(first) DESC, field, name`
	return db.query(ctx, query, args, func(row scanner) error {
		var e memory.EntitySummary
		if err := row.Scan(text(&e.Field), &e.Name, intColumn{&e.Memories}, timeColumn{&e.CreatedAt}, timeColumn{&e.UpdatedAt},
			text(&e.Label), rawColumn{&e.Metadata}); err != nil {
			return err
		}
		return each(e)
	})
}
