package main

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"memhook/signing/apikey"
)

const (
	// keyLife is how long a revoked key may still open the door of this process.
	keyLife = 5 * time.Second
	// keyRoom bounds the keys remembered; one takes about 300 bytes.
	keyRoom = 10_000
	// usedEvery is how precise the time of a key's last use is.
	usedEvery = time.Minute
)

// A keyCache remembers good keys for keyLife, so that a request does not cost a
// read. Unknown keys are not remembered: a key works as soon as it is stored.
type keyCache struct {
	find func(context.Context, [sha256.Size]byte) (apikey.Key, error)
	now  func() time.Time
	// used notes that a key was used, once in usedEvery at most; nil: nobody wants
	// to know.
	used func(ctx context.Context, id string, at time.Time) error

	mu   sync.Mutex
	keys map[[sha256.Size]byte]keptKey
}

type keptKey struct {
	apikey.Key
	until time.Time
}

func newKeyCache(find func(context.Context, [sha256.Size]byte) (apikey.Key, error), now func() time.Time) *keyCache {
	return &keyCache{find: find, now: now, keys: map[[sha256.Size]byte]keptKey{}}
}

// key returns the live key with the hash. memory.ErrNotFound.
func (c *keyCache) key(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error) {
	now := c.now()
	c.mu.Lock()
	kept, ok := c.keys[hash]
	c.mu.Unlock()
	if ok && now.Before(kept.until) {
		return kept.Key, nil
	}
	k, err := c.find(ctx, hash)
	if err == nil && c.used != nil && (k.LastUsedAt == nil || now.Sub(*k.LastUsedAt) >= usedEvery) {
		_ = c.used(ctx, k.ID, now) // a key works also while the database cannot be written
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.keys, hash)
		return k, err
	}
	if len(c.keys) >= keyRoom {
		clear(c.keys)
	}
	c.keys[hash] = keptKey{k, now.Add(keyLife)}
	return k, nil
}
