package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

const (
	// MaxExport is how many memories an export or a summary looks at, the newest
	// first, and maxExportText how many bytes of text they may have together.
	MaxExport     = 5000
	maxExportText = 4 << 20
	// KeptExports is how many exports of a project are kept, the newest.
	KeptExports = 50
)

// An Export is what the memories of a selection say, in the form that the caller
// gave. It is made when it is asked for.
type Export struct {
	ID        uuid.UUID
	ProjectID string
	Filter    json.RawMessage // what was selected
	Result    json.RawMessage
	CreatedAt time.Time
}

// CreateExport fills a JSON Schema with what the selected memories say (see Fill)
// and keeps the result. *InvalidError.
func (s *Service) CreateExport(ctx context.Context, q Query, schema json.RawMessage) (Export, error) {
	list, err := s.some(ctx, q)
	if err != nil {
		return Export{}, err
	}
	filter, err := json.Marshal(q.Filter)
	if err != nil {
		return Export{}, err
	}
	e := Export{ID: delivery.NewID(), ProjectID: q.ProjectID, Filter: filter, CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
	if e.Result, err = Fill(schema, list); err != nil {
		return Export{}, err
	}
	return e, s.store.SaveExport(ctx, e)
}

// Export returns an export by its ID. ErrNotFound.
func (s *Service) Export(ctx context.Context, projectID string, id uuid.UUID) (Export, error) {
	return s.store.Export(ctx, projectID, id)
}

// LatestExport returns the latest export of a selection. ErrNotFound.
func (s *Service) LatestExport(ctx context.Context, projectID string, f Filter) (Export, error) {
	filter, err := json.Marshal(f)
	if err != nil {
		return Export{}, err
	}
	return s.store.LatestExport(ctx, projectID, filter)
}

// some returns the newest memories of a selection, as many as an export looks at.
func (s *Service) some(ctx context.Context, q Query) ([]Memory, error) {
	var list []Memory
	size := 0
	q.Limit, q.NoCount, q.MaxBytes = MaxPage, true, MaxListBytes
	for {
		page, count, err := s.Memories(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read memories: %w", err)
		}
		for _, m := range page {
			if size += len(m.Text); size > maxExportText || len(list) == MaxExport {
				return list, nil
			}
			m.Metadata = nil // nothing reads it
			list = append(list, m)
		}
		if q.Offset += len(page); count <= q.Offset {
			return list, nil
		}
	}
}
