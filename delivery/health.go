package delivery

import (
	"time"

	"memhook/retry"
)

// successNoted is how precise LastSuccessAt is: an endpoint that is well is not
// written for each of its deliveries.
const successNoted = 10 * time.Second

// learn adapts what this process knows of the endpoint to how an attempt ended. It
// returns whether the endpoint's stored health changes with it, and the successes
// since it last did. An endpoint that is well needs no write but one in ten seconds.
func (s *Service) learn(c Claim, o retry.Outcome, now time.Time) (changes bool, passed retry.Breaker) {
	if c.Delivery.Trigger == Test {
		return false, passed // a test says nothing about the others
	}
	h := c.Endpoint.Health
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gate(c.Endpoint.ID)
	g.window = g.window.Record(o)
	if o.Verdict() != retry.Delivered {
		g.failing = true
	} else if !g.failing && !o.Disable && h.well() && now.Sub(later(g.noted, h.LastSuccessAt)) < successNoted {
		g.passed = g.passed.Record(o, now)
		return false, passed
	}
	g.noted = now
	passed, g.passed = g.passed, retry.Breaker{}
	return true, passed
}

// learned takes over what the database says now.
func (s *Service) learned(c Claim, l Learned) {
	s.mu.Lock()
	g := s.gate(c.Endpoint.ID)
	g.breaker = l.Health.Breaker
	g.failing = !l.Health.well()
	s.mu.Unlock()
	if at := l.Health.Breaker.ProbeAt; l.Health.Breaker.State == retry.Open {
		s.lookBefore(at)
	}
}

func (h Health) well() bool {
	return h.Failures == 0 && h.Notice == NoticeNone && h.Breaker.State == retry.Closed
}

func (h Health) streak() retry.Streak {
	return retry.Streak{Failures: h.Failures, FirstAt: orZero(h.FailingSince), LastAt: orZero(h.LastFailureAt)}
}

// Learn brings the endpoint's health up to date with the attempt and returns what
// is to be told about it. The store calls it in the transaction that records the
// attempt, with the endpoint as it is there.
func (r Result) Learn(e *Endpoint) []Message {
	now, h := r.At(), &e.Health
	if h.Breaker.State == retry.Closed {
		h.Breaker = h.Breaker.Count(r.Passed)
	}
	h.Breaker = h.Breaker.Record(r.Outcome, now)
	streak := h.streak().Record(r.Outcome, now)
	h.Failures, h.FailingSince, h.LastFailureAt = streak.Failures, orNil(streak.FirstAt), orNil(streak.LastAt)
	if r.Outcome.Verdict() == retry.Delivered {
		h.LastSuccessAt = &now
	}
	if r.HoldUntil != nil && (h.HoldUntil == nil || h.HoldUntil.Before(*r.HoldUntil)) {
		h.HoldUntil = r.HoldUntil
	}
	return append(r.announce(e, streak.Alarm(now)), r.exhausted(*e)...)
}

// announce notes what the endpoint's failures have come to, and disables it when
// that is too much. Each is told once.
func (r Result) announce(e *Endpoint, alarm retry.Alarm) []Message {
	h, now := &e.Health, r.At()
	told := h.Notice
	reason := h.notice(alarm)
	switch {
	case e.DisabledAt != nil:
		return nil
	case r.Disable:
		e.DisabledAt, e.DisabledReason, e.UpdatedAt = &now, DisabledGone, now
		return []Message{r.notify(EndpointDisabledType, *e, string(DisabledGone))}
	case alarm == retry.AlarmDisable:
		e.DisabledAt, e.DisabledReason, e.UpdatedAt = &now, DisabledFailing, now
		return []Message{r.notify(EndpointDisabledType, *e, string(DisabledFailing))}
	case h.Notice > told:
		return []Message{r.notify(EndpointFailingType, *e, reason)}
	case told > NoticeNone && h.Failures == 0 && h.Breaker.State != retry.Open:
		h.Notice = NoticeNone
		return []Message{r.notify(EndpointRecoveredType, *e, "")}
	}
	return nil
}

// notice raises the endpoint's notice to what its failures have come to, and says
// why in a word.
func (h *Health) notice(alarm retry.Alarm) string {
	reason := ""
	raise := func(to Notice, why string) {
		if h.Notice < to {
			h.Notice, reason = to, why
		}
	}
	if h.Breaker.State == retry.Open {
		raise(NoticeParked, "breaker_open")
	}
	if alarm >= retry.AlarmWarn {
		raise(NoticeDay, "failing_24h")
	}
	if alarm >= retry.AlarmLast {
		raise(NoticeLast, "failing_96h")
	}
	return reason
}

// At is when the attempt ended.
func (r Result) At() time.Time {
	return r.Attempt.StartedAt.Add(r.Attempt.Duration).UTC().Truncate(time.Microsecond)
}

func later(a time.Time, b *time.Time) time.Time {
	if b != nil && b.After(a) {
		return *b
	}
	return a
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
