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
	cause, created_at, updated_at, finished_at, detail, type`

// trailColumns are deliveryColumns of the table d.
const trailColumns = `d.id, d.project_id, d.event_id, d.message_id, d.endpoint_id, d.status, d.reason, d.next_at, d.attempts, d.tries, d.round_at,
	d.cause, d.created_at, d.updated_at, d.finished_at, d.detail, d.type`

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
	}
}

func (t *tx) insertMessage(m delivery.Message) error {
	return t.later(`INSERT INTO messages (id, project_id, event_id, memory_id, type, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		blob(m.ID), m.ProjectID, blob(m.EventID), blobOrNull(m.MemoryID), m.Type, m.Body, micros(m.CreatedAt))
}

func (t *tx) insertDelivery(d delivery.Delivery) error {
	return t.later(`INSERT INTO deliveries (`+deliveryColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		blob(d.ID), d.ProjectID, blob(d.EventID), blob(d.MessageID), blob(d.EndpointID), string(d.Status), textOrNull(d.Reason),
		microsOrNull(d.NextAt), d.Attempts, d.Tries, micros(d.RoundAt), string(d.Trigger), micros(d.CreatedAt), micros(d.UpdatedAt),
		microsOrNull(d.FinishedAt), textOrNull(d.Detail), textOrNull(d.Type))
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

// DueDeliveries returns deliveries of an endpoint due at or before now, those
// longest due first.
func (db *DB) DueDeliveries(ctx context.Context, endpointID uuid.UUID, now time.Time, limit int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.query(ctx, `SELECT id FROM deliveries WHERE endpoint_id = $1 AND next_at <= $2 ORDER BY next_at LIMIT $3`,
		[]any{blob(endpointID), micros(now), limit}, collect(&ids))
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

// ClaimDeliveries leases those of the deliveries that are due.
func (db *DB) ClaimDeliveries(ctx context.Context, ids []uuid.UUID, now time.Time, pass func(delivery.Delivery, delivery.Endpoint) bool) ([]delivery.Claim, error) {
	due, err := db.claimable(ctx, ids, now)
	due = slices.DeleteFunc(due, func(c delivery.Claim) bool { return pass != nil && mayGo(c, now) && !pass(c.Delivery, c.Endpoint) })
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var claimed []delivery.Claim
	err = db.write(ctx, func(t *tx) error {
		claimed = claimed[:0]
		for _, c := range due {
			ok, err := t.claim(&c, now)
			if err != nil {
				return fmt.Errorf("delivery %s: %w", c.Delivery.ID, err)
			}
			if ok {
				claimed = append(claimed, c)
			}
		}
		return nil
	})
	return claimed, err
}

// claimable reads the due deliveries with their messages and endpoints.
func (db *DB) claimable(ctx context.Context, ids []uuid.UUID, now time.Time) ([]delivery.Claim, error) {
	args := []any{micros(now)}
	for i := range ids {
		args = append(args, blob(ids[i]))
	}
	var list []delivery.Claim
	query := `SELECT ` + trailColumns + `, m.type, m.body, m.created_at, m.memory_id
		FROM deliveries d JOIN messages m ON m.id = d.message_id
		WHERE d.id IN (` + placeholders(2, len(ids)) + `) AND d.next_at <= $1`
	err := db.query(ctx, query, args, func(row scanner) error {
		var c delivery.Claim
		d, m := &c.Delivery, &c.Message
		err := row.Scan(append(deliveryFields(d), &m.Type, &m.Body, timeColumn{&m.CreatedAt}, &m.MemoryID)...)
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
	claimDelivery = `UPDATE deliveries SET status = 'sending', next_at = $3, attempts = $4, updated_at = $5, node_id = $6 WHERE id = $1 AND next_at = $2`
	moveDelivery  = `UPDATE deliveries SET status = $3, reason = $4, next_at = NULL, updated_at = $5, detail = NULL WHERE id = $1 AND next_at = $2`
	claimProbe    = `UPDATE endpoints SET probe_at = $2 WHERE id = $1 AND probe_at <= $3`
	freeProbe     = `UPDATE endpoints SET probe_at = $2 WHERE id = $1 AND probe_at IS NOT NULL`
)

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

// claim leases one delivery, unless its endpoint does not take any now.
func (t *tx) claim(c *delivery.Claim, now time.Time) (bool, error) {
	d, e := &c.Delivery, c.Endpoint
	if !serves(*c) {
		return false, t.setAside(*d, e, now)
	}
	if !mayGo(*c, now) {
		return false, nil
	}
	c.Lease = now.Add(e.Lease()).UTC().Truncate(time.Microsecond)
	probe := e.Health.Breaker.State == retry.Open && !d.Trigger.Forced()
	if probe {
		if n, err := t.exec(claimProbe, blob(e.ID), micros(c.Lease), micros(now)); err != nil || n == 0 {
			return false, err
		}
	}
	ok, err := t.lease(c, now)
	if probe && !ok && err == nil {
		_, err = t.exec(freeProbe, blob(e.ID), micros(now))
	}
	return ok, err
}

func (t *tx) lease(c *delivery.Claim, now time.Time) (bool, error) {
	d := &c.Delivery
	was := *d.NextAt
	interrupted := d.Status == delivery.Sending
	if interrupted {
		d.Attempts++
	}
	n, err := t.exec(claimDelivery, blob(d.ID), micros(was), micros(c.Lease), d.Attempts, micros(now), blobOrNull(t.node))
	if err != nil || n == 0 {
		return false, err
	}
	if interrupted {
		err = t.insertAttempt(delivery.Attempt{
			ID: delivery.NewID(), DeliveryID: d.ID, Number: d.Attempts, Trigger: d.Trigger, URL: c.Endpoint.URL, StartedAt: d.UpdatedAt,
			Class: retry.ClassInterrupted, Detail: retry.ClassInterrupted.Sentence(), NextAt: &now,
		})
	}
	d.Status, d.NextAt = delivery.Sending, &c.Lease
	return true, err
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
	return t.later(moveDelivery, blob(d.ID), microsOrNull(d.NextAt), string(status), string(reason), micros(now))
}

const insertAttempt = `INSERT INTO attempts (` + attemptColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`

func (t *tx) insertAttempt(a delivery.Attempt) error {
	var request, response any
	if a.RequestHeader != nil {
		request = encode(a.RequestHeader)
	}
	if a.ResponseHeader != nil {
		response = encode(a.ResponseHeader)
	}
	return t.later(insertAttempt, blob(a.ID), blob(a.DeliveryID), a.Number, string(a.Trigger), a.URL, micros(a.StartedAt),
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
		return err
	})
	return int(n), err
}

const (
	moveSet     = `UPDATE deliveries SET status = $2, reason = $3, next_at = $4, round_at = $5, updated_at = $5, detail = NULL WHERE id IN `
	moveHeld    = moveSet + `(SELECT id FROM deliveries WHERE endpoint_id = $1 AND status = 'held' ORDER BY id LIMIT $6)`
	movePending = moveSet + `(SELECT id FROM deliveries WHERE endpoint_id = $1 AND status = 'pending' AND next_at IS NOT NULL LIMIT $6)`
)
