package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"

	"memhook/memory"
)

const memoryColumns = `id, project_id, user_id, agent_id, app_id, run_id, text, subject, metadata, categories,
	immutable, expiration_date, state, replaced_by, linked, revision, created_at, updated_at`

func scanMemory(row scanner, m *memory.Memory) error {
	return row.Scan(memoryDest(m)...)
}

// memoryDest is where the columns of a memory go.
func memoryDest(m *memory.Memory) []any {
	return []any{
		&m.ID, &m.ProjectID, text(&m.Scope.UserID), text(&m.Scope.AgentID), text(&m.Scope.AppID), text(&m.Scope.RunID),
		&m.Text, text(&m.Subject),
		rawColumn{&m.Metadata},
		jsonColumn{&m.Categories},
		&m.Immutable, text(&m.ExpirationDate), text(&m.State), &m.ReplacedBy,
		jsonColumn{&m.Linked},
		&m.Revision,
		timeColumn{&m.CreatedAt},
		timeColumn{&m.UpdatedAt},
	}
}

const memoryTypes = "uuid text text text text text text text text text boolean text text uuid text bigint bigint bigint bytea text"

var (
	insertMemory = bulkOf(`INSERT INTO memories (`+memoryColumns+`, scope_key, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`, memoryTypes)
	// insertFreshMemory adds a memory unless its scope has the text. What is around the
	// state keeps Postgres from going through the index of a whole project, which has it.
	insertFreshMemory = bulkOf(`INSERT INTO memories (`+memoryColumns+`, scope_key, hash)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
		WHERE NOT EXISTS (SELECT 1 FROM memories o WHERE o.scope_key = $19 AND o.hash = $20 AND COALESCE(o.state, o.state) = 'active')`, memoryTypes)
)

const (
	updateMemory = `UPDATE memories SET text = $3, hash = $4, subject = $5, metadata = $6, categories = $7, expiration_date = $8,
		state = $9, replaced_by = $10, linked = $11, created_at = $12, updated_at = $13, revision = revision + 1,
		vector = CASE WHEN hash = $4 THEN vector END, vector_model = CASE WHEN hash = $4 THEN vector_model END
		WHERE id = $1 AND revision = $2`
	deleteMemory = `DELETE FROM memories WHERE id = $1 AND revision = $2`
)

func memoryArgs(m memory.Memory) []any {
	key := m.Scope.Key(m.ProjectID)
	return []any{
		blob(m.ID), m.ProjectID,
		textOrNull(m.Scope.UserID), textOrNull(m.Scope.AgentID), textOrNull(m.Scope.AppID), textOrNull(m.Scope.RunID),
		m.Text, textOrNull(m.Subject), jsonOrNull(m.Metadata), listOrNull(m.Categories),
		m.Immutable, textOrNull(m.ExpirationDate), string(m.State), blobOrNull(m.ReplacedBy), listOrNull(m.Linked), m.Revision,
		micros(m.CreatedAt), micros(m.UpdatedAt), key[:], m.Hash(),
	}
}

func (t *tx) updateMemory(m memory.Memory) error {
	return t.must(memory.ErrChanged, updateMemory, blob(m.ID), m.Revision, m.Text, m.Hash(), textOrNull(m.Subject), jsonOrNull(m.Metadata),
		listOrNull(m.Categories), textOrNull(m.ExpirationDate), string(m.State), blobOrNull(m.ReplacedBy), listOrNull(m.Linked),
		micros(m.CreatedAt), micros(m.UpdatedAt))
}

func (t *tx) deleteMemory(m memory.Memory) error {
	return t.must(memory.ErrChanged, deleteMemory, blob(m.ID), m.Revision)
}

// Memory returns one memory of the project.
func (db *DB) Memory(ctx context.Context, projectID string, id uuid.UUID) (memory.Memory, error) {
	var m memory.Memory
	s, err := db.stmt(ctx, `SELECT `+memoryColumns+` FROM memories WHERE id = $1 AND project_id = $2`)
	if err != nil {
		return m, err
	}
	ok, err := found(scanMemory(s.QueryRowContext(ctx, blob(id), projectID), &m))
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	if err != nil {
		return m, fmt.Errorf("memory %s: %w", id, err)
	}
	return m, nil
}

// Memories returns a page of memories, newest first, and how many there are in
// all. What SQL cannot decide is decided here, row by row, so a query costs the
// memory of one page however many rows it looks at.
func (db *DB) Memories(ctx context.Context, q memory.Query) ([]memory.Memory, int, error) {
	where, args, exact := selection(q)
	if exact {
		return db.pageOfMemories(ctx, where, args, q)
	}
	return db.filteredMemories(ctx, where, args, q)
}

