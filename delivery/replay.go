package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// What says which of an endpoint's deliveries a bulk replay sends again.
type What string

// The kinds of set. A message that the endpoint would refuse now is in none of the
// last three.
const (
	WhatFailed  What = "failed"  // those that were given up
	WhatHeld    What = "held"    // those that were put aside
	WhatSkipped What = "skipped" // those the endpoint did not want then and would want now
	WhatMissing What = "missing" // all that it would want and never got to send: held, skipped, or from before it was there
	WhatAll     What = "all"     // all that are over: succeeded, failed, held, and skipped that would match now

	// WhatMemories is a snapshot: every memory as it is, each as a new memory_add. It
	// leaves out what changed since it was frozen where the endpoint is told of that
	// anyway, so that a snapshot and what follows it have no gap and no overlap.
	WhatMemories What = "memories"
)

// Whats lists the kinds of set.
func Whats() []What {
	return []What{WhatFailed, WhatHeld, WhatSkipped, WhatMissing, WhatAll, WhatMemories}
}

// A ReplaySet is what a bulk replay sends again: one endpoint's deliveries as they
// were at one moment.
type ReplaySet struct {
	EndpointID uuid.UUID
	What       What
	Since      time.Time // of the message; zero: from the beginning
	Until      time.Time // zero: up to FrozenAt
	Types      []string  // of the message; none: every type
	FrozenAt   time.Time // what was made or changed from here on is not in the set
}

// A BulkReplay is a bulk replay. It goes on by itself, also after a restart.
type BulkReplay struct {
	ID         uuid.UUID
	ProjectID  string
	Set        ReplaySet
	PerSecond  float64 // how many it makes due in a second; 0: as fast as the endpoint takes them
	State      ReplayState
	Total      int // in the set when the replay was made
	Done       int // made due so far; less than Total at the end when some were sent by hand meanwhile
	By         string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	FinishedAt *time.Time

	Place  uuid.UUID  // the last row that was looked at
	NextAt *time.Time // of the next group, nil when it is over
}

// A ReplayState is how far a BulkReplay is.
type ReplayState string

// The states of a BulkReplay.
const (
	ReplayRunning  ReplayState = "running"
	ReplayDone     ReplayState = "done" // everything is due or sent
	ReplayCanceled ReplayState = "canceled"
)

// A Candidate is a message with its delivery to the endpoint of a set, if there is
// one.
type Candidate struct {
	Message  Message // without body where the set does not need it
	Delivery *Delivery
	Make     func(now time.Time) Message // makes the message, in a set of memories
	Void     bool                        // it is in no set and only tells how far the reading is
}

// Place is where the candidate stands in the order of its set.
func (c Candidate) Place(w What) uuid.UUID {
	switch w {
	case WhatMissing:
		return c.Message.ID
	case WhatMemories:
		return c.Message.MemoryID
	}
	return c.Delivery.ID
}

// A Step is a group that a BulkReplay made due.
type Step struct {
	Due  []Due
	Next *time.Time // of the next group, nil when it is over
}

// NeedsBody tells whether Takes looks into the messages.
func (w What) NeedsBody() bool { return w == WhatSkipped || w == WhatMissing || w == WhatAll }

// Takes tells whether the candidate is in the set, given the endpoint as it is now.
func (s ReplaySet) Takes(c Candidate, e Endpoint) bool {
	m, d := c.Message, c.Delivery
	if c.Void {
		return false
	}
	if s.What == WhatMemories {
		return !m.CreatedAt.Before(s.Since) && (s.Until.IsZero() || m.CreatedAt.Before(s.Until)) &&
			(len(s.Types) == 0 || slices.Contains(s.Types, m.Type)) && e.Wants(m)
	}
	switch {
	case m.CreatedAt.Before(s.Since), !m.CreatedAt.Before(s.FrozenAt), !s.Until.IsZero() && !m.CreatedAt.Before(s.Until):
		return false
	case len(s.Types) > 0 && !slices.Contains(s.Types, m.Type):
		return false
	case d != nil && (!d.UpdatedAt.Before(s.FrozenAt) || d.Trigger == Test):
		return false
	case d != nil && d.Reason == ReasonOwnWrite && len(e.Filter.IgnoreFrom) > 0:
		return false // the stored message does not say who wrote it
	case d == nil:
		return s.What == WhatMissing && !operational(m.Type) && e.wantsStored(m)
	}
	switch s.What {
	case WhatFailed:
		return d.Status == Failed
	case WhatHeld:
		return d.Status == Held
	case WhatSkipped:
		return d.Status == Skipped && e.wantsStored(m)
	case WhatMissing:
		return (d.Status == Skipped || d.Status == Held) && e.wantsStored(m)
	}
	return d.Status == Succeeded || d.Status == Failed || d.Status == Held || d.Status == Skipped && e.wantsStored(m)
}

