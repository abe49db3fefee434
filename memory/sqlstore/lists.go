package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// errEnough ends the reading of rows early.
var errEnough = errors.New("enough rows")

// Deliveries returns a page of deliveries, newest first.
func (db *DB) Deliveries(ctx context.Context, q delivery.Query) (delivery.Page, error) {
	q.Limit = min(cmp.Or(q.Limit, delivery.DefaultPage), delivery.MaxPage)
	l, err := db.plan(ctx, q)
	if err != nil || l.none {
		return delivery.Page{}, err
	}
	back := q.Before != nil && q.After == nil
	place := q.After
	if back {
		place = q.Before
	}
	l.place(place, back)
	looked := q.Limit + 1
	switch {
	case q.Text != "":
		looked = textWindow
	case len(l.more) > 0:
		looked = listWindow
	}
	places, end, err := db.look(ctx, l, back, looked)
	if err != nil {
		return delivery.Page{}, err
	}
	rows, err := db.matching(ctx, l, q, back, places)
	if err != nil {
		return delivery.Page{}, err
	}
	p := l.page(rows, q, back, end)
	return p, db.recent(ctx, p.Rows)
}

// page cuts the rows to the page and says where the neighbours begin. end is where
// the search stopped early, nil if it did not.
func (l *listSQL) page(rows []delivery.Row, q delivery.Query, back bool, end *delivery.Cursor) delivery.Page {
	on := end // the page that follows in the direction of reading
	p := delivery.Page{Cut: end != nil}
	if len(rows) > q.Limit {
		rows, p.Cut = rows[:q.Limit], false
		on = l.cursor(rows[q.Limit-1])
	}
	if back {
		slices.Reverse(rows)
	}
	p.Rows = rows
	switch {
	case back:
		p.Newer, p.Older = on, &delivery.Cursor{Event: q.Before.Event, ID: q.Before.ID}
		if len(rows) > 0 {
			p.Older = l.cursor(rows[len(rows)-1])
		}
	case q.After != nil:
		p.Older = on
		if len(rows) > 0 {
			p.Newer = l.cursor(rows[0])
		}
	default:
		p.Older = on
	}
	return p
}

func (l *listSQL) cursor(r delivery.Row) *delivery.Cursor {
	c := &delivery.Cursor{ID: r.Delivery.ID}
	if l.byEvent {
		c.Event = r.Delivery.EventID
	}
	return c
}

// matching returns those of the rows that match, up to one more than the page has.
func (db *DB) matching(ctx context.Context, l *listSQL, q delivery.Query, back bool, places []delivery.Cursor) ([]delivery.Row, error) {
	columns, joins := trailColumns+`, n.name, n.url, n.deleted_at`, ` JOIN endpoints n ON n.id = d.endpoint_id`
	order := ` ORDER BY d.id` + direction(back)
	if l.byEvent {
		order = ` ORDER BY d.event_id` + direction(back) + `, d.id` + direction(back)
	}
	size := chunkRows
	if q.Text != "" {
		size = chunkBodies
		columns, joins = columns+`, m.body`, joins+` JOIN messages m ON m.id = d.message_id`
	}
	var rows []delivery.Row
	needle := newNeedle(q.Text)
	err := chunks(idsIn(places), size, func(ids []uuid.UUID) error {
		var args arguments
		text := `SELECT ` + columns + ` FROM deliveries d` + joins + ` WHERE ` + db.among(&args, `d.id`, ids)
		if len(l.more) > 0 {
			text += ` AND ` + args.all(l.more)
		}
		return db.queryOnce(ctx, text+order, args, func(row scanner) error {
			var r delivery.Row
			var deleted *time.Time
			var body []byte
			fields := append(deliveryFields(&r.Delivery), &r.EndpointName, &r.EndpointURL, timePtrColumn{&deleted})
			if q.Text != "" {
				fields = append(fields, &body)
			}
			if err := row.Scan(fields...); err != nil {
				return err
			}
			if r.EndpointDeleted = deleted != nil; q.Text != "" && !needle.in([]byte(r.EndpointName)) && !needle.in(body) {
				return nil
			}
			if rows = append(rows, r); len(rows) > q.Limit {
				return errEnough
			}
			return nil
		})
	})
	return rows, err
}

