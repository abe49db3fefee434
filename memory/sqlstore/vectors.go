package sqlstore

import (
	"context"
	"database/sql"

	"memhook/memory"
)

// The parts of what is to be embedded, each a range of one index: what has no
// vector, and what has another model's. The newest come first.
const (
	unembedded   = `SELECT id, text FROM memories WHERE vector_model IS NULL ORDER BY id DESC LIMIT $1`
	embeddedByLt = `SELECT id, text FROM memories WHERE vector_model < $1 ORDER BY vector_model, id LIMIT $2`
	embeddedByGt = `SELECT id, text FROM memories WHERE vector_model > $1 ORDER BY vector_model, id LIMIT $2`
)

// Unembedded returns up to limit memories without a vector of the model.
func (db *DB) Unembedded(ctx context.Context, model string, limit int) ([]memory.Unembedded, error) {
	var list []memory.Unembedded
	add := func(row scanner) error {
		var u memory.Unembedded
		err := row.Scan(&u.ID, &u.Text)
		list = append(list, u)
		return err
	}
	err := db.query(ctx, unembedded, []any{limit}, add)
	for _, others := range []string{embeddedByLt, embeddedByGt} {
		if err == nil && len(list) < limit {
			err = db.query(ctx, others, []any{model, limit - len(list)}, add)
		}
	}
	return list, err
}

const saveVector = `UPDATE memories SET vector = $3, vector_model = $4 WHERE id = $1 AND hash = $2`

// SaveVectors keeps vectors of the model for those memories that still have the text.
func (db *DB) SaveVectors(ctx context.Context, model string, list []memory.Embedded) error {
	return db.write(ctx, func(t *tx) error {
		for _, e := range list {
			if err := t.later(saveVector, blob(e.ID), e.Hash, []byte(e.Vector), model); err != nil {
				return err
			}
		}
		return nil
	})
}

// EachText calls each for every memory that the query selects, in no order. The
// vector is valid during the call.
func (db *DB) EachText(ctx context.Context, q memory.Query, each func(memory.Text) error) error {
	where, args, exact := selection(q)
	vector := ""
	if q.VectorModel != "" {
		args = append(args, q.VectorModel)
		vector = `, CASE WHEN vector_model = ` + placeholders(len(args), 1) + ` THEN vector END`
	}
	columns := `id, created_at, text`
	if !exact {
		columns = memoryColumns
	}
	var m memory.Memory
	var v sql.RawBytes // of the row, until the next one
	dest := []any{&m.ID, timeColumn{&m.CreatedAt}, &m.Text}
	if !exact {
		dest = memoryDest(&m)
	}
	if vector != "" {
		dest = append(dest, &v)
	}
	return db.queryOnce(ctx, `SELECT `+columns+vector+` FROM memories WHERE `+where, args, func(row scanner) error {
		m = memory.Memory{}
		if err := row.Scan(dest...); err != nil || !exact && !q.Filter.Match(m) {
			return err
		}
		return each(memory.Text{ID: m.ID, CreatedAt: m.CreatedAt, Text: m.Text, Vector: memory.Vector(v)})
	})
}
