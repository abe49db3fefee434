package mem0api

import (
	"context"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

type summaryRequest struct{ selectRequest }

func (r *summaryRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	return r.readMembers(body, func(string, value) error { return nil })
}

type summaryShape struct {
	Category  *string     `json:"category"` // null: of memories without any
	Summary   string      `json:"summary"`
	Count     int         `json:"total_memories"`
	MemoryIDs []uuid.UUID `json:"memory_ids"`
}

// summary shows what the selected memories say, by category.
func (a *API) summary(ctx context.Context, key apikey.Key, r *summaryRequest) ([]summaryShape, error) {
	r.query.ProjectID = key.ProjectID
	list, err := a.memory.Summarize(ctx, r.query)
	shapes := make([]summaryShape, len(list))
	for i, s := range list {
		shapes[i] = summaryShape{orNull(s.Category), s.Text, len(s.Memories), s.Memories}
	}
	return shapes, err
}

type statsShape struct {
	Memories   int `json:"total_memories"`
	AddEvents  int `json:"total_add_events"`
	Retrievals int `json:"total_retrieval_events"`
	Users      int `json:"total_users_with_memories"`
	Agents     int `json:"total_agents_with_memories"`
	Apps       int `json:"total_apps_with_memories"`
	Runs       int `json:"total_runs_with_memories"`
}

// stats counts what the project has.
func (a *API) stats(ctx context.Context, key apikey.Key, _ *noRequest) (statsShape, error) {
	s, err := a.memory.Stats(ctx, key.ProjectID)
	return statsShape{
		s.Memories, s.AddEvents, s.Retrievals,
		s.Entities[memory.FieldUser], s.Entities[memory.FieldAgent], s.Entities[memory.FieldApp], s.Entities[memory.FieldRun],
	}, err
}
