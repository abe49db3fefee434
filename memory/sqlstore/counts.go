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
