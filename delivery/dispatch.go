package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/delivery/queue"
	"memhook/retry"
)

// Send handles a ticket: it claims the deliveries and makes one attempt for each.
// This is the one delivery step, for first tries, retries, replays and tests.
// Those that are not due are passed over. The error is the database's.
func (s *Service) Send(ctx context.Context, ids []uuid.UUID) error {
	// What was begun is finished also while the process stops: the broker waits.
	ctx = context.WithoutCancel(ctx)
	claims, err := s.store.ClaimDeliveries(ctx, ids, s.now(), func(d Delivery, e Endpoint) bool { return s.pass(ctx, d, e) })
	var doubtful []Claim
	if err != nil {
		doubtful, claims = claims, nil
	}
	claimed := make(map[uuid.UUID]bool, len(claims))
	for _, c := range claims {
		claimed[c.Delivery.ID] = true
		s.keep(c)
	}
	for _, id := range ids {
		if !claimed[id] {
			s.release(id)
		}
	}
	s.news.Tell(queue.Hint{Taken: ids}) // whoever pushed the ticket has room again
	if err != nil {
		return errors.Join(fmt.Errorf("claim %d deliveries: %w", len(ids), err), s.giveBack(ctx, doubtful))
	}
	errs := make([]error, len(claims))
	var wg sync.WaitGroup
	for i := range claims {
		if i == len(claims)-1 {
			errs[i] = s.attempt(ctx, claims[i])
			break
		}
		wg.Go(func() { errs[i] = s.attempt(ctx, claims[i]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// attempt sends a claimed delivery once and records what came of it.
func (s *Service) attempt(ctx context.Context, c Claim) error {
	defer s.release(c.Delivery.ID)
	s.pace(c.Endpoint)
	a, out := s.send(ctx, c, c.Delivery.Attempts+1)
	r := s.decide(c, a, out)
	r.Changes, r.Passed = s.learn(c, out, r.At())
	var learned Learned
	err := s.persist(ctx, func() (err error) {
		learned, err = s.store.FinishAttempt(ctx, r)
		return err
	})
	if err != nil {
		if errors.Is(err, ErrNotDue) {
			return nil // the lease was lost; whoever has it now records
		}
		return fmt.Errorf("record attempt %d of delivery %s: %w", a.Number, c.Delivery.ID, err)
	}
	s.metrics.attempted(a)
	s.logAttempt(ctx, r)
	if r.NextAt != nil {
		s.lookBefore(*r.NextAt)
	}
	if r.Changes {
		s.learned(c, learned)
	}
	s.Wake(learned.Due...)
	if learned.Disabled {
		return s.moveAll(ctx, c.Endpoint.ID, Pending, Held, ReasonDisabled)
	}
	return nil
}

// giveBack makes deliveries due again of which it is not known whether they were
// claimed.
func (s *Service) giveBack(ctx context.Context, claims []Claim) error {
	if len(claims) == 0 {
		return nil
	}
	err := s.persist(ctx, func() error {
		return s.store.ReturnDeliveries(ctx, claims, s.now().UTC().Truncate(time.Microsecond))
	})
	if err != nil {
		return fmt.Errorf("give back %d deliveries: %w", len(claims), err)
	}
	s.lookNow()
	return nil
}

const (
	// persistEvery is how often a write is tried again while the store is away.
	persistEvery = 250 * time.Millisecond
	// maxRefused is how often a store may refuse a write that can be written otherwise.
	maxRefused = 3
)

// persist writes what is known and nobody else knows, and would otherwise cost a lease
// and a second request: while the store cannot be written it tries again, until Run
// ends. The write is fenced by its lease, so it counts once also when its outcome was
// lost before.
func (s *Service) persist(ctx context.Context, write func() error) error {
	for refused, said := 0, false; ; said = true {
		err := write()
		if err == nil || errors.Is(err, ErrNotDue) {
			return err
		}
		if s.store.Ping(ctx) == nil {
			if refused++; refused == maxRefused {
				return err
			}
		}
		if !said {
			s.log.LogAttrs(ctx, slog.LevelWarn, "not recorded yet, trying again", slog.Any("error", err))
		}
		select {
		case <-s.stopped:
			return err
		case <-time.After(persistEvery):
		}
	}
}

// decide says what follows from an attempt.
func (s *Service) decide(c Claim, a Attempt, out retry.Outcome) Result {
	policy := s.policy
	if c.Endpoint.Schedule != nil {
		policy.Schedule = *c.Endpoint.Schedule
	}
	now := a.StartedAt.Add(a.Duration).Truncate(time.Microsecond)
	d := policy.Next(c.Delivery.Tries+1, out, c.Delivery.RoundAt, now)
	r := Result{Claim: c, Attempt: a, Outcome: out, Disable: d.DisableEndpoint}
	if !d.HoldEndpointUntil.IsZero() {
		until := d.HoldEndpointUntil.Truncate(time.Microsecond)
		r.HoldUntil = &until
	}
	if c.Delivery.Trigger == Test && d.State != retry.Done {
		r.Status, r.Reason, r.HoldUntil, r.Disable = Failed, ReasonTestFailed, nil, false
		return r
	}
	switch d.State {
	case retry.Done:
		r.Status = Succeeded
	case retry.Again:
		at := d.At.Truncate(time.Microsecond)
		r.Status, r.NextAt, r.Attempt.NextAt = Pending, &at, &at
	case retry.Disable:
		r.Status, r.Reason = Held, ReasonGone
	case retry.Stop:
		r.Status, r.Reason = Failed, ReasonRefused
	default:
		r.Status, r.Reason = Failed, ReasonOutOfTries
		if d.Reason == retry.ReasonExpired {
			r.Reason = ReasonTooOld
		}
	}
	return r
}

func (s *Service) logAttempt(ctx context.Context, r Result) {
	level := slog.LevelInfo
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("delivery_id", FormatID(DeliveryPrefix, r.Claim.Delivery.ID)),
		slog.String("endpoint_id", FormatID(EndpointPrefix, r.Claim.Endpoint.ID)),
		slog.String("event_id", r.Claim.Delivery.EventID.String()),
		slog.Int("attempt", r.Attempt.Number),
		slog.Int("status", r.Attempt.StatusCode),
		slog.String("state", string(r.Status)),
		slog.Int64("duration_ms", r.Attempt.Duration.Milliseconds()),
	}
	if r.Attempt.Class != "" {
		attrs = append(attrs, slog.String("class", string(r.Attempt.Class)))
	}
	if r.NextAt != nil {
		attrs = append(attrs, slog.Time("next_at", *r.NextAt))
	}
	s.log.LogAttrs(ctx, level, "delivery attempted", attrs...)
}
