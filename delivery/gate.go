package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/retry"
)

// A gate keeps an endpoint from having more deliveries in the queue and in
// flight than its window allows. The others stay due rows in the database and
// cost nothing.
type gate struct {
	window  retry.Window
	out     int
	waiting bool // there may be due rows that found no room
}

// ticketed is a delivery in the queue or in flight.
type ticketed struct {
	endpoint uuid.UUID
	until    time.Time // when it counts as lost
}

// ticketLife is when a ticket that no worker took counts as lost.
const ticketLife = 5 * time.Second

// Wake says that deliveries may have become due. It does not block. Rows that it
// does not reach are found by the pump.
func (s *Service) Wake(due ...Due) { s.bell.Ring(due...) }

// hand pushes tickets for those of the deliveries that find room in their
// endpoint's window.
func (s *Service) hand(ctx context.Context, due []Due) {
	byEndpoint := map[uuid.UUID][]uuid.UUID{}
	for _, d := range due {
		byEndpoint[d.EndpointID] = append(byEndpoint[d.EndpointID], d.DeliveryID)
	}
	for endpoint, ids := range byEndpoint {
		admitted, lane := s.admit(endpoint, ids)
		for len(admitted) > 0 {
			n := min(queue.MaxIDs, len(admitted))
			if err := s.push(ctx, queue.Ticket{Kind: KindSend, Lane: lane, IDs: admitted[:n]}); err != nil {
				for _, id := range admitted {
					s.release(id)
				}
				break // the pump comes back to them
			}
			admitted = admitted[n:]
		}
	}
}

// admit reserves room for as many of the deliveries as fit.
func (s *Service) admit(endpoint uuid.UUID, ids []uuid.UUID) ([]uuid.UUID, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gate(endpoint)
	until := s.now().Add(ticketLife)
	var admitted []uuid.UUID
	for _, id := range ids {
		if _, twice := s.out[id]; twice {
			continue
		}
		if g.out >= g.window.Limit() {
			g.waiting = true
			break
		}
		s.out[id] = ticketed{endpoint, until}
		g.out++
		admitted = append(admitted, id)
	}
	if g.window.Slow() {
		return admitted, SlowLane
	}
	return admitted, Lane
}

// gate returns the endpoint's gate. The caller holds s.mu.
func (s *Service) gate(endpoint uuid.UUID) *gate {
	g, ok := s.gates[endpoint]
	if !ok {
		g = &gate{}
		s.gates[endpoint] = g
	}
	return g
}

// keep notes that a worker has the delivery until its lease ends.
func (s *Service) keep(c Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.out[c.Delivery.ID]; !ok {
		s.gate(c.Endpoint.ID).out++ // another node pushed the ticket
	}
	s.out[c.Delivery.ID] = ticketed{c.Endpoint.ID, c.Lease}
}

// release frees the delivery's room. When the endpoint has rows waiting and half
// its window is free the pump is told to fill it: in groups, because a look into
// the database costs the same for one row as for thirty.
func (s *Service) release(id uuid.UUID) {
	s.mu.Lock()
	t, ok := s.out[id]
	fill := false
	if ok {
		delete(s.out, id)
		g := s.gate(t.endpoint)
		g.out--
		fill = g.waiting && g.out <= g.window.Limit()/2
	}
	s.mu.Unlock()
	if fill {
		s.lookNow()
	}
}

// learn adapts the endpoint's window to how an attempt ended.
func (s *Service) learn(endpoint uuid.UUID, o retry.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gate(endpoint)
	g.window = g.window.Record(o)
}

// dropLost frees the room of tickets that nobody took, and forgets idle gates
// with a full window.
func (s *Service) dropLost(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.out {
		if now.After(t.until) {
			delete(s.out, id)
			s.gate(t.endpoint).out--
		}
	}
	for id, g := range s.gates {
		if g.out == 0 && !g.waiting && g.window == (retry.Window{}) {
			delete(s.gates, id)
		}
	}
}

// room returns how many more deliveries of the endpoint may be handed out, and
// how many are out now.
func (s *Service) room(endpoint uuid.UUID) (free, out int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gate(endpoint)
	g.waiting = false
	return g.window.Limit() - g.out, g.out
}
