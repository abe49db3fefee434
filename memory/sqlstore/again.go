package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
)

const (
	deliveryNow = `SELECT ` + deliveryColumns + ` FROM deliveries WHERE id = $1 AND project_id = $2`
	endpointNow = `SELECT ` + endpointColumns + ` FROM endpoints WHERE id = $1`
	// firstDue is the place in front of all that is due for an endpoint.
	firstDue = `SELECT min(next_at) FROM deliveries WHERE endpoint_id = $1 AND next_at IS NOT NULL`
	// sendAgain begins a new round. One that was skipped has no turn: its place is where it
	// was made.
	sendAgain = `UPDATE deliveries SET status = 'pending', reason = NULL, detail = NULL, next_at = $4, tries = 0, round_at = $5, cause = $6,
			replay_id = $7, updated_at = $5, finished_at = NULL, turn = CASE WHEN turn = 0 THEN created_at ELSE turn END
		WHERE id = $1 AND status = $2 AND updated_at = $3`
	tryNow     = `UPDATE deliveries SET next_at = $4, cause = $6, updated_at = $5 WHERE id = $1 AND status = $2 AND updated_at = $3`
	nextInLine = `SELECT ` + deliveryColumns + ` FROM deliveries
		WHERE endpoint_id = $1 AND next_at IS NOT NULL AND status = 'pending' AND cause <> 'test' ORDER BY next_at LIMIT 1`
	probeAt   = `SELECT probe_at FROM endpoints WHERE id = $1`
	setProbe  = `UPDATE endpoints SET breaker = $2, probe_at = $3 WHERE id = $1`
	endByHand = `UPDATE deliveries SET status = 'canceled', reason = $4, detail = NULL, next_at = NULL, updated_at = $5, finished_at = $5
		WHERE id = $1 AND status = $2 AND updated_at = $3`
)

func notFoundDelivery(id uuid.UUID, err error) error {
	return fmt.Errorf("delivery %s: %w", delivery.FormatID(delivery.DeliveryPrefix, id), err)
}

// SendAgain makes a delivery due at once.
func (db *DB) SendAgain(ctx context.Context, projectID string, id uuid.UUID, now time.Time) (delivery.Due, error) {
	var due delivery.Due
	err := db.write(ctx, func(t *tx) error {
		d, err := t.deliveryOf(projectID, id)
		if err != nil {
			return err
		}
		var e delivery.Endpoint
		if err := db.scanEndpoint(t.row(endpointNow, blob(d.EndpointID)), &e); err != nil {
			return err
		}
		trigger := delivery.Manual
		if d.Trigger == delivery.Test {
			trigger = delivery.Test
		}
		switch {
		case e.DeletedAt != nil, !e.Active() && trigger != delivery.Test:
			return delivery.ErrInactive
		case d.Status != delivery.Pending && !d.Status.CanBecome(delivery.Pending) || d.Status == delivery.Sending:
			return delivery.ErrState
		}
		if err := t.notErased(d.MessageID); err != nil {
			return err
		}
		front, err := t.frontOf(e.ID, now)
		if err != nil {
			return err
		}
		due = delivery.Due{ProjectID: projectID, EndpointID: e.ID, DeliveryID: id, PerSecond: e.RatePerSecond, Forced: true}
		t.touch(projectID)
		if d.Status == delivery.Pending {
			return t.must(delivery.ErrState, tryNow, blob(id), string(d.Status), micros(d.UpdatedAt), front, micros(now), string(trigger))
		}
		if err := t.must(delivery.ErrState, sendAgain, blob(id), string(d.Status), micros(d.UpdatedAt), front, micros(now), string(trigger), nil); err != nil {
			return err
		}
		return t.goesBefore(id, e)
	})
	if err != nil {
		return due, notFoundDelivery(id, err)
	}
	return due, nil
}

// notErased holds for messages, as m, that may be sent: neither was their memory
// erased, unless they say so, nor what they say.
const notErased = `m.scrubbed_at IS NULL AND NOT EXISTS (SELECT 1 FROM erased_memories x WHERE x.memory_id = m.memory_id AND x.erasure_id <> m.event_id)`

// notErased returns ErrErased for a message that may not be sent any more.
func (t *tx) notErased(messageID uuid.UUID) error {
	var one int
	there, err := found(t.row(`SELECT 1 FROM messages m WHERE m.id = $1 AND `+notErased, blob(messageID)).Scan(&one))
	if err == nil && !there {
		err = delivery.ErrErased
	}
	return err
}

