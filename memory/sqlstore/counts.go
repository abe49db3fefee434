package sqlstore

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"memhook/memory"
)

// A countKey says what is counted: the events of a kind, or memories.
type countKey struct{ project, what string }

const countedMemories = "memory"

// count notes what a change adds or takes away. Like tallies it is written once for a
// group. A change does it when nothing of it can fail any more, for what it counts
// stays counted when it is refused without having written.
func (t *tx) count(project, what string, n int) {
	if t.counts == nil {
		t.counts = map[countKey]int{}
	}
	t.counts[countKey{project, what}] += n
}

// countChanges notes the memories that an event added and deleted.
func (t *tx) countChanges(e memory.Event, changes []memory.Change) {
	n := 0
	for _, c := range changes {
		switch c.Kind {
		case memory.ChangeAdd:
			n++
		case memory.ChangeDelete:
			n--
		}
	}
	if n != 0 {
		t.count(e.ProjectID, countedMemories, n)
	}
}

const (
	addCount = `INSERT INTO counts (project_id, what, part, n) VALUES ($1, $2, $3, $4)
		ON CONFLICT (project_id, what, part) DO UPDATE SET n = counts.n + excluded.n`
	// uncountEvents stands before the removal of events, in a part that nothing else
	// writes, so that the two do not wait for others in a circle.
	uncountEvents = `INSERT INTO counts (project_id, what, part, n) SELECT project_id, kind, -1, -count(*) FROM events WHERE id `
	uncounted     = ` GROUP BY project_id, kind ON CONFLICT (project_id, what, part) DO UPDATE SET n = counts.n + excluded.n`
)

// flushCounts writes the counts of the group, in order, so that two groups that write
// the same rows do not wait for each other in a circle.
func (t *tx) flushCounts(part int) error {
	keys := slices.SortedFunc(maps.Keys(t.counts), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.what, b.what))
	})
	for _, k := range keys {
		if err := t.later(addCount, k.project, k.what, part, t.counts[k]); err != nil {
			return err
		}
	}
	return nil
}

// recount adds what the rows have and the counts do not, in one statement: both are as of
// one moment, whatever is counted meanwhile.
const recount = `INSERT INTO counts (project_id, what, part, n) SELECT project_id, what, -1, sum(n) FROM (
		SELECT project_id, kind AS what, count(*) AS n FROM events GROUP BY project_id, kind
		UNION ALL SELECT project_id, '` + countedMemories + `', count(*) FROM memories GROUP BY project_id
		UNION ALL SELECT project_id, what, -sum(n) FROM counts GROUP BY project_id, what
	) AS parts GROUP BY project_id, what HAVING sum(n) <> 0
	ON CONFLICT (project_id, what, part) DO UPDATE SET n = counts.n + excluded.n`

// Recount puts counts right that say something else than the rows, and returns how many.
// A node of a version that did not count yet leaves such counts behind. It reads every
// event, so it is not for SQLite beside a server, whose writes would wait for it.
func (db *DB) Recount(ctx context.Context) (int, error) {
	var n int64
	err := db.write(ctx, func(t *tx) (err error) {
		if err := t.lock("prune"); err != nil { // which writes the same rows
			return err
		}
		if err := t.flushCounts(0); err != nil { // of the group, whose rows are there
			return err
		}
		t.counts = nil
		n, err = t.exec(recount)
		return err
	})
	return int(n), err
}

// counted returns how many memories, or events of a kind, a project has.
func (db *DB) counted(ctx context.Context, projectID, what string) (int, error) {
	var n int
	_, err := db.one(ctx, `SELECT CAST(COALESCE(sum(n), 0) AS BIGINT) FROM counts WHERE project_id = $1 AND what = $2`, []any{projectID, what}, intColumn{&n})
	return n, err
}

// countedEvents returns how many events a project has.
func (db *DB) countedEvents(ctx context.Context, projectID string) (int, error) {
	var n int
	_, err := db.one(ctx, `SELECT CAST(COALESCE(sum(n), 0) AS BIGINT) FROM counts WHERE project_id = $1 AND what <> $2`, []any{projectID, countedMemories}, intColumn{&n})
	return n, err
}
