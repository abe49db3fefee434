package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

const deliveryColumns = `id, project_id, event_id, message_id, endpoint_id, status, reason, next_at, attempts, tries, round_at,
	cause, created_at, updated_at, finished_at, detail, type, lane, turn`

// trailColumns are deliveryColumns of the table d.
const trailColumns = `d.id, d.project_id, d.event_id, d.message_id, d.endpoint_id, d.status, d.reason, d.next_at, d.attempts, d.tries, d.round_at,
	d.cause, d.created_at, d.updated_at, d.finished_at, d.detail, d.type, d.lane, d.turn`

func deliveryFields(d *delivery.Delivery) []any {
	return []any{
		&d.ID, &d.ProjectID, &d.EventID, &d.MessageID, &d.EndpointID, text(&d.Status), text(&d.Reason),
		timePtrColumn{&d.NextAt},
		intColumn{&d.Attempts},
		intColumn{&d.Tries},
		timeColumn{&d.RoundAt},
		text(&d.Trigger),
		timeColumn{&d.CreatedAt},
		timeColumn{&d.UpdatedAt},
		timePtrColumn{&d.FinishedAt},
		text(&d.Detail),
		text(&d.Type),
		&d.Lane,
		&d.Turn,
	}
}

var insertDelivery = bulkOf(`INSERT INTO deliveries (`+deliveryColumns+`)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
	"uuid text uuid uuid uuid text text bigint integer integer bigint text bigint bigint bigint text text uuid bigint")

func (t *tx) insertDelivery(d delivery.Delivery) error {
	t.tallyDelivery(d)
	t.touch(d.ProjectID)
	return t.put(insertDelivery, blob(d.ID), d.ProjectID, blob(d.EventID), blob(d.MessageID), blob(d.EndpointID), string(d.Status), textOrNull(d.Reason),
		microsOrNull(d.NextAt), d.Attempts, d.Tries, micros(d.RoundAt), string(d.Trigger), micros(d.CreatedAt), micros(d.UpdatedAt),
		microsOrNull(d.FinishedAt), textOrNull(d.Detail), textOrNull(d.Type), blobOrNull(d.Lane), d.Turn)
}

// stepping finds the endpoints that have something to do. It steps from one to the
// next through the index, so its cost grows with their number and not with the
// backlog.
const stepping = `WITH RECURSIVE step(id) AS (
		SELECT (SELECT endpoint_id FROM deliveries WHERE next_at IS NOT NULL ORDER BY endpoint_id LIMIT 1)
		UNION ALL
		SELECT (SELECT d.endpoint_id FROM deliveries d WHERE d.next_at IS NOT NULL AND d.endpoint_id > step.id ORDER BY d.endpoint_id LIMIT 1)
		FROM step WHERE step.id IS NOT NULL
	)`

// DueEndpoints returns the endpoints that have a delivery due at or before now and
// may get one.
func (db *DB) DueEndpoints(ctx context.Context, now time.Time) ([]delivery.DueEndpoint, error) {
	var list []delivery.DueEndpoint
	err := db.query(ctx, stepping+`
		SELECT e.id, e.project_id, e.rate_per_second, e.breaker FROM step JOIN endpoints e ON e.id = step.id
		WHERE (e.hold_until_at IS NULL OR e.hold_until_at <= $1) AND (e.probe_at IS NULL OR e.probe_at <= $1)
			AND EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = step.id AND d.next_at <= $1)`,
		[]any{micros(now)}, func(row scanner) error {
			var e delivery.DueEndpoint
			err := row.Scan(&e.ID, &e.ProjectID, &e.PerSecond, jsonColumn{&e.Breaker})
			list = append(list, e)
			return err
		})
	return list, err
}

// dueDeliveries are those of an endpoint: erasures, then those longest due.
const dueDeliveries = `SELECT id FROM (
		SELECT id, 0 AS turn, next_at FROM deliveries WHERE endpoint_id = $1 AND erasure_id IS NOT NULL AND next_at IS NOT NULL AND next_at <= $2
		UNION ALL
		SELECT * FROM (SELECT id, 1 AS turn, next_at FROM deliveries WHERE endpoint_id = $1 AND next_at <= $2 AND erasure_id IS NULL ORDER BY next_at LIMIT $3) AS others
	) AS due ORDER BY turn, next_at LIMIT $3`

// DueDeliveries returns deliveries of an endpoint due at or before now: those that
// tell of an erasure, then those longest due.
func (db *DB) DueDeliveries(ctx context.Context, endpointID uuid.UUID, now time.Time, limit int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.query(ctx, dueDeliveries, []any{blob(endpointID), micros(now), limit}, collect(&ids))
	return ids, err
}

// NextDeliveryAt returns when the next delivery that is not due yet will be, or
// when an endpoint that may get none now may again.
func (db *DB) NextDeliveryAt(ctx context.Context, now time.Time) (time.Time, bool, error) {
	var at *time.Time
	_, err := db.one(ctx, stepping+`
		SELECT min(at) FROM (
			SELECT (SELECT min(d.next_at) FROM deliveries d WHERE d.endpoint_id = step.id AND d.next_at > $1) AS at
			FROM step JOIN endpoints e ON e.id = step.id
			WHERE (e.hold_until_at IS NULL OR e.hold_until_at <= $1) AND (e.probe_at IS NULL OR e.probe_at <= $1)
			UNION ALL
			SELECT e.hold_until_at FROM step JOIN endpoints e ON e.id = step.id WHERE e.hold_until_at > $1
			UNION ALL
			SELECT e.probe_at FROM step JOIN endpoints e ON e.id = step.id WHERE e.probe_at > $1
		) AS times`, []any{micros(now)}, timePtrColumn{&at})
	if at == nil {
		return time.Time{}, false, err
	}
	return *at, true, err
}

// ClaimDeliveries leases those of the deliveries that are due. With an error it returns
// those that may be leased all the same: the commit's outcome was lost.
func (db *DB) ClaimDeliveries(ctx context.Context, ids []uuid.UUID, now time.Time, pass func(delivery.Delivery, delivery.Endpoint) bool) ([]delivery.Claim, error) {
	due, err := db.claimable(ctx, ids, now)
	due = slices.DeleteFunc(due, func(c delivery.Claim) bool { return pass != nil && mayGo(c, now) && !pass(c.Delivery, c.Endpoint) })
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var claimed, tried []delivery.Claim
	err = db.write(ctx, func(t *tx) (err error) {
		claimed, tried, err = t.claim(due, now)
		return err
	})
	if err != nil {
		return tried, err
	}
	for _, c := range due {
		if c.InLane() && !slices.ContainsFunc(claimed, func(got delivery.Claim) bool { return got.Delivery.ID == c.Delivery.ID }) {
			db.passTurn(ctx, c.Delivery, c.Endpoint.Order, now)
		}
	}
	return claimed, nil
}

// returnDelivery undoes a claim, except that an interrupted attempt which it recorded
// stays on record.
var returnDelivery = bulkOf(`UPDATE deliveries SET status = 'pending', next_at = $3, updated_at = $3
	WHERE id = $1 AND next_at = $2 AND status = 'sending' AND node_id IS NOT DISTINCT FROM $4`, "uuid bigint bigint uuid")

// ReturnDeliveries makes those of the claims due again that this node has, without an
// attempt.
func (db *DB) ReturnDeliveries(ctx context.Context, claims []delivery.Claim, now time.Time) error {
	return db.write(ctx, func(t *tx) error {
		for _, c := range claims {
			err := t.put(returnDelivery, blob(c.Delivery.ID), micros(c.Lease), micros(now), blobOrNull(t.node))
			if err == nil && c.Endpoint.Health.Breaker.State == retry.Open {
				err = t.later(returnProbe, blob(c.Endpoint.ID), micros(c.Lease), micros(now))
			}
			if err != nil {
				return fmt.Errorf("delivery %s: %w", c.Delivery.ID, err)
			}
			t.touch(c.Delivery.ProjectID)
		}
		return nil
	})
}

// claimable reads the due deliveries with their messages and endpoints.
func (db *DB) claimable(ctx context.Context, ids []uuid.UUID, now time.Time) ([]delivery.Claim, error) {
	ids = padded(ids)
	args := append([]any{micros(now)}, blobs(ids)...)
	var list []delivery.Claim
	query := `SELECT ` + trailColumns + `, m.type, m.body, m.created_at, m.memory_id, m.trace, m.scrubbed_at
		FROM deliveries d JOIN messages m ON m.id = d.message_id
		WHERE d.id IN (` + placeholders(2, len(ids)) + `) AND d.next_at <= $1`
	err := db.query(ctx, query, args, func(row scanner) error {
		var c delivery.Claim
		d, m := &c.Delivery, &c.Message
		err := row.Scan(append(deliveryFields(d), &m.Type, &m.Body, timeColumn{&m.CreatedAt}, &m.MemoryID, text(&m.Trace), timePtrColumn{&m.ScrubbedAt})...)
		m.ID, m.ProjectID, m.EventID = d.MessageID, d.ProjectID, d.EventID
		list = append(list, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	endpoints := map[uuid.UUID]delivery.Endpoint{}
	for i := range list {
		id := list[i].Delivery.EndpointID
		e, ok := endpoints[id]
		if !ok {
			s, err := db.stmt(ctx, `SELECT `+endpointColumns+` FROM endpoints WHERE id = $1`)
			if err != nil {
				return nil, err
			}
			if err := db.scanEndpoint(s.QueryRowContext(ctx, blob(id)), &e); err != nil {
				return nil, fmt.Errorf("endpoint %s: %w", id, err)
			}
			endpoints[id] = e
		}
		list[i].Endpoint = e
	}
	return list, nil
}

const (
	moveDelivery = `UPDATE deliveries SET status = $3, reason = $4, next_at = NULL, updated_at = $5, detail = NULL WHERE id = $1 AND next_at = $2`
	claimProbe   = `UPDATE endpoints SET probe_at = $2 WHERE id = $1 AND probe_at <= $3`
	freeProbe    = `UPDATE endpoints SET probe_at = $2 WHERE id = $1 AND probe_at IS NOT NULL`
	returnProbe  = `UPDATE endpoints SET probe_at = $3 WHERE id = $1 AND probe_at = $2`
)

// claimDelivery asks for the attempts, too, one more for the interrupted one: a delivery
// that was sent meanwhile, and sent again, may be due at the same time as before.
var claimDelivery = bulkOf(`UPDATE deliveries SET status = 'sending', reason = NULL, detail = NULL, next_at = $3, attempts = $4, updated_at = $5, node_id = $6
	WHERE id = $1 AND next_at = $2 AND attempts = $4 - CASE status WHEN 'sending' THEN 1 ELSE 0 END`, "uuid bigint bigint integer bigint uuid")

// endScrubbed cancels a delivery whose message was scrubbed after it was made due
// again: what is left is not what others got.
func (t *tx) endScrubbed(d delivery.Delivery, now time.Time) error {
	t.touch(d.ProjectID)
	return t.later(moveDelivery, blob(d.ID), microsOrNull(d.NextAt), string(delivery.Canceled), string(delivery.ReasonErased), micros(now))
}

// serves tells whether the delivery's endpoint is in service for it.
func serves(c delivery.Claim) bool {
	return c.Endpoint.Active() || (c.Delivery.Trigger == delivery.Test && c.Endpoint.DeletedAt == nil)
}

// mayGo tells whether nothing about the endpoint is against the delivery now.
func mayGo(c delivery.Claim, now time.Time) bool {
	h := c.Endpoint.Health
	held := h.HoldUntil != nil && now.Before(*h.HoldUntil) || h.Breaker.Limit(now) == 0
	return serves(c) && (!held || c.Delivery.Trigger.Forced())
}

// probes tells whether the delivery shows if an endpoint is back: one at a time.
func probes(c delivery.Claim) bool {
	return c.Endpoint.Health.Breaker.State == retry.Open && !c.Delivery.Trigger.Forced()
}

// standsForProbe tells whether a try by hand takes the place of the probe that is due.
func standsForProbe(c delivery.Claim, now time.Time) bool {
	b := c.Endpoint.Health.Breaker
	return b.State == retry.Open && !now.Before(b.ProbeAt) && c.Delivery.Trigger == delivery.Manual
}

// claim leases those of the deliveries whose endpoints take some now. It returns those
// that it got, and those that it tried to get.
func (t *tx) claim(due []delivery.Claim, now time.Time) (claimed, open []delivery.Claim, err error) {
	if open, err = t.open(due, now); err != nil {
		return nil, nil, err
	}
	rows := make([][]any, len(open))
	for i := range open {
		c, d := &open[i], &open[i].Delivery
		if d.Status == delivery.Sending {
			d.Attempts++ // the interrupted one
		}
		rows[i] = []any{blob(d.ID), micros(*d.NextAt), micros(c.Lease), d.Attempts, micros(now), blobOrNull(t.node)}
	}
	got, err := t.which(claimDelivery, rows)
	if err != nil {
		return nil, open, err
	}
	for i, c := range open {
		switch {
		case got[i]:
			err = t.noteInterrupted(c, now)
			c.Delivery.Status, c.Delivery.NextAt = delivery.Sending, &c.Lease
			t.touch(c.Delivery.ProjectID)
			claimed = append(claimed, c)
		case probes(c):
			err = t.later(freeProbe, blob(c.Endpoint.ID), micros(now))
		}
		if err != nil {
			return nil, open, fmt.Errorf("delivery %s: %w", c.Delivery.ID, err)
		}
	}
	return claimed, open, nil
}

// open returns those of the deliveries that may go, and how long they may take.
func (t *tx) open(due []delivery.Claim, now time.Time) ([]delivery.Claim, error) {
	var open []delivery.Claim
	for _, c := range due {
		c.Lease = now.Add(c.Endpoint.Lease()).UTC().Truncate(time.Microsecond)
		n, err := int64(1), error(nil)
		switch {
		case c.Message.ScrubbedAt != nil:
			n, err = 0, t.endScrubbed(c.Delivery, now)
		case !serves(c):
			n, err = 0, t.setAside(c.Delivery, c.Endpoint, now)
		case !mayGo(c, now):
			n = 0
		default:
			n, err = t.admit(c, now)
		}
		if err != nil {
			return nil, fmt.Errorf("delivery %s: %w", c.Delivery.ID, err)
		}
		if n > 0 {
			open = append(open, c)
		}
	}
	return open, nil
}

// admit returns 1 when the delivery may go, also as the probe of a parked endpoint.
func (t *tx) admit(c delivery.Claim, now time.Time) (int64, error) {
	if c.InLane() {
		if mine, err := t.itsTurn(c, now); err != nil || !mine {
			return 0, err
		}
	}
	switch {
	case probes(c):
		return t.exec(claimProbe, blob(c.Endpoint.ID), micros(c.Lease), micros(now))
	case standsForProbe(c, now):
		_, err := t.exec(claimProbe, blob(c.Endpoint.ID), micros(c.Lease), micros(now))
		return 1, err
	}
	return 1, nil
}

// noteInterrupted records the attempt of a delivery that was found in sending.
func (t *tx) noteInterrupted(c delivery.Claim, now time.Time) error {
	d := c.Delivery
	if d.Status != delivery.Sending {
		return nil
	}
	return t.insertAttempt(delivery.Attempt{
		ID: delivery.NewID(), DeliveryID: d.ID, Number: d.Attempts, Trigger: d.Trigger, URL: c.Endpoint.URL, StartedAt: d.UpdatedAt,
		Class: retry.ClassInterrupted, Detail: retry.ClassInterrupted.Sentence(), NextAt: &now,
	})
}

// setAside ends a due delivery whose endpoint was paused, disabled or deleted
// before the delivery could be moved with the others.
func (t *tx) setAside(d delivery.Delivery, e delivery.Endpoint, now time.Time) error {
	status, reason := delivery.Held, delivery.ReasonPaused
	switch {
	case e.DeletedAt != nil:
		status, reason = delivery.Canceled, delivery.ReasonDeleted
	case e.PausedAt == nil:
		reason = delivery.ReasonDisabled
	}
	t.touch(d.ProjectID)
	return t.later(moveDelivery, blob(d.ID), microsOrNull(d.NextAt), string(status), string(reason), micros(now))
}

var insertAttempt = bulkOf(`INSERT INTO attempts (`+attemptColumns+`)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
	"uuid uuid integer text text bigint bigint text integer text text text text text bytea boolean bigint bigint")

