package sqlstore

import (
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// candidateMemories are all memories, of every project, so that each read looks at a
// bounded number of rows. last is the event that changed it last. Of those that changed
// after the set was frozen it is told whether the endpoint gets that change anyway:
// whether it was there when the change was committed, and wants its type.
const candidateMemories = `SELECT ` + memoryColumns + `, last, CASE WHEN updated_at >= $2 THEN EXISTS (SELECT 1 FROM deliveries d
			WHERE d.event_id = last AND d.endpoint_id = $1 AND d.status <> 'skipped') ELSE (1 = 0) END AS told
	FROM (SELECT ` + memoryColumns + `, (SELECT c.event_id FROM changes c WHERE c.memory_id = memories.id ORDER BY c.id DESC LIMIT 1) AS last
		FROM memories WHERE id > $3 ORDER BY id LIMIT $4) AS m ORDER BY id`

// memoriesToHold are those of a project among the next ones. It is run by Postgres only,
// and returns one key for all.
const memoriesToHold = `SELECT min('snapshot') FROM (SELECT id FROM memories
	WHERE id IN (SELECT id FROM memories WHERE id > $1 ORDER BY id LIMIT $2) AND project_id = $3 ORDER BY id FOR SHARE) AS held`

// holdMemories keeps the memories that a snapshot looks at next from being changed or
// erased until it is committed: each message has its turn behind the change that it
// shows, and an erasure finds it.
func (t *tx) holdMemories(r delivery.BulkReplay) error {
	if r.Set.What != delivery.WhatMemories {
		return nil
	}
	return t.lockEach(memoriesToHold, blob(r.Place), delivery.ReplayLook, r.ProjectID)
}

// memoryCandidates returns rows that may belong to a set of memories.
func memoryCandidates(q query, projectID string, set delivery.ReplaySet, place uuid.UUID, limit int) ([]delivery.Candidate, error) {
	var list []delivery.Candidate
	args := []any{blob(set.EndpointID), micros(set.FrozenAt), blob(place), limit}
	err := q(candidateMemories, args, func(row scanner) error {
		var m memory.Memory
		var event uuid.UUID
		var told bool
		if err := row.Scan(append(memoryDest(&m), &event, &told)...); err != nil {
			return err
		}
		c := delivery.Candidate{
			Message: delivery.Message{ProjectID: m.ProjectID, MemoryID: m.ID, Type: delivery.MemoryAdd, CreatedAt: m.UpdatedAt, Facets: m.Facets()},
			Void:    m.ProjectID != projectID || told || !m.Shown(set.FrozenAt),
			Make:    func(now time.Time) delivery.Message { return memory.SnapshotMessage(m, event, now) },
		}
		list = append(list, c)
		return nil
	})
	return list, err
}

// sendMemory makes a memory due at a time, as it is.
func (t *tx) sendMemory(r delivery.BulkReplay, e delivery.Endpoint, c delivery.Candidate, at, now time.Time) (uuid.UUID, error) {
	m := c.Make(now)
	if err := t.insertAside(m); err != nil {
		return uuid.Nil, err
	}
	d := r.Deliver(m, e, at, now)
	if d.Lane != uuid.Nil {
		if err := t.takeTurn(&d); err != nil {
			return uuid.Nil, err
		}
	}
	if err := t.insertDelivery(d); err != nil {
		return uuid.Nil, err
	}
	return d.ID, t.later(markReplay, blob(d.ID), blob(r.ID))
}
