package main

import (
	"context"
	"log/slog"
	"time"

	"memhook/memory/sqlstore"
)

const (
	defaultRetention = 30 * 24 * time.Hour
	// minRetention is above the age at which a delivery is given up.
	minRetention = 5 * 24 * time.Hour
	pruneEvery   = time.Hour
	// pruneRest leaves the database to others between two groups.
	pruneRest = 50 * time.Millisecond
)

// prune removes events that are older than the retention, with what hangs beside
// them, until ctx ends.
func (n *node) prune(ctx context.Context) error {
	for {
		total := 0
		for {
			pruned, more, err := pruneGroup(ctx, n.db, n.config.Retention)
			if err != nil && ctx.Err() == nil {
				n.log.LogAttrs(ctx, slog.LevelError, "old events not pruned, trying again later", slog.Any("error", err))
			}
			if total += pruned; !more {
				break
			}
			if !sleep(ctx, pruneRest) {
				return nil
			}
		}
		if total > 0 {
			n.log.LogAttrs(ctx, slog.LevelInfo, "old events pruned", slog.Int("events", total))
		}
		if !sleep(ctx, pruneEvery) {
			return nil
		}
	}
}

// pruneGroup removes one group of what is too old. It returns how many events were
// among it and whether there may be more.
func pruneGroup(ctx context.Context, db *sqlstore.DB, retention time.Duration) (events int, more bool, err error) {
	now := time.Now()
	events, err = db.Prune(ctx, now.Add(-retention))
	if err != nil {
		return events, false, err
	}
	seen, err := db.PruneSeen(ctx, now)
	if err != nil {
		return events, false, err
	}
	audit, err := db.PruneAudit(ctx, now.Add(-retention))
	if err != nil {
		return events, false, err
	}
	answers, err := db.PruneAnswers(ctx, now.Add(-idempotencyLife))
	if err != nil {
		return events, false, err
	}
	more = max(events, seen, audit, answers) == sqlstore.PruneGroup
	if !more {
		err = db.PruneStats(ctx, now, now.Add(-retention))
	}
	return events, more, err
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
