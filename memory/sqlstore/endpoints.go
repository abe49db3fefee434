package sqlstore

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/retry"
	"memhook/signing"
)

type endpointList []delivery.Endpoint

const endpointColumns = `id, project_id, name, url, event_types, format, secrets, timeout_ms, schedule, created_at, updated_at,
	paused_at, disabled_at, deleted_at, hold_until_at, failing_at, last_success_at, failures,
	description, headers, filter, rate_per_second, key_pairs, paused_by, disabled_reason, last_failure_at, notice, breaker, probe_at, ordering`

// sealedSecret is a live secret as it is stored.
type sealedSecret struct {
	Sealed    string `json:"sealed"` // base64
	CreatedAt int64  `json:"created_at"`
	ExpiresAt *int64 `json:"expires_at,omitempty"`
}

func (db *DB) scanEndpoint(row scanner, e *delivery.Endpoint) error {
	var sealed, pairs []sealedSecret
	var headers string
	var schedule *retry.Schedule
	err := row.Scan(&e.ID, &e.ProjectID, &e.Name, &e.URL, jsonColumn{&e.EventTypes}, text(&e.Format), jsonColumn{&sealed},
		durationColumn{&e.Timeout, time.Millisecond}, jsonColumn{&schedule}, timeColumn{&e.CreatedAt}, timeColumn{&e.UpdatedAt},
		timePtrColumn{&e.PausedAt}, timePtrColumn{&e.DisabledAt}, timePtrColumn{&e.DeletedAt},
		timePtrColumn{&e.Health.HoldUntil}, timePtrColumn{&e.Health.FailingSince}, timePtrColumn{&e.Health.LastSuccessAt},
		intColumn{&e.Health.Failures},
		text(&e.Description), text(&headers), jsonColumn{&e.Filter}, &e.RatePerSecond, jsonColumn{&pairs},
		text(&e.PausedBy), text(&e.DisabledReason), timePtrColumn{&e.Health.LastFailureAt}, &e.Health.Notice,
		jsonColumn{&e.Health.Breaker}, ignored{}, text(&e.Order))
	if err != nil {
		return err
	}
	e.Order = cmp.Or(e.Order, delivery.Unordered)
	e.Schedule = schedule
	if e.Secrets, err = db.unseal(e.ID, sealed); err != nil {
		return err
	}
	if e.KeyPairs, err = db.unseal(e.ID, pairs); err != nil {
		return err
	}
	e.Headers, err = db.unsealHeaders(e.ID, headers)
	return err
}

// endpointArgs are the values of endpointColumns.
func (db *DB) endpointArgs(e delivery.Endpoint) []any {
	h := e.Health
	return []any{
		blob(e.ID), e.ProjectID, e.Name, e.URL, encode(e.EventTypes), string(e.Format), db.seal(e.ID, e.Secrets), e.Timeout.Milliseconds(),
		scheduleOrNull(e.Schedule), micros(e.CreatedAt), micros(e.UpdatedAt),
		microsOrNull(e.PausedAt), microsOrNull(e.DisabledAt), microsOrNull(e.DeletedAt),
		microsOrNull(h.HoldUntil), microsOrNull(h.FailingSince), microsOrNull(h.LastSuccessAt), h.Failures,
		textOrNull(e.Description), db.sealHeaders(e.ID, e.Headers), filterOrNull(e.Filter), e.RatePerSecond, textOrNull(db.seal(e.ID, e.KeyPairs)),
		textOrNull(e.PausedBy), textOrNull(e.DisabledReason), microsOrNull(h.LastFailureAt), int(h.Notice),
		breakerOrNull(h.Breaker), probeOrNull(h.Breaker), orderOrNull(e.Order),
	}
}

// seal returns the secrets as they are stored, "" for none.
func (db *DB) seal(id uuid.UUID, secrets []delivery.LiveSecret) string {
	if len(secrets) == 0 {
		return ""
	}
	list := make([]sealedSecret, len(secrets))
	for i, s := range secrets {
		sealed := db.sealer.Seal([]byte(s.Reveal()), id[:])
		list[i] = sealedSecret{Sealed: base64.StdEncoding.EncodeToString(sealed), CreatedAt: micros(s.CreatedAt)}
		if s.ExpiresAt != nil {
			us := micros(*s.ExpiresAt)
			list[i].ExpiresAt = &us
		}
	}
	return encode(list)
}