// A needle is a text that is looked for in JSON, whatever its letters' case.
type needle struct{ plain, escaped []byte }

func newNeedle(s string) needle {
	raw, err := json.Marshal(s)
	if err != nil || len(raw) < 2 {
		return needle{}
	}
	return needle{bytes.ToLower([]byte(s)), bytes.ToLower(raw[1 : len(raw)-1])}
}

func (n needle) in(hay []byte) bool {
	hay = bytes.ToLower(hay)
	return bytes.Contains(hay, n.plain) || bytes.Contains(hay, n.escaped)
}

// recent reads the last attempts of the rows of a page.
func (db *DB) recent(ctx context.Context, rows []delivery.Row) error {
	index := map[uuid.UUID]int{}
	var args []any
	for i, r := range rows {
		if r.Delivery.Attempts > 0 {
			index[r.Delivery.ID] = i
			args = append(args, blob(r.Delivery.ID))
		}
	}
	if len(args) == 0 {
		return nil
	}
	query := `SELECT delivery_id, number, cause, started_at, duration_us, status_code, class FROM attempts
		WHERE delivery_id IN (` + placeholders(1, len(args)) + `) ORDER BY delivery_id, number`
	return db.queryOnce(ctx, query, args, func(row scanner) error {
		var a delivery.Attempt
		err := row.Scan(&a.DeliveryID, intColumn{&a.Number}, text(&a.Trigger), timeColumn{&a.StartedAt},
			durationColumn{&a.Duration, time.Microsecond}, intColumn{&a.StatusCode}, text(&a.Class))
		r := &rows[index[a.DeliveryID]]
		if r.Recent = append(r.Recent, a); len(r.Recent) > delivery.MaxRecent {
			r.Recent = r.Recent[1:]
		}
		return err
	})
}

// DeliveryCounts counts the deliveries of a query by state, each up to MaxCount.
func (db *DB) DeliveryCounts(ctx context.Context, q delivery.Query) (map[delivery.ListStatus]delivery.Count, error) {
	counts := map[delivery.ListStatus]delivery.Count{}
	q.Text = "" // reading bodies for a number is too much
	for _, s := range append(delivery.ListStatuses(), "") {
		if slices.Contains(waitingStatuses, s) {
			continue
		}
		q.Status = s
		c, err := db.count(ctx, q)
		if err != nil {
			return nil, err
		}
		counts[s] = c
	}
	q.Status = delivery.Waiting
	return counts, db.countWaiting(ctx, q, counts)
}

// waitingStatuses are the parts of delivery.Waiting.
var waitingStatuses = []delivery.ListStatus{delivery.ListStatus(delivery.Pending), delivery.ListStatus(delivery.Sending), delivery.Retrying}

// countWaiting counts the parts of what waits, in one look at it.
func (db *DB) countWaiting(ctx context.Context, q delivery.Query, counts map[delivery.ListStatus]delivery.Count) error {
	n, more := map[delivery.ListStatus]int{}, false
	l, err := db.plan(ctx, q)
	if err == nil && !l.none {
		var places []delivery.Cursor
		var end *delivery.Cursor
		places, end, err = db.look(ctx, l, false, listWindow)
		more = end != nil
		err = cmp.Or(err, chunks(idsIn(places), chunkRows, func(ids []uuid.UUID) error {
			var args arguments
			query := `SELECT d.status, CASE WHEN d.attempts > 0 THEN 1 ELSE 0 END AS tried, count(*) FROM deliveries d
				WHERE d.next_at IS NOT NULL AND ` + db.among(&args, `d.id`, ids)
			if len(l.more) > 0 {
				query += ` AND ` + args.all(l.more)
			}
			return db.queryOnce(ctx, query+` GROUP BY d.status, tried`, args, func(row scanner) error {
				var status delivery.ListStatus
				var tried, rows int
				err := row.Scan(text(&status), &tried, &rows)
				if n[status] += rows; tried > 0 && status == delivery.ListStatus(delivery.Pending) {
					n[delivery.Retrying] += rows
				}
				return err
			})
		}))
	}
	for _, s := range waitingStatuses {
		counts[s] = delivery.Count{N: min(n[s], delivery.MaxCount), More: more || n[s] > delivery.MaxCount}
	}
	return err
}

