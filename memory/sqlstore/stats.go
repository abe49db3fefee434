package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

// A tallyKey is a row of counts: of an endpoint and a minute or hour.
type tallyKey struct {
	project  string
	endpoint uuid.UUID
	minute   int64
}

// tallied returns the counts of an endpoint and minute that this group of changes
// adds to. They are written once, when all of its changes have run: a group costs a
// statement for each endpoint in it and not for each attempt.
func (t *tx) tallied(project string, endpoint uuid.UUID, at time.Time) *delivery.Tally {
	if t.tallies == nil {
		t.tallies = map[tallyKey]*delivery.Tally{}
	}
	key := tallyKey{project, endpoint, at.Unix() / 60}
	if t.tallies[key] == nil {
		t.tallies[key] = &delivery.Tally{}
	}
	return t.tallies[key]
}

// tallyDelivery counts a new delivery.
func (t *tx) tallyDelivery(d delivery.Delivery) {
	n := t.tallied(d.ProjectID, d.EndpointID, d.CreatedAt)
	n.Created++
	switch d.Status {
	case delivery.Skipped:
		n.Skipped++
	case delivery.Held:
		n.Held++
	}
}

// tallyAttempt counts an attempt with the state it led to.
func (t *tx) tallyAttempt(r delivery.Result) {
	d := r.Claim.Delivery
	n := t.tallied(d.ProjectID, d.EndpointID, r.At())
	n.Attempts++
	if r.Attempt.Class != "" {
		n.FailedAttempts++
	}
	if r.Attempt.Class != retry.ClassInterrupted {
		n.Latency.Add(r.Attempt.Duration)
	}
	switch r.Status {
	case delivery.Succeeded:
		n.Succeeded++
	case delivery.Failed:
		n.Failed++
	}
}

// tallyColumns are the counts of a row, in the order of tallyFields.
var tallyColumns = func() []string {
	names := []string{"created", "skipped", "held", "succeeded", "failed", "attempts", "failed_attempts"}
	for i := range delivery.Buckets {
		names = append(names, "took_"+strconv.Itoa(i))
	}
	return names
}()

func tallyFields(n *delivery.Tally) []*int {
	fields := []*int{&n.Created, &n.Skipped, &n.Held, &n.Succeeded, &n.Failed, &n.Attempts, &n.FailedAttempts}
	for i := range n.Latency {
		fields = append(fields, &n.Latency[i])
	}
	return fields
}

// addTally adds counts to a row.
var addTally = func() string {
	set := make([]string, len(tallyColumns))
	for i, c := range tallyColumns {
		set[i] = c + ` = tallies.` + c + ` + excluded.` + c
	}
	return `INSERT INTO tallies (project_id, span, minute, endpoint_id, part, ` + strings.Join(tallyColumns, ", ") + `)
		VALUES (` + placeholders(1, 5+len(tallyColumns)) + `)
		ON CONFLICT (project_id, span, minute, endpoint_id, part) DO UPDATE SET ` + strings.Join(set, ", ")
}()

// tallyParts is in how many rows Postgres keeps each count, so that groups that
// commit side by side seldom wait for each other.
const tallyParts = 8

// The spans of rows, in minutes.
const (
	spanMinute = 1
	spanHour   = 60
)

// flush writes the counts of the group, those of deliveries by the minute and by the
// hour.
func (t *tx) flush(parts int) error {
	part := rand.IntN(parts) //nolint:gosec // spreads load
	if err := t.flushCounts(part); err != nil || len(t.tallies) == 0 {
		return err
	}
	rows := map[tallyKey]delivery.Tally{} // by the hour
	for key, n := range t.tallies {
		key.minute -= key.minute % spanHour
		rows[key] = rows[key].Plus(*n)
	}
	for _, key := range sortedTallies(t.tallies) {
		if err := t.addTally(key, spanMinute, part, *t.tallies[key]); err != nil {
			return err
		}
	}
	for _, key := range sortedTallies(rows) {
		if err := t.addTally(key, spanHour, part, rows[key]); err != nil {
			return err
		}
	}
	return nil
}

// sortedTallies returns the keys in order, so that two groups that write the same
// rows do not wait for each other in a circle.
func sortedTallies[V any](m map[tallyKey]V) []tallyKey {
	keys := make([]tallyKey, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.minute, b.minute), slices.Compare(a.endpoint[:], b.endpoint[:]))
	})
	return keys
}

func (t *tx) addTally(key tallyKey, span, part int, n delivery.Tally) error {
	args := []any{key.project, span, key.minute, blob(key.endpoint), part}
	for _, field := range tallyFields(&n) {
		args = append(args, *field)
	}
	return t.later(addTally, args...)
}

