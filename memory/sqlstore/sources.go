package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/signing/inbound"
)

const sourceColumns = `id, project_id, name, verification, header, secret, token, window_us, created_at, updated_at, paused_at`

// What a sealed value of a source is for; sealed for one, it does not open as the
// other.
const (
	sourceSecret = "secret"
	sourceToken  = "token"
)

func sourceOwner(id uuid.UUID, what string) []byte { return append(id[:], what...) }

func (db *DB) sealSource(id uuid.UUID, what string, s inbound.Secret) any {
	if s.IsZero() {
		return nil
	}
	return db.sealer.Seal([]byte(s.Reveal()), sourceOwner(id, what))
}

func (db *DB) unsealSource(id uuid.UUID, what string, sealed []byte) (inbound.Secret, error) {
	if sealed == nil {
		return inbound.Secret{}, nil
	}
	plain, err := db.sealer.Open(sealed, sourceOwner(id, what))
	if err != nil {
		return inbound.Secret{}, fmt.Errorf("%s of source %s: %w", what, id, err)
	}
	return inbound.ParseSecret(string(plain))
}

func (db *DB) scanSource(row scanner, s *memory.Source) error {
	var secret, token []byte
	err := row.Scan(&s.ID, &s.ProjectID, &s.Name, text(&s.Verification), text(&s.Header), &secret, &token,
		durationColumn{&s.Window, time.Microsecond}, timeColumn{&s.CreatedAt}, timeColumn{&s.UpdatedAt}, timePtrColumn{&s.PausedAt})
	if err != nil {
		return err
	}
	if s.Secret, err = db.unsealSource(s.ID, sourceSecret, secret); err != nil {
		return err
	}
	s.Token, err = db.unsealSource(s.ID, sourceToken, token)
	return err
}

// InsertSource adds a source.
func (db *DB) InsertSource(ctx context.Context, s memory.Source) error {
	secret, token := db.sealSource(s.ID, sourceSecret, s.Secret), db.sealSource(s.ID, sourceToken, s.Token)
	hash := memory.SourceToken(s.Token.Reveal())
	return db.write(ctx, func(t *tx) error {
		var n int
		if err := t.row(`SELECT count(*) FROM sources WHERE project_id = $1`, s.ProjectID).Scan(&n); err != nil {
			return err
		}
		if n >= memory.MaxSources {
			return memory.ErrTooManySources
		}
		_, err := t.exec(`INSERT INTO sources (`+sourceColumns+`, token_hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			blob(s.ID), s.ProjectID, s.Name, string(s.Verification), textOrNull(s.Header), secret, token, s.Window.Microseconds(),
			micros(s.CreatedAt), micros(s.UpdatedAt), microsOrNull(s.PausedAt), hash[:])
		return err
	})
}

const (
	oneSource     = `SELECT ` + sourceColumns + ` FROM sources WHERE id = $1 AND project_id = $2`
	sourceByToken = `SELECT ` + sourceColumns + ` FROM sources WHERE token_hash = $1
		AND EXISTS (SELECT 1 FROM projects p WHERE p.id = sources.project_id AND p.deleted_at IS NULL)`
)

func sourceError(id uuid.UUID, err error) error {
	return fmt.Errorf("source %s: %w", delivery.FormatID(memory.SourcePrefix, id), err)
}

// UpdateSource reads a source, lets change alter it and writes it back.
func (db *DB) UpdateSource(ctx context.Context, projectID string, id uuid.UUID, change func(*memory.Source) error) (memory.Source, error) {
	var s memory.Source
	err := db.write(ctx, func(t *tx) error {
		s = memory.Source{}
		ok, err := found(db.scanSource(t.row(oneSource, blob(id), projectID), &s))
		if err != nil {
			return err
		}
		if !ok {
			return memory.ErrNotFound
		}
		if err := change(&s); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE sources SET name = $2, verification = $3, header = $4, secret = $5, window_us = $6, updated_at = $7, paused_at = $8
			WHERE id = $1`,
			blob(id), s.Name, string(s.Verification), textOrNull(s.Header), db.sealSource(id, sourceSecret, s.Secret),
			s.Window.Microseconds(), micros(s.UpdatedAt), microsOrNull(s.PausedAt))
		return err
	})
	if err != nil {
		return memory.Source{}, sourceError(id, err)
	}
	return s, nil
}

