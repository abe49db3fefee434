package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

const eventColumns = `id, project_id, kind, status, user_id, agent_id, app_id, run_id, infer, payload, request,
	reason, error, tries, next_at, created_at, updated_at, started_at, completed_at, trace, writer`

func scanEvent(row scanner, e *memory.Event) error {
	return row.Scan(&e.ID, &e.ProjectID, text(&e.Kind), text(&e.Status),
		text(&e.Scope.UserID), text(&e.Scope.AgentID), text(&e.Scope.AppID), text(&e.Scope.RunID),
		&e.Infer, rawColumn{&e.Payload}, jsonColumn{&e.Request}, text(&e.Reason), text(&e.Error), intColumn{&e.Tries},
		timePtrColumn{&e.NextAt}, timeColumn{&e.CreatedAt}, timeColumn{&e.UpdatedAt},
		timePtrColumn{&e.StartedAt}, timePtrColumn{&e.CompletedAt}, text(&e.Trace), text(&e.Writer))
}

var newEvent = bulkOf(`INSERT INTO events (`+eventColumns+`, scope_key)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
	"uuid text text text text text text text boolean text text text text integer bigint bigint bigint bigint bigint text text bytea")

// InsertEvent commits a new event.
func (db *DB) InsertEvent(ctx context.Context, e memory.Event) error {
	return db.write(ctx, func(t *tx) error { return t.insertEvent(e) })
}

func (t *tx) insertEvent(e memory.Event) error {
	err := t.put(newEvent, eventArgs(e)...)
	if err == nil {
		t.count(e.ProjectID, string(e.Kind), 1)
	}
	return err
}

func eventArgs(e memory.Event) []any {
	var request any
	if e.NextAt != nil {
		request = encode(e.Request)
	}
	return []any{
		blob(e.ID), e.ProjectID, string(e.Kind), string(e.Status),
		textOrNull(e.Scope.UserID), textOrNull(e.Scope.AgentID), textOrNull(e.Scope.AppID), textOrNull(e.Scope.RunID),
		e.Infer, jsonOrNull(e.Payload), request, textOrNull(e.Reason), textOrNull(e.Error), e.Tries,
		microsOrNull(e.NextAt), micros(e.CreatedAt), micros(e.UpdatedAt), microsOrNull(e.StartedAt), microsOrNull(e.CompletedAt),
		textOrNull(e.Trace), textOrNull(e.Writer), turnKey(e),
	}
}

// turnKey is the scope in which the event waits for its turn, NULL when it does
// not wait.
func turnKey(e memory.Event) any {
	if e.Kind != memory.EventAdd || !e.Infer {
		return nil
	}
	key := e.Scope.Key(e.ProjectID)
	return key[:]
}

// itsTurn holds when no older event of the scope is unfinished, and none is being
// worked on. That a younger one is, can only be when an older one was accepted on
// another node at the same moment and came to light later. Now is $1.
const itsTurn = `NOT EXISTS (SELECT 1 FROM events o
	WHERE o.scope_key = events.scope_key AND o.next_at IS NOT NULL AND o.scope_key IS NOT NULL
		AND (o.id < events.id OR o.id > events.id AND o.status = 'RUNNING' AND o.next_at > $1))`

// ClaimEvents leases those of the events that are due and whose turn it is in
// their scope, marks them RUNNING and returns them, oldest first.
func (db *DB) ClaimEvents(ctx context.Context, ids []uuid.UUID, now, lease time.Time) ([]memory.Event, error) {
	ids = padded(ids)
	in := placeholders(4, len(ids))
	scopes := `SELECT DISTINCT encode(scope_key, 'hex') FROM events WHERE id IN (` + placeholders(1, len(ids)) + `) AND scope_key IS NOT NULL`
	claim := `UPDATE events SET status = 'RUNNING', next_at = $2, tries = tries + 1,
			started_at = COALESCE(started_at, $1), updated_at = $1, node_id = $3
		WHERE id IN (` + in + `) AND next_at <= $1 AND ` + itsTurn + ` RETURNING ` + eventColumns
	list := blobs(ids)
	args := append([]any{micros(now), micros(lease), blobOrNull(db.node)}, list...)
	var claimed []memory.Event
	err := db.write(ctx, func(t *tx) error {
		claimed = claimed[:0]
		if err := t.lockEach(scopes, list...); err != nil {
			return err
		}
		err := t.query(claim, args, func(row scanner) error {
			var e memory.Event
			err := scanEvent(row, &e)
			claimed = append(claimed, e)
			return err
		})
		if len(claimed) > 0 {
			t.changed()
		}
		return err
	})
	slices.SortFunc(claimed, func(a, b memory.Event) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return claimed, err
}

var finishEvent = bulkOf(`UPDATE events SET status = $3, reason = $4, error = $5, next_at = $6, updated_at = $7, completed_at = $8, request = NULL, tries = $9, started_at = $10
		WHERE id = $1 AND next_at = $2`, "uuid bigint text text text bigint bigint bigint integer bigint")

const (
	extendEvent = `UPDATE events SET next_at = $3, updated_at = $4, status = $5, reason = $6 WHERE id = $1 AND next_at = $2`
	nextInScope = `SELECT id FROM events WHERE scope_key = $1 AND next_at IS NOT NULL AND scope_key IS NOT NULL ORDER BY id LIMIT 1`
)

// CompleteEvent commits what an event did: its state, the memories, their
// history, the messages, and one delivery per message and endpoint.
func (db *DB) CompleteEvent(ctx context.Context, c memory.Completion) (memory.Completed, error) {
	var done memory.Completed
	err := db.write(ctx, func(t *tx) error {
		done = memory.Completed{}
		fresh, err := t.addFresh(c)
		if err != nil {
			return fmt.Errorf("event %s: %w", c.Event.ID, err)
		}
		if err := t.moveEvent(c.Event, c.Lease); err != nil {
			return fmt.Errorf("event %s: %w", c.Event.ID, err)
		}
		for _, change := range c.Changes {
			if err := t.applyChange(c.Event, change, fresh); err != nil {
				return fmt.Errorf("event %s: %s memory %s: %w", c.Event.ID, change.Kind, change.Memory.ID, err)
			}
		}
		if err := t.forgetEntity(c.Event); err != nil {
			return fmt.Errorf("event %s: %w", c.Event.ID, err)
		}
		due, err := db.fanOut(t, c.Event.ProjectID, c.Messages)
		if err != nil {
			return fmt.Errorf("event %s: %w", c.Event.ID, err)
		}
		done.Due = due
		if done.Events, err = t.nextTurn(c.Event); err == nil {
			t.countChanges(c.Event, c.Changes)
		}
		return err
	})
	return done, err
}

// addFresh adds the memories of an event that stores turns as they are, and tells
// whether it is one. Such events do not look first and do not wait for each other:
// a text that its scope has is refused here. That comes before anything else is
// written, so that a repeat does not undo the group.
func (t *tx) addFresh(c memory.Completion) (bool, error) {
	if c.Event.Infer || c.Event.Kind != memory.EventAdd {
		return false, nil
	}
	for _, change := range c.Changes {
		scope := change.Memory.Scope.Key(c.Event.ProjectID)
		key := fmt.Sprintf("text %x %s", scope, change.Memory.Hash())
		if t.texts[key] {
			return false, memory.ErrChanged
		}
		if err := t.lock(key); err != nil {
			return false, err
		}
		if err := t.mustPut(memory.ErrChanged, insertFreshMemory, memoryArgs(change.Memory)...); err != nil {
			return false, err
		}
		if t.texts == nil {
			t.texts = map[string]bool{}
		}
		t.texts[key] = true
	}
	return true, nil
}

func (t *tx) moveEvent(e memory.Event, lease time.Time) error {
	if lease.IsZero() {
		return t.insertEvent(e)
	}
	if e.Status.Final() {
		return t.mustPut(memory.ErrNotDue, finishEvent, blob(e.ID), micros(lease), string(e.Status), textOrNull(e.Reason), textOrNull(e.Error),
			microsOrNull(e.NextAt), micros(e.UpdatedAt), microsOrNull(e.CompletedAt), e.Tries, microsOrNull(e.StartedAt))
	}
	return t.must(memory.ErrNotDue, extendEvent, blob(e.ID), micros(lease), microsOrNull(e.NextAt), micros(e.UpdatedAt), string(e.Status), textOrNull(e.Reason))
}

// nextTurn returns the event of the scope that was waiting for this one.
func (t *tx) nextTurn(e memory.Event) ([]uuid.UUID, error) {
	key := turnKey(e)
	if key == nil || !e.Status.Final() {
		return nil, nil
	}
	var id uuid.UUID
	ok, err := found(t.row(nextInScope, key).Scan(&id))
	if !ok {
		return nil, err
	}
	return []uuid.UUID{id}, nil
}

// fanOut stores the messages and what each endpoint gets of them, and returns
// what can be sent. Messages about an event as a whole, or about categories, that
// no endpoint wants are not stored.
func (db *DB) fanOut(t *tx, projectID string, messages []delivery.Message) ([]delivery.Due, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	endpoints, err := db.endpointsOf(t, projectID)
	if err != nil {
		return nil, err
	}
	var due []delivery.Due
	for _, m := range messages {
		if (m.MemoryID == uuid.Nil || m.Type == delivery.MemoryCategorize) && !wanted(m, endpoints) {
			continue
		}
		sent, err := t.send(m, endpoints)
		if err != nil {
			return nil, err
		}
		due = append(due, sent...)
	}
	return due, nil
}

// send stores a message and a delivery for each endpoint, and returns what can be
// sent. Endpoints that are not well are left to the pump.
func (t *tx) send(m delivery.Message, endpoints []delivery.Endpoint) ([]delivery.Due, error) {
	t.insertMessage(m)
	var due []delivery.Due
	for i, d := range delivery.FanOut(m, endpoints) {
		if err := t.enqueue(d); err != nil {
			return nil, err
		}
		if e := endpoints[i]; d.Status == delivery.Pending && e.Ready(m.CreatedAt) {
			due = append(due, delivery.Due{ProjectID: m.ProjectID, EndpointID: e.ID, DeliveryID: d.ID, PerSecond: e.RatePerSecond})
		}
	}
	return due, nil
}

// enqueue stores a new delivery, with its turn where its endpoint keeps an order.
func (t *tx) enqueue(d delivery.Delivery) error {
	if d.Lane != uuid.Nil && d.Status != delivery.Skipped {
		if err := t.takeTurn(&d); err != nil {
			return fmt.Errorf("turn of delivery %s: %w", d.ID, err)
		}
	}
	if err := t.insertDelivery(d); err != nil {
		return fmt.Errorf("delivery %s: %w", d.ID, err)
	}
	return nil
}

func wanted(m delivery.Message, endpoints []delivery.Endpoint) bool {
	for _, e := range endpoints {
		if e.Wants(m) {
			return true
		}
	}
	return false
}

// DueEvents returns events that could be claimed, those longest due first.
func (db *DB) DueEvents(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.query(ctx, `SELECT id FROM events WHERE next_at <= $1 AND `+itsTurn+` ORDER BY next_at, id LIMIT $2`,
		[]any{micros(now), limit}, collect(&ids))
	return ids, err
}

// collect appends the only column of each row to a list.
func collect[T any](to *[]T) func(scanner) error {
	return func(row scanner) error {
		var v T
		if err := row.Scan(&v); err != nil {
			return err
		}
		*to = append(*to, v)
		return nil
	}
}

// Event returns an event with its changes, oldest first.
func (db *DB) Event(ctx context.Context, projectID string, id uuid.UUID) (memory.Event, []memory.Change, error) {
	var e memory.Event
	s, err := db.stmt(ctx, `SELECT `+eventColumns+` FROM events WHERE id = $1 AND project_id = $2`)
	if err != nil {
		return e, nil, err
	}
	ok, err := found(scanEvent(s.QueryRowContext(ctx, blob(id), projectID), &e))
	if err != nil {
		return e, nil, fmt.Errorf("event %s: %w", id, err)
	}
	if !ok {
		return e, nil, fmt.Errorf("event %s: %w", id, memory.ErrNotFound)
	}
	changes, err := db.ChangesOf(ctx, []uuid.UUID{id})
	return e, changes[id], err
}

// listedEvent is eventColumns without what may be large.
var listedEvent = strings.NewReplacer(
	"payload", fmt.Sprintf("CASE WHEN length(payload) <= %d THEN payload END", memory.MaxListedPayload),
	"request", "CAST(NULL AS TEXT)",
).Replace(eventColumns)

// Events returns a page of a project's events, newest first, and how many there
// are in all.
func (db *DB) Events(ctx context.Context, q memory.EventQuery) ([]memory.Event, int, error) {
	where := []string{"project_id = $1"}
	args := []any{q.ProjectID}
	and := func(cond string, v any) {
		args = append(args, v)
		where = append(where, fmt.Sprintf("%s $%d", cond, len(args)))
	}
	if q.Kind != "" {
		and("kind =", string(q.Kind))
	}
	if q.Status != "" {
		and("status =", string(q.Status))
	}
	if !q.From.IsZero() {
		and("created_at >=", micros(q.From))
	}
	if !q.To.IsZero() {
		and("created_at <", micros(q.To))
	}
	if len(args) == 1 {
		return db.allEvents(ctx, q)
	}
	cond := strings.Join(where, " AND ")
	var total int
	if _, err := db.one(ctx, `SELECT count(*) FROM events WHERE `+cond, args, &total); err != nil {
		return nil, 0, err
	}
	var list []memory.Event
	query := fmt.Sprintf(`SELECT %s FROM events WHERE %s ORDER BY id DESC LIMIT $%d OFFSET $%d`, listedEvent, cond, len(args)+1, len(args)+2)
	err := db.query(ctx, query, append(args, q.Limit, q.Offset), func(row scanner) error {
		var e memory.Event
		err := scanEvent(row, &e)
		list = append(list, e)
		return err
	})
	return list, total, err
}

// allEvents is Events without conditions: nothing is counted, and what is passed over
// is read in the index alone.
func (db *DB) allEvents(ctx context.Context, q memory.EventQuery) ([]memory.Event, int, error) {
	total, err := db.countedEvents(ctx, q.ProjectID)
	if err != nil || total <= q.Offset {
		return nil, total, err
	}
	part := eventList(memory.EventList{ProjectID: q.ProjectID}).part(`e.id`)
	var ids []uuid.UUID
	var args arguments
	text := db.ids(part, "", &args, eventsWhere, false, q.Limit) + ` OFFSET ` + strconv.Itoa(q.Offset)
	if err := db.ordered(ctx, text, args, collect(&ids)); err != nil || len(ids) == 0 {
		return nil, total, err
	}
	var values arguments
	var list []memory.Event
	err = db.queryOnce(ctx, `SELECT `+listedEvent+` FROM events WHERE `+db.among(&values, `id`, ids)+` ORDER BY id DESC`, values, func(row scanner) error {
		var e memory.Event
		err := scanEvent(row, &e)
		list = append(list, e)
		return err
	})
	return list, total, err
}
