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
// it and nothing under way. What is put off cannot be forgotten: who puts a delivery
// off looks after the commit whether the one before it has ended meanwhile, and who
// ends one looks after the commit whether another waits. Whoever commits last sees what
// the other did.
const (
	lastTurn = `SELECT max(turn) FROM deliveries WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL`
	// openInLane are those that wait or are under way.
	openInLane = ` FROM deliveries WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND next_at IS NOT NULL`
	// takenInLane are those that are under way or held.
	takenInLane = ` FROM deliveries WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND status IN ('sending', 'held')`
	// goesFirst finds what goes before one that waits: those before it, held ones too, and
	// whatever is under way. It is one statement, so that nothing can move from one part
	// to the other between two.
	goesFirst = `SELECT id, status FROM (
			SELECT * FROM (SELECT id, status, turn` + openInLane + ` AND turn <= $3 AND (turn < $3 OR id < $4) ORDER BY turn, id LIMIT 1) AS before
			UNION ALL SELECT * FROM (SELECT id, status, turn` + takenInLane + ` AND turn <= $3 AND (turn < $3 OR id < $4) ORDER BY turn, id LIMIT 1) AS held
			UNION ALL SELECT * FROM (SELECT id, status, turn` + takenInLane + ` AND status = 'sending' AND id <> $4 ORDER BY turn LIMIT 1) AS sending
		) AS others ORDER BY turn, id LIMIT 1`
	// wentFirst is goesFirst for one that was under way: only those before it that were too.
	wentFirst    = `SELECT id, status` + takenInLane + ` AND status = 'sending' AND turn <= $3 AND (turn < $3 OR id < $4) ORDER BY turn, id LIMIT 1`
	newestInLane = `SELECT id, message_id, turn` + openInLane + ` ORDER BY turn DESC LIMIT 1`
	// lastInLane is newestInLane with those that arrived.
	lastInLane = `SELECT id, message_id, turn FROM deliveries
		WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND (next_at IS NOT NULL OR status = 'succeeded') ORDER BY turn DESC LIMIT 1`
	supersede = `UPDATE deliveries SET status = 'canceled', reason = $5, detail = $6, next_at = NULL, updated_at = $4, finished_at = $4
		WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND turn < $3 AND status = 'pending' AND next_at IS NOT NULL`
	supersedeHeld = `UPDATE deliveries SET status = 'canceled', reason = $5, detail = $6, updated_at = $4, finished_at = $4
		WHERE endpoint_id = $1 AND lane = $2 AND lane IS NOT NULL AND turn < $3 AND status = 'held' AND status IN ('sending', 'held')`
	endHold  = `UPDATE deliveries SET status = 'pending', reason = NULL, detail = NULL, next_at = $2, tries = 0, round_at = $2, updated_at = $2 WHERE id = $1 AND status = 'held'`
	waitTurn = `UPDATE deliveries SET next_at = $3, reason = $4, detail = $5, updated_at = CASE WHEN detail = $5 THEN updated_at ELSE $6 END
		WHERE id = $1 AND next_at = $2`
	// firstWaits finds the delivery that waits for its turn and is first in its lane, and
	// lastWaits the one that is last, while nothing of it is under way.
	firstWaits = `SELECT id FROM (SELECT id, status, reason` + openInLane + ` ORDER BY turn, id LIMIT 1) AS next` + waits
	lastWaits  = `SELECT id FROM (SELECT id, status, reason` + openInLane + ` ORDER BY turn DESC, id DESC LIMIT 1) AS next` + waits
	waits      = ` WHERE status = 'pending' AND reason = $3 AND NOT EXISTS (SELECT 1` + takenInLane + ` AND status = 'sending')`
	endWait    = `UPDATE deliveries SET next_at = $2, updated_at = $2, reason = NULL, detail = NULL WHERE id = $1 AND status = 'pending' AND reason = $3`
	// nudge lets a claim fail that has not seen a delivery that was made due before it.
	nudge = `UPDATE deliveries SET next_at = next_at + 1 WHERE status = 'pending' AND id = (SELECT o.id FROM deliveries d
			JOIN deliveries o ON o.endpoint_id = d.endpoint_id AND o.lane = d.lane AND o.lane IS NOT NULL AND o.next_at IS NOT NULL AND o.turn > d.turn
		WHERE d.id = $1 ORDER BY o.turn, o.id LIMIT 1)`
	// firstInLane is the one that goes first, and newestWaits that with delivery.Latest.
	firstInLane = `SELECT ` + deliveryColumns + openInLane + ` ORDER BY turn, id LIMIT 1`
	newestWaits = `SELECT ` + deliveryColumns + openInLane + ` ORDER BY turn DESC, id DESC LIMIT 1`
)

