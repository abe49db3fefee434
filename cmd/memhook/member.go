package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"memhook/memory/sqlstore"
)

const (
	beatEvery = time.Second
	// deadAfter is how long a node may be silent before the others take over what it
	// had in its hands. It is some beats, so that a slow one costs nothing.
	deadAfter = 5 * time.Second
	// clockTolerance is how far this machine's clock may be from the database's
	// before it is corrected. It is far below what a lease has to spare.
	clockTolerance = 250 * time.Millisecond
	// leaveWithin is how long saying goodbye may take.
	leaveWithin = 5 * time.Second
)

// A member keeps this server known to those that share its database, and takes over
// from those that have died. With a database of its own a server has none.
type member struct {
	db     *sqlstore.DB
	self   sqlstore.Node
	works  bool
	clock  *clock
	log    *slog.Logger
	count  atomic.Int32 // of nodes, at the last beat
	eldest atomic.Bool  // of the nodes that work, at the last beat
	lost   int64        // changes, at the last beat
}

// nodes is how many there are.
func (m *member) nodes() int { return int(m.count.Load()) }

// first tells whether this node does what one is enough for: it is the oldest of those
// that work.
func (m *member) first() bool { return m.eldest.Load() }

// join makes the server known.
func join(ctx context.Context, db *sqlstore.DB, id uuid.UUID, c *config, k *clock, log *slog.Logger) (*member, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	m := &member{
		db: db, works: c.works(), clock: k, log: log,
		self: sqlstore.Node{ID: id, Name: fmt.Sprintf("%s/%d", host, os.Getpid()), Role: c.Role, Version: version()},
	}
	return m, m.beat(ctx)
}

func (m *member) beat(ctx context.Context) error {
	began := time.Now()
	at, err := m.db.Beat(ctx, m.self)
	if err != nil {
		return err
	}
	if m.clock.set(at, began, time.Now()) {
		m.log.LogAttrs(ctx, slog.LevelWarn, "this machine's clock differs from the database's, which counts", slog.Duration("by", m.clock.ahead()))
	}
	list, err := m.db.Nodes(ctx)
	if err != nil {
		return err
	}
	m.count.Store(int32(len(list)))
	working := slices.DeleteFunc(list, func(n sqlstore.Node) bool { return n.Role == roleAPI })
	m.eldest.Store(len(working) > 0 && working[0].ID == m.self.ID)
	return nil
}

// Run beats until ctx ends, and says goodbye.
func (m *member) Run(ctx context.Context) error {
	// A node judges others only when it could beat itself all the time: after the
	// database was away everybody has been silent.
	last, steady := time.Now(), time.Now()
	for sleep(ctx, beatEvery) {
		err := m.beat(ctx)
		now := time.Now()
		switch {
		case err != nil:
			if ctx.Err() == nil {
				m.log.LogAttrs(ctx, slog.LevelWarn, "this node could not say that it is alive", slog.Any("error", err))
			}
			continue
		case now.Sub(last) > deadAfter/2:
			steady = now
		}
		last = now
		m.retake(ctx)
		if m.works && now.Sub(steady) > deadAfter {
			m.reap(ctx)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if err := m.db.Leave(ctx, m.self.ID); err != nil {
		m.log.LogAttrs(ctx, slog.LevelWarn, "left without goodbye", slog.Any("error", err))
	}
	return nil
}

// retake frees the events of this node after the database was away: some could not be
// completed, and would wait for their lease.
func (m *member) retake(ctx context.Context) {
	lost := m.db.Losses()
	if lost == m.lost || !m.works {
		return
	}
	n, err := m.db.FreeEvents(ctx, m.clock.Now())
	if err != nil {
		m.log.LogAttrs(ctx, slog.LevelWarn, "events not taken again", slog.Any("error", err))
		return
	}
	m.lost = lost
	m.log.LogAttrs(ctx, slog.LevelInfo, "the database was away, events are taken again", slog.Int("events", n))
}

func (m *member) reap(ctx context.Context) {
	dead, freed, err := m.db.Reap(ctx, deadAfter)
	if err != nil && ctx.Err() == nil {
		m.log.LogAttrs(ctx, slog.LevelWarn, "silent nodes not looked for", slog.Any("error", err))
	}
	for _, id := range dead {
		m.log.LogAttrs(ctx, slog.LevelWarn, "node is silent, its work goes to others", slog.String("node_id", id.String()), slog.Int("rows", freed))
	}
}

// A clock is this machine's, corrected to the database's when they differ: nodes
// have to agree when a lease ends.
type clock struct{ offset atomic.Int64 }

// Now is the time.
func (c *clock) Now() time.Time {
	if offset := c.ahead(); offset != 0 {
		return time.Now().Add(-offset)
	}
	return time.Now()
}

// ahead is by how much this machine's clock is ahead, 0 if that does not matter.
func (c *clock) ahead() time.Duration { return time.Duration(c.offset.Load()) }

// set compares the clocks, by a time that the database gave between began and
// ended. It tells whether the correction changed.
func (c *clock) set(at, began, ended time.Time) bool {
	took := ended.Sub(began)
	ahead := began.Add(took / 2).Sub(at)
	was := c.ahead()
	if took > clockTolerance || (ahead-was).Abs() < clockTolerance {
		return false
	}
	if ahead.Abs() < clockTolerance {
		ahead = 0
	}
	c.offset.Store(int64(ahead))
	return ahead != was
}

// nodeID is who this server is among those that share a database: the same after
// each start on the same data directory, so that it finds its own leases.
func nodeID(dir string) (uuid.UUID, error) {
	path := filepath.Join(dir, nodeFile)
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		id := uuid.New()
		return id, writeNew(path, id.String()+"\n")
	}
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fmt.Errorf("%s: %w", path, err)
	}
	return id, nil
}
