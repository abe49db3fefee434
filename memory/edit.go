package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
)

// MaxBatch is how many memories one call may edit.
const MaxBatch = 1000

// An Edit is a direct change of one memory. Nil fields stay as they are.
type Edit struct {
	ID             uuid.UUID
	Text           *string
	Metadata       *json.RawMessage // replaces the whole object; a JSON null clears it
	Timestamp      *time.Time       // becomes created_at
	ExpirationDate *string          // "" clears it
}

// Update changes one memory and tells its endpoints. *InvalidError, ErrNotFound.
func (s *Service) Update(ctx context.Context, projectID string, edit Edit) (Memory, error) {
	list, err := s.change(ctx, projectID, EventUpdate, []uuid.UUID{edit.ID}, true, func(m Memory) (Memory, error) {
		return edit.apply(m)
	})
	if err != nil {
		return Memory{}, err
	}
	return list[0], nil
}

// Delete deletes one memory and tells its endpoints. ErrNotFound.
func (s *Service) Delete(ctx context.Context, projectID string, id uuid.UUID) error {
	_, err := s.delete(ctx, projectID, []uuid.UUID{id}, true)
	return err
}

// UpdateBatch makes several edits together and returns how many memories it
// found. Unknown IDs are passed over; ErrNotFound when there is no other.
func (s *Service) UpdateBatch(ctx context.Context, projectID string, edits []Edit) (int, error) {
	byID := make(map[uuid.UUID]Edit, len(edits))
	ids := make([]uuid.UUID, 0, len(edits))
	for _, e := range edits {
		if _, twice := byID[e.ID]; !twice {
			ids = append(ids, e.ID)
		}
		byID[e.ID] = e
	}
	list, err := s.change(ctx, projectID, EventUpdate, ids, false, func(m Memory) (Memory, error) {
		return byID[m.ID].apply(m)
	})
	return len(list), err
}

// DeleteBatch deletes several memories together and returns how many it found.
// Unknown IDs are passed over; ErrNotFound when there is no other.
func (s *Service) DeleteBatch(ctx context.Context, projectID string, ids []uuid.UUID) (int, error) {
	return s.delete(ctx, projectID, ids, false)
}

// delete deletes memories, in the way that the project's settings ask for.
func (s *Service) delete(ctx context.Context, projectID string, ids []uuid.UUID, all bool) (int, error) {
	erase, err := s.erases(ctx, projectID)
	if err != nil {
		return 0, err
	}
	if erase {
		return s.eraseBatch(ctx, projectID, ids, all)
	}
	list, err := s.change(ctx, projectID, EventDelete, ids, all, nil)
	return len(list), err
}

func tooManyAtOnce() error {
	return &InvalidError{Text: fmt.Sprintf("Maximum of %d memories can be updated/deleted in a single request", MaxBatch)}
}

// change reads the memories, applies update to each (nil deletes them) and
// commits the changes as one finished event. If one of them changed meanwhile it
// begins again.
func (s *Service) change(ctx context.Context, projectID string, kind EventKind, ids []uuid.UUID, all bool, update func(Memory) (Memory, error)) ([]Memory, error) {
	if len(ids) > MaxBatch {
		return nil, tooManyAtOnce()
	}
	for {
		now := s.now().UTC().Truncate(time.Microsecond)
		e := Event{
			ID: delivery.NewID(), ProjectID: projectID, Kind: kind, Status: EventSucceeded,
			Writer: writerOf(ctx), CreatedAt: now, UpdatedAt: now, StartedAt: &now, CompletedAt: &now,
		}
		var after []Memory
		var changes []Change
		for _, id := range ids {
			m, err := s.store.Memory(ctx, projectID, id)
			if errors.Is(err, ErrNotFound) && !all {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("memory %s: %w", id, err)
			}
			c := Change{ID: delivery.NewID(), EventID: e.ID, Kind: ChangeDelete, Memory: m, Before: m.Text, At: now}
			if update != nil {
				if c.Memory, err = update(m); err != nil {
					return nil, err
				}
				c.Kind, c.Memory.UpdatedAt = ChangeUpdate, now
			}
			after, changes = append(after, c.Memory), append(changes, c)
		}
		if len(changes) == 0 {
			return nil, fmt.Errorf("none of %d memories: %w", len(ids), ErrNotFound)
		}
		e.Scope = changes[0].Memory.Scope
		if err := s.recategorize(ctx, e, changes); err != nil {
			return nil, err
		}
		for i, c := range changes {
			after[i] = c.Memory
		}
		err := s.complete(ctx, Completion{Event: e, Changes: changes})
		if errors.Is(err, ErrChanged) {
			continue
		}
		return after, err
	}
}

// recategorize sorts edited texts under the project's categories.
func (s *Service) recategorize(ctx context.Context, e Event, changes []Change) error {
	if s.sorter == nil || e.Kind != EventUpdate {
		return nil
	}
	r, err := s.rulesOf(ctx, e.ProjectID)
	if err != nil {
		return err
	}
	s.categorize(ctx, e, changes, orDefault(r.list))
	return nil
}

func (e Edit) apply(m Memory) (Memory, error) {
	if m.Immutable {
		return m, &InvalidError{Field: "memory", Text: "is immutable and cannot be updated"}
	}
	if e.Text != nil {
		switch {
		case *e.Text == "":
			return m, &InvalidError{Field: "text", Text: "may not be empty"}
		case len(*e.Text) > MaxText:
			return m, &InvalidError{Field: "text", Text: fmt.Sprintf("may have at most %d bytes", MaxText)}
		case !utf8.ValidString(*e.Text):
			return m, &InvalidError{Field: "text", Text: "is not valid UTF-8"}
		}
		if m.Text != *e.Text {
			m.Categories = nil
		}
		m.Text = *e.Text
	}
	if e.Metadata != nil {
		if m.Metadata = *e.Metadata; string(m.Metadata) == "null" {
			m.Metadata = nil
		}
	}
	if e.Timestamp != nil {
		m.CreatedAt = e.Timestamp.UTC().Truncate(time.Microsecond)
	}
	if e.ExpirationDate != nil {
		if *e.ExpirationDate != "" {
			if err := checkDate(*e.ExpirationDate); err != nil {
				return m, err
			}
		}
		m.ExpirationDate = *e.ExpirationDate
	}
	return m, nil
}
