package memory

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// recall returns what the store finds by subjects and hashes, and the active
// memories of the scope that fit one of the texts best.
func (s *Service) recall(ctx context.Context, projectID string, q RecallQuery) ([]Memory, error) {
	list, err := s.store.Recall(ctx, projectID, q)
	if err != nil || len(q.Texts) == 0 {
		return list, err
	}
	seen := make(map[uuid.UUID]bool, len(list))
	for _, m := range list {
		seen[m.ID] = true
	}
	ids, err := s.similar(ctx, projectID, q)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		m, err := s.store.Memory(ctx, projectID, id)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// similar ranks the scope's memories for each text, all in one pass.
func (s *Service) similar(ctx context.Context, projectID string, q RecallQuery) ([]uuid.UUID, error) {
	rankings := make([]*ranking, len(q.Texts))
	query := Query{ProjectID: projectID, Filter: q.Scope.filter(), LatestOnly: true, ShowExpired: true}
	for i, meaning := range s.meanings(ctx, q.Texts) {
		rankings[i] = newRanking(q.Texts[i], leastScore)
		if rankings[i].meaning = meaning; meaning != nil {
			query.VectorModel = s.vectorModel()
		}
	}
	err := s.store.EachText(ctx, query, func(t Text) error {
		for _, r := range rankings {
			if err := r.add(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, r := range rankings {
		for _, c := range r.best(q.Limit) {
			ids = append(ids, c.id)
		}
	}
	return ids, nil
}

// leastScore is above that of texts that share nothing but stop words.
const leastScore = 0.02

// filter matches the memories of exactly this scope.
func (s Scope) filter() Filter {
	var all []Filter
	for _, f := range []struct {
		field Field
		id    string
	}{{FieldUser, s.UserID}, {FieldAgent, s.AgentID}, {FieldApp, s.AppID}, {FieldRun, s.RunID}} {
		if f.id != "" {
			all = append(all, Entity(f.field, f.id))
		} else {
			all = append(all, Filter{Cond: &Condition{Field: f.field, Op: OpEqual, Null: true}})
		}
	}
	return And(all...)
}
