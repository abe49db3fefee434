package sqlstore

import (
	"context"
	"fmt"
	"time"

	"memhook/memory"
	"memhook/signing/apikey"
)

const keyColumns = `id, project_id, name, scope, hash, hint, created_at, revoked_at, last_used_at`

func scanKey(row scanner, k *apikey.Key) error {
	var hash []byte
	err := row.Scan(&k.ID, &k.ProjectID, &k.Name, text(&k.Scope), &hash, &k.Hint, timeColumn{&k.CreatedAt},
		timePtrColumn{&k.RevokedAt}, timePtrColumn{&k.LastUsedAt})
	copy(k.Hash[:], hash)
	return err
}

func (t *tx) insertKey(k apikey.Key) error {
	_, err := t.exec(`INSERT INTO api_keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		k.ID, k.ProjectID, k.Name, string(k.Scope), k.Hash[:], k.Hint, micros(k.CreatedAt), microsOrNull(k.RevokedAt), microsOrNull(k.LastUsedAt))
	if err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	return nil
}

// InsertKey adds a key to a project.
func (db *DB) InsertKey(ctx context.Context, k apikey.Key) error {
	return db.write(ctx, func(t *tx) error { return t.insertKey(k) })
}

// Key returns the live key with the hash (apikey.Hash). memory.ErrNotFound.
func (db *DB) Key(ctx context.Context, hash [32]byte) (apikey.Key, error) {
	var k apikey.Key
	ok, err := found(scanKey(db.row(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE hash = $1 AND revoked_at IS NULL`, hash[:]), &k))
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	if err != nil {
		return k, fmt.Errorf("key: %w", err)
	}
	return k, nil
}

// Keys returns the project's keys, oldest first, revoked ones too.
func (db *DB) Keys(ctx context.Context, projectID string) ([]apikey.Key, error) {
	var list []apikey.Key
	err := db.query(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE project_id = $1 ORDER BY created_at, id`, []any{projectID}, func(row scanner) error {
		var k apikey.Key
		err := scanKey(row, &k)
		list = append(list, k)
		return err
	})
	return list, err
}

// RevokeKey ends a key and returns it; one that has ended stays as it is.
// memory.ErrNotFound; memory.ErrLastKey for the project's last live admin key.
func (db *DB) RevokeKey(ctx context.Context, projectID, id string, at time.Time) (apikey.Key, error) {
	var k apikey.Key
	err := db.write(ctx, func(t *tx) error {
		if err := t.lock("keys " + projectID); err != nil {
			return err
		}
		k = apikey.Key{}
		ok, err := found(scanKey(t.row(`SELECT `+keyColumns+` FROM api_keys WHERE id = $1 AND project_id = $2`, id, projectID), &k))
		switch {
		case err != nil:
			return err
		case !ok:
			return memory.ErrNotFound
		case k.RevokedAt != nil:
			return nil
		}
		var others int
		if err := t.row(`SELECT count(*) FROM api_keys WHERE project_id = $1 AND scope = 'admin' AND revoked_at IS NULL AND id <> $2`,
			projectID, id).Scan(&others); err != nil {
			return err
		}
		if others == 0 && k.Scope == apikey.Admin {
			return memory.ErrLastKey
		}
		at := at.UTC().Truncate(time.Microsecond)
		k.RevokedAt = &at
		_, err = t.exec(`UPDATE api_keys SET revoked_at = $2 WHERE id = $1`, id, micros(at))
		return err
	})
	if err != nil {
		return apikey.Key{}, fmt.Errorf("key %s: %w", id, err)
	}
	return k, nil
}

// KeyUsed notes that a key was used at a time.
func (db *DB) KeyUsed(ctx context.Context, id string, at time.Time) error {
	return db.write(ctx, func(t *tx) error {
		return t.later(`UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)`, id, micros(at))
	})
}
