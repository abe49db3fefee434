package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing"
)

// ErasurePrefix begins the IDs of erasures. The UUID is that of the event that
// deletes the memories.
const ErasurePrefix = "ers_"

// SettingErase is the setting of a project that makes every deletion an erasure.
const SettingErase = "erase_on_delete"

// An Erasure takes the text of memories out of everything that is stored, tells the
// endpoints, and keeps who acknowledged it. It goes on by itself, also after a
// restart.
type Erasure struct {
	ID         uuid.UUID
	ProjectID  string
	Scope      Scope // whose memories; zero where they were named, or matched a filter
	Whole      bool  // everything of the scope goes, also what made no memory
	State      ErasureState
	Error      string // why it failed, "" otherwise
	By         string
	Counts     ErasureCounts
	CreatedAt  time.Time
	UpdatedAt  time.Time
	FinishedAt *time.Time
	NextAt     *time.Time // of the next group, nil when it is over
}

// An ErasureState is how far an Erasure is.
type ErasureState string

// The states of an Erasure.
const (
	ErasureRunning ErasureState = "running"
	ErasureDone    ErasureState = "done"   // the text is stored nowhere any more
	ErasureFailed  ErasureState = "failed" // the memories could not be deleted
)

// ErasureCounts say what an erasure scrubbed.
type ErasureCounts struct {
	Memories   int `json:"memories" doc:"Deleted, or deleted before and now scrubbed."`
	Changes    int `json:"changes" doc:"Entries of their history."`
	Messages   int `json:"messages" doc:"Stored bodies."`
	Deliveries int `json:"deliveries" doc:"That waited and were canceled."`
	Attempts   int `json:"attempts" doc:"Stored answers of receivers."`
	Events     int `json:"events" doc:"Requests as they were received."`
	Answers    int `json:"answers" doc:"Answers kept for requests with an Idempotency-Key, and exports."`
}

// A Receiver is an endpoint that was sent something of an erased memory, or is told
// of its erasure.
type Receiver struct {
	MemoryID       uuid.UUID
	EndpointID     uuid.UUID
	EndpointName   string
	EndpointURL    string
	DeletedAt      *time.Time      // of the endpoint
	Sent           int             // messages of the memory that it was sent before, as far as they are on record
	DeliveryID     uuid.UUID       // of the erasure; uuid.Nil: it is not told
	Status         delivery.Status // of that delivery
	Reason         delivery.Reason
	AcknowledgedAt *time.Time // of the first 2xx
}

// An Erased is a memory that is to be erased.
type Erased struct {
	Memory  Memory           // as it was; of one that was deleted before, with its ID and scope alone
	Live    bool             // it is there and is deleted
	Message delivery.Message // that it is to be forgotten
}

// An ErasureGroup is a step of an erasure that deletes memories. Everything in it is
// committed together.
type ErasureGroup struct {
	Erasure Erasure
	New     bool      // the erasure begins with this group
	Event   Event     // in its new state
	Lease   time.Time // the fence of the event; zero inserts it
	List    []Erased
}

// An ErasureStep is a group of the work of an erasure.
type ErasureStep struct {
	Due  []delivery.Due // deliveries to send
	Next *time.Time     // of the next group, nil when it is over
}

// An ErasurePreview counts what the erasure of a memory would scrub.
type ErasurePreview struct {
	Counts    ErasureCounts
	Endpoints int // that were sent something of it, as far as it is on record
}

