package sqlstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// Deliveries of one memory to an endpoint that keeps an order are a lane. No lock
// guards it, because nodes that wait for each other's locks on many lanes at once
// would end in deadlocks. Instead a claim goes only when it sees nothing open before
// it, and what is put off cannot be forgotten: who puts a delivery off looks after the
// commit whether the one before it has ended meanwhile, and who ends one looks after
// the commit whether another waits. Whoever commits last sees what the other did.
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
	// waitsInLane finds the delivery that waits for its turn and is first in its lane,
	// or with -1 last, while nothing of it is under way.
	waitsInLane = `SELECT id FROM (SELECT id, status, reason FROM deliveries
			WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND next_at IS NOT NULL ORDER BY turn * $3 LIMIT 1) AS next
		WHERE status = 'pending' AND reason = $4 AND NOT EXISTS (SELECT 1 FROM deliveries
			WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND next_at IS NOT NULL AND status = 'sending')`
	endWait = `UPDATE deliveries SET next_at = $2, updated_at = $2, reason = NULL, detail = NULL WHERE id = $1 AND status = 'pending' AND reason = $3`
)

// A laneKey is an endpoint that keeps an order and a memory.
type laneKey struct{ endpoint, memory uuid.UUID }

func laneOf(d delivery.Delivery) laneKey { return laneKey{d.EndpointID, d.Lane} }

// takeTurn gives a new delivery the last place in its lane. Turns are times, so that
// they also come after those of deliveries that are pruned. Others cannot take one at
// the same time: the transaction has changed the memory, and has its row.
func (t *tx) takeTurn(d *delivery.Delivery) error {
	l := laneOf(*d)
	last, known := t.turns[l]
	if !known {
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
// wait is put off; one that is out of date is canceled, with those before it.
func (t *tx) itsTurn(c delivery.Claim, now time.Time) (bool, error) {
	d := c.Delivery
	if c.Endpoint.Order == delivery.Latest && d.Status == delivery.Pending {
		newest, err := t.leaveLatest(d, now)
		if err != nil || !newest {
			return false, err
		}
	}
	var first uuid.UUID
	blocked, err := found(t.row(goesFirst, blob(d.EndpointID), blob(d.Lane), d.Turn).Scan(&first))
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
	if n > 0 {
		t.touch(d.ProjectID)
	}
	return id == d.ID, err
}

// passTurn makes the delivery due that waits in the lane of one that has ended, or
// that has been put off, and returns its ID; Nil when none does. What fails here is
// made up for after delivery.TurnEvery.
func (db *DB) passTurn(ctx context.Context, d delivery.Delivery, order delivery.Order, now time.Time) uuid.UUID {
	sign := 1
	if order == delivery.Latest {
		sign = -1
	}
	var next uuid.UUID
	if ok, err := db.one(ctx, waitsInLane, []any{blob(d.EndpointID), blob(d.Lane), sign, string(delivery.ReasonTurn)}, &next); err != nil || !ok {
		return uuid.Nil
	}
	err := db.write(ctx, func(t *tx) error {
		t.touch(d.ProjectID)
		return t.later(endWait, blob(next), micros(now), string(delivery.ReasonTurn))
	})
	if err != nil {
		return uuid.Nil
	}
	return next
}