// DeleteSource removes a source. What it has sent is forgotten by itself.
func (db *DB) DeleteSource(ctx context.Context, projectID string, id uuid.UUID) error {
	err := db.write(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM sources WHERE id = $1 AND project_id = $2`, blob(id), projectID)
		if err == nil && n == 0 {
			return memory.ErrNotFound
		}
		return err
	})
	if err != nil {
		return sourceError(id, err)
	}
	return nil
}

// Source returns one source of the project.
func (db *DB) Source(ctx context.Context, projectID string, id uuid.UUID) (memory.Source, error) {
	s, err := db.source(ctx, oneSource, blob(id), projectID)
	if err != nil {
		return s, sourceError(id, err)
	}
	return s, nil
}

// SourceByToken returns the source whose memory.SourceToken has the hash.
func (db *DB) SourceByToken(ctx context.Context, hash [32]byte) (memory.Source, error) {
	s, err := db.source(ctx, sourceByToken, hash[:])
	if err != nil {
		return s, fmt.Errorf("source: %w", err)
	}
	return s, nil
}

func (db *DB) source(ctx context.Context, query string, args ...any) (memory.Source, error) {
	var s memory.Source
	stmt, err := db.stmt(ctx, query)
	if err != nil {
		return s, err
	}
	ok, err := found(db.scanSource(stmt.QueryRowContext(ctx, args...), &s))
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	return s, err
}

// Sources returns the project's sources, oldest first.
func (db *DB) Sources(ctx context.Context, projectID string) ([]memory.Source, error) {
	var list []memory.Source
	query := `SELECT ` + sourceColumns + ` FROM sources WHERE project_id = $1 ORDER BY id`
	err := db.query(ctx, query, []any{projectID}, func(row scanner) error {
		var s memory.Source
		err := db.scanSource(row, &s)
		list = append(list, s)
		return err
	})
	return list, err
}

const (
	// claimSeen returns a row unless the source sent the same within its window.
	claimSeen = `INSERT INTO source_seen (source_id, key, event_id, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (source_id, key) DO UPDATE SET event_id = excluded.event_id, expires_at = excluded.expires_at
		WHERE source_seen.expires_at <= $5 RETURNING event_id`
	firstSeen = `SELECT event_id FROM source_seen WHERE source_id = $1 AND key = $2`
)

// InsertRelay commits what a source sent, unless it is a repeat.
func (db *DB) InsertRelay(ctx context.Context, r memory.Relay) (memory.Relayed, error) {
	var done memory.Relayed
	err := db.write(ctx, func(t *tx) error {
		done = memory.Relayed{}
		first, err := t.firstOf(r)
		if err != nil {
			return err
		}
		if done.EventID = first; first != r.Event.ID {
			done.Duplicate = true
			return nil
		}
		if err := t.insertEvent(r.Event); err != nil {
			return err
		}
		endpoints, err := db.endpointsOf(t, r.Event.ProjectID)
		if err != nil {
			return err
		}
		done.Due, err = t.send(r.Message, endpoints)
		return err
	})
	return done, err
}

// firstOf returns the event that a request became: its own, or that of the first
// one when it is a repeat.
func (t *tx) firstOf(r memory.Relay) (uuid.UUID, error) {
	if r.Key == nil {
		return r.Event.ID, nil
	}
	var first uuid.UUID
	ok, err := found(t.row(claimSeen, blob(r.SourceID), r.Key, blob(r.Event.ID), micros(r.Expires), micros(r.Event.CreatedAt)).Scan(&first))
	if err != nil {
		return first, err
	}
	if ok {
		t.changed()
		return first, nil
	}
	err = t.row(firstSeen, blob(r.SourceID), r.Key).Scan(&first)
	return first, err
}

// PruneSeen forgets up to PruneGroup requests of sources whose window is over, and
// returns how many.
func (db *DB) PruneSeen(ctx context.Context, now time.Time) (int, error) {
	n := 0
	err := db.write(ctx, func(t *tx) error {
		n = 0
		type row struct{ source, key []byte }
		var old []row
		err := t.query(`SELECT source_id, key FROM source_seen WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`,
			[]any{micros(now), PruneGroup}, func(r scanner) error {
				var source uuid.UUID
				var key []byte
				err := r.Scan(&source, &key)
				old = append(old, row{blob(source), slices.Clone(key)})
				return err
			})
		if err != nil {
			return err
		}
		for _, r := range old {
			if _, err := t.exec(`DELETE FROM source_seen WHERE source_id = $1 AND key = $2`, r.source, r.key); err != nil {
				return err
			}
		}
		n = len(old)
		return nil
	})
	return n, err
}