// ErasureStore is what erasures ask of storage. Each method is one transaction.
type ErasureStore interface {
	// InsertErasure commits an erasure with the new event that deletes its memories.
	InsertErasure(ctx context.Context, x Erasure, e Event) error
	// EraseMemories deletes memories, without a word of what they said, and notes that
	// they are to be scrubbed. ErrNotDue; ErrChanged.
	EraseMemories(ctx context.Context, g ErasureGroup) (Completed, error)
	// StepErasure scrubs the next group. ErrNotDue when somebody else did.
	StepErasure(ctx context.Context, id uuid.UUID, now time.Time) (ErasureStep, error)
	// DueErasures returns the erasures whose next group is due.
	DueErasures(ctx context.Context, now time.Time) ([]uuid.UUID, error)
	Erasure(ctx context.Context, projectID string, id uuid.UUID) (Erasure, error)
	// ErasureOf returns the erasure of a memory. ErrNotFound.
	ErasureOf(ctx context.Context, projectID string, memoryID uuid.UUID) (Erasure, error)
	// Erasures returns erasures, newest first: those after the place of one when it is
	// not nil.
	Erasures(ctx context.Context, projectID string, after uuid.UUID, limit int) ([]Erasure, error)
	// ErasedMemories returns the IDs of the memories of an erasure, up to limit.
	ErasedMemories(ctx context.Context, projectID string, id uuid.UUID, limit int) ([]uuid.UUID, error)
	// Receivers returns who was told of an erasure, by memory, up to limit.
	Receivers(ctx context.Context, projectID string, id uuid.UUID, limit int) ([]Receiver, error)
	PreviewErasure(ctx context.Context, projectID string, memoryID uuid.UUID) (ErasurePreview, error)
	// ReceiptKey returns what the project signs receipts with. It makes one at first.
	ReceiptKey(ctx context.Context, projectID string, now time.Time) (signing.Secret, error)
	// ReceiptKeys returns all that it signed receipts with, oldest first.
	ReceiptKeys(ctx context.Context, projectID string) ([]signing.PublicKey, error)
}

// Erase erases one memory, also one that was deleted before. A memory is erased
// once: later calls return the erasure that did it. ErrNotFound.
func (s *Service) Erase(ctx context.Context, projectID string, id uuid.UUID, by string) (Erasure, error) {
	for {
		x, err := s.store.ErasureOf(ctx, projectID, id)
		if !errors.Is(err, ErrNotFound) {
			return x, err
		}
		m, err := s.store.Memory(ctx, projectID, id)
		live := err == nil
		if errors.Is(err, ErrNotFound) {
			var history []Change
			if history, err = s.store.History(ctx, projectID, id); err == nil {
				m = Memory{ID: id, ProjectID: projectID, Scope: history[len(history)-1].Memory.Scope}
			}
		}
		if err != nil {
			return Erasure{}, err
		}
		x, _, err = s.erase(ctx, projectID, []Erased{{Memory: m, Live: live}}, by)
		if !errors.Is(err, ErrChanged) {
			return x, err
		}
	}
}

// eraseBatch erases memories that are there, as one event, and returns how many.
// Unless all of them have to be there, unknown IDs are passed over.
func (s *Service) eraseBatch(ctx context.Context, projectID string, ids []uuid.UUID, all bool) (int, error) {
	if len(ids) > MaxBatch {
		return 0, tooManyAtOnce()
	}
	for {
		var list []Erased
		seen := map[uuid.UUID]bool{}
		for _, id := range ids {
			m, err := s.store.Memory(ctx, projectID, id)
			if seen[id] || errors.Is(err, ErrNotFound) && !all {
				continue
			}
			if err != nil {
				return 0, fmt.Errorf("memory %s: %w", id, err)
			}
			seen[id] = true
			list = append(list, Erased{Memory: m, Live: true})
		}
		if len(list) == 0 {
			return 0, fmt.Errorf("none of %d memories: %w", len(ids), ErrNotFound)
		}
		_, n, err := s.erase(ctx, projectID, list, SettingErase)
		if !errors.Is(err, ErrChanged) {
			return n, err
		}
	}
}

