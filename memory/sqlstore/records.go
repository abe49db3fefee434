package sqlstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"memhook/delivery"
)

const (
	oneDelivery = `SELECT ` + trailColumns + `, m.type, n.name, n.url
		FROM deliveries d JOIN messages m ON m.id = d.message_id JOIN endpoints n ON n.id = d.endpoint_id
		WHERE d.id = $1 AND d.project_id = $2`
	oneAttempt = `SELECT ` + attemptColumns + ` FROM attempts WHERE delivery_id = $1 AND number = $2
		AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id = $1 AND d.project_id = $3)`
	itsAttempts = `SELECT ` + attemptColumns + ` FROM attempts WHERE delivery_id = $1 ORDER BY number`
)

// Trail returns one delivery with its attempts, as they were at one moment.
func (db *DB) Trail(ctx context.Context, projectID string, id uuid.UUID) (delivery.Trail, error) {
	var t delivery.Trail
	err := db.snapshot(ctx, func(q query) error {
		t = delivery.Trail{}
		there := false
		err := q(oneDelivery, []any{blob(id), projectID}, func(row scanner) error {
			there = true
			return row.Scan(append(deliveryFields(&t.Delivery), &t.MessageType, &t.EndpointName, &t.EndpointURL)...)
		})
		if err == nil && !there {
			err = delivery.ErrNotFound
		}
		if err != nil {
			return err
		}
		return q(itsAttempts, []any{blob(id)}, func(row scanner) error {
			var a delivery.Attempt
			err := scanAttempt(row, &a)
			t.List = append(t.List, a)
			return err
		})
	})
	if err != nil {
		return t, fmt.Errorf("delivery %s: %w", delivery.FormatID(delivery.DeliveryPrefix, id), err)
	}
	return t, nil
}

// Attempt returns one attempt of a delivery.
func (db *DB) Attempt(ctx context.Context, projectID string, deliveryID uuid.UUID, number int) (delivery.Attempt, error) {
	var a delivery.Attempt
	ok, err := found(scanAttempt(db.row(ctx, oneAttempt, blob(deliveryID), number, projectID), &a))
	if err == nil && !ok {
		err = delivery.ErrNotFound
	}
	if err != nil {
		return a, fmt.Errorf("attempt %d of delivery %s: %w", number, delivery.FormatID(delivery.DeliveryPrefix, deliveryID), err)
	}
	return a, nil
}

const messageColumns = `id, project_id, event_id, memory_id, type, body, created_at`

func scanMessage(row scanner, m *delivery.Message) error {
	return row.Scan(&m.ID, &m.ProjectID, &m.EventID, &m.MemoryID, &m.Type, &m.Body, timeColumn{&m.CreatedAt})
}

// Message returns one message.
func (db *DB) Message(ctx context.Context, projectID string, id uuid.UUID) (delivery.Message, error) {
	var m delivery.Message
	ok, err := found(scanMessage(db.row(ctx, `SELECT `+messageColumns+` FROM messages WHERE id = $1 AND project_id = $2`, blob(id), projectID), &m))
	if err == nil && !ok {
		err = delivery.ErrNotFound
	}
	if err != nil {
		return m, fmt.Errorf("message %s: %w", delivery.FormatID(delivery.MessagePrefix, id), err)
	}
	return m, nil
}

// last is the greatest UUID: a list that begins after it begins at its start.
var last = uuid.UUID{
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
}

func orLast(id uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return last
	}
	return id
}

// Messages returns messages, newest first.
func (db *DB) Messages(ctx context.Context, projectID string, eventID, after uuid.UUID, limit int) ([]delivery.Message, error) {
	query := `SELECT ` + messageColumns + ` FROM messages WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	args := []any{projectID, blob(orLast(after)), limit}
	if eventID != uuid.Nil {
		query = `SELECT ` + messageColumns + ` FROM messages WHERE project_id || '' = $1 AND id < $2 AND event_id = $4 ORDER BY id DESC LIMIT $3`
		args = append(args, blob(eventID))
	}
	var list []delivery.Message
	err := db.query(ctx, query, args, func(row scanner) error {
		var m delivery.Message
		err := scanMessage(row, &m)
		list = append(list, m)
		return err
	})
	return list, err
}

const auditColumns = `id, project_id, at, actor, actor_hint, action, subject, detail`

// InsertAudit adds an audit entry.
func (db *DB) InsertAudit(ctx context.Context, a delivery.AuditEntry) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO audit (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			blob(a.ID), a.ProjectID, micros(a.At), a.Actor, textOrNull(a.ActorHint), a.Action, a.Subject, textOrNull(a.Detail))
		return err
	})
}

// Audit returns audit entries, newest first.
func (db *DB) Audit(ctx context.Context, projectID, subject string, after uuid.UUID, limit int) ([]delivery.AuditEntry, error) {
	query := `SELECT ` + auditColumns + ` FROM audit WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	args := []any{projectID, blob(orLast(after)), limit}
	if subject != "" {
		query = `SELECT ` + auditColumns + ` FROM audit WHERE project_id = $1 AND subject = $4 AND id < $2 ORDER BY id DESC LIMIT $3`
		args = append(args, subject)
	}
	var list []delivery.AuditEntry
	err := db.query(ctx, query, args, func(row scanner) error {
		var a delivery.AuditEntry
		err := row.Scan(&a.ID, &a.ProjectID, timeColumn{&a.At}, &a.Actor, text(&a.ActorHint), &a.Action, &a.Subject, text(&a.Detail))
		list = append(list, a)
		return err
	})
	return list, err
}
