package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/signing"
)

// How long a replaced secret goes on signing beside the new one.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
)

// RotateSecret gives the endpoint a new secret and returns the endpoint. The one it
// replaces goes on signing for the overlap, 0 to MaxOverlap; with an overlap of 0
// every older one ends at once. *InvalidError, also when MaxLiveSecrets would sign;
// ErrNotFound.
func (s *Service) RotateSecret(ctx context.Context, projectID string, id uuid.UUID, overlap time.Duration) (Endpoint, error) {
	return s.rotate(ctx, projectID, id, overlap, func(e *Endpoint) (*[]LiveSecret, signing.Secret, error) {
		return &e.Secrets, signing.GenerateSecret(), nil
	})
}

// RotateKeyPair is RotateSecret for the ed25519 key pair. *InvalidError when
// ed25519 is switched off.
func (s *Service) RotateKeyPair(ctx context.Context, projectID string, id uuid.UUID, overlap time.Duration) (Endpoint, error) {
	return s.rotate(ctx, projectID, id, overlap, func(e *Endpoint) (*[]LiveSecret, signing.Secret, error) {
		if len(e.KeyPairs) == 0 {
			return nil, signing.Secret{}, &InvalidError{"ed25519", "It is switched off for this endpoint."}
		}
		return &e.KeyPairs, signing.GenerateKeyPair(), nil
	})
}

func (s *Service) rotate(ctx context.Context, projectID string, id uuid.UUID, overlap time.Duration,
	next func(*Endpoint) (*[]LiveSecret, signing.Secret, error),
) (Endpoint, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Endpoint{}, &InvalidError{"overlap_s", fmt.Sprintf("Must be from 0 to %d seconds.", int(MaxOverlap.Seconds()))}
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	return s.store.UpdateEndpoint(ctx, projectID, id, func(e *Endpoint) error {
		list, secret, err := next(e)
		if err != nil {
			return err
		}
		e.UpdatedAt = now
		*list, err = rotated(*list, secret, overlap, now)
		return err
	})
}

// rotated returns the list with a new first secret, and without those that ended.
func rotated(list []LiveSecret, secret signing.Secret, overlap time.Duration, now time.Time) ([]LiveSecret, error) {
	next := []LiveSecret{{Secret: secret, CreatedAt: now}}
	if overlap == 0 {
		return next, nil
	}
	for _, s := range list {
		if !s.Live(now) {
			continue
		}
		if s.ExpiresAt == nil {
			until := now.Add(overlap)
			s.ExpiresAt = &until
		}
		next = append(next, s)
	}
	if len(next) > MaxLiveSecrets {
		soonest := next[1].ExpiresAt
		for _, s := range next[1:] {
			if s.ExpiresAt.Before(*soonest) {
				soonest = s.ExpiresAt
			}
		}
		return nil, &InvalidError{"overlap_s", fmt.Sprintf("%d secrets are live already. One ends at %s; an overlap of 0 ends them all at once.",
			MaxLiveSecrets, soonest.Format(time.RFC3339))}
	}
	return next, nil
}

// newKeyPair is the list of an endpoint for which ed25519 was just switched on.
func newKeyPair(now time.Time) []LiveSecret {
	return []LiveSecret{{Secret: signing.GenerateKeyPair(), CreatedAt: now}}
}

// Secrets returns the endpoint's live secrets and key pairs, newest first, for a
// person who asks to see them. ErrNotFound.
func (s *Service) Secrets(ctx context.Context, projectID string, id uuid.UUID) (secrets, keyPairs []LiveSecret, err error) {
	e, err := s.Endpoint(ctx, projectID, id)
	if err != nil {
		return nil, nil, err
	}
	now := s.now()
	live := func(list []LiveSecret) (kept []LiveSecret) {
		for _, l := range list {
			if l.Live(now) {
				kept = append(kept, l)
			}
		}
		return kept
	}
	return live(e.Secrets), live(e.KeyPairs), nil
}
