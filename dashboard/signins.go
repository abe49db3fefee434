package dashboard

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Limits of signing in.
const (
	signInsPerMinute = 5
	maxAddresses     = 10_000 // remembered; beyond that unknown ones wait
)

// signIns counts the attempts to sign in of each address.
type signIns struct {
	mu     sync.Mutex
	tries  map[netip.Addr]tries
	swept  time.Time
	window time.Duration
	shared func(context.Context, netip.Addr) (time.Duration, bool)
}

type tries struct {
	since time.Time
	count int
}

func newSignIns(shared func(context.Context, netip.Addr) (time.Duration, bool)) *signIns {
	return &signIns{tries: map[netip.Addr]tries{}, window: time.Minute, shared: shared}
}

// allow counts an attempt and returns how long the address must wait when it has
// had its share. The clients of one IPv6 network (/64) count as one.
func (s *signIns) allow(ctx context.Context, addr netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if addr = addr.Unmap(); addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	if s.shared != nil {
		return s.shared(ctx, addr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	t, known := s.tries[addr]
	if !known && len(s.tries) >= maxAddresses {
		return s.window, false
	}
	if !known || now.Sub(t.since) >= s.window {
		t = tries{since: now}
	}
	if t.count >= signInsPerMinute {
		return s.window - now.Sub(t.since), false
	}
	t.count++
	s.tries[addr] = t
	return 0, true
}

// sweep forgets addresses whose minute is over.
func (s *signIns) sweep(now time.Time) {
	if now.Sub(s.swept) < s.window {
		return
	}
	s.swept = now
	for addr, t := range s.tries {
		if now.Sub(t.since) >= s.window {
			delete(s.tries, addr)
		}
	}
}
