package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"memhook/memory"
	"memhook/signing/apikey"
)

// TestKeyCache shows that a good key costs one read per keyLife, that a revoked one
// is found out after it, and that an unknown one works once it is stored.
func TestKeyCache(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	text := apikey.Generate()
	hash := apikey.Hash(text)
	stored, reads := false, 0
	c := newKeyCache(func(context.Context, [32]byte) (apikey.Key, error) {
		reads++
		if !stored {
			return apikey.Key{}, memory.ErrNotFound
		}
		return apikey.Key{ID: "key_1", Hash: hash}, nil
	}, func() time.Time { return now })
	steps := []struct {
		name   string
		later  time.Duration
		stored bool
		found  bool
		reads  int
	}{
		{"unknown", 0, false, false, 1},
		{"stored since", 0, true, true, 2},
		{"remembered", keyLife - 1, true, true, 2},
		{"read again", 1, true, true, 3},
		{"revoked, not noticed yet", keyLife - 1, false, true, 3},
		{"revoked", 1, false, false, 4},
	}
	for _, s := range steps {
		now, stored = now.Add(s.later), s.stored
		k, err := c.key(t.Context(), hash)
		if found := err == nil && k.Matches(text); found != s.found || reads != s.reads {
			t.Errorf("%s: found %v after %d reads, want %v after %d", s.name, found, reads, s.found, s.reads)
		}
		if err != nil && !errors.Is(err, memory.ErrNotFound) {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

func TestKeyUseIsNoted(t *testing.T) {
	now := time.Now()
	k := apikey.Key{ID: "key_1"}
	c := newKeyCache(func(context.Context, [32]byte) (apikey.Key, error) { return k, nil }, func() time.Time { return now })
	n := 0
	c.used = func(_ context.Context, id string, at time.Time) error {
		if id != k.ID || !at.Equal(now) {
			t.Errorf("%s was used at %s", id, at)
		}
		n++
		k.LastUsedAt = &at
		return nil
	}
	for range 3 {
		for range 3 {
			if _, err := c.key(t.Context(), [32]byte{}); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(40 * time.Second)
	}
	if n != 2 {
		t.Errorf("noted %d times in 80 seconds, want 2", n)
	}
}