// wantsStored is Wants for a message as it is stored: its facets are in its body.
func (e Endpoint) wantsStored(m Message) bool {
	if !e.Filter.IsZero() {
		m.Facets = m.storedFacets()
	}
	return e.Wants(m)
}

// replayScan is how many rows a preview looks at in one read.
const replayScan = 1000

// PreviewReplay freezes a set and counts it. *InvalidError; ErrNotFound;
// ErrInactive.
func (s *Service) PreviewReplay(ctx context.Context, projectID string, set ReplaySet) (ReplaySet, int, error) {
	set.FrozenAt = s.now().UTC().Truncate(time.Microsecond)
	n, err := s.countSet(ctx, projectID, set)
	return set, n, err
}

// countSet checks a frozen set and counts it.
func (s *Service) countSet(ctx context.Context, projectID string, set ReplaySet) (int, error) {
	if err := set.validate(s.now()); err != nil {
		return 0, err
	}
	e, err := s.Endpoint(ctx, projectID, set.EndpointID)
	if err != nil {
		return 0, err
	}
	if !e.Active() {
		return 0, fmt.Errorf("endpoint %s: %w", FormatID(EndpointPrefix, e.ID), ErrInactive)
	}
	return s.countFor(ctx, e, set)
}

// countFor counts a frozen set of an endpoint.
func (s *Service) countFor(ctx context.Context, e Endpoint, set ReplaySet) (int, error) {
	n := 0
	for place := uuid.Nil; ; {
		list, err := s.store.Candidates(ctx, e.ProjectID, set, place, replayScan)
		if err != nil {
			return 0, fmt.Errorf("count a replay: %w", err)
		}
		for _, c := range list {
			if set.Takes(c, e) {
				n++
			}
		}
		if len(list) < replayScan {
			return n, nil
		}
		place = list[len(list)-1].Place(set.What)
	}
}

func (s ReplaySet) validate(now time.Time) error {
	switch {
	case !slices.Contains(Whats(), s.What):
		return &InvalidError{"what", "Must be failed, held, skipped, missing, all or memories."}
	case !s.Until.IsZero() && !s.Since.Before(s.Until):
		return &InvalidError{"until", "Must be after since."}
	case s.FrozenAt.IsZero() || s.FrozenAt.After(now):
		return &InvalidError{"frozen_at", "Must be what the preview returned."}
	case len(s.Types) > MaxFilterValues:
		return &InvalidError{"types", fmt.Sprintf("Ensure this list has no more than %d values.", MaxFilterValues)}
	}
	for _, t := range s.Types {
		if t == AllTypes || !knownType(t) {
			return &InvalidError{"types", fmt.Sprintf("%q is not a type.", clip(t, 64))}
		}
	}
	return nil
}

// CreateReplay begins to send a set again, as PreviewReplay froze and counted it.
// *ChangedError when it is no longer so many; *InvalidError; ErrNotFound;
// ErrInactive.
func (s *Service) CreateReplay(ctx context.Context, projectID string, set ReplaySet, expected int, perSecond float64, by string) (BulkReplay, error) {
	if math.IsNaN(perSecond) || perSecond != 0 && (perSecond < MinRate || perSecond > MaxRate) {
		return BulkReplay{}, &InvalidError{"rate_per_second", fmt.Sprintf("Must be from one an hour (%.5f) to %.0f, or 0 for no limit.", MinRate, MaxRate)}
	}
	n, err := s.countSet(ctx, projectID, set)
	if err != nil {
		return BulkReplay{}, err
	}
	if n != expected {
		return BulkReplay{}, &ChangedError{Expected: expected, Found: n}
	}
	return s.startReplay(ctx, projectID, set, n, perSecond, by, 0)
}

// createWithSnapshot registers an endpoint and begins to send it every memory there is.
// What changes from now on it is told anyway. Counting takes seconds where there are a
// million, and comes first: a caller who gives up in between has no endpoint without its
// snapshot.
func (s *Service) createWithSnapshot(ctx context.Context, e Endpoint, by string) error {
	set := ReplaySet{EndpointID: e.ID, What: WhatMemories, FrozenAt: e.CreatedAt}
	n, err := s.countFor(ctx, e, set)
	if err != nil {
		return err
	}
	if err := s.store.InsertEndpoint(ctx, e); err != nil {
		return err
	}
	_, err = s.startReplay(context.WithoutCancel(ctx), e.ProjectID, set, n, 0, by, snapshotAfter)
	return err
}

