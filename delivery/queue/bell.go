package queue

import (
	"context"
	"sync"
)

// A Bell hands items from many goroutines that must not wait to one that works
// on them in groups. It holds at most BellSize items; those rung beyond that are
// dropped, so it is for hints only: the database knows what is due.
type Bell[T any] struct {
	mu    sync.Mutex
	items []T
	rung  chan struct{}
}

// BellSize is how many items a Bell holds between two rounds.
const BellSize = 4096

// NewBell returns a silent bell.
func NewBell[T any]() *Bell[T] { return &Bell[T]{rung: make(chan struct{}, 1)} }

// Ring adds items and returns at once.
func (b *Bell[T]) Ring(items ...T) {
	if len(items) == 0 {
		return
	}
	b.mu.Lock()
	if room := BellSize - len(b.items); len(items) > room {
		items = items[:room]
	}
	b.items = append(b.items, items...)
	b.mu.Unlock()
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// Run calls work with everything rung since the last call, until ctx ends.
func (b *Bell[T]) Run(ctx context.Context, work func([]T)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.rung:
		}
		b.mu.Lock()
		items := b.items
		b.items = nil
		b.mu.Unlock()
		if len(items) > 0 {
			work(items)
		}
	}
}