func (db *DB) unseal(id uuid.UUID, list []sealedSecret) ([]delivery.LiveSecret, error) {
	if len(list) == 0 {
		return nil, nil
	}
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

// sealHeaders returns custom headers as they are stored: sealed, because their
// values may be passwords.
func (db *DB) sealHeaders(id uuid.UUID, h delivery.Headers) any {
	if len(h) == 0 {
		return nil
	}
	return base64.StdEncoding.EncodeToString(db.sealer.Seal([]byte(encode(map[string]string(h))), id[:]))
}

func (db *DB) unsealHeaders(id uuid.UUID, stored string) (delivery.Headers, error) {
	if stored == "" {
		return nil, nil
	}
	sealed, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return nil, fmt.Errorf("headers of endpoint %s: %w", id, err)
	}
	plain, err := db.sealer.Open(sealed, id[:])
	if err != nil {
		return nil, fmt.Errorf("headers of endpoint %s: %w", id, err)
	}
	var h map[string]string
	if err := json.Unmarshal(plain, &h); err != nil {
		return nil, fmt.Errorf("headers of endpoint %s: %w", id, err)
	}
	return h, nil
}

func filterOrNull(f delivery.Filter) any {
	if f.IsZero() {
		return nil
	}
	return encode(f)
}

func orderOrNull(o delivery.Order) any {
	if o == delivery.Unordered {
		return nil
	}
	return textOrNull(o)
}

func breakerOrNull(b retry.Breaker) any {
	if b == (retry.Breaker{}) {
		return nil
	}
	return encode(b)
}

// InsertEndpoint adds an endpoint.
func (db *DB) InsertEndpoint(ctx context.Context, e delivery.Endpoint) error {
	args := db.endpointArgs(e)
	return db.write(ctx, func(t *tx) error {
		if err := t.lock("endpoints of " + e.ProjectID); err != nil {
			return err
		}
		var n int
		if err := t.row(`SELECT count(*) FROM endpoints WHERE project_id = $1 AND deleted_at IS NULL`, e.ProjectID).Scan(&n); err != nil {
			return err
		}
		if n >= delivery.MaxEndpoints {
			return delivery.ErrTooMany
		}
		_, err := t.exec(insertEndpoint, args...)
		t.endpoints = nil
		return err
	})
}

var insertEndpoint = `INSERT INTO endpoints (` + endpointColumns + `) VALUES (` + placeholders(1, 30) + `)`

const oneEndpoint = `SELECT ` + endpointColumns + ` FROM endpoints WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL`

// endpointLock is held by whoever changes an endpoint by what it reads of it.
func endpointLock(id uuid.UUID) string { return "endpoint " + id.String() }

// updateEndpoint takes the arguments of insertEndpoint.
const updateEndpoint = `UPDATE endpoints SET project_id = $2, name = $3, url = $4, event_types = $5, format = $6, secrets = $7, timeout_ms = $8,
		schedule = $9, created_at = $10, updated_at = $11, paused_at = $12, disabled_at = $13, deleted_at = $14, hold_until_at = $15,
		failing_at = $16, last_success_at = $17, failures = $18, description = $19, headers = $20, filter = $21, rate_per_second = $22,
		key_pairs = $23, paused_by = $24, disabled_reason = $25, last_failure_at = $26, notice = $27, breaker = $28, probe_at = $29, ordering = $30
	WHERE id = $1`

// UpdateEndpoint reads an endpoint, lets change alter it and writes it back.
func (db *DB) UpdateEndpoint(ctx context.Context, projectID string, id uuid.UUID, change func(*delivery.Endpoint) error) (delivery.Endpoint, error) {
	var e delivery.Endpoint
	err := db.write(ctx, func(t *tx) error {
		if err := t.lock(endpointLock(id)); err != nil {
			return err
		}
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
		_, err = t.exec(updateEndpoint, db.endpointArgs(e)...)
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
const subscriptions = `SELECT id, event_types, filter, rate_per_second, paused_at, disabled_at, hold_until_at, breaker, ordering FROM endpoints WHERE project_id = $1 AND deleted_at IS NULL ORDER BY id`

// endpointsOf returns what fan-out needs of the project's endpoints, read once per
// group of changes.
func (db *DB) endpointsOf(t *tx, projectID string) (endpointList, error) {
	if list, ok := t.endpoints[projectID]; ok {
		return list, nil
	}
	list := endpointList{}
	err := t.query(subscriptions, []any{projectID}, func(row scanner) error {
		var e delivery.Endpoint
		err := row.Scan(&e.ID, jsonColumn{&e.EventTypes}, jsonColumn{&e.Filter}, &e.RatePerSecond, timePtrColumn{&e.PausedAt}, timePtrColumn{&e.DisabledAt},
			timePtrColumn{&e.Health.HoldUntil}, jsonColumn{&e.Health.Breaker}, text(&e.Order))
		list = append(list, e)
		return err
	})
	if t.endpoints == nil {
		t.endpoints = map[string]endpointList{}
	}
	t.endpoints[projectID] = list
	return list, err
}
