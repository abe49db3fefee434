package memory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// SourceStore is what the service asks of storage about sources. Each method is
// one transaction. A project sees its own rows only; any other ID is ErrNotFound.
type SourceStore interface {
	// InsertSource adds a source. ErrTooManySources beyond MaxSources.
	InsertSource(ctx context.Context, s Source) error
	// UpdateSource reads a source, lets change alter it and writes it back. change
	// may run more than once; its error is returned as it is.
	UpdateSource(ctx context.Context, projectID string, id uuid.UUID, change func(*Source) error) (Source, error)
	DeleteSource(ctx context.Context, projectID string, id uuid.UUID) error
	Source(ctx context.Context, projectID string, id uuid.UUID) (Source, error)
	// Sources returns the project's sources, oldest first.
	Sources(ctx context.Context, projectID string) ([]Source, error)
	// SourceByToken returns the source whose SourceToken has the hash.
	SourceByToken(ctx context.Context, hash [32]byte) (Source, error)
	// InsertRelay commits what a source sent: the event, its message and a delivery
	// for each endpoint. When the source has sent the same within its window, nothing
	// is written, and the answer names the first event.
	InsertRelay(ctx context.Context, r Relay) (Relayed, error)
}

// NewSource is what a person gives to set up a source.
type NewSource struct {
	Name         string
	Verification Verification // "": VerifyStandard
	Header       string       // "": the usual one
	Secret       string       // "": a new one
	Window       *time.Duration
	Paused       bool
}

// SourceEdit changes what is not nil.
type SourceEdit struct {
	Name         *string
	Verification *Verification
	Header       *string
	Secret       *string // "": a new one
	Window       *time.Duration
	Paused       *bool
}

// CreateSource sets up a source with a new address. *InvalidError,
// ErrTooManySources.
func (s *Service) CreateSource(ctx context.Context, projectID string, n NewSource) (Source, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	src := Source{
		ID: delivery.NewID(), ProjectID: projectID, Verification: VerifyStandard, Token: newToken(),
		Window: DefaultWindow, CreatedAt: now,
	}
	edit := SourceEdit{Name: &n.Name, Header: &n.Header, Window: n.Window, Paused: &n.Paused}
	if n.Verification != "" {
		edit.Verification = &n.Verification
	}
	if n.Secret != "" {
		edit.Secret = &n.Secret
	}
	if err := edit.apply(&src, now); err != nil {
		return Source{}, err
	}
	return src, s.store.InsertSource(ctx, src)
}

// UpdateSource changes a source. Another verification without a secret gets a new
// one. *InvalidError, ErrNotFound.
func (s *Service) UpdateSource(ctx context.Context, projectID string, id uuid.UUID, edit SourceEdit) (Source, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	return s.store.UpdateSource(ctx, projectID, id, func(src *Source) error { return edit.apply(src, now) })
}

func (e SourceEdit) apply(s *Source, now time.Time) error {
	was := s.Verification
	set(&s.Name, e.Name)
	set(&s.Verification, e.Verification)
	set(&s.Window, e.Window)
	s.UpdatedAt = now
	usual, known := defaultHeader[s.Verification]
	if !known && s.Verification != VerifyStandard && s.Verification != VerifyNone {
		return &InvalidError{"verification", "must be one of standard, github, stripe, token and none"}
	}
	if s.Verification != was {
		s.Header = ""
	}
	set(&s.Header, e.Header)
	if s.Header == "" {
		s.Header = usual
	}
	if err := e.applySecret(s, s.Verification != was); err != nil {
		return err
	}
	if e.Paused != nil && *e.Paused != (s.PausedAt != nil) {
		s.PausedAt = nil
		if *e.Paused {
			s.PausedAt = &now
		}
	}
	return s.validate()
}

func (e SourceEdit) applySecret(s *Source, another bool) (err error) {
	switch {
	case s.Verification == VerifyNone && (e.Secret == nil || *e.Secret == ""):
		s.Secret = Source{}.Secret
	case e.Secret != nil && *e.Secret != "":
		s.Secret, err = readSecret(s.Verification, *e.Secret)
	case e.Secret != nil || another || s.Secret.IsZero():
		s.Secret = newSourceSecret(s.Verification)
	}
	return err
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// DeleteSource removes a source: its address is unknown from then on. Its events
// stay. ErrNotFound.
func (s *Service) DeleteSource(ctx context.Context, projectID string, id uuid.UUID) error {
	return s.store.DeleteSource(ctx, projectID, id)
}

// Source returns a source of the project. ErrNotFound.
func (s *Service) Source(ctx context.Context, projectID string, id uuid.UUID) (Source, error) {
	return s.store.Source(ctx, projectID, id)
}

// Sources returns the project's sources, oldest first.
func (s *Service) Sources(ctx context.Context, projectID string) ([]Source, error) {
	return s.store.Sources(ctx, projectID)
}
