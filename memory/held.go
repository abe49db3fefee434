package memory

import (
	"time"

	"github.com/google/uuid"
)

// heldRoom bounds the requests that a service alone on its database keeps in its
// hands, in bytes. What comes beyond it waits in the database only.
const heldRoom = 16 << 20

// held are accepted events that were leased to this process as they were written,
// so that it can begin without claiming them: one write less for each. Only a
// process that is alone on its database may do that, because no other would take
// them before the lease ends, and only for events that wait for no other.
type held struct {
	events map[uuid.UUID]Event
	bytes  int
}

// leased returns a new event with its lease if this process will begin with it at
// once. The caller commits it and then calls hold.
func (s *Service) leased(e Event) Event {
	if !s.alone || e.Kind != EventAdd || e.Infer {
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.bytes < heldRoom {
		lease := e.CreatedAt.Add(s.lease)
		e.NextAt = &lease
	}
	return e
}

// hold keeps a committed event that is leased.
func (s *Service) hold(e Event) {
	if !e.NextAt.After(e.CreatedAt) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.events[e.ID] = e
	s.held.bytes += len(e.Payload)
}

// take returns those of the events that are held, as they begin now, and the IDs
// of the others. An event whose lease is over is one of the others.
func (s *Service) take(ids []uuid.UUID, now time.Time) (begun []Event, others []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		e, ok := s.held.events[id]
		if ok {
			delete(s.held.events, id)
			s.held.bytes -= len(e.Payload)
		}
		if !ok || !now.Before(*e.NextAt) {
			others = append(others, id)
			continue
		}
		e.Status, e.StartedAt, e.UpdatedAt, e.Tries = EventRunning, &now, now, 1
		begun = append(begun, e)
	}
	return begun, others
}

// holding returns the events that no ticket has been handled for.
func (s *Service) holding() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]uuid.UUID, 0, len(s.held.events))
	for id := range s.held.events {
		ids = append(ids, id)
	}
	return ids
}