func (db *DB) count(ctx context.Context, q delivery.Query) (delivery.Count, error) {
	l, err := db.plan(ctx, q)
	if err != nil || l.none {
		return delivery.Count{}, err
	}
	looked := delivery.MaxCount + 1
	if len(l.more) > 0 {
		looked = listWindow
	} else if l.known == nil && !l.byEvent {
		return db.countIDs(ctx, l, looked)
	}
	places, end, err := db.look(ctx, l, false, looked)
	c := delivery.Count{N: len(places), More: end != nil}
	if err == nil && len(l.more) > 0 {
		c.N = 0
		err = chunks(idsIn(places), chunkRows, func(ids []uuid.UUID) error {
			var args arguments
			text := `SELECT count(*) FROM deliveries d WHERE ` + db.among(&args, `d.id`, ids) + ` AND ` + args.all(l.more)
			return db.queryOnce(ctx, text, args, func(row scanner) error {
				n := 0
				err := row.Scan(&n)
				c.N += n
				return err
			})
		})
	}
	if c.N > delivery.MaxCount {
		return delivery.Count{N: delivery.MaxCount, More: true}, err
	}
	return c, err
}

// countIDs counts the first rows of a list that its index answers alone.
func (db *DB) countIDs(ctx context.Context, l *listSQL, limit int) (delivery.Count, error) {
	var args arguments
	text := `SELECT count(*) FROM (` + db.ids(l.part(`d.id`), l.partial, &args, deliveriesWhere, false, limit) + `) AS first WHERE ` +
		args.all([]condition{{`first.id >= %s`, []any{blob(l.from)}}})
	var n int
	err := db.ordered(ctx, text, args, func(row scanner) error { return row.Scan(&n) })
	return delivery.Count{N: min(n, delivery.MaxCount), More: n > delivery.MaxCount}, err
}

// DeliveriesAfter returns what changed after a place in time.
func (db *DB) DeliveriesAfter(ctx context.Context, projectID string, at delivery.Place, limit int) ([]delivery.Row, delivery.Place, error) {
	var rows []delivery.Row
	err := db.query(ctx, `SELECT `+trailColumns+`, n.name, n.url, n.deleted_at FROM deliveries d JOIN endpoints n ON n.id = d.endpoint_id
		WHERE d.updated_at >= $1 AND (d.updated_at > $1 OR d.id > $2) ORDER BY d.updated_at, d.id LIMIT $3`,
		[]any{micros(at.At), blob(at.ID), limit}, func(row scanner) error {
			var r delivery.Row
			var deleted *time.Time
			err := row.Scan(append(deliveryFields(&r.Delivery), &r.EndpointName, &r.EndpointURL, timePtrColumn{&deleted})...)
			r.EndpointDeleted = deleted != nil
			at = delivery.Place{At: r.Delivery.UpdatedAt, ID: r.Delivery.ID}
			if projectID == "" || r.Delivery.ProjectID == projectID {
				rows = append(rows, r)
			}
			return err
		})
	if err != nil {
		return nil, at, err
	}
	return rows, at, db.recent(ctx, rows)
}

// DeliveriesAhead counts the deliveries of the same endpoint that are due before
// this one.
func (db *DB) DeliveriesAhead(ctx context.Context, d delivery.Delivery) (delivery.Count, error) {
	var c delivery.Count
	if d.NextAt == nil {
		return c, nil
	}
	_, err := db.one(ctx, `SELECT count(*) FROM (SELECT id FROM deliveries WHERE endpoint_id = $1 AND next_at < $2 LIMIT $3) d`,
		[]any{blob(d.EndpointID), micros(*d.NextAt), delivery.MaxCount + 1}, &c.N)
	if c.N > delivery.MaxCount {
		c = delivery.Count{N: delivery.MaxCount, More: true}
	}
	return c, err
}
