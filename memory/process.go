package memory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// Process handles a ticket: it claims the events and carries each out. Those that
// are not due are passed over. The error is the database's.
func (s *Service) Process(ctx context.Context, ids []uuid.UUID) error {
	// What was begun is finished also while the process stops: the broker waits.
	ctx = context.WithoutCancel(ctx)
	now := s.now().UTC().Truncate(time.Microsecond)
	events, others := s.take(ids, now)
	s.handled(ids)
	if len(others) > 0 {
		claimed, err := s.store.ClaimEvents(ctx, others, now, now.Add(s.lease))
		if err != nil {
			return errors.Join(fmt.Errorf("claim %d events: %w", len(others), err), s.carryOutAll(ctx, events))
		}
		events = append(events, claimed...)
	}
	return s.carryOutAll(ctx, events)
}

func (s *Service) carryOutAll(ctx context.Context, events []Event) error {
	errs := make([]error, len(events))
	var wg sync.WaitGroup
	for i := range events[min(1, len(events)):] {
		wg.Go(func() { errs[i+1] = s.carryOut(ctx, events[i+1]) })
	}
	if len(events) > 0 {
		errs[0] = s.carryOut(ctx, events[0])
	}
	wg.Wait()
	return errors.Join(errs...)
}

// carryOut brings a claimed event to its next state.
func (s *Service) carryOut(ctx context.Context, e Event) error {
	ctx, span := s.tracer.Start(delivery.WithTrace(ctx, e.Trace), "process "+string(e.Kind))
	defer span.End()
	if e.Tries > maxTries {
		return s.fail(ctx, e, fmt.Sprintf("given up after %d tries that did not end", maxTries))
	}
	var err error
	switch {
	case e.Kind == EventAdd && e.Request.Add != nil:
		err = s.add(ctx, e)
	case e.Request.Delete != nil:
		err = s.deleteAll(ctx, e)
	default:
		return s.fail(ctx, e, "the stored request cannot be read")
	}
	var invalid *InvalidError
	var later *LaterError
	switch {
	case errors.Is(err, ErrNotDue):
		return nil // the lease was lost; whoever has it now finishes
	case errors.As(err, &later):
		return s.postpone(ctx, e, later)
	case errors.Is(err, ErrRefused), errors.As(err, &invalid):
		return s.fail(ctx, e, err.Error())
	case errors.Is(err, errNoProject):
		return s.fail(ctx, e, "the project was deleted")
	}
	return err
}

