package sqlstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

var finishDelivery = bulkOf(`UPDATE deliveries SET status = $3, reason = $4, next_at = $5, attempts = $6, tries = $7, updated_at = $8, finished_at = $9,
		last_code = $10, last_class = $11, cause = $12, detail = NULL
	WHERE id = $1 AND next_at = $2`, "uuid bigint text text bigint integer integer bigint bigint integer text text")

// FinishAttempt records an attempt with the state it leads to, the endpoint's
// health and the operational messages about it.
func (db *DB) FinishAttempt(ctx context.Context, r delivery.Result) (delivery.Learned, error) {
	var learned delivery.Learned
	err := db.write(ctx, func(t *tx) error {
		learned = delivery.Learned{}
		d := r.Claim.Delivery
		var finished any
		trigger := delivery.Scheduled // a retry is one, whatever the attempt was
		if r.Status.Final() {
			finished, trigger = micros(r.At()), d.Trigger
		}
		err := t.mustPut(delivery.ErrNotDue, finishDelivery, blob(d.ID), micros(r.Claim.Lease), string(r.Status), textOrNull(r.Reason),
			microsOrNull(r.NextAt), r.Attempt.Number, d.Tries+1, micros(r.At()), finished,
			numberOrNull(r.Attempt.StatusCode), textOrNull(r.Attempt.Class), string(trigger))
		if err != nil {
			return err
		}
		if err := t.insertAttempt(r.Attempt); err != nil {
			return err
		}
		t.touch(d.ProjectID)
		if t.tallyAttempt(r); !r.Changes {
			return nil
		}
		return db.learn(t, r, &learned)
	})
	if c := r.Claim; err == nil && c.InLane() {
		if id := db.passTurn(ctx, c.Delivery, c.Endpoint.Order, r.At()); id != uuid.Nil {
			learned.Due = append(learned.Due, delivery.Due{
				ProjectID: c.Delivery.ProjectID, EndpointID: c.Endpoint.ID, DeliveryID: id, PerSecond: c.Endpoint.RatePerSecond,
			})
		}
	}
	return learned, err
}

const (
	endpointHealth = `SELECT project_id, name, url, disabled_at, disabled_reason, updated_at,
			hold_until_at, failing_at, last_failure_at, last_success_at, failures, notice, breaker
		FROM endpoints WHERE id = $1`
	setHealth = `UPDATE endpoints SET disabled_at = $2, disabled_reason = $3, updated_at = $4, hold_until_at = $5, failing_at = $6,
			last_failure_at = $7, last_success_at = $8, failures = $9, notice = $10, breaker = $11, probe_at = $12
		WHERE id = $1`
)

// learn brings the endpoint's health up to date and stores what is told of it.
func (db *DB) learn(t *tx, r delivery.Result, learned *delivery.Learned) error {
	e := delivery.Endpoint{ID: r.Claim.Endpoint.ID}
	h := &e.Health
	if err := t.lock(endpointLock(e.ID)); err != nil {
		return err
	}
	err := t.row(endpointHealth, blob(e.ID)).Scan(&e.ProjectID, &e.Name, &e.URL, timePtrColumn{&e.DisabledAt}, text(&e.DisabledReason),
		timeColumn{&e.UpdatedAt}, timePtrColumn{&h.HoldUntil}, timePtrColumn{&h.FailingSince}, timePtrColumn{&h.LastFailureAt},
		timePtrColumn{&h.LastSuccessAt}, intColumn{&h.Failures}, &h.Notice, jsonColumn{&h.Breaker})
	if err != nil {
		return fmt.Errorf("health of endpoint %s: %w", e.ID, err)
	}
	was := e.DisabledAt
	messages := r.Learn(&e)
	err = t.later(setHealth, blob(e.ID), microsOrNull(e.DisabledAt), textOrNull(e.DisabledReason), micros(e.UpdatedAt),
		microsOrNull(h.HoldUntil), microsOrNull(h.FailingSince), microsOrNull(h.LastFailureAt), microsOrNull(h.LastSuccessAt),
		h.Failures, int(h.Notice), breakerOrNull(h.Breaker), probeOrNull(h.Breaker))
	if err != nil {
		return err
	}
	t.endpoints = nil
	learned.Health, learned.Disabled = *h, was == nil && e.DisabledAt != nil
	for _, m := range messages {
		endpoints, err := db.endpointsOf(t, e.ProjectID)
		if err != nil {
			return err
		}
		told := delivery.NotifyOf(m, e.ID, endpoints)
		if len(told) == 0 {
			continue
		}
		due, err := t.send(m, told)
		if err != nil {
			return err
		}
		learned.Due = append(learned.Due, due...)
	}
	return nil
}

// probeOrNull is when the breaker lets a delivery through again.
func probeOrNull(b retry.Breaker) any {
	if b.State != retry.Open {
		return nil
	}
	return micros(b.ProbeAt)
}
