package memory

import (
	"context"
	"encoding/json"
	"time"
)

// An EntitySummary is a user, agent, app or run with what is known of it. It
// exists as long as there are memories of it, or until it is deleted if it was
// made by name.
type EntitySummary struct {
	Field     Field // one of the four entity IDs
	Name      string
	Label     string          // how people call it; only of one made by name, "" when none was given
	Metadata  json.RawMessage // an object; only of one made by name, nil when none was given
	Memories  int             // expired and merged ones too
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

// CreateEntity makes an entity that has no memories yet, or gives one a label and
// metadata. *InvalidError.
func (s *Service) CreateEntity(ctx context.Context, projectID string, e EntitySummary) (EntitySummary, error) {
	var scope Scope
	switch e.Field {
	case FieldUser:
		scope.UserID = e.Name
	case FieldAgent:
		scope.AgentID = e.Name
	case FieldApp:
		scope.AppID = e.Name
	case FieldRun:
		scope.RunID = e.Name
	}
	if e.Name == "" {
		return e, &InvalidError{Field: string(e.Field), Text: "is required"}
	}
	if err := scope.validate(); err != nil {
		return e, err
	}
	if len(e.Label) > MaxEntityID {
		return e, &InvalidError{Field: "name", Text: "is too long"}
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	e.CreatedAt, e.UpdatedAt = now, now
	return e, s.store.SaveEntity(ctx, projectID, e)
}
