package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/retry"
)

// A gate keeps an endpoint from having more deliveries in the queue and in
// flight than its window, its breaker and its rate allow. The others stay due rows
// in the database and cost nothing.
//
// What it knows of the endpoint comes with every look into the database; the
// window is its own.
type gate struct {
	project   string
	perSecond float64
	breaker   retry.Breaker
	limiter   retry.Limiter // as last seen
	slot      time.Time     // no request before; see pace
	passed    retry.Breaker // tallies of successes that the database was not told
	failing   bool          // the database may have failures of it
	noted     time.Time     // when the database was last told that it is well
	window    retry.Window
	out       int
	untaken   int  // of out, those that have yet to take a token of the limiter
	tickets   int  // see share
	waiting   bool // there may be due rows that found no room
}

// ticketed is a delivery in the queue or in flight.
type ticketed struct {
	endpoint uuid.UUID
	ticket   *ticket   // nil: another node pushed it
	until    time.Time // when it counts as lost, unless it is kept
	taken    bool      // it has its token, or needs none
	kept     bool      // a worker of this node has it, and will release it
}

// ticketLife is when a ticket that no worker took counts as lost. Of those that
// another node's worker took this node hears at once, unless Redis fails just then.
const ticketLife = 5 * time.Second

// Wake says that deliveries may have become due. It does not block. Rows that it
// does not reach are found by the pump.
func (s *Service) Wake(due ...Due) { s.bell.Ring(due...) }

// hand pushes tickets for those of the deliveries that find room.
func (s *Service) hand(ctx context.Context, due []Due) {
	byEndpoint := map[uuid.UUID][]Due{}
	for _, d := range due {
		byEndpoint[d.EndpointID] = append(byEndpoint[d.EndpointID], d)
	}
	for _, list := range byEndpoint {
		for len(list) > 0 {
			var t queue.Ticket
			if t, list = s.admit(list); len(t.IDs) == 0 {
				break
			}
			if err := s.push(ctx, t); err != nil {
				for _, id := range t.IDs {
					s.release(id)
				}
				break // the pump comes back to them
			}
		}
	}
}

// admit reserves room for as many of an endpoint's deliveries as fit, up to one
// ticket full, and returns the ticket and those that it did not look at.
func (s *Service) admit(list []Due) (queue.Ticket, []Due) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gate(list[0].EndpointID)
	g.project, g.perSecond = list[0].ProjectID, list[0].PerSecond
	now := s.now()
	t := &ticket{project: g.project, endpoint: list[0].EndpointID, lane: g.lane()}
	made := queue.Ticket{Kind: KindSend, Lane: t.lane}
	for len(list) > 0 && len(made.IDs) < queue.MaxIDs {
		d := list[0]
		if _, twice := s.out[d.DeliveryID]; twice {
			list = list[1:]
			continue
		}
		if (!d.Forced && g.free(now) <= 0) || (len(made.IDs) == 0 && !s.open(t, g)) {
			g.waiting = true
			list = nil
			break
		}
		list = list[1:]
		s.out[d.DeliveryID] = ticketed{endpoint: d.EndpointID, ticket: t, until: now.Add(ticketLife), taken: g.perSecond <= 0}
		g.out++
		if g.perSecond > 0 {
			g.untaken++
		}
		t.left++
		made.IDs = append(made.IDs, d.DeliveryID)
	}
	return made, list
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

// free returns how many more deliveries may be handed out.
func (g *gate) free(now time.Time) int {
	free := min(g.window.Limit(), g.breaker.Limit(now)) - g.out
	if g.perSecond > 0 {
		free = min(free, g.bucket().Left(now)-g.untaken)
	}
	return free
}

func (g *gate) lane() string {
	if g.window.Slow() {
		return SlowLane
	}
	return Lane
}

// idle tells whether a new gate would do as well.
func (g *gate) idle(now time.Time) bool {
	return g.out == 0 && !g.waiting && !g.failing && g.window == (retry.Window{}) && g.breaker.State == retry.Closed &&
		!now.Before(g.limiter.FullAt) && !now.Before(g.slot) && now.Unix()/60-g.passed.Minute > 5
}

// keep notes that a worker has the delivery until it is released.
func (s *Service) keep(c Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.out[c.Delivery.ID]
	if !ok {
		s.gate(c.Endpoint.ID).out++ // another node pushed the ticket
		t = ticketed{endpoint: c.Endpoint.ID, taken: true}
	}
	t.kept = true
	s.out[c.Delivery.ID] = t
}

// release frees the delivery's room. When the endpoint has rows waiting and half
// of what it may have out is free the pump is told to fill it: in groups, because a
// look into the database costs the same for one row as for thirty.
func (s *Service) release(id uuid.UUID) {
	s.mu.Lock()
	fill := s.drop(id)
	s.mu.Unlock()
	if fill {
		s.lookNow()
	}
}

// takenElsewhere frees the room of deliveries whose tickets a worker of another node
// has looked at: it sends them, or they are not due.
func (s *Service) takenElsewhere(ids []uuid.UUID) {
	fill := false
	s.mu.Lock()
	for _, id := range ids {
		if t, ok := s.out[id]; ok && !t.kept {
			fill = s.drop(id) || fill
		}
	}
	s.mu.Unlock()
	if fill {
		s.lookNow()
	}
}

// drop is release for a caller that holds s.mu. It tells whether the pump should
// look.
func (s *Service) drop(id uuid.UUID) bool {
	t, ok := s.out[id]
	if !ok {
		return false
	}
	delete(s.out, id)
	g := s.gate(t.endpoint)
	g.out--
	if !t.taken {
		g.untaken--
	}
	fill := g.waiting && g.out <= g.window.Limit()/2 && g.free(s.now()) > 0
	return s.ended(t.ticket) || fill
}

// dropLost frees the room of tickets that nobody took, and forgets idle gates.
func (s *Service) dropLost(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.out {
		if !t.kept && now.After(t.until) {
			s.drop(id)
		}
	}
	for id, g := range s.gates {
		if g.idle(now) {
			delete(s.gates, id)
		}
	}
}

// room returns how many more deliveries of the endpoint may be handed out, and
// how many are out now.
func (s *Service) room(e DueEndpoint) (free, out int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gate(e.ID)
	g.project, g.perSecond, g.breaker = e.ProjectID, e.PerSecond, e.Breaker
	free = g.free(s.now())
	if !s.mayOpen(&ticket{project: g.project, lane: g.lane()}, g) {
		free = 0
	}
	g.waiting = free <= 0
	return free, g.out
}

// nextRoom returns when the first endpoint that waits for its rate may get a
// delivery, if that is before next.
func (s *Service) nextRoom(now, next time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.gates {
		if !g.waiting || g.perSecond <= 0 || g.untaken > 0 {
			continue
		}
		if _, wait := g.bucket().Take(now); now.Add(wait).Before(next) {
			next = now.Add(wait)
		}
	}
	return next
}
