package sqlstore

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

const (
	leftToScrub = `SELECT memory_id FROM erased_memories WHERE erasure_id = $1 AND scrubbed_at IS NULL ORDER BY memory_id LIMIT $2`
	itsBodies   = `SELECT m.id, m.event_id, m.body FROM messages m WHERE m.event_id IN ` + itsEvents + ` AND m.memory_id = $1 AND m.scrubbed_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM erasures x WHERE x.id = m.event_id) ORDER BY m.id LIMIT $2`
	itsRequests  = `SELECT id, kind, payload, error FROM events WHERE id IN ` + itsEvents + ` AND kind = 'ADD' AND next_at IS NULL`
	scrubChange  = `UPDATE changes SET text = '', before = NULL, metadata = NULL, categories = NULL WHERE memory_id = $1`
	scrubNotes   = `DELETE FROM feedback WHERE memory_id = $1`
	memoryIsDone = `UPDATE erased_memories SET scrubbed_at = $2 WHERE memory_id = $1`
)

// memories scrubs what is stored of the next memories. It tells whether some may be
// left, and how long to wait for them.
func (s *scrubbing) memories() (left bool, wait time.Duration, err error) {
	var ids []uuid.UUID
	if err := s.query(leftToScrub, []any{blob(s.x.ID), scrubMemories}, collect(&ids)); err != nil || len(ids) == 0 {
		return false, 0, err
	}
	wait = waitForWorker
	for _, id := range ids {
		bodies, err := s.bodies(itsBodies, id)
		if err != nil {
			return true, 0, err
		}
		busy, err := s.scrubBodies(bodies)
		if err != nil {
			return true, 0, fmt.Errorf("memory %s: %w", id, err)
		}
		if busy {
			continue
		}
		if wait = 0; len(bodies) == scrubBodies {
			return true, 0, nil // it has more of them
		}
		if err := s.scrubMemory(id); err != nil {
			return true, 0, fmt.Errorf("memory %s: %w", id, err)
		}
	}
	return true, wait, nil
}

// scrubMemory scrubs all of a memory but its messages.
func (s *scrubbing) scrubMemory(id uuid.UUID) error {
	var events []eventRow
	err := s.query(itsRequests, []any{blob(id)}, func(row scanner) error {
		var e eventRow
		err := row.Scan(&e.id, text(&e.kind), (*nullBytes)(&e.payload), text(&e.error))
		events = append(events, e)
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := s.scrubEvent(e); err != nil {
			return err
		}
	}
	n, err := s.exec(scrubChange, blob(id))
	if err != nil {
		return err
	}
	s.more.Changes += int(n)
	if err := s.later(scrubNotes, blob(id)); err != nil {
		return err
	}
	return s.later(memoryIsDone, blob(id), micros(s.now))
}

// A bodyRow is a stored message.
type bodyRow struct {
	id, event uuid.UUID
	body      []byte
}

func (s *scrubbing) bodies(query string, of uuid.UUID) ([]bodyRow, error) {
	var list []bodyRow
	err := s.query(query, []any{blob(of), scrubBodies}, func(row scanner) error {
		var b bodyRow
		err := row.Scan(&b.id, &b.event, &b.body)
		list = append(list, b)
		return err
	})
	return list, err
}

const (
	ofMessage     = `SELECT ` + deliveryColumns + ` FROM deliveries WHERE event_id = $1 AND message_id = $2 AND status IN ('pending', 'sending', 'held')`
	endErased     = `UPDATE deliveries SET status = 'canceled', reason = 'erased', next_at = NULL, attempts = $4, updated_at = $3, finished_at = $3 WHERE id = $1 AND status = $2`
	scrubBody     = `UPDATE messages SET body = $2, scrubbed_at = $3 WHERE id = $1`
	scrubDetails  = `UPDATE deliveries SET detail = NULL WHERE event_id = $1 AND message_id = $2 AND detail IS NOT NULL`
	scrubAttempts = `UPDATE attempts SET response_body = NULL, response_headers = NULL, detail = NULL
		WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = $1 AND message_id = $2)
			AND (response_body IS NOT NULL OR response_headers IS NOT NULL OR detail IS NOT NULL)`
)

// scrubBodies scrubs stored messages, with what receivers answered: they may have
// repeated them. It tells whether one of them is being sent. That one is left for
// later: all copies of a message have the same bytes.
func (s *scrubbing) scrubBodies(list []bodyRow) (busy bool, err error) {
	for _, b := range list {
		sending, err := s.endDeliveries(b)
		if err != nil {
			return false, err
		}
		if sending {
			busy = true
			continue
		}
		if err := s.later(scrubBody, blob(b.id), []byte(memory.ScrubbedBody(b.body)), micros(s.now)); err != nil {
			return false, err
		}
		n, err := s.exec(scrubAttempts, blob(b.event), blob(b.id))
		if err != nil {
			return false, err
		}
		if err := s.later(scrubDetails, blob(b.event), blob(b.id)); err != nil {
			return false, err
		}
		s.more.Messages++
		s.more.Attempts += int(n)
	}
	return busy, nil
}

// endDeliveries cancels the deliveries of a message that wait, and tells whether one
// is being sent.
func (s *scrubbing) endDeliveries(b bodyRow) (sending bool, err error) {
	var open []delivery.Delivery
	err = s.query(ofMessage, []any{blob(b.event), blob(b.id)}, func(row scanner) error {
		var d delivery.Delivery
		err := row.Scan(deliveryFields(&d)...)
		open = append(open, d)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, d := range open {
		if d.Status == delivery.Sending {
			if d.NextAt != nil && d.NextAt.After(s.now) {
				sending = true
				continue
			}
			d.Attempts++ // whoever sent it is gone
			c := delivery.Claim{Delivery: d}
			if err := s.row(`SELECT url FROM endpoints WHERE id = $1`, blob(d.EndpointID)).Scan(&c.Endpoint.URL); err != nil {
				return false, err
			}
			if err := s.noteInterrupted(c, s.now); err != nil {
				return false, err
			}
		}
		n, err := s.exec(endErased, blob(d.ID), string(d.Status), micros(s.now), d.Attempts)
		if err != nil {
			return false, err
		}
		if n == 0 {
			sending = true // somebody took it at this moment
			continue
		}
		s.touch(d.ProjectID)
		s.more.Deliveries++
	}
	return sending, nil
}