// erase commits a new erasure of named memories.
func (s *Service) erase(ctx context.Context, projectID string, list []Erased, by string) (Erasure, int, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	e := Event{
		ID: delivery.NewID(), ProjectID: projectID, Kind: EventDelete, Status: EventSucceeded, Scope: list[0].Memory.Scope,
		CreatedAt: now, UpdatedAt: now, StartedAt: &now, CompletedAt: &now, Trace: delivery.TraceOf(ctx),
	}
	x := Erasure{ID: e.ID, ProjectID: projectID, State: ErasureRunning, By: by, CreatedAt: now, UpdatedAt: now, NextAt: &now}
	return x, len(list), s.eraseGroup(ctx, ErasureGroup{Erasure: x, New: true, Event: e, List: list})
}

// erasureGroup is a group of a mass deletion.
func erasureGroup(e Event, lease time.Time, found []Memory) ErasureGroup {
	g := ErasureGroup{Erasure: Erasure{ID: e.ID, ProjectID: e.ProjectID}, Event: e, Lease: lease}
	for _, m := range found {
		g.List = append(g.List, Erased{Memory: m, Live: true})
	}
	return g
}

// eraseGroup commits a group and tells everybody who can go on.
func (s *Service) eraseGroup(ctx context.Context, g ErasureGroup) error {
	for i := range g.List {
		m := &g.List[i].Message
		*m = ErasureMessage(g.Erasure.ID, g.List[i].Memory, g.Event.UpdatedAt)
		m.Trace = g.Event.Trace
	}
	completed, err := s.store.EraseMemories(ctx, g)
	if err != nil {
		return err
	}
	s.wake(completed.Due...)
	s.eraseSoon()
	if g.Event.Status.Final() && !g.Lease.IsZero() {
		s.metrics.finished(g.Event.Status, g.Event.UpdatedAt.Sub(g.Event.CreatedAt))
		s.finished(g.Event.ID)
	}
	return nil
}

// EraseScope begins to erase everything of a user, agent, app or run, or of what all
// given IDs have in common. *InvalidError.
func (s *Service) EraseScope(ctx context.Context, projectID string, scope Scope, by string) (Erasure, error) {
	if err := scope.validate(); err != nil {
		return Erasure{}, err
	}
	kind, filter := EventDeleteAll, scope.shared()
	if filter.Cond != nil {
		kind = EventDeleteUser
	}
	payload, err := json.Marshal(scope)
	if err != nil {
		return Erasure{}, err
	}
	q := Query{ProjectID: projectID, Filter: filter}
	return s.eraseAll(ctx, kind, q, payload, Erasure{Scope: scope, Whole: true, By: by})
}

// shared matches the memories that have all IDs of the scope, whatever others they
// have.
func (s Scope) shared() Filter {
	var all []Filter
	for _, f := range []struct {
		field Field
		id    string
	}{{FieldUser, s.UserID}, {FieldAgent, s.AgentID}, {FieldApp, s.AppID}, {FieldRun, s.RunID}} {
		if f.id != "" {
			all = append(all, Entity(f.field, f.id))
		}
	}
	return And(all...)
}

// entity is the scope of a filter that asks for one ID and nothing else.
func (f Filter) entity() Scope {
	if f.Cond == nil || f.Cond.Op != OpEqual || len(f.Cond.Text) != 1 {
		return Scope{}
	}
	var s Scope
	switch id := f.Cond.Text[0]; f.Cond.Field {
	case FieldUser:
		s.UserID = id
	case FieldAgent:
		s.AgentID = id
	case FieldApp:
		s.AppID = id
	case FieldRun:
		s.RunID = id
	}
	return s
}

// eraseAll commits an event that erases every memory the query matches, with its
// erasure.
func (s *Service) eraseAll(ctx context.Context, kind EventKind, q Query, payload json.RawMessage, x Erasure) (Erasure, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	e := Event{
		ID: delivery.NewID(), ProjectID: q.ProjectID, Kind: kind, Status: EventPending, Trace: delivery.TraceOf(ctx),
		Payload: payload, Request: Request{Delete: &q, Erase: true},
		NextAt: &now, CreatedAt: now, UpdatedAt: now,
	}
	x.ID, x.ProjectID, x.State, x.CreatedAt, x.UpdatedAt, x.NextAt = e.ID, q.ProjectID, ErasureRunning, now, now, &now
	if err := s.store.InsertErasure(ctx, x, e); err != nil {
		return x, fmt.Errorf("accept erasure %s: %w", e.ID, err)
	}
	s.metrics.accepted(e.Kind)
	s.bell.Ring(e.ID)
	s.eraseSoon()
	return x, nil
}