// snapshotAfter is how long after a new endpoint its snapshot begins. A change that was
// just being committed does not know the endpoint, and must be there when the snapshot
// reads its memory; a commit takes milliseconds.
const snapshotAfter = 2 * time.Second

func (s *Service) startReplay(ctx context.Context, projectID string, set ReplaySet, n int, perSecond float64, by string, after time.Duration) (BulkReplay, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	next := now.Add(after)
	r := BulkReplay{
		ID: NewID(), ProjectID: projectID, Set: set, PerSecond: perSecond, State: ReplayRunning, Total: n, By: by,
		CreatedAt: now, UpdatedAt: now, NextAt: &next,
	}
	if n == 0 && after == 0 {
		r.State, r.NextAt, r.FinishedAt = ReplayDone, nil, &now
	}
	if err := s.store.InsertReplay(ctx, r); err != nil {
		return BulkReplay{}, fmt.Errorf("replay for endpoint %s: %w", FormatID(EndpointPrefix, set.EndpointID), err)
	}
	s.replaysNow()
	return r, nil
}

// replaysNow makes runReplays look.
func (s *Service) replaysNow() {
	select {
	case s.replayed <- struct{}{}:
	default:
	}
}

// CancelReplay ends a bulk replay: what it made due is sent, the rest is not.
// ErrNotFound; ErrState when it is over.
func (s *Service) CancelReplay(ctx context.Context, projectID string, id uuid.UUID) (BulkReplay, error) {
	if err := s.store.CancelReplay(ctx, projectID, id, s.now().UTC().Truncate(time.Microsecond)); err != nil {
		return BulkReplay{}, err
	}
	return s.Replay(ctx, projectID, id)
}

// How many deliveries one transaction of a bulk replay makes due, and how many rows
// it looks at for them, so that it holds up other writes for milliseconds only.
const (
	ReplayGroup = 100
	ReplayLook  = 500
)

// replayFull is how often a replay without a rate makes a group due. Ten groups a
// second are more than an endpoint takes; the rest waits as due rows.
const replayFull = 100 * time.Millisecond

// Group returns how many deliveries the next group has at most, and the time between
// two. It is never more than was counted, whatever the endpoint wants by now.
func (r BulkReplay) Group() (n int, apart time.Duration) {
	n = min(ReplayGroup, r.Total-r.Done)
	if r.Set.What == WhatMemories {
		n = ReplayGroup // one that was added meanwhile must not cost another its place
	}
	if r.PerSecond <= 0 {
		return n, 0
	}
	return min(n, max(int(r.PerSecond), 1)), time.Duration(float64(time.Second) / r.PerSecond)
}

// Over tells whether the replay has made due what was counted.
func (r BulkReplay) Over() bool { return r.Done >= r.Total && r.Set.What != WhatMemories }

// Deliver returns a new delivery of a message for the replay, due at a time.
func (r BulkReplay) Deliver(m Message, e Endpoint, at, now time.Time) Delivery {
	return Delivery{
		ID: NewID(), ProjectID: r.ProjectID, EventID: m.EventID, MessageID: m.ID, EndpointID: e.ID, Type: m.Type, Lane: e.lane(m),
		Status: Pending, NextAt: &at, Trigger: Replay, RoundAt: now, CreatedAt: now, UpdatedAt: now,
	}
}

// NextGroup returns when the next group is due after one of n, made at now.
func (r BulkReplay) NextGroup(n int, now time.Time) time.Time {
	if _, apart := r.Group(); apart > 0 {
		return now.Add(time.Duration(n) * apart)
	}
	if n == 0 {
		return now // rows that are not in the set take no time
	}
	return now.Add(replayFull)
}

// runReplays carries on the bulk replays until ctx ends.
func (s *Service) runReplays(ctx context.Context) {
	for {
		next, err := s.stepReplays(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "bulk replay not carried on", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.replayed:
		case <-time.After(next):
		}
	}
}

// stepReplays makes the next group of each replay due that has one, and returns how
// long until there may be another.
func (s *Service) stepReplays(ctx context.Context) (time.Duration, error) {
	wait := pumpEvery
	ids, err := s.store.DueReplays(ctx, s.now())
	for _, id := range ids {
		var step Step
		step, err = s.store.StepReplay(ctx, id, s.now().UTC().Truncate(time.Microsecond))
		if errors.Is(err, ErrNotDue) {
			continue
		}
		if err != nil {
			return wait, fmt.Errorf("replay %s: %w", FormatID(ReplayPrefix, id), err)
		}
		s.Wake(step.Due...)
		s.lookNow()
		if step.Next != nil {
			wait = min(wait, max(step.Next.Sub(s.now()), pumpRest))
		}
	}
	return wait, err
}
