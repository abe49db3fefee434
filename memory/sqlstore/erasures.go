package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/signing"
)

const (
	erasureColumns = `id, project_id, user_id, agent_id, app_id, run_id, whole, state, error, counts, made_by, next_at, created_at, updated_at, finished_at`
	insertErasure  = `INSERT INTO erasures (` + erasureColumns + `, part, owner)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0)`
	oneErasure    = `SELECT ` + erasureColumns + ` FROM erasures WHERE id = $1 AND project_id = $2`
	erasureOf     = `SELECT ` + erasureColumns + ` FROM erasures WHERE project_id = $2 AND id = (SELECT erasure_id FROM erased_memories WHERE memory_id = $1)`
	firstErasures = `SELECT ` + erasureColumns + ` FROM erasures WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	dueErasures   = `SELECT id FROM erasures WHERE next_at <= $1 ORDER BY next_at, id LIMIT 100`
	wakeErasure   = `UPDATE erasures SET next_at = $2, updated_at = $2 WHERE id = $1 AND next_at IS NOT NULL`
	erasedOf      = `SELECT memory_id FROM erased_memories WHERE erasure_id = $1 AND project_id = $2 ORDER BY memory_id LIMIT $3`
)

func scanErasure(row scanner, x *memory.Erasure, more ...any) error {
	return row.Scan(append([]any{
		&x.ID, &x.ProjectID, text(&x.Scope.UserID), text(&x.Scope.AgentID), text(&x.Scope.AppID), text(&x.Scope.RunID),
		&x.Whole, text(&x.State), text(&x.Error),
		jsonColumn{&x.Counts},
		&x.By,
		timePtrColumn{&x.NextAt},
		timeColumn{&x.CreatedAt},
		timeColumn{&x.UpdatedAt},
		timePtrColumn{&x.FinishedAt},
	}, more...)...)
}

func (t *tx) insertErasure(x memory.Erasure, part string) error {
	return t.later(insertErasure, blob(x.ID), x.ProjectID,
		textOrNull(x.Scope.UserID), textOrNull(x.Scope.AgentID), textOrNull(x.Scope.AppID), textOrNull(x.Scope.RunID),
		x.Whole, string(x.State), textOrNull(x.Error), encode(x.Counts), x.By,
		microsOrNull(x.NextAt), micros(x.CreatedAt), micros(x.UpdatedAt), microsOrNull(x.FinishedAt), part)
}

func erasureLock(id uuid.UUID) string { return "erasure " + id.String() }

// memoryLock is taken by those who erase a memory: one that was deleted before is
// erased once.
func memoryLock(id uuid.UUID) string { return "memory " + id.String() }

func ofErasure(id uuid.UUID, err error) error {
	return fmt.Errorf("erasure %s: %w", delivery.FormatID(memory.ErasurePrefix, id), err)
}

// InsertErasure commits an erasure with the new event that deletes its memories.
func (db *DB) InsertErasure(ctx context.Context, x memory.Erasure, e memory.Event) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.insertErasure(x, partDelete); err != nil {
			return err
		}
		return t.insertEvent(e)
	})
}

// EraseMemories deletes memories, without a word of what they said, and notes that
// they are to be scrubbed.
func (db *DB) EraseMemories(ctx context.Context, g memory.ErasureGroup) (memory.Completed, error) {
	var done memory.Completed
	err := db.write(ctx, func(t *tx) error {
		done = memory.Completed{}
		x := g.Erasure
		if err := t.lock(erasureLock(x.ID)); err != nil {
			return err
		}
		if err := t.moveEvent(g.Event, g.Lease); err != nil {
			return err
		}
		var err error
		if g.New {
			err = t.insertErasure(x, partQuotes)
		} else {
			err = t.later(wakeErasure, blob(x.ID), micros(g.Event.UpdatedAt))
		}
		if err == nil {
			err = t.forgetEntity(g.Event)
		}
		if err != nil {
			return err
		}
		due, n, err := db.erase(t, x.ID, g.List, g.Event.UpdatedAt)
		if err == nil && g.New && n < len(g.List) {
			err = memory.ErrChanged // somebody else erased it at the same moment
		}
		done.Due = due
		return err
	})
	if err != nil {
		return done, ofErasure(g.Erasure.ID, err)
	}
	return done, nil
}

const (
	isErased     = `SELECT 1 FROM erased_memories WHERE memory_id = $1`
	insertErased = `INSERT INTO erased_memories (memory_id, project_id, erasure_id, user_id, agent_id, app_id, run_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (memory_id) DO UPDATE SET erasure_id = excluded.erasure_id, scrubbed_at = NULL`
	insertReceiver = `INSERT INTO erasure_receivers (erasure_id, memory_id, endpoint_id, project_id, sent, delivery_id, status, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	ofTheErasure = `UPDATE deliveries SET erasure_id = $2 WHERE id = $1`
	// itsEvents are the events that changed a memory: its messages belong to them.
	itsEvents = `(SELECT c.event_id FROM changes c WHERE c.memory_id = $1)`
	// sentTo counts the messages of a memory that each endpoint may have seen.
	sentTo = `SELECT d.endpoint_id, count(*) FROM messages m JOIN deliveries d ON d.event_id = m.event_id AND d.message_id = m.id
		WHERE m.event_id IN ` + itsEvents + ` AND m.memory_id = $1 AND d.erasure_id IS NULL AND (d.attempts > 0 OR d.status = 'sending')
		GROUP BY d.endpoint_id`
	// cancelWaiting ends what waits of a memory.
	cancelWaiting = `UPDATE deliveries SET status = 'canceled', reason = 'erased', detail = NULL, next_at = NULL, updated_at = $2, finished_at = $2
		WHERE event_id IN ` + itsEvents + ` AND status IN ('pending', 'held') AND erasure_id IS NULL
			AND message_id IN (SELECT m.id FROM messages m WHERE m.event_id IN ` + itsEvents + ` AND m.memory_id = $1)`
	addCounts = `SELECT counts FROM erasures WHERE id = $1`
)

// erase deletes memories or, of those that were deleted before, says again that they
// are to be forgotten. It returns what can be sent, and how many it took: those that
// are erased already are passed over.
func (db *DB) erase(t *tx, id uuid.UUID, list []memory.Erased, now time.Time) (due []delivery.Due, n int, err error) {
	canceled := 0
	// In one order, as all who lock several do.
	list = slices.SortedFunc(slices.Values(list), func(a, b memory.Erased) int { return bytes.Compare(a.Memory.ID[:], b.Memory.ID[:]) })
	// Messages of this group are to be found below, too.
	if err := t.storeMessages(); err != nil {
		return nil, 0, err
	}
	for _, d := range list {
		if err := t.lock(memoryLock(d.Memory.ID)); err != nil {
			return nil, n, err
		}
		if d.Live {
			t.count(d.Memory.ProjectID, countedMemories, -1)
		} else {
			var one int
			known, err := found(t.row(isErased, blob(d.Memory.ID)).Scan(&one))
			if err != nil {
				return nil, n, err
			}
			if known {
				continue
			}
		}
		sent, c, err := db.eraseOne(t, id, d, now)
		if err != nil {
			return nil, n, fmt.Errorf("memory %s: %w", d.Memory.ID, err)
		}
		due, n, canceled = append(due, sent...), n+1, canceled+c
	}
	return due, n, t.scrubbed(id, memory.ErasureCounts{Memories: n, Deliveries: canceled})
}

// scrubbed adds to what an erasure scrubbed.
func (t *tx) scrubbed(id uuid.UUID, more memory.ErasureCounts) error {
	if more == (memory.ErasureCounts{}) {
		return nil
	}
	var c memory.ErasureCounts
	if err := t.row(addCounts, blob(id)).Scan(jsonColumn{&c}); err != nil {
		return err
	}
	return t.later(`UPDATE erasures SET counts = $2 WHERE id = $1`, blob(id), encode(plus(c, more)))
}

func plus(a, b memory.ErasureCounts) memory.ErasureCounts {
	return memory.ErasureCounts{
		Memories: a.Memories + b.Memories, Changes: a.Changes + b.Changes, Messages: a.Messages + b.Messages, Deliveries: a.Deliveries + b.Deliveries,
		Attempts: a.Attempts + b.Attempts, Events: a.Events + b.Events, Answers: a.Answers + b.Answers,
	}
}

func (db *DB) eraseOne(t *tx, id uuid.UUID, d memory.Erased, now time.Time) (due []delivery.Due, canceled int, err error) {
	m := d.Memory
	if d.Live {
		blank := memory.Memory{ID: m.ID, ProjectID: m.ProjectID, Scope: m.Scope, Revision: m.Revision, CreatedAt: m.CreatedAt, UpdatedAt: now}
		c := memory.Change{ID: delivery.NewID(), EventID: id, Kind: memory.ChangeDelete, Memory: blank, At: now}
		if err := t.applyChange(memory.Event{ID: id, ProjectID: m.ProjectID}, c, false); err != nil {
			return nil, 0, err
		}
	}
	sent := map[uuid.UUID]int{}
	err = t.query(sentTo, []any{blob(m.ID)}, func(row scanner) error {
		var endpoint uuid.UUID
		var n int
		err := row.Scan(&endpoint, intColumn{&n})
		sent[endpoint] = n
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	n, err := t.exec(cancelWaiting, blob(m.ID), micros(now))
	if err != nil {
		return nil, 0, err
	}
	s := m.Scope
	err = t.later(insertErased, blob(m.ID), m.ProjectID, blob(id), textOrNull(s.UserID), textOrNull(s.AgentID), textOrNull(s.AppID), textOrNull(s.RunID))
	if err != nil {
		return nil, 0, err
	}
	due, err = db.tellErased(t, id, d.Message, sent)
	return due, int(n), err
}

// tellErased stores the message that a memory is to be forgotten, with a delivery for
// each endpoint, and who they are. A filter does not stand in the way of an endpoint
// that was sent the memory before.
func (db *DB) tellErased(t *tx, id uuid.UUID, m delivery.Message, sent map[uuid.UUID]int) ([]delivery.Due, error) {
	known, err := db.endpointsOf(t, m.ProjectID)
	if err != nil {
		return nil, err
	}
	endpoints := append([]delivery.Endpoint(nil), known...)
	for i := range endpoints {
		if sent[endpoints[i].ID] > 0 {
			endpoints[i].Filter = delivery.Filter{}
		}
	}
	t.insertMessage(m)
	var due []delivery.Due
	told := map[uuid.UUID]bool{}
	receiver := func(endpoint uuid.UUID, d delivery.Delivery) error {
		return t.later(insertReceiver, blob(id), blob(m.MemoryID), blob(endpoint), m.ProjectID, sent[endpoint], blobOrNull(d.ID), textOrNull(d.Status), textOrNull(d.Reason))
	}
	for i, d := range delivery.FanOut(m, endpoints) {
		if err := t.enqueue(d); err != nil {
			return nil, err
		}
		if err := t.later(ofTheErasure, blob(d.ID), blob(id)); err != nil {
			return nil, err
		}
		e := endpoints[i]
		if d.Status == delivery.Pending && e.Ready(m.CreatedAt) {
			due = append(due, delivery.Due{ProjectID: m.ProjectID, EndpointID: e.ID, DeliveryID: d.ID, PerSecond: e.RatePerSecond})
		}
		if d.Status == delivery.Skipped && sent[e.ID] == 0 {
			continue // it never had the memory and does not hear of its end
		}
		told[e.ID] = true
		if err := receiver(e.ID, d); err != nil {
			return nil, err
		}
	}
	for endpoint := range sent {
		if !told[endpoint] { // deleted since
			if err := receiver(endpoint, delivery.Delivery{}); err != nil {
				return nil, err
			}
		}
	}
	return due, nil
}

// DueErasures returns the erasures whose next group is due.
func (db *DB) DueErasures(ctx context.Context, now time.Time) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.query(ctx, dueErasures, []any{micros(now)}, collect(&ids))
	return ids, err
}

// Erasure returns an erasure.
func (db *DB) Erasure(ctx context.Context, projectID string, id uuid.UUID) (memory.Erasure, error) {
	x, err := db.erasure(ctx, oneErasure, projectID, id)
	if err != nil {
		return x, ofErasure(id, err)
	}
	return x, nil
}

// ErasureOf returns the erasure of a memory.
func (db *DB) ErasureOf(ctx context.Context, projectID string, memoryID uuid.UUID) (memory.Erasure, error) {
	x, err := db.erasure(ctx, erasureOf, projectID, memoryID)
	if err != nil {
		return x, fmt.Errorf("erasure of memory %s: %w", memoryID, err)
	}
	return x, nil
}

func (db *DB) erasure(ctx context.Context, query, projectID string, id uuid.UUID) (memory.Erasure, error) {
	var x memory.Erasure
	ok, err := found(scanErasure(db.row(ctx, query, blob(id), projectID), &x))
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	return x, err
}

// Erasures returns erasures, newest first.
func (db *DB) Erasures(ctx context.Context, projectID string, after uuid.UUID, limit int) ([]memory.Erasure, error) {
	var list []memory.Erasure
	err := db.query(ctx, firstErasures, []any{projectID, blob(orLast(after)), limit}, func(row scanner) error {
		var x memory.Erasure
		err := scanErasure(row, &x)
		list = append(list, x)
		return err
	})
	return list, err
}

// ErasedMemories returns the IDs of the memories of an erasure.
func (db *DB) ErasedMemories(ctx context.Context, projectID string, id uuid.UUID, limit int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.query(ctx, erasedOf, []any{blob(id), projectID, limit}, collect(&ids))
	return ids, err
}

// acknowledged is when the delivery of a receiver was first answered 2xx.
const acknowledged = `(SELECT min(a.started_at + a.duration_us) FROM attempts a
	WHERE a.delivery_id = erasure_receivers.delivery_id AND a.class IS NULL AND a.status_code BETWEEN 200 AND 299)`

const receivers = `SELECT memory_id, erasure_receivers.endpoint_id, n.name, n.url, n.deleted_at, sent, erasure_receivers.delivery_id,
		COALESCE(d.status, erasure_receivers.status), CASE WHEN d.id IS NULL THEN erasure_receivers.reason ELSE d.reason END,
		COALESCE(acknowledged_at, ` + acknowledged + `)
	FROM erasure_receivers JOIN endpoints n ON n.id = erasure_receivers.endpoint_id LEFT JOIN deliveries d ON d.id = erasure_receivers.delivery_id
	WHERE erasure_receivers.erasure_id = $1 AND erasure_receivers.project_id = $2 ORDER BY memory_id, erasure_receivers.endpoint_id LIMIT $3`

// settleReceivers notes what became of the erasures' deliveries of events, before
// they are pruned.
var settleReceivers = `UPDATE erasure_receivers SET acknowledged_at = ` + acknowledged + `,
		status = (SELECT d.status FROM deliveries d WHERE d.id = erasure_receivers.delivery_id),
		reason = (SELECT d.reason FROM deliveries d WHERE d.id = erasure_receivers.delivery_id)
	WHERE delivery_id IN (SELECT d.id FROM deliveries d WHERE d.erasure_id IS NOT NULL AND d.event_id ` + chunk + `)`

// Receivers returns who was told of an erasure, by memory.
func (db *DB) Receivers(ctx context.Context, projectID string, id uuid.UUID, limit int) ([]memory.Receiver, error) {
	var list []memory.Receiver
	err := db.query(ctx, receivers, []any{blob(id), projectID, limit}, func(row scanner) error {
		var r memory.Receiver
		err := row.Scan(&r.MemoryID, &r.EndpointID, &r.EndpointName, &r.EndpointURL, timePtrColumn{&r.DeletedAt}, intColumn{&r.Sent}, &r.DeliveryID,
			text(&r.Status), text(&r.Reason), timePtrColumn{&r.AcknowledgedAt})
		list = append(list, r)
		return err
	})
	return list, err
}

// previews count what is stored of a memory, in the order of what PreviewErasure scans.
const (
	previewMemory = `SELECT (SELECT count(*) FROM memories WHERE id = $1 AND project_id = $2), count(*) FROM changes WHERE memory_id = $1 AND project_id = $2`
	previewBodies = `SELECT count(*), count(DISTINCT m.event_id) FROM messages m WHERE m.event_id IN ` + itsEvents + ` AND m.memory_id = $1 AND m.scrubbed_at IS NULL`
	previewSent   = `SELECT count(CASE WHEN d.status IN ('pending', 'held', 'sending') THEN 1 END), count(DISTINCT CASE WHEN d.attempts > 0 OR d.status = 'sending' THEN d.endpoint_id END)
		FROM messages m JOIN deliveries d ON d.event_id = m.event_id AND d.message_id = m.id
		WHERE m.event_id IN ` + itsEvents + ` AND m.memory_id = $1 AND m.scrubbed_at IS NULL`
	previewAttempts = `SELECT count(*) FROM messages m JOIN deliveries d ON d.event_id = m.event_id AND d.message_id = m.id JOIN attempts a ON a.delivery_id = d.id
		WHERE m.event_id IN ` + itsEvents + ` AND m.memory_id = $1 AND m.scrubbed_at IS NULL AND a.response_body IS NOT NULL`
	previewEvents = `SELECT count(*) FROM events WHERE id IN ` + itsEvents + ` AND payload IS NOT NULL`
)

// PreviewErasure counts what the erasure of a memory would scrub.
func (db *DB) PreviewErasure(ctx context.Context, projectID string, memoryID uuid.UUID) (memory.ErasurePreview, error) {
	var p memory.ErasurePreview
	err := db.snapshot(ctx, func(q query) error {
		p = memory.ErasurePreview{}
		c, unused := &p.Counts, 0
		err := q(previewMemory, []any{blob(memoryID), projectID}, func(row scanner) error {
			return row.Scan(intColumn{&c.Memories}, intColumn{&c.Changes})
		})
		if err == nil && c.Memories+c.Changes == 0 {
			err = fmt.Errorf("memory %s: %w", memoryID, memory.ErrNotFound)
		}
		for _, count := range []struct {
			text string
			to   []any
		}{
			{previewBodies, []any{intColumn{&c.Messages}, intColumn{&unused}}},
			{previewSent, []any{intColumn{&c.Deliveries}, intColumn{&p.Endpoints}}},
			{previewAttempts, []any{intColumn{&c.Attempts}}},
			{previewEvents, []any{intColumn{&c.Events}}},
		} {
			if err == nil {
				err = q(count.text, []any{blob(memoryID)}, func(row scanner) error { return row.Scan(count.to...) })
			}
		}
		return err
	})
	return p, err
}

const (
	newestReceiptKey = `SELECT private FROM receipt_keys WHERE project_id = $1 ORDER BY id DESC LIMIT 1`
	receiptKeys      = `SELECT public FROM receipt_keys WHERE project_id = $1 ORDER BY id`
	insertReceiptKey = `INSERT INTO receipt_keys (id, project_id, public, private, created_at) VALUES ($1, $2, $3, $4, $5)`
)

// ReceiptKey returns what the project signs receipts with. It makes one at first, and
// when the last one was sealed with another key than the server has now.
func (db *DB) ReceiptKey(ctx context.Context, projectID string, now time.Time) (signing.Secret, error) {
	owner := []byte("receipts of " + projectID)
	open := func(row scanner) (signing.Secret, error) {
		var sealed []byte
		ok, err := found(row.Scan(&sealed))
		if !ok || err != nil {
			return signing.Secret{}, err
		}
		plain, err := db.sealer.Open(sealed, owner)
		if errors.Is(err, signing.ErrOtherKey) {
			return signing.Secret{}, nil
		}
		if err != nil {
			return signing.Secret{}, err
		}
		return signing.ParseSecret(string(plain))
	}
	key, err := open(db.row(ctx, newestReceiptKey, projectID))
	if err != nil || !key.IsZero() {
		return key, err
	}
	err = db.write(ctx, func(t *tx) error {
		if err := t.lock("receipt key " + projectID); err != nil {
			return err
		}
		if key, err = open(t.row(newestReceiptKey, projectID)); err != nil || !key.IsZero() {
			return err
		}
		key = signing.GenerateKeyPair()
		public, _ := key.Public()
		return t.later(insertReceiptKey, blob(delivery.NewID()), projectID, public.String(), db.sealer.Seal([]byte(key.Reveal()), owner), micros(now))
	})
	return key, err
}

// ReceiptKeys returns all that the project signed receipts with, oldest first.
func (db *DB) ReceiptKeys(ctx context.Context, projectID string) ([]signing.PublicKey, error) {
	var list []signing.PublicKey
	err := db.query(ctx, receiptKeys, []any{projectID}, func(row scanner) error {
		var s string
		if err := row.Scan(&s); err != nil {
			return err
		}
		key, err := signing.ParsePublicKey(s)
		list = append(list, key)
		return err
	})
	return list, err
}
