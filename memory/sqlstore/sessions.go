package sqlstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"memhook/memory"
	"memhook/signing/apikey"
)

// formLife is how long a form that was sent is remembered.
const formLife = 24 * time.Hour

const sessionColumns = `id, key_hash, created_at, seen_at, proved_at, shown, shown_until_at`

type hashColumn struct{ to *[sha256.Size]byte }

func (c hashColumn) Scan(v any) error {
	raw, ok := v.([]byte)
	if !ok || len(raw) != len(c.to) {
		return fmt.Errorf("column is %T, want a hash", v)
	}
	copy(c.to[:], raw)
	return nil
}

func scanSession(row scanner, s *apikey.Session) error {
	return row.Scan(hashColumn{&s.ID}, hashColumn{&s.KeyHash}, timeColumn{&s.CreatedAt}, timeColumn{&s.SeenAt},
		timeColumn{&s.ProvedAt}, text(&s.Shown), timeColumn{&s.ShownUntil})
}

// InsertSession adds a session, and removes those that are over.
func (db *DB) InsertSession(ctx context.Context, s apikey.Session) error {
	return db.write(ctx, func(t *tx) error {
		now := s.CreatedAt
		if _, err := t.exec(`DELETE FROM sessions WHERE seen_at <= $1 OR created_at <= $2`,
			micros(now.Add(-apikey.SessionIdle)), micros(now.Add(-apikey.SessionLife))); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM forms WHERE created_at <= $1`, micros(now.Add(-formLife))); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO sessions (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			s.ID[:], s.KeyHash[:], micros(s.CreatedAt), micros(s.SeenAt), micros(s.ProvedAt), textOrNull(s.Shown), shownUntil(s))
		return err
	})
}

func shownUntil(s apikey.Session) any {
	if s.Shown == "" {
		return nil
	}
	return micros(s.ShownUntil)
}

// Session returns a session, over or not. memory.ErrNotFound.
func (db *DB) Session(ctx context.Context, id [sha256.Size]byte) (apikey.Session, error) {
	var s apikey.Session
	stmt, err := db.stmt(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`)
	if err != nil {
		return s, err
	}
	ok, err := found(scanSession(stmt.QueryRowContext(ctx, id[:]), &s))
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	if err != nil {
		return s, fmt.Errorf("session: %w", err)
	}
	return s, nil
}

// UpdateSession reads a session, lets change alter it and writes it back. change
// may run more than once. memory.ErrNotFound.
func (db *DB) UpdateSession(ctx context.Context, id [sha256.Size]byte, change func(*apikey.Session)) error {
	return db.write(ctx, func(t *tx) error {
		var s apikey.Session
		ok, err := found(scanSession(t.row(`SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id[:]), &s))
		if err != nil {
			return err
		}
		if !ok {
			return memory.ErrNotFound
		}
		change(&s)
		_, err = t.exec(`UPDATE sessions SET seen_at = $2, proved_at = $3, shown = $4, shown_until_at = $5 WHERE id = $1`,
			id[:], micros(s.SeenAt), micros(s.ProvedAt), textOrNull(s.Shown), shownUntil(s))
		return err
	})
}

// DeleteSession ends a session. One that is gone already is no error.
func (db *DB) DeleteSession(ctx context.Context, id [sha256.Size]byte) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE id = $1`, id[:])
		return err
	})
}

// InsertLoginLink adds a link that signs one browser in as the key with the hash
// before until. id is the hash of its token. Links that are over are removed.
func (db *DB) InsertLoginLink(ctx context.Context, id, key [sha256.Size]byte, until time.Time) error {
	return db.write(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM login_links WHERE until_at <= $1`, micros(until.Add(-apikey.LinkLife))); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO login_links (id, key_hash, until_at) VALUES ($1, $2, $3)`, id[:], key[:], micros(until))
		return err
	})
}

// TakeLoginLink returns the key's hash of a link, which is then used up.
// memory.ErrNotFound when there is none that is good at now.
func (db *DB) TakeLoginLink(ctx context.Context, id [sha256.Size]byte, now time.Time) (key [sha256.Size]byte, err error) {
	err = db.write(ctx, func(t *tx) error {
		var until time.Time
		ok, err := found(t.row(`DELETE FROM login_links WHERE id = $1 RETURNING key_hash, until_at`, id[:]).
			Scan(hashColumn{&key}, timeColumn{&until}))
		t.changed()
		if err != nil {
			return err
		}
		if !ok || !now.Before(until) {
			key = [sha256.Size]byte{}
		}
		return nil
	})
	if err == nil && key == [sha256.Size]byte{} {
		err = memory.ErrNotFound
	}
	return key, err
}

// BeginForm notes that the work of a form goes on. When it was begun before it
// returns false, with where the answer led; "" while the work is still going on.
func (db *DB) BeginForm(ctx context.Context, id [sha256.Size]byte, now time.Time) (went string, fresh bool, err error) {
	err = db.write(ctx, func(t *tx) error {
		went, fresh = "", false
		n, err := t.exec(`INSERT INTO forms (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id[:], micros(now))
		if err != nil || n == 1 {
			fresh = n == 1
			return err
		}
		return t.row(`SELECT went FROM forms WHERE id = $1`, id[:]).Scan(text(&went))
	})
	return went, fresh, err
}

// EndForm notes where the answer to a form led; "" forgets the form, so that it
// can be sent again.
func (db *DB) EndForm(ctx context.Context, id [sha256.Size]byte, went string) error {
	return db.write(ctx, func(t *tx) error {
		if went == "" {
			_, err := t.exec(`DELETE FROM forms WHERE id = $1`, id[:])
			return err
		}
		_, err := t.exec(`UPDATE forms SET went = $2 WHERE id = $1`, id[:], went)
		return err
	})
}