// Probe makes the delivery that is next in line for a parked endpoint due, and its
// breaker's probe.
func (db *DB) Probe(ctx context.Context, projectID string, endpointID uuid.UUID, now time.Time) (delivery.Due, error) {
	due := delivery.Due{ProjectID: projectID, EndpointID: endpointID, Forced: true}
	err := db.write(ctx, func(t *tx) error {
		if err := t.lock(endpointLock(endpointID)); err != nil {
			return err
		}
		var e delivery.Endpoint
		switch ok, err := found(db.scanEndpoint(t.row(oneEndpoint, blob(endpointID), projectID), &e)); {
		case err != nil:
			return err
		case !ok:
			return delivery.ErrNotFound
		case !e.Active():
			return delivery.ErrInactive
		case e.Health.Breaker.State != retry.Open:
			return delivery.ErrNotParked
		}
		if err := t.probeFree(e, now); err != nil {
			return err
		}
		var d delivery.Delivery
		switch ok, err := found(t.row(nextInLine, blob(endpointID)).Scan(deliveryFields(&d)...)); {
		case err != nil:
			return err
		case !ok:
			return delivery.ErrNothingWaits
		}
		d, err := t.headOf(d, e)
		if err != nil {
			return err
		}
		if d.Status != delivery.Pending { // it is under way since before the breaker opened
			return delivery.ErrProbing
		}
		e.Health.Breaker.ProbeAt = now
		if _, err := t.exec(setProbe, blob(endpointID), encode(e.Health.Breaker), micros(now)); err != nil {
			return err
		}
		front, err := t.frontOf(endpointID, now)
		if err != nil {
			return err
		}
		due.DeliveryID, due.PerSecond = d.ID, e.RatePerSecond
		t.touch(projectID)
		return t.must(delivery.ErrProbing, tryNow, blob(d.ID), string(d.Status), micros(d.UpdatedAt), front, micros(now), string(delivery.Manual))
	})
	if err != nil {
		return due, fmt.Errorf("probe endpoint %s: %w", delivery.FormatID(delivery.EndpointPrefix, endpointID), err)
	}
	return due, nil
}

// probeFree returns ErrProbing while somebody has the lease of a probe: probe_at is
// then later than the time at which the breaker lets it through.
func (t *tx) probeFree(e delivery.Endpoint, now time.Time) error {
	var at *time.Time
	if err := t.row(probeAt, blob(e.ID)).Scan(timePtrColumn{&at}); err != nil {
		return err
	}
	if at != nil && at.After(now) && !e.Health.Breaker.ProbeAt.After(now) {
		return delivery.ErrProbing
	}
	return nil
}

func (t *tx) deliveryOf(projectID string, id uuid.UUID) (delivery.Delivery, error) {
	var d delivery.Delivery
	ok, err := found(t.row(deliveryNow, blob(id), projectID).Scan(deliveryFields(&d)...))
	if err == nil && !ok {
		err = delivery.ErrNotFound
	}
	return d, err
}

// frontOf returns a due time that comes before those of all other deliveries of the
// endpoint.
func (t *tx) frontOf(endpointID uuid.UUID, now time.Time) (int64, error) {
	var first *time.Time
	if err := t.row(firstDue, blob(endpointID)).Scan(timePtrColumn{&first}); err != nil {
		return 0, err
	}
	if first != nil && !first.After(now) {
		return micros(*first) - 1, nil
	}
	return micros(now), nil
}

// CancelDelivery ends a pending or held delivery.
func (db *DB) CancelDelivery(ctx context.Context, projectID string, id uuid.UUID, now time.Time) error {
	var ended delivery.Delivery
	err := db.write(ctx, func(t *tx) error {
		d, err := t.deliveryOf(projectID, id)
		if err != nil {
			return err
		}
		if d.Status != delivery.Pending && d.Status != delivery.Held {
			return delivery.ErrState
		}
		t.touch(projectID)
		ended = d
		return t.must(delivery.ErrState, endByHand, blob(id), string(d.Status), micros(d.UpdatedAt), string(delivery.ReasonCanceled), micros(now))
	})
	if err != nil {
		return notFoundDelivery(id, err)
	}
	if ended.Lane != uuid.Nil {
		db.passTurn(ctx, ended, delivery.InOrder, now) // the first one knows whether it is out of date
	}
	return nil
}

// InsertTest adds a message with its one delivery.
func (db *DB) InsertTest(ctx context.Context, m delivery.Message, d delivery.Delivery) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.insertAside(m); err != nil {
			return err
		}
		return t.insertDelivery(d)
	})
}
