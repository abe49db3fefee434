package delivery

import "github.com/google/uuid"

// A ticket is a group of deliveries of one endpoint that one worker takes. It is
// out until the last of them is.
type ticket struct {
	project  string
	endpoint uuid.UUID
	lane     string
	left     int
}

// laneKey names a project's part of a lane; the lane itself has project "".
type laneKey struct{ lane, project string }

// What an endpoint and a project may hold of a lane's workers, in proportion to
// those that are free. Because the bound sinks with what is left, a lane never
// fills up, and whoever comes last still finds workers: of 128, one endpoint alone
// holds at most 42 and one project at most 85.
const (
	endpointShare = 0.5
	projectShare  = 2
)

// mayOpen tells whether the endpoint may have one more ticket in its lane. The
// caller holds s.mu.
func (s *Service) mayOpen(t *ticket, g *gate) bool {
	workers := s.lanes[t.lane]
	if workers == 0 {
		return true
	}
	free := float64(workers - s.tickets[laneKey{lane: t.lane}])
	return float64(g.tickets) < endpointShare*free && float64(s.tickets[laneKey{t.lane, t.project}]) < projectShare*free
}

// open counts the ticket, if there is room for it. The caller holds s.mu.
func (s *Service) open(t *ticket, g *gate) bool {
	if !s.mayOpen(t, g) {
		s.short = true
		return false
	}
	s.tickets[laneKey{lane: t.lane}]++
	s.tickets[laneKey{t.lane, t.project}]++
	g.tickets++
	return true
}

// ended notes that one of the ticket's deliveries is done, and tells whether that
// made room for a ticket that found none. The caller holds s.mu.
func (s *Service) ended(t *ticket) bool {
	if t == nil {
		return false
	}
	if t.left--; t.left > 0 {
		return false
	}
	s.gate(t.endpoint).tickets--
	for _, key := range []laneKey{{lane: t.lane}, {t.lane, t.project}} {
		if s.tickets[key]--; s.tickets[key] == 0 {
			delete(s.tickets, key)
		}
	}
	short := s.short
	s.short = false
	return short
}
