package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"memhook/memory/sqlstore"
)

const (
	defaultRetention = 30 * 24 * time.Hour
	// minRetention is above the age at which a delivery is given up.
	minRetention = 5 * 24 * time.Hour
	pruneEvery   = time.Hour
	// minPruneRest leaves the database to others between two groups: at least so long,
	// and ten times as long as the last group took.
	minPruneRest = 50 * time.Millisecond
	maxPruneRest = 5 * time.Second
)

// prune removes events that are older than the retention, with what hangs beside
// them, until ctx ends. Of nodes that share a database one does so at a time. Each counts
// them again when it starts.
func (n *node) prune(ctx context.Context) error {
	if n.member != nil { // one that was upgraded before this one may not have counted
		wrong, err := n.db.Recount(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.LogAttrs(ctx, slog.LevelError, "events and memories not counted again", slog.Any("error", err))
		}
		if wrong > 0 {
			n.log.LogAttrs(ctx, slog.LevelInfo, "counts of events and memories put right", slog.Int("counts", wrong))
		}
	}
	for {
		if n.member == nil || n.member.first() {
			total, err := pruneAll(ctx, n.db, n.config.Retention)
			if err != nil && ctx.Err() == nil {
				n.log.LogAttrs(ctx, slog.LevelError, "old events not pruned, trying again later", slog.Any("error", err))
			}
			if total > 0 {
				n.log.LogAttrs(ctx, slog.LevelInfo, "old events pruned", slog.Int("events", total))
			}
		}
		if !sleep(ctx, pruneEvery) {
			return nil
		}
	}
}

// pruneAll removes what is too old, group by group, and returns how many events were
// among it.
func pruneAll(ctx context.Context, db *sqlstore.DB, retention time.Duration) (events int, err error) {
	now := time.Now()
	place := uuid.Nil
	for _, group := range []func() (more bool, err error){
		func() (bool, error) {
			p, err := db.Prune(ctx, now.Add(-retention), place)
			place = p.Place
			events += p.Events
			return p.More, err
		},
		whole(func() (int, error) { return db.PruneSeen(ctx, now) }),
		whole(func() (int, error) { return db.PruneAudit(ctx, now.Add(-retention)) }),
		whole(func() (int, error) { return db.PruneAnswers(ctx, now.Add(-idempotencyLife)) }),
	} {
		for more := true; more; {
			began := time.Now()
			if more, err = group(); err != nil {
				return events, err
			}
			if more && !sleep(ctx, min(max(10*time.Since(began), minPruneRest), maxPruneRest)) {
				return events, ctx.Err()
			}
		}
	}
	return events, db.PruneStats(ctx, now, now.Add(-retention))
}

// whole turns how many rows a group had into whether there may be more.
func whole(group func() (int, error)) func() (bool, error) {
	return func() (bool, error) {
		n, err := group()
		return n == sqlstore.PruneGroup, err
	}
}

// sleep waits and tells whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
