package feed

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"memhook/delivery/queue"
)

// await adds a waiter that has read up to a commit.
func (f *Feed) await(projectID string, seq int64) *waiter {
	w := &waiter{seq: seq, more: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[projectID] == nil {
		f.waiting[projectID] = map[*waiter]bool{}
	}
	f.waiting[projectID][w] = true
	if f.stop == nil && !f.closed {
		ctx, stop := context.WithCancel(context.Background())
		f.stop = stop
		go f.watch(ctx)
	}
	return w
}

// passed notes how far a waiter has read.
func (f *Feed) passed(w *waiter, b Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.seq = b.Next.Seq; b.More {
		w.wake()
	}
}

// wake tells a waiter to read on.
func (w *waiter) wake() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (f *Feed) forget(projectID string, w *waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if delete(f.waiting[projectID], w); len(f.waiting[projectID]) == 0 {
		delete(f.waiting, projectID)
	}
	if len(f.waiting) == 0 && f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// watch looks for new commits until ctx ends, and wakes those who wait for them.
func (f *Feed) watch(ctx context.Context) {
	changed, stop := f.news.Watch("")
	defer stop()
	for {
		began := time.Now()
		if err := f.wake(ctx); err != nil && ctx.Err() == nil {
			f.log.LogAttrs(ctx, slog.LevelError, "feeds not read", slog.Any("error", err))
		}
		if !rest(ctx, changed, time.Since(began)) {
			return
		}
	}
}

// rest waits until it is time to look again, and tells whether ctx still goes on.
func rest(ctx context.Context, changed <-chan struct{}, took time.Duration) bool {
	latest, rested := time.After(LookEvery), time.After(queue.LookRest(took, LookEvery))
	var news <-chan struct{} // is heard once it has rested
	for {
		select {
		case <-ctx.Done():
			return false
		case <-rested:
			news = changed
		case <-news:
			return true
		case <-latest:
			return true
		}
	}
}

func (f *Feed) wake(ctx context.Context) error {
	f.mu.Lock()
	projects := slices.Collect(maps.Keys(f.waiting))
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	heads, err := f.store.FeedHeads(ctx, projects)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range projects {
		for w := range f.waiting[id] {
			if heads[id] > w.seq {
				w.wake()
			}
		}
	}
	return nil
}
