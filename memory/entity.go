package memory

import (
	"context"
	"time"
)

// An EntitySummary is a user, agent, app or run with what is known of it. It
// exists as long as there are memories of it.
type EntitySummary struct {
	Field     Field // one of the four entity IDs
	Name      string
	Memories  int // expired and merged ones too
	CreatedAt time.Time
	UpdatedAt time.Time
}

// An EntityQuery selects entities of one project. Zero fields do not constrain.
type EntityQuery struct {
	ProjectID string
	Field     Field // an entity ID
	Name      string
}

// EachEntity calls each for every entity that the query selects, newest first,
// ties by field and name, until it returns an error. It looks at every memory of
// those entities.
func (s *Service) EachEntity(ctx context.Context, q EntityQuery, each func(EntitySummary) error) error {
	return s.store.EachEntity(ctx, q, each)
}
