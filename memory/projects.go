package memory

import (
	"context"
	"log/slog"
	"time"

	"memhook/delivery"
	"memhook/signing/apikey"
)

// ProjectPrefix begins the IDs of projects.
const ProjectPrefix = "proj_"

// Project returns a project. ErrNotFound.
func (s *Service) Project(ctx context.Context, id string) (Project, error) {
	return s.store.Project(ctx, id)
}

// Default tells whether the project is the first of the installation.
func (s *Service) Default(ctx context.Context, id string) (bool, error) {
	list, err := s.store.Projects(ctx)
	return len(list) > 0 && list[0].ID == id, err
}

// CreateProject adds a project and returns it with the text of its first key, which
// nothing can show again. *InvalidError, ErrTooMany.
func (s *Service) CreateProject(ctx context.Context, name string, settings Settings) (Project, string, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	p := Project{ID: delivery.FormatID(ProjectPrefix, delivery.NewID()), Name: name, Settings: settings, CreatedAt: now, UpdatedAt: now}
	if err := p.validate(); err != nil {
		return Project{}, "", err
	}
	text := apikey.Generate()
	key := apikey.Key{
		ID: delivery.FormatID("key_", delivery.NewID()), ProjectID: p.ID, Name: "admin", Scope: apikey.Admin,
		Hash: apikey.Hash(text), Hint: apikey.Hint(text), CreatedAt: now,
	}
	return p, text, s.store.CreateProject(ctx, p, key)
}

// DeleteProject makes a project and its keys unusable at once; what it owns is
// removed in the background. ErrDefault for the first project, ErrNotFound.
func (s *Service) DeleteProject(ctx context.Context, id string) error {
	err := s.store.DeleteProject(ctx, id, s.now())
	s.forgetRules(id)
	return err
}

// PurgeAfter is how long a deleted project's rows are left alone: other nodes may
// remember its keys for some seconds.
const PurgeAfter = 10 * time.Second

const (
	// purgeGroup is how many rows of each kind one transaction removes, so that it
	// holds up other writes for milliseconds only.
	purgeGroup = 100
	purgeEvery = 5 * time.Second
)

// purge removes what deleted projects own.
func (s *Service) purge(ctx context.Context) {
	for {
		more, err := s.store.PurgeProjects(ctx, s.now(), purgeGroup)
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "deleted projects not removed", slog.Any("error", err))
		}
		rest := purgeEvery
		if more {
			rest = pumpRest
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// Categories returns what new memories of a project are sorted under.
func (s *Service) Categories(ctx context.Context, projectID string) ([]Category, error) {
	r, err := s.rulesOf(ctx, projectID)
	return orDefault(r.list), err
}