// DeliveryStats returns what happened from a time up to another.
func (db *DB) DeliveryStats(ctx context.Context, q delivery.StatsQuery) (delivery.Stats, error) {
	step := max(int64(q.Step/time.Minute), 1)
	first, end := q.Since.Unix()/60, (q.Until.Unix()+59)/60
	first -= first % step
	span := int64(spanMinute)
	if step%spanHour == 0 {
		span = spanHour
	}
	stats := delivery.Stats{Endpoints: map[uuid.UUID]delivery.Tally{}}
	if end <= first || (end-first)/step > delivery.MaxPoints {
		return stats, fmt.Errorf("statistics from %s to %s by %s: not 1 to %d steps", q.Since, q.Until, q.Step, delivery.MaxPoints)
	}
	for at := first; at < end; at += step {
		stats.Series = append(stats.Series, delivery.Point{At: time.Unix(at*60, 0).UTC()})
	}
	args := []any{q.ProjectID, span, first, end}
	only := ``
	if q.EndpointID != uuid.Nil {
		only, args = ` AND endpoint_id = $5`, append(args, blob(q.EndpointID))
	}
	err := db.query(ctx, sumTallies+only+` GROUP BY minute, endpoint_id`, args, func(row scanner) error {
		var minute int64
		var endpoint uuid.UUID
		var n delivery.Tally
		dest := []any{&minute, &endpoint}
		for _, field := range tallyFields(&n) {
			dest = append(dest, intColumn{field})
		}
		if err := row.Scan(dest...); err != nil {
			return err
		}
		p := &stats.Series[(minute-first)/step]
		p.Tally, stats.Total = p.Plus(n), stats.Total.Plus(n)
		stats.Endpoints[endpoint] = stats.Endpoints[endpoint].Plus(n)
		return nil
	})
	return stats, err
}

// sumTallies adds up the parts of each row. The cast is for Postgres, whose sums
// are of a type without limit.
var sumTallies = func() string {
	sums := make([]string, len(tallyColumns))
	for i, c := range tallyColumns {
		sums[i] = `CAST(sum(` + c + `) AS BIGINT)`
	}
	return `SELECT minute, endpoint_id, ` + strings.Join(sums, ", ") + ` FROM tallies
		WHERE project_id = $1 AND span = $2 AND minute >= $3 AND minute < $4`
}()

// OldestWaiting returns when the oldest delivery was made that is not finished.
func (db *DB) OldestWaiting(ctx context.Context, projectID string) (time.Time, bool, error) {
	var at time.Time
	ok, err := db.one(ctx, `SELECT created_at FROM deliveries WHERE project_id = $1 AND next_at IS NOT NULL ORDER BY id LIMIT 1`,
		[]any{projectID}, timeColumn{&at})
	return at, ok, err
}

// PruneStats removes counts that are too old: by the minute those of more than
// delivery.MinuteStats ago, by the hour those from before a time.
func (db *DB) PruneStats(ctx context.Context, now, before time.Time) error {
	var projects []string
	if err := db.query(ctx, `SELECT id FROM projects`, nil, collect(&projects)); err != nil {
		return err
	}
	for _, project := range projects {
		err := db.write(ctx, func(t *tx) error {
			for span, until := range map[int]time.Time{spanMinute: now.Add(-delivery.MinuteStats), spanHour: before} {
				if _, err := t.exec(`DELETE FROM tallies WHERE project_id = $1 AND span = $2 AND minute < $3`, project, span, until.Unix()/60); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("prune statistics of project %s: %w", project, err)
		}
	}
	return nil
}

// PruneAudit removes up to PruneGroup audit entries from before a time and returns
// how many.
func (db *DB) PruneAudit(ctx context.Context, before time.Time) (int, error) {
	var n int64
	err := db.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(`DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT $2)`, blob(firstID(before)), PruneGroup)
		return err
	})
	return int(n), err
}

// A Size is how much the database holds.
type Size struct {
	Bytes  int64
	Oldest *time.Time // the oldest event's time; nil when there is none
}

// Size returns how much the database holds.
func (db *DB) Size(ctx context.Context) (Size, error) {
	var s Size
	if _, err := db.one(ctx, db.dialect.size(), nil, &s.Bytes); err != nil {
		return s, err
	}
	_, err := db.one(ctx, `SELECT created_at FROM events ORDER BY id LIMIT 1`, nil, timePtrColumn{&s.Oldest})
	return s, err
}
