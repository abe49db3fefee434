package sqlstore

import (
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

const (
	lastTurn  = `SELECT max(turn) FROM deliveries WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL`
	goesFirst = `SELECT id FROM deliveries WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND turn < $3 AND next_at IS NOT NULL
		ORDER BY turn DESC LIMIT 1`
	newestInLane = `SELECT id, message_id, turn FROM deliveries WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND next_at IS NOT NULL
		ORDER BY turn DESC LIMIT 1`
	supersede = `UPDATE deliveries SET status = 'canceled', reason = $5, detail = $6, next_at = NULL, updated_at = $4, finished_at = $4
		WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND turn < $3 AND status = 'pending' AND next_at IS NOT NULL`
	waitTurn = `UPDATE deliveries SET next_at = $3, reason = $4, detail = $5, updated_at = CASE WHEN detail = $5 THEN updated_at ELSE $6 END
		WHERE id = $1 AND next_at = $2`
	// nextInLane makes the delivery due that waits for its turn: the first one, or with
	// -1 the newest one.
	nextInLane = `UPDATE deliveries SET next_at = $4, updated_at = $4, reason = NULL, detail = NULL
		WHERE status = 'pending' AND reason = $5 AND id = (SELECT id FROM deliveries
			WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND next_at IS NOT NULL ORDER BY turn * $3 LIMIT 1)
		RETURNING id`
)

// A laneKey is an endpoint that keeps an order and a memory.
type laneKey struct{ endpoint, memory uuid.UUID }

func laneOf(d delivery.Delivery) laneKey { return laneKey{d.EndpointID, d.Lane} }

// lockLane lets one change at a time decide who goes next in a lane.
func (t *tx) lockLane(l laneKey) error {
	return t.lock("lane " + l.endpoint.String() + " " + l.memory.String())
}

// takeTurn gives a new delivery the last place in its lane. Turns are times, so that
// they also come after those of deliveries that are pruned.
func (t *tx) takeTurn(d *delivery.Delivery) error {
	l := laneOf(*d)
	last, known := t.turns[l]
	if !known {
		if err := t.lockLane(l); err != nil {
			return err
		}
		var stored *int64
		if err := t.row(lastTurn, blob(l.endpoint), blob(l.memory)).Scan(&stored); err != nil {
			return err
		}
		if stored != nil {
			last = *stored
		}
	}
	d.Turn = max(micros(d.CreatedAt), last+1)
	if t.turns == nil {
		t.turns = map[laneKey]int64{}
	}
	t.turns[l] = d.Turn
	return nil
}

// itsTurn tells whether nothing goes before the delivery in its lane. One that has to
// wait is looked at again when the one before it has ended, or after
// delivery.TurnEvery; one that is out of date is canceled, with those before it.
func (t *tx) itsTurn(c delivery.Claim, now time.Time) (bool, error) {
	d := c.Delivery
	l := laneOf(d)
	if err := t.lockLane(l); err != nil {
		return false, err
	}
	if c.Endpoint.Order == delivery.Latest && d.Status == delivery.Pending {
		newest, err := t.leaveLatest(d, now)
		if err != nil || !newest {
			return false, err
		}
	}
	var first uuid.UUID
	blocked, err := found(t.row(goesFirst, blob(l.endpoint), blob(l.memory), d.Turn).Scan(&first))
	if err != nil || !blocked {
		return !blocked, err
	}
	t.touch(d.ProjectID)
	return false, t.later(waitTurn, blob(d.ID), microsOrNull(d.NextAt), micros(now.Add(delivery.TurnEvery)), string(delivery.ReasonTurn),
		delivery.FormatID(delivery.DeliveryPrefix, first), micros(now))
}

// leaveLatest cancels what a newer message of its lane makes out of date, and tells
// whether the delivery is the newest one.
func (t *tx) leaveLatest(d delivery.Delivery, now time.Time) (bool, error) {
	var id, message uuid.UUID
	var turn int64
	ok, err := found(t.row(newestInLane, blob(d.EndpointID), blob(d.Lane)).Scan(&id, &message, &turn))
	if err != nil || !ok {
		return false, err // it was ended meanwhile
	}
	n, err := t.exec(supersede, blob(d.EndpointID), blob(d.Lane), turn, micros(now), string(delivery.ReasonSuperseded),
		delivery.FormatID(delivery.MessagePrefix, message))
	if err != nil {
		return false, err
	}
	if n > 0 {
		t.touch(d.ProjectID)
	}
	if id == d.ID {
		return true, nil
	}
	_, err = t.wakeNext(d, delivery.Latest, now)
	return false, err
}

// wakeNext makes the delivery due that waited for this one, and returns its ID; Nil
// when none did.
func (t *tx) wakeNext(d delivery.Delivery, order delivery.Order, now time.Time) (uuid.UUID, error) {
	sign := 1
	if order == delivery.Latest {
		sign = -1
	}
	var id uuid.UUID
	ok, err := found(t.row(nextInLane, blob(d.EndpointID), blob(d.Lane), sign, micros(now), string(delivery.ReasonTurn)).Scan(&id))
	if ok {
		t.changed()
		t.touch(d.ProjectID)
	}
	return id, err
}

// passTurn is wakeNext for a delivery that an attempt has ended, or whose newer
// message need not wait for its retry.
func (t *tx) passTurn(r delivery.Result, learned *delivery.Learned) error {
	c := r.Claim
	if !c.InLane() || !r.Status.Final() && c.Endpoint.Order != delivery.Latest {
		return nil
	}
	if err := t.lockLane(laneOf(c.Delivery)); err != nil {
		return err
	}
	id, err := t.wakeNext(c.Delivery, c.Endpoint.Order, r.At())
	if id != uuid.Nil {
		learned.Due = append(learned.Due, delivery.Due{
			ProjectID: c.Delivery.ProjectID, EndpointID: c.Endpoint.ID, DeliveryID: id, PerSecond: c.Endpoint.RatePerSecond,
		})
	}
	return err
}
