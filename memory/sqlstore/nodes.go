package sqlstore

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A Node is a server that shares the database with others. Its times are the
// database's, so that clocks that differ do no harm.
type Node struct {
	ID        uuid.UUID
	Name      string // for people
	Role      string
	Version   string
	StartedAt time.Time
	SeenAt    time.Time
}

// Beat notes that a node is alive, and returns the database's time. A node that is
// not there, or was taken for dead, is added.
func (db *DB) Beat(ctx context.Context, n Node) (time.Time, error) {
	now := db.dialect.clock()
	var at time.Time
	err := db.write(ctx, func(t *tx) error {
		t.changed()
		return t.row(`INSERT INTO nodes (id, name, role, version, started_at, seen_at) VALUES ($1, $2, $3, $4, `+now+`, `+now+`)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, version = excluded.version, seen_at = excluded.seen_at
			RETURNING seen_at`, blob(n.ID), n.Name, n.Role, n.Version).Scan(timeColumn{&at})
	})
	if err != nil {
		return at, fmt.Errorf("node %s: %w", n.ID, err)
	}
	return at, nil
}

// Nodes returns the nodes that are there, oldest first.
func (db *DB) Nodes(ctx context.Context) ([]Node, error) {
	var list []Node
	err := db.query(ctx, `SELECT id, name, role, version, started_at, seen_at FROM nodes ORDER BY started_at, id`, nil, func(row scanner) error {
		var n Node
		err := row.Scan(&n.ID, &n.Name, &n.Role, &n.Version, timeColumn{&n.StartedAt}, timeColumn{&n.SeenAt})
		list = append(list, n)
		return err
	})
	return list, err
}

// Leave removes a node that has nothing in its hands.
func (db *DB) Leave(ctx context.Context, id uuid.UUID) error {
	return db.write(ctx, func(t *tx) error {
		return t.later(`DELETE FROM nodes WHERE id = $1`, blob(id))
	})
}

// Reap removes the nodes that have been silent for so long, makes due what they had
// in their hands, and returns their IDs and how many rows that were.
func (db *DB) Reap(ctx context.Context, silent time.Duration) (dead []uuid.UUID, freed int, err error) {
	clock := db.dialect.clock()
	err = db.write(ctx, func(t *tx) error {
		dead, freed = nil, 0
		var now int64
		if err := t.row(`SELECT ` + clock).Scan(&now); err != nil {
			return err
		}
		err := t.query(`DELETE FROM nodes WHERE seen_at < $1 RETURNING id`, []any{now - silent.Microseconds()}, collect(&dead))
		if len(dead) > 0 {
			t.changed()
		}
		for i := 0; err == nil && i < len(dead); i++ {
			var n int
			if n, err = t.free(freeNodeEvents, freeNodeSending, now, blob(dead[i])); err == nil {
				_, err = t.exec(freeNodeAnswers, now-answerLease.Microseconds(), blob(dead[i]))
			}
			freed += n
		}
		return err
	})
	return dead, freed, err
}

// CheckSeal finds out whether the secrets in the database were sealed with this
// key: signing.ErrOtherKey. The first key that opens the database is the one.
func (db *DB) CheckSeal(ctx context.Context) error {
	var sealed string
	mark := base64.StdEncoding.EncodeToString(db.sealer.Seal([]byte(sealMark), []byte(sealMark)))
	err := db.write(ctx, func(t *tx) error {
		if err := t.later(`INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, sealMark, mark); err != nil {
			return err
		}
		return t.row(sealMarked, sealMark).Scan(&sealed)
	})
	if err != nil {
		return err
	}
	return db.opens(sealed)
}

// SealFits is CheckSeal without making this key the one of a database that has none.
func (db *DB) SealFits(ctx context.Context) error {
	var sealed string
	ok, err := db.one(ctx, sealMarked, []any{sealMark}, &sealed)
	if err != nil || !ok {
		return err
	}
	return db.opens(sealed)
}

// opens tries the key on a sealed mark.
func (db *DB) opens(sealed string) error {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return fmt.Errorf("mark %s: %w", sealMark, err)
	}
	_, err = db.sealer.Open(raw, []byte(sealMark))
	return err
}

const (
	sealMark   = "seal"
	sealMarked = `SELECT value FROM marks WHERE name = $1`
)

const (
	freeEvents      = `UPDATE events SET next_at = $1 WHERE next_at > $1`
	freeSending     = `UPDATE deliveries SET next_at = $1 WHERE next_at > $1 AND status = 'sending'`
	freeNodeEvents  = freeEvents + ` AND node_id = $2`
	freeNodeSending = freeSending + ` AND node_id = $2`
)

func (t *tx) free(events, sending string, args ...any) (int, error) {
	n, err := t.exec(events, args...)
	if err != nil {
		return 0, err
	}
	m, err := t.exec(sending, args...)
	return int(n + m), err
}

// Losses counts the changes that this node could not commit because the database was
// away. What they were about is still leased to it.
func (db *DB) Losses() int64 { return db.dialect.losses() }

// FreeEvents makes due the events that this node has in its hands. Those that it does
// complete then are refused and taken again, which costs their processing only.
func (db *DB) FreeEvents(ctx context.Context, now time.Time) (int, error) {
	var n int64
	err := db.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(freeNodeEvents, micros(now), blob(db.node))
		return err
	})
	return int(n), err
}

// FreeLeases makes everything due that the last run of this node had in its hands,
// and returns how many rows that were. That run must have ended. Without a node's
// ID nobody else may use the database.
func (db *DB) FreeLeases(ctx context.Context, now time.Time) (int, error) {
	n := 0
	err := db.write(ctx, func(t *tx) (err error) {
		if db.node == uuid.Nil {
			n, err = t.free(freeEvents, freeSending, micros(now))
		} else {
			n, err = t.free(freeNodeEvents, freeNodeSending, micros(now), blob(db.node))
		}
		return err
	})
	return n, err
}
