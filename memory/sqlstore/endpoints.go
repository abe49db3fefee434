package sqlstore

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
	"memhook/signing"
)

type endpointList []delivery.Endpoint

const endpointColumns = `id, project_id, name, url, event_types, format, secrets, timeout_ms, schedule, created_at, updated_at,
	paused_at, disabled_at, deleted_at, hold_until_at, failing_at, last_success_at, failures`

// sealedSecret is a live secret as it is stored.
type sealedSecret struct {
	Sealed    string `json:"sealed"` // base64
	CreatedAt int64  `json:"created_at"`
	ExpiresAt *int64 `json:"expires_at,omitempty"`
}

func (db *DB) scanEndpoint(row scanner, e *delivery.Endpoint) error {
	var sealed []sealedSecret
	var schedule *retry.Schedule
	err := row.Scan(&e.ID, &e.ProjectID, &e.Name, &e.URL, jsonColumn{&e.EventTypes}, text(&e.Format), jsonColumn{&sealed},
		durationColumn{&e.Timeout, time.Millisecond}, jsonColumn{&schedule}, timeColumn{&e.CreatedAt}, timeColumn{&e.UpdatedAt},
		timePtrColumn{&e.PausedAt}, timePtrColumn{&e.DisabledAt}, timePtrColumn{&e.DeletedAt},
		timePtrColumn{&e.Health.HoldUntil}, timePtrColumn{&e.Health.FailingSince}, timePtrColumn{&e.Health.LastSuccessAt},
		intColumn{&e.Health.Failures})
	if err != nil {
		return err
	}
	e.Schedule = schedule
	e.Secrets, err = db.unseal(e.ID, sealed)
	return err
}

func (db *DB) seal(e delivery.Endpoint) string {
	list := make([]sealedSecret, len(e.Secrets))
	for i, s := range e.Secrets {
		sealed := db.sealer.Seal([]byte(s.Reveal()), e.ID[:])
		list[i] = sealedSecret{Sealed: base64.StdEncoding.EncodeToString(sealed), CreatedAt: micros(s.CreatedAt)}
		if s.ExpiresAt != nil {
			us := micros(*s.ExpiresAt)
			list[i].ExpiresAt = &us
		}
	}
	return encode(list)
}

func (db *DB) unseal(id uuid.UUID, list []sealedSecret) ([]delivery.LiveSecret, error) {
	secrets := make([]delivery.LiveSecret, len(list))
	for i, s := range list {
		sealed, err := base64.StdEncoding.DecodeString(s.Sealed)
		if err != nil {
			return nil, fmt.Errorf("secret of endpoint %s: %w", id, err)
		}
		plain, err := db.sealer.Open(sealed, id[:])
		if err != nil {
			return nil, fmt.Errorf("secret of endpoint %s: %w", id, err)
		}
		secret, err := signing.ParseSecret(string(plain))
		if err != nil {
			return nil, fmt.Errorf("secret of endpoint %s: %w", id, err)
		}
		secrets[i] = delivery.LiveSecret{Secret: secret, CreatedAt: time.UnixMicro(s.CreatedAt).UTC()}
		if s.ExpiresAt != nil {
			at := time.UnixMicro(*s.ExpiresAt).UTC()
			secrets[i].ExpiresAt = &at
		}
	}
	return secrets, nil
}

func scheduleOrNull(s *retry.Schedule) any {
	if s == nil {
		return nil
	}
	return encode(s)
}

