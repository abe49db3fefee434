package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

const (
	replayColumns = `id, project_id, endpoint_id, what, types, since_at, until_at, frozen_at, per_second, state, total, done, place, made_by,
		next_at, created_at, updated_at, finished_at`
	insertReplay = `INSERT INTO replays (` + replayColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`
	oneReplay    = `SELECT ` + replayColumns + ` FROM replays WHERE id = $1 AND project_id = $2`
	dueReplay    = `SELECT ` + replayColumns + ` FROM replays WHERE id = $1 AND next_at <= $2`
	firstReplays = `SELECT ` + replayColumns + ` FROM replays WHERE project_id = $1 ORDER BY id DESC LIMIT $2`
	nextReplays  = `SELECT ` + replayColumns + ` FROM replays WHERE project_id = $1 AND id < $3 ORDER BY id DESC LIMIT $2`
	dueReplays   = `SELECT id FROM replays WHERE next_at <= $1 ORDER BY next_at, id LIMIT 100`
	cancelReplay = `UPDATE replays SET state = 'canceled', next_at = NULL, updated_at = $3, finished_at = $3
		WHERE id = $1 AND project_id = $2 AND next_at IS NOT NULL`
	moveReplay = `UPDATE replays SET state = $3, done = $4, place = $5, next_at = $6, updated_at = $7, finished_at = $8
		WHERE id = $1 AND next_at = $2`
	markReplay = `UPDATE deliveries SET replay_id = $2 WHERE id = $1`
	outcomeOf  = `SELECT status, count(*) FROM deliveries WHERE replay_id = $1 AND project_id = $2 GROUP BY status`
)

func scanReplay(row scanner, r *delivery.BulkReplay) error {
	s := &r.Set
	return row.Scan(&r.ID, &r.ProjectID, &s.EndpointID, text(&s.What), jsonColumn{&s.Types}, timeColumn{&s.Since}, timeColumn{&s.Until},
		timeColumn{&s.FrozenAt}, &r.PerSecond, text(&r.State), intColumn{&r.Total}, intColumn{&r.Done}, &r.Place, text(&r.By),
		timePtrColumn{&r.NextAt}, timeColumn{&r.CreatedAt}, timeColumn{&r.UpdatedAt}, timePtrColumn{&r.FinishedAt})
}

// InsertReplay adds a bulk replay.
func (db *DB) InsertReplay(ctx context.Context, r delivery.BulkReplay) error {
	s := r.Set
	return db.write(ctx, func(t *tx) error {
		return t.later(insertReplay, blob(r.ID), r.ProjectID, blob(s.EndpointID), string(s.What), listOrNull(s.Types), zeroOrMicros(s.Since),
			zeroOrMicros(s.Until), micros(s.FrozenAt), r.PerSecond, string(r.State), r.Total, r.Done, blobOrNull(r.Place), textOrNull(r.By),
			microsOrNull(r.NextAt), micros(r.CreatedAt), micros(r.UpdatedAt), microsOrNull(r.FinishedAt))
	})
}

func zeroOrMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}

// Replay returns a bulk replay.
func (db *DB) Replay(ctx context.Context, projectID string, id uuid.UUID) (delivery.BulkReplay, error) {
	var r delivery.BulkReplay
	ok, err := found(scanReplay(db.row(ctx, oneReplay, blob(id), projectID), &r))
	if err == nil && !ok {
		err = delivery.ErrNotFound
	}
	if err != nil {
		return r, fmt.Errorf("replay %s: %w", delivery.FormatID(delivery.ReplayPrefix, id), err)
	}
	return r, nil
}

// Replays returns bulk replays, newest first.
func (db *DB) Replays(ctx context.Context, projectID string, after uuid.UUID, limit int) ([]delivery.BulkReplay, error) {
	query, args := firstReplays, []any{projectID, limit}
	if after != uuid.Nil {
		query, args = nextReplays, append(args, blob(after))
	}
	var list []delivery.BulkReplay
	err := db.query(ctx, query, args, func(row scanner) error {
		var r delivery.BulkReplay
		err := scanReplay(row, &r)
		list = append(list, r)
		return err
	})
	return list, err
}

// ReplayOutcome counts the deliveries that a bulk replay last sent, by state.
func (db *DB) ReplayOutcome(ctx context.Context, projectID string, id uuid.UUID) (map[delivery.Status]int, error) {
	counts := map[delivery.Status]int{}
	err := db.query(ctx, outcomeOf, []any{blob(id), projectID}, func(row scanner) error {
		var status delivery.Status
		var n int
		err := row.Scan(text(&status), &n)
		counts[status] = n
		return err
	})
	return counts, err
}

// DueReplays returns the bulk replays whose next group is due.
func (db *DB) DueReplays(ctx context.Context, now time.Time) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.query(ctx, dueReplays, []any{micros(now)}, collect(&ids))
	return ids, err
}

// CancelReplay ends a bulk replay.
func (db *DB) CancelReplay(ctx context.Context, projectID string, id uuid.UUID, now time.Time) error {
	if _, err := db.Replay(ctx, projectID, id); err != nil {
		return err
	}
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(cancelReplay, blob(id), projectID, micros(now))
		if err == nil && n == 0 {
			err = fmt.Errorf("replay %s: %w", delivery.FormatID(delivery.ReplayPrefix, id), delivery.ErrState)
		}
		return err
	})
}

// The rows that may belong to a set, in order. What else there is to it is decided
// in Go, so that each read looks at a bounded number of rows.
const (
	candidateOf     = `SELECT ` + trailColumns + `, m.created_at, m.type, `
	candidatesFrom  = ` FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.endpoint_id = $1 AND d.id > $2 AND ` + notErased
	candidatesOrder = ` ORDER BY d.id LIMIT $3`
	noBody          = `NULL`
	withBody        = `m.body`

	candidatesByStatus = candidateOf + noBody + candidatesFrom + ` AND d.status = $4 AND d.status IN ('failed', 'held', 'skipped', 'canceled')` + candidatesOrder
	candidatesToMatch  = candidateOf + withBody + candidatesFrom + ` AND d.status = $4 AND d.status IN ('failed', 'held', 'skipped', 'canceled')` + candidatesOrder
	candidatesAll      = candidateOf + withBody + candidatesFrom + candidatesOrder

	candidatesMissing = `SELECT m.id, m.project_id, m.event_id, m.memory_id, m.type, m.body, m.created_at, m.seq IS NULL, d.id, d.status, d.updated_at, d.cause
		FROM messages m LEFT JOIN deliveries d ON d.event_id = m.event_id AND d.message_id = m.id AND d.endpoint_id = $1
		WHERE m.project_id = $4 AND m.id > $2 AND m.event_id <> $5 AND ` + notErased + ` ORDER BY m.id LIMIT $3`
)

// slackOfIDs is how far the time in an ID may lie from the one in its row.
const slackOfIDs = time.Hour

// Candidates returns rows that may belong to a set.
func (db *DB) Candidates(ctx context.Context, projectID string, set delivery.ReplaySet, place uuid.UUID, limit int) ([]delivery.Candidate, error) {
	return candidates(func(text string, args []any, scan func(scanner) error) error { return db.query(ctx, text, args, scan) }, projectID, set, place, limit)
}

func candidates(q query, projectID string, set delivery.ReplaySet, place uuid.UUID, limit int) ([]delivery.Candidate, error) {
	if set.What == delivery.WhatMemories {
		return memoryCandidates(q, projectID, set, place, limit)
	}
	var list []delivery.Candidate
	if set.What == delivery.WhatMissing {
		if place == uuid.Nil && !set.Since.IsZero() {
			place = firstID(set.Since.Add(-slackOfIDs))
		}
		err := q(candidatesMissing, []any{blob(set.EndpointID), blob(place), limit, projectID, blob(uuid.Nil)}, func(row scanner) error {
			c, err := scanMissing(row)
			list = append(list, c)
			return err
		})
		return list, err
	}
	text, args := candidatesAll, []any{blob(set.EndpointID), blob(place), limit}
	switch set.What {
	case delivery.WhatSkipped:
		text, args = candidatesToMatch, append(args, string(delivery.Skipped))
	case delivery.WhatFailed, delivery.WhatHeld:
		text, args = candidatesByStatus, append(args, string(set.What))
	}
	err := q(text, args, func(row scanner) error {
		c := delivery.Candidate{Delivery: &delivery.Delivery{}}
		d, m := c.Delivery, &c.Message
		err := row.Scan(append(deliveryFields(d), timeColumn{&m.CreatedAt}, &m.Type, &m.Body)...)
		m.ID, m.ProjectID, m.EventID = d.MessageID, d.ProjectID, d.EventID
		list = append(list, c)
		return err
	})
	return list, err
}

func scanMissing(row scanner) (delivery.Candidate, error) {
	var c delivery.Candidate
	var id uuid.NullUUID
	var d delivery.Delivery
	var aside bool
	m := &c.Message
	err := row.Scan(&m.ID, &m.ProjectID, &m.EventID, &m.MemoryID, &m.Type, &m.Body, timeColumn{&m.CreatedAt}, &aside,
		&id, text(&d.Status), timeColumn{&d.UpdatedAt}, text(&d.Trigger))
	if id.Valid {
		d.ID, d.MessageID = id.UUID, m.ID
		c.Delivery = &d
	}
	c.Void = aside && memory.OfSnapshot(m.Body) // made for one endpoint
	return c, err
}

// StepReplay makes the next group of a bulk replay due.
func (db *DB) StepReplay(ctx context.Context, id uuid.UUID, now time.Time) (delivery.Step, error) {
	var step delivery.Step
	err := db.write(ctx, func(t *tx) error {
		step = delivery.Step{}
		if err := t.lock("replays"); err != nil { // two of one endpoint must not add the same delivery
			return err
		}
		var r delivery.BulkReplay
		ok, err := found(scanReplay(t.row(dueReplay, blob(id), micros(now)), &r))
		if err != nil {
			return err
		}
		if !ok {
			return delivery.ErrNotDue
		}
		var e delivery.Endpoint
		if err := db.scanEndpoint(t.row(endpointNow, blob(r.Set.EndpointID)), &e); err != nil {
			return err
		}
		was := *r.NextAt
		if step.Due, err = t.stepReplay(&r, e, now); err != nil {
			return err
		}
		step.Next = r.NextAt
		return t.must(delivery.ErrNotDue, moveReplay, blob(id), micros(was), string(r.State), r.Done, blobOrNull(r.Place),
			microsOrNull(r.NextAt), micros(now), microsOrNull(r.FinishedAt))
	})
	return step, err
}

// stepReplay makes a group due and brings the replay up to date. While the endpoint
// takes none the replay waits; with the endpoint it ends.
func (t *tx) stepReplay(r *delivery.BulkReplay, e delivery.Endpoint, now time.Time) ([]delivery.Due, error) {
	end := func(state delivery.ReplayState) { r.State, r.NextAt, r.FinishedAt = state, nil, &now }
	next := now.Add(replayWait)
	r.NextAt = &next
	if e.DeletedAt != nil {
		end(delivery.ReplayCanceled)
		return nil, nil
	}
	if !e.Active() {
		return nil, nil
	}
	if err := t.holdMemories(*r); err != nil {
		return nil, err
	}
	list, err := candidates(t.query, r.ProjectID, r.Set, r.Place, delivery.ReplayLook)
	if err != nil {
		return nil, err
	}
	due, n, looked, err := t.sendGroup(r, e, list, now)
	if err != nil {
		return nil, err
	}
	r.Done += n
	next = r.NextGroup(n, now)
	if r.Over() || looked == len(list) && len(list) < delivery.ReplayLook {
		end(delivery.ReplayDone)
	}
	return due, nil
}

// sendGroup makes due those of the candidates that are in the set, up to a group. It
// returns what can be sent at once, how many it made due, and how many it looked at.
func (t *tx) sendGroup(r *delivery.BulkReplay, e delivery.Endpoint, list []delivery.Candidate, now time.Time) (due []delivery.Due, n, looked int, err error) {
	group, apart := r.Group()
	for ; looked < len(list) && n < group; looked++ {
		c := list[looked]
		r.Place = c.Place(r.Set.What)
		if !r.Set.Takes(c, e) {
			continue
		}
		sent, id, err := t.sendReplayed(*r, e, c, now.Add(time.Duration(n)*apart), now)
		if err != nil {
			return nil, n, looked, err
		}
		if !sent {
			continue
		}
		n++
		if apart == 0 && e.Ready(now) {
			due = append(due, delivery.Due{ProjectID: r.ProjectID, EndpointID: e.ID, DeliveryID: id, PerSecond: e.RatePerSecond})
		}
	}
	return due, n, looked, nil
}

// replayWait is how often a replay looks whether its endpoint is active again.
const replayWait = 5 * time.Second

// sendReplayed makes a candidate due at a time, unless it changed meanwhile.
func (t *tx) sendReplayed(r delivery.BulkReplay, e delivery.Endpoint, c delivery.Candidate, at, now time.Time) (bool, uuid.UUID, error) {
	if c.Make != nil {
		id, err := t.sendMemory(r, e, c, at, now)
		return true, id, err
	}
	if d := c.Delivery; d != nil {
		t.touch(d.ProjectID)
		n, err := t.exec(sendAgain, blob(d.ID), string(d.Status), micros(d.UpdatedAt), micros(at), micros(now), string(delivery.Replay), blob(r.ID))
		if err == nil && n > 0 {
			err = t.goesBefore(d.ID, e)
		}
		return n > 0, d.ID, err
	}
	m := c.Message
	d := r.Deliver(m, e, at, now)
	d.Turn = micros(m.CreatedAt) // where it would have been
	if err := t.insertDelivery(d); err != nil {
		return false, d.ID, err
	}
	if err := t.goesBefore(d.ID, e); err != nil {
		return false, d.ID, err
	}
	return true, d.ID, t.later(markReplay, blob(d.ID), blob(r.ID))
}