// add asks the engine and commits what it decided. When a memory changed
// meanwhile the engine is asked again.
func (s *Service) add(ctx context.Context, e Event) error {
	add, list, err := s.configured(ctx, e.ProjectID, *e.Request.Add)
	if err != nil {
		return err
	}
	e.Request.Add = &add
	for again := false; ; again = true {
		decision, err := s.decide(ctx, e, again)
		if err != nil {
			return fmt.Errorf("decide event %s: %w", e.ID, err)
		}
		now := s.now().UTC().Truncate(time.Microsecond)
		done := e.final(EventSucceeded, now)
		done.Reason = string(decision.Reason)
		changes, err := s.changes(ctx, done, decision.Drafts, now)
		if err == nil {
			s.categorize(ctx, done, changes, list)
			err = s.complete(ctx, Completion{Event: done, Lease: *e.NextAt, Changes: changes})
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
	}
}

func (s *Service) decide(ctx context.Context, e Event, again bool) (Decision, error) {
	recall := func(_ context.Context, q RecallQuery) ([]Memory, error) {
		return s.recall(ctx, e.ProjectID, q)
	}
	if !e.Request.Add.Infer {
		if !again {
			// A repeat is rare, and the store refuses it: only then is a look worth it.
			recall = func(context.Context, RecallQuery) ([]Memory, error) { return nil, nil }
		}
		return verbatim(ctx, *e.Request.Add, recall)
	}
	ctx, cancel := context.WithTimeout(ctx, s.lease-s.lease/10)
	defer cancel()
	defer context.AfterFunc(s.running, cancel)()
	return s.engine.Decide(ctx, *e.Request.Add, recall)
}

// changes turns drafts into changes of memories as they are now.
func (s *Service) changes(ctx context.Context, e Event, drafts []Draft, now time.Time) ([]Change, error) {
	if e.Request.Add.Policy == Additive {
		drafts = additive(drafts)
	}
	list := make([]Change, 0, len(drafts))
	for _, d := range drafts {
		c := Change{ID: delivery.NewID(), EventID: e.ID, Kind: d.Kind, At: now}
		if d.Kind == ChangeAdd {
			c.Memory = e.Request.Add.memory(e.ProjectID, d, now)
			old, err := s.replace(ctx, e, &c.Memory, d)
			if err != nil {
				return nil, err
			}
			list = append(append(list, c), old...)
			continue
		}
		m, err := s.decidedOn(ctx, e.ProjectID, d.Target)
		if err != nil {
			return nil, err
		}
		if m.Immutable { // it stays, and what contradicts it is kept beside it
			if d.Kind == ChangeUpdate {
				c.Kind, c.Memory = ChangeAdd, e.Request.Add.memory(e.ProjectID, d, now)
				list = append(list, c)
			}
			continue
		}
		c.Memory, c.Before = m, m.Text
		if d.Kind == ChangeUpdate {
			c.Memory.Text, c.Memory.Subject, c.Memory.UpdatedAt = d.Text, d.Subject, now
			c.Memory.Categories = d.Categories
			if e.Request.Add.Metadata != nil {
				c.Memory.Metadata = e.Request.Add.Metadata
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// replace marks the memories that a new one takes the place of.
func (s *Service) replace(ctx context.Context, e Event, m *Memory, d Draft) ([]Change, error) {
	list := make([]Change, 0, len(d.Replaces))
	for _, id := range d.Replaces {
		old, err := s.decidedOn(ctx, e.ProjectID, id)
		if err != nil {
			return nil, err
		}
		if old.Immutable {
			continue
		}
		c := Change{ID: delivery.NewID(), EventID: e.ID, Kind: ChangeReplace, Memory: old, Before: old.Text, At: m.UpdatedAt}
		c.Memory.State, c.Memory.ReplacedBy, c.Memory.UpdatedAt = Superseded, m.ID, m.UpdatedAt
		if d.Richer {
			c.Memory.State = Merged
		}
		m.Linked = append(m.Linked, old.ID)
		list = append(list, c)
	}
	return list, nil
}

// decidedOn returns the memory that a draft is about. ErrChanged when it is gone or
// was replaced meanwhile.
func (s *Service) decidedOn(ctx context.Context, projectID string, id uuid.UUID) (Memory, error) {
	m, err := s.store.Memory(ctx, projectID, id)
	if errors.Is(err, ErrNotFound) || err == nil && m.State != Active {
		return m, fmt.Errorf("memory %s: %w", id, ErrChanged)
	}
	return m, err
}

// categorize sorts the new texts of the changes under the categories of the list.
// A failure costs the categories, never the memories.
func (s *Service) categorize(ctx context.Context, e Event, changes []Change, list []Category) {
	var texts []string
	var asked []*Change
	for i := range changes {
		switch c := &changes[i]; {
		case c.Kind != ChangeAdd && (c.Kind != ChangeUpdate || c.Memory.Text == c.Before):
		case c.Memory.Categories != nil:
			c.Categorized = true
		default:
			texts, asked = append(texts, c.Memory.Text), append(asked, c)
		}
	}
	if len(texts) == 0 || s.sorter == nil {
		return
	}
	sorted, err := s.sorter.Categorize(ctx, texts, list)
	if err == nil && len(sorted) != len(texts) {
		err = fmt.Errorf("%d answers for %d texts", len(sorted), len(texts))
	}
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "memories not categorised",
			slog.String("event_id", e.ID.String()), slog.String("project_id", e.ProjectID), slog.Any("error", err))
		return
	}
	for i, c := range asked {
		c.Memory.Categories, c.Categorized = append([]string{}, sorted[i]...), true
	}
}

// memory is the new memory that a draft asks for.
func (a *Add) memory(projectID string, d Draft, now time.Time) Memory {
	m := Memory{
		ID: delivery.NewID(), ProjectID: projectID, Scope: d.Scope, Text: d.Text, Subject: d.Subject,
		Metadata: a.Metadata, Categories: d.Categories, Immutable: a.Immutable, ExpirationDate: a.ExpirationDate,
		CreatedAt: now, UpdatedAt: now, State: Active,
	}
	if a.Timestamp != nil {
		m.CreatedAt = a.Timestamp.UTC().Truncate(time.Microsecond)
	}
	return m
}

// deleteGroup is how many memories one transaction of a mass deletion takes, so
// that it holds up other writes for milliseconds only.
const deleteGroup = 200

// eraseGroup is deleteGroup for erasures: each memory takes about a millisecond.
const eraseGroup = 25

func (s *Service) deleteAll(ctx context.Context, e Event) error {
	q := *e.Request.Delete
	q.ShowExpired, q.IncludeMerged, q.LatestOnly, q.Limit = true, true, false, deleteGroup
	q.NoCount, q.Unordered, q.MaxBytes = true, true, MaxListBytes
	if e.Request.Erase {
		q.Limit = eraseGroup
	}
	for {
		found, left, err := s.Memories(ctx, q)
		if err != nil {
			return fmt.Errorf("delete memories for event %s: %w", e.ID, err)
		}
		now := s.now().UTC().Truncate(time.Microsecond)
		changes := make([]Change, len(found))
		for i, m := range found {
			changes[i] = Change{ID: delivery.NewID(), EventID: e.ID, Kind: ChangeDelete, Memory: m, Before: m.Text, At: now}
		}
		lease := *e.NextAt
		last := left <= len(found)
		if last {
			e = e.final(EventSucceeded, now)
		} else {
			next := now.Add(s.lease)
			e.NextAt, e.UpdatedAt = &next, now
		}
		if e.Request.Erase {
			err = s.eraseGroup(ctx, erasureGroup(e, lease, found))
		} else {
			err = s.complete(ctx, Completion{Event: e, Lease: lease, Changes: changes})
		}
		if errors.Is(err, ErrChanged) {
			e.NextAt = &lease
			e.Status = EventRunning
			continue
		}
		if err != nil || last {
			return err
		}
	}
}

// Pauses between the tries of an event whose engine is out of reach: they double,
// which makes maxTries last some four hours.
const (
	firstPause = 2 * time.Second
	maxPause   = 15 * time.Minute
	maxAsked   = time.Hour // of what an engine asks for
)

// postpone lets the event wait for its next try, or fails it after the last. The
// event says meanwhile why it waits.
func (s *Service) postpone(ctx context.Context, e Event, later *LaterError) error {
	if e.Tries >= maxTries {
		return s.fail(ctx, e, fmt.Sprintf("given up after %d tries: %s", e.Tries, later.Reason))
	}
	lease, now := *e.NextAt, s.now().UTC().Truncate(time.Microsecond)
	next := now.Add(max(pause(e), min(later.After, maxAsked)))
	if s.running.Err() != nil {
		next = now // the service stops: it is not the engine's fault
	}
	e.Status, e.Reason, e.NextAt, e.UpdatedAt = EventPending, later.Reason, &next, now
	s.log.LogAttrs(ctx, slog.LevelWarn, "event put off", slog.String("event_id", e.ID.String()), slog.String("project_id", e.ProjectID),
		slog.String("reason", later.Reason), slog.Int("tries", e.Tries), slog.Time("next_at", next))
	return s.complete(ctx, Completion{Event: e, Lease: lease})
}

// pause is the time before the next try, longer by up to a fifth for some events
// so that they do not all come back at once.
func pause(e Event) time.Duration {
	p := maxPause
	if e.Tries < 10 {
		p = min(p, firstPause<<max(0, e.Tries-1))
	}
	return p + p/5*time.Duration(e.ID[len(e.ID)-1])/256
}

func (s *Service) fail(ctx context.Context, e Event, text string) error {
	done := e.final(EventFailed, s.now().UTC().Truncate(time.Microsecond))
	done.Error = text
	s.log.LogAttrs(ctx, slog.LevelWarn, "event failed", slog.String("event_id", e.ID.String()), slog.String("project_id", e.ProjectID))
	return s.complete(ctx, Completion{Event: done, Lease: *e.NextAt})
}

// complete renders the messages, commits, and tells everybody who can go on.
func (s *Service) complete(ctx context.Context, c Completion) error {
	for _, change := range c.Changes {
		if change.Kind != ChangeReplace {
			c.Messages = append(c.Messages, changeMessage(c.Event, change))
		}
	}
	for _, change := range c.Changes {
		if change.Categorized {
			c.Messages = append(c.Messages, categorizeMessage(c.Event, change))
		}
	}
	if c.Event.Status.Final() && c.Event.Kind == EventAdd {
		c.Messages = append(c.Messages, jobMessage(c.Event, c.Changes))
	}
	parent := delivery.TraceOf(ctx)
	for i := range c.Messages {
		c.Messages[i].Trace, c.Messages[i].Facets.Writer = parent, c.Event.Writer
	}
	completed, err := s.store.CompleteEvent(ctx, c)
	if err != nil {
		return err
	}
	if s.embedder != nil && len(c.Changes) > 0 {
		s.embedSoon()
	}
	s.wake(completed.Due...)
	s.bell.Ring(completed.Events...)
	if c.Event.Status.Final() {
		s.metrics.finished(c.Event.Status, c.Event.UpdatedAt.Sub(c.Event.CreatedAt))
		s.finished(c.Event.ID)
	}
	return nil
}

// final returns the event in a final state.
func (e Event) final(status EventStatus, now time.Time) Event {
	e.Status, e.NextAt, e.UpdatedAt, e.CompletedAt = status, nil, now, &now
	return e
}