// InsertEndpoint adds an endpoint.
func (db *DB) InsertEndpoint(ctx context.Context, e delivery.Endpoint) error {
	secrets := db.seal(e)
	return db.write(ctx, func(t *tx) error {
		var n int
		if err := t.row(`SELECT count(*) FROM endpoints WHERE project_id = $1 AND deleted_at IS NULL`, e.ProjectID).Scan(&n); err != nil {
			return err
		}
		if n >= delivery.MaxEndpoints {
			return delivery.ErrTooMany
		}
		_, err := t.exec(`INSERT INTO endpoints (`+endpointColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, NULL, NULL, 0)`,
			blob(e.ID), e.ProjectID, e.Name, e.URL, encode(e.EventTypes), string(e.Format), secrets, e.Timeout.Milliseconds(),
			scheduleOrNull(e.Schedule), micros(e.CreatedAt), micros(e.UpdatedAt),
			microsOrNull(e.PausedAt), microsOrNull(e.DisabledAt), microsOrNull(e.DeletedAt))
		t.endpoints = nil
		return err
	})
}

const oneEndpoint = `SELECT ` + endpointColumns + ` FROM endpoints WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL`

// UpdateEndpoint reads an endpoint, lets change alter it and writes it back.
func (db *DB) UpdateEndpoint(ctx context.Context, projectID string, id uuid.UUID, change func(*delivery.Endpoint) error) (delivery.Endpoint, error) {
	var e delivery.Endpoint
	err := db.write(ctx, func(t *tx) error {
		e = delivery.Endpoint{}
		ok, err := found(db.scanEndpoint(t.row(oneEndpoint, blob(id), projectID), &e))
		if err != nil {
			return err
		}
		if !ok {
			return delivery.ErrNotFound
		}
		if err := change(&e); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE endpoints SET name = $2, url = $3, event_types = $4, format = $5, secrets = $6, timeout_ms = $7,
				schedule = $8, updated_at = $9, paused_at = $10, disabled_at = $11, deleted_at = $12
			WHERE id = $1`,
			blob(id), e.Name, e.URL, encode(e.EventTypes), string(e.Format), db.seal(e), e.Timeout.Milliseconds(),
			scheduleOrNull(e.Schedule), micros(e.UpdatedAt), microsOrNull(e.PausedAt), microsOrNull(e.DisabledAt), microsOrNull(e.DeletedAt))
		t.endpoints = nil
		return err
	})
	if err != nil {
		return delivery.Endpoint{}, fmt.Errorf("endpoint %s: %w", delivery.FormatID(delivery.EndpointPrefix, id), err)
	}
	return e, nil
}

// Endpoint returns one endpoint of the project.
func (db *DB) Endpoint(ctx context.Context, projectID string, id uuid.UUID) (delivery.Endpoint, error) {
	var e delivery.Endpoint
	s, err := db.stmt(ctx, oneEndpoint)
	if err != nil {
		return e, err
	}
	ok, err := found(db.scanEndpoint(s.QueryRowContext(ctx, blob(id), projectID), &e))
	if err == nil && !ok {
		err = delivery.ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("endpoint %s: %w", delivery.FormatID(delivery.EndpointPrefix, id), err)
	}
	return e, nil
}

const projectEndpoints = `SELECT ` + endpointColumns + ` FROM endpoints WHERE project_id = $1 AND deleted_at IS NULL ORDER BY id`

// Endpoints returns the project's endpoints, oldest first.
func (db *DB) Endpoints(ctx context.Context, projectID string) ([]delivery.Endpoint, error) {
	var list []delivery.Endpoint
	err := db.query(ctx, projectEndpoints, []any{projectID}, func(row scanner) error {
		var e delivery.Endpoint
		err := db.scanEndpoint(row, &e)
		list = append(list, e)
		return err
	})
	return list, err
}

// subscriptions are the columns that decide who gets a message.
const subscriptions = `SELECT id, event_types, paused_at, disabled_at FROM endpoints WHERE project_id = $1 AND deleted_at IS NULL ORDER BY id`

// endpointsOf returns what fan-out needs of the project's endpoints, read once per
// group of changes.
func (db *DB) endpointsOf(t *tx, projectID string) (endpointList, error) {
	if list, ok := t.endpoints[projectID]; ok {
		return list, nil
	}
	list := endpointList{}
	err := t.query(subscriptions, []any{projectID}, func(row scanner) error {
		var e delivery.Endpoint
		err := row.Scan(&e.ID, jsonColumn{&e.EventTypes}, timePtrColumn{&e.PausedAt}, timePtrColumn{&e.DisabledAt})
		list = append(list, e)
		return err
	})
	if t.endpoints == nil {
		t.endpoints = map[string]endpointList{}
	}
	t.endpoints[projectID] = list
	return list, err
}