func (t *tx) insertAttempt(a delivery.Attempt) error {
	var request, response any
	if a.RequestHeader != nil {
		request = encode(a.RequestHeader)
	}
	if a.ResponseHeader != nil {
		response = encode(a.ResponseHeader)
	}
	return t.put(insertAttempt, blob(a.ID), blob(a.DeliveryID), a.Number, string(a.Trigger), a.URL, micros(a.StartedAt),
		a.Duration.Microseconds(), encode(inMicros(a.Phases)), numberOrNull(a.StatusCode), textOrNull(a.Class), textOrNull(a.Detail), textOrNull(a.RemoteAddr),
		request, response, a.ResponseBody, a.Truncated, a.RetryAfter.Microseconds(), microsOrNull(a.NextAt))
}

// MoveDeliveries brings up to limit deliveries of an endpoint from one state to
// another, oldest first.
func (db *DB) MoveDeliveries(ctx context.Context, endpointID uuid.UUID, from, to delivery.Status, why delivery.Reason, now time.Time, limit int) (int, error) {
	if !from.CanBecome(to) || (from != delivery.Pending && from != delivery.Held) {
		return 0, fmt.Errorf("deliveries of endpoint %s cannot become %s from %s", endpointID, to, from)
	}
	var next any
	if !to.Final() {
		next = micros(now)
	}
	// Each text uses its own index: waiting rows are found by next_at, held ones by
	// their status.
	move := moveHeld
	if from == delivery.Pending {
		move = movePending
	}
	var n int64
	err := db.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(move, blob(endpointID), string(to), textOrNull(why), next, micros(now), limit)
		if err != nil || n == 0 {
			return err
		}
		var project string
		err = t.row(`SELECT project_id FROM endpoints WHERE id = $1`, blob(endpointID)).Scan(&project)
		t.touch(project)
		return err
	})
	return int(n), err
}

const (
	moveSet     = `UPDATE deliveries SET status = $2, reason = $3, next_at = $4, round_at = $5, updated_at = $5, detail = NULL WHERE id IN `
	moveRound   = `UPDATE deliveries SET tries = 0, status = $2, reason = $3, next_at = $4, round_at = $5, updated_at = $5, detail = NULL WHERE id IN `
	moveHeld    = moveRound + `(SELECT id FROM deliveries WHERE endpoint_id = $1 AND status = 'held' ORDER BY id LIMIT $6)`
	movePending = moveSet + `(SELECT id FROM deliveries WHERE endpoint_id = $1 AND status = 'pending' AND next_at IS NOT NULL LIMIT $6)`
)