// selection is the condition of a query in SQL, with its arguments. Unless it is
// exact, Filter.Match has to decide on each row.
func selection(q memory.Query) (where string, args []any, exact bool) {
	args = []any{q.ProjectID}
	where = `project_id = $1`
	cond, exact := filterSQL(q.Filter, &args)
	if cond != "" {
		where += ` AND ` + cond
	}
	if !q.ShowExpired {
		args = append(args, q.Today)
		where += fmt.Sprintf(` AND (expiration_date IS NULL OR expiration_date >= $%d)`, len(args))
	}
	switch {
	case q.LatestOnly:
		where += ` AND state = 'active'`
	case !q.IncludeMerged:
		where += ` AND state <> 'merged'`
	}
	return where, args, exact
}

// A pageReader keeps the rows of a page, as many as Limit and MaxBytes allow.
type pageReader struct {
	q    memory.Query
	list []memory.Memory
	size int
}

// take keeps a row of the page and tells whether it did.
func (p *pageReader) take(m memory.Memory) bool {
	full := p.q.Limit > 0 && len(p.list) == p.q.Limit || p.q.MaxBytes > 0 && p.size > p.q.MaxBytes
	if full {
		return false
	}
	p.size += len(m.Text) + len(m.Metadata)
	p.list = append(p.list, m)
	return true
}

// order is the order of a page.
func order(q memory.Query) string {
	if q.Unordered {
		return ""
	}
	return ` ORDER BY created_at DESC, id DESC`
}

func (db *DB) pageOfMemories(ctx context.Context, where string, args []any, q memory.Query) ([]memory.Memory, int, error) {
	var total int
	count := func(row scanner) error { return row.Scan(&total) }
	if !q.NoCount {
		if err := db.queryOnce(ctx, `SELECT count(*) FROM memories WHERE `+where, args, count); err != nil || total <= q.Offset {
			return nil, total, err
		}
	}
	limit := q.Limit + 1 // to see whether there are more
	if q.Limit == 0 {
		limit = math.MaxInt32
	}
	n := len(args)
	query := fmt.Sprintf(`SELECT %s FROM memories WHERE %s%s LIMIT $%d OFFSET $%d`, memoryColumns, where, order(q), n+1, n+2)
	if q.Offset > 0 { // what is passed over is read in the index alone
		query = fmt.Sprintf(`SELECT %s FROM memories WHERE id IN (SELECT id FROM memories WHERE %s%s LIMIT $%d OFFSET $%d)%s`, memoryColumns, where, order(q), n+1, n+2, order(q))
	}
	page, more := pageReader{q: q}, 0
	err := db.queryOnce(ctx, query, append(args, limit, q.Offset), func(row scanner) error {
		var m memory.Memory
		if err := scanMemory(row, &m); err != nil {
			return err
		}
		if !page.take(m) {
			more = 1
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if q.NoCount {
		total = q.Offset + len(page.list) + more
	}
	return page.list, total, err
}

func (db *DB) filteredMemories(ctx context.Context, where string, args []any, q memory.Query) ([]memory.Memory, int, error) {
	page, total, full := pageReader{q: q}, 0, false
	err := db.eachMatch(ctx, where+order(q), args, q.Filter, func(m memory.Memory) error {
		if total >= q.Offset && !full {
			full = !page.take(m)
		}
		total++
		if full && q.NoCount {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return page.list, total, err
}

func (db *DB) eachMatch(ctx context.Context, where string, args []any, f memory.Filter, each func(memory.Memory) error) error {
	return db.queryOnce(ctx, `SELECT `+memoryColumns+` FROM memories WHERE `+where, args, func(row scanner) error {
		var m memory.Memory
		if err := scanMemory(row, &m); err != nil || !f.Match(m) {
			return err
		}
		return each(m)
	})
}

const defaultRecall = 50

// Recall returns the active memories of a scope with one of the subjects or one
// of the hashes, newest first.
func (db *DB) Recall(ctx context.Context, projectID string, q memory.RecallQuery) ([]memory.Memory, error) {
	limit := q.Limit
	if limit == 0 {
		limit = defaultRecall
	}
	key := q.Scope.Key(projectID)
	var list []memory.Memory
	for column, values := range map[string][]string{"subject": q.Subjects, "hash": q.Hashes} {
		if len(values) == 0 {
			continue
		}
		args := []any{key[:]}
		for _, v := range values {
			args = append(args, v)
		}
		args = append(args, limit)
		query := fmt.Sprintf(`SELECT %s FROM memories WHERE scope_key = $1 AND %s IN (%s) AND state = 'active' ORDER BY created_at DESC, id DESC LIMIT $%d`,
			memoryColumns, column, placeholders(2, len(values)), len(args))
		err := db.query(ctx, query, args, func(row scanner) error {
			var m memory.Memory
			err := scanMemory(row, &m)
			list = append(list, m)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("recall by %s: %w", column, err)
		}
	}
	slices.SortFunc(list, func(a, b memory.Memory) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), slices.Compare(b.ID[:], a.ID[:]))
	})
	list = slices.CompactFunc(list, func(a, b memory.Memory) bool { return a.ID == b.ID })
	return list[:min(limit, len(list))], nil
}