// A laneKey is an endpoint that keeps an order and a memory.
type laneKey struct{ endpoint, memory uuid.UUID }

func laneOf(d delivery.Delivery) laneKey { return laneKey{d.EndpointID, d.Lane} }

// takeTurn gives a new delivery the last place in its lane. Turns are times, so that
// they also come after those of deliveries that are pruned. Others cannot take one at
// the same time: the transaction has changed the memory, or a snapshot has locked it,
// and has its row.
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
	text := goesFirst
	if d.Status == delivery.Sending {
		text = wentFirst
	}
	var first uuid.UUID
	var status delivery.Status
	blocked, err := found(t.row(text, blob(d.EndpointID), blob(d.Lane), d.Turn, blob(d.ID)).Scan(&first, &status))
	if err != nil || !blocked {
		return !blocked, err
	}
	t.touch(d.ProjectID)
	if status == delivery.Held { // its endpoint is back, and it has not been released yet
		if err := t.later(endHold, blob(first), micros(now)); err != nil {
			return false, err
		}
	}
	return false, t.later(waitTurn, blob(d.ID), microsOrNull(d.NextAt), micros(now.Add(delivery.TurnEvery)), string(delivery.ReasonTurn),
		delivery.FormatID(delivery.DeliveryPrefix, first), micros(now))
}

// leaveLatest cancels what a newer message of its lane makes out of date, and tells
// whether the delivery is the newest one. A newer one that has arrived counts, unless a
// person wants the older one.
func (t *tx) leaveLatest(d delivery.Delivery, now time.Time) (bool, error) {
	text := lastInLane
	if d.Trigger == delivery.Manual {
		text = newestInLane
	}
	var id, message uuid.UUID
	var turn int64
	ok, err := found(t.row(text, blob(d.EndpointID), blob(d.Lane)).Scan(&id, &message, &turn))
	if err != nil || !ok {
		return false, err // it was ended meanwhile
	}
	for _, text := range []string{supersede, supersedeHeld} {
		n, err := t.exec(text, blob(d.EndpointID), blob(d.Lane), turn, micros(now), string(delivery.ReasonSuperseded),
			delivery.FormatID(delivery.MessagePrefix, message))
		if err != nil {
			return false, err
		}
		if n > 0 {
			t.touch(d.ProjectID)
		}
	}
	return id == d.ID, nil
}

// goesBefore is called for a delivery that has just been made due and may go before
// others of its lane. A claim that looked before this is committed must not go after it.
func (t *tx) goesBefore(id uuid.UUID, e delivery.Endpoint) error {
	if e.Order == delivery.Unordered {
		return nil
	}
	return t.later(nudge, blob(id))
}

// headOf returns the delivery that goes first in the lane of one that waits.
func (t *tx) headOf(d delivery.Delivery, e delivery.Endpoint) (delivery.Delivery, error) {
	text := firstInLane
	switch {
	case !(delivery.Claim{Delivery: d, Endpoint: e}).InLane():
		return d, nil
	case e.Order == delivery.Latest:
		text = newestWaits
	}
	head := d
	_, err := found(t.row(text, blob(d.EndpointID), blob(d.Lane)).Scan(deliveryFields(&head)...))
	return head, err
}

// passTurn makes the delivery due that waits in the lane of one that has ended, or
// that has been put off, and returns its ID; Nil when none does. What fails here is
// made up for after delivery.TurnEvery.
func (db *DB) passTurn(ctx context.Context, d delivery.Delivery, order delivery.Order, now time.Time) uuid.UUID {
	text := firstWaits
	if order == delivery.Latest {
		text = lastWaits
	}
	var next uuid.UUID
	if ok, err := db.one(ctx, text, []any{blob(d.EndpointID), blob(d.Lane), string(delivery.ReasonTurn)}, &next); err != nil || !ok {
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
