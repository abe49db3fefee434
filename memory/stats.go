package memory

import (
	"context"
	"log/slog"
	"time"
)

// Stats counts what a project has.
type Stats struct {
	Memories   int // expired, superseded and merged ones too
	AddEvents  int // that are on record
	Retrievals int // lists and searches
	Entities   map[Field]int
}

// Stats counts what a project has. For the entities it reads an index of its memories.
func (s *Service) Stats(ctx context.Context, projectID string) (Stats, error) {
	s.saveRetrievals(ctx)
	st, err := s.store.Stats(ctx, projectID)
	if err != nil {
		return st, err
	}
	st.Entities = map[Field]int{}
	err = s.store.EachEntity(ctx, EntityQuery{ProjectID: projectID}, func(e EntitySummary) error {
		if e.Memories > 0 {
			st.Entities[e.Field]++
		}
		return nil
	})
	return st, err
}

// savedEvery is how many retrievals a crash forgets at most: those of this time.
const savedEvery = 10 * time.Second

// retrieved counts a list or a search.
func (s *Service) retrieved(ctx context.Context, projectID string) {
	now := s.now()
	s.mu.Lock()
	if len(s.retrievals) == 0 {
		s.retrievalsSince = now
	}
	s.retrievals[projectID]++
	due := now.Sub(s.retrievalsSince) >= savedEvery
	s.mu.Unlock()
	if due {
		s.saveRetrievals(ctx)
	}
}

// saveRetrievals stores what was counted. It is no reason for a request to fail.
func (s *Service) saveRetrievals(ctx context.Context) {
	s.mu.Lock()
	counts := s.retrievals
	s.retrievals = map[string]int{}
	s.mu.Unlock()
	if len(counts) == 0 {
		return
	}
	if err := s.store.AddRetrievals(ctx, counts); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "retrievals not counted", slog.Any("error", err))
	}
}