// erases tells whether a project's deletions are erasures.
func (s *Service) erases(ctx context.Context, projectID string) (bool, error) {
	r, err := s.rulesOf(ctx, projectID)
	if errors.Is(err, errNoProject) {
		return false, nil
	}
	return r.erase, err
}

// Erasure returns an erasure. ErrNotFound.
func (s *Service) Erasure(ctx context.Context, projectID string, id uuid.UUID) (Erasure, error) {
	return s.store.Erasure(ctx, projectID, id)
}

// ErasureOf returns the erasure of a memory. ErrNotFound.
func (s *Service) ErasureOf(ctx context.Context, projectID string, memoryID uuid.UUID) (Erasure, error) {
	return s.store.ErasureOf(ctx, projectID, memoryID)
}

// Erasures returns erasures, newest first: those after the place of one when it is
// not nil.
func (s *Service) Erasures(ctx context.Context, projectID string, after uuid.UUID, limit int) ([]Erasure, error) {
	return s.store.Erasures(ctx, projectID, after, limit)
}

// ErasedMemories returns the memories of an erasure, up to limit.
func (s *Service) ErasedMemories(ctx context.Context, projectID string, id uuid.UUID, limit int) ([]uuid.UUID, error) {
	return s.store.ErasedMemories(ctx, projectID, id, limit)
}

// Receivers returns who was told of an erasure, by memory, up to limit.
func (s *Service) Receivers(ctx context.Context, projectID string, id uuid.UUID, limit int) ([]Receiver, error) {
	return s.store.Receivers(ctx, projectID, id, limit)
}

// PreviewErasure counts what the erasure of a memory would scrub. ErrNotFound.
func (s *Service) PreviewErasure(ctx context.Context, projectID string, id uuid.UUID) (ErasurePreview, error) {
	return s.store.PreviewErasure(ctx, projectID, id)
}

const (
	// eraseEvery is how long an erasure waits at most that another node began.
	eraseEvery = time.Second
	// eraseRest is the pause between two groups, so that other writes come in between.
	eraseRest = 2 * time.Millisecond
)

// eraseSoon makes eraseDue look.
func (s *Service) eraseSoon() {
	select {
	case s.erasing <- struct{}{}:
	default:
	}
}

// eraseDue carries on the erasures until ctx ends.
func (s *Service) eraseDue(ctx context.Context) {
	for {
		wait, err := s.stepErasures(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "erasure not carried on", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.erasing:
		case <-time.After(wait):
		}
	}
}

// stepErasures scrubs the next group of each erasure that has one due, and returns
// how long until there may be another.
func (s *Service) stepErasures(ctx context.Context) (time.Duration, error) {
	wait := eraseEvery
	ids, err := s.store.DueErasures(ctx, s.now())
	for _, id := range ids {
		step, failed := s.store.StepErasure(ctx, id, s.now().UTC().Truncate(time.Microsecond))
		if errors.Is(failed, ErrNotDue) {
			continue
		}
		if failed != nil { // of one erasure: the others go on
			err = errors.Join(err, fmt.Errorf("erasure %s: %w", delivery.FormatID(ErasurePrefix, id), failed))
			continue
		}
		s.wake(step.Due...)
		if step.Next == nil {
			s.log.LogAttrs(ctx, slog.LevelInfo, "erasure is over", slog.String("erasure_id", delivery.FormatID(ErasurePrefix, id)))
		} else {
			wait = min(wait, max(step.Next.Sub(s.now()), eraseRest))
		}
	}
	return wait, err
}
