package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// The parts of an erasure, in order. Memories that were named begin with partQuotes,
// all others with partDelete; those of one user, agent, app or run go through all
// that follow it.
const (
	partDelete  = "delete"  // the event deletes the memories
	partWait    = "wait"    // older events of the scope are finished
	partHistory = "history" // memories of the scope that were deleted before
	partEvents  = "events"  // requests of the scope, and what was relayed of it
	partQuotes  = "quotes"  // requests of the same owner that repeat a text
	partScrub   = "scrub"   // what is left of the memories
	partAnswers = "answers" // answers kept for repeated requests
	partSettle  = "settle"  // the database's own files
)

// How many rows a step looks at, so that it holds up other writes for milliseconds
// only.
const (
	scrubMemories = 20
	scrubBodies   = 100
	scrubEvents   = 50
	scrubChanges  = 500
	scrubFound    = 25 // memories, among the changes
	scrubAnswers  = 100
	scrubBytes    = 8 << 20 // of requests, in one step
)

// Pauses of an erasure that has to wait.
const (
	waitForWorker = 200 * time.Millisecond // a delivery is being sent, or the event is at work
	waitForOlder  = time.Second
)

const (
	dueErasure  = `SELECT ` + erasureColumns + `, part, place, owner FROM erasures WHERE id = $1 AND next_at <= $2`
	partOf      = `SELECT part FROM erasures WHERE id = $1 AND next_at <= $2`
	moveErasure = `UPDATE erasures SET state = $2, error = $3, part = $4, place = $5, owner = $6, next_at = $7, updated_at = $8, finished_at = $9 WHERE id = $1`
)

// A scrubbing is a step of an erasure.
type scrubbing struct {
	*tx
	db    *DB
	x     memory.Erasure
	part  string
	place string
	owner int
	now   time.Time
	more  memory.ErasureCounts
	due   []delivery.Due
}

// StepErasure scrubs the next group.
func (db *DB) StepErasure(ctx context.Context, id uuid.UUID, now time.Time) (memory.ErasureStep, error) {
	settled := false
	var part string
	if _, err := db.one(ctx, partOf, []any{blob(id), micros(now)}, &part); err != nil {
		return memory.ErasureStep{}, err
	}
	if part == partSettle {
		var err error
		if settled, err = db.dialect.settle(ctx); err != nil {
			return memory.ErasureStep{}, err
		}
	}
	var step memory.ErasureStep
	err := db.write(ctx, func(t *tx) error {
		if err := t.storeMessages(); err != nil { // those of the group are scrubbed, too
			return err
		}
		step = memory.ErasureStep{}
		if err := t.lock(erasureLock(id)); err != nil {
			return err
		}
		s := scrubbing{tx: t, db: db, now: now}
		ok, err := found(scanErasure(t.row(dueErasure, blob(id), micros(now)), &s.x, &s.part, text(&s.place), intColumn{&s.owner}))
		if err != nil {
			return err
		}
		if !ok {
			return memory.ErrNotDue
		}
		next, err := s.step(settled)
		if err != nil {
			return err
		}
		x := &s.x
		if x.NextAt = &next; x.State != memory.ErasureRunning {
			x.NextAt, x.FinishedAt = nil, &now
		}
		step.Due, step.Next = s.due, x.NextAt
		if err := t.scrubbed(id, s.more); err != nil {
			return err
		}
		return t.later(moveErasure, blob(id), string(x.State), textOrNull(x.Error), s.part, textOrNull(s.place), s.owner, microsOrNull(x.NextAt),
			micros(now), microsOrNull(x.FinishedAt))
	})
	return step, err
}

// step does a group and returns when the next one is due.
func (s *scrubbing) step(settled bool) (time.Time, error) {
	if s.part != partQuotes { // it needs the texts
		left, wait, err := s.memories()
		if err != nil || left && (wait == 0 || s.part == partScrub) {
			return s.now.Add(wait), err
		}
	}
	switch s.part {
	case partDelete:
		return s.waitForDeletion()
	case partWait:
		return s.waitForEvents()
	case partHistory:
		return s.history()
	case partEvents:
		return s.events()
	case partQuotes:
		return s.quotes()
	case partScrub:
		s.begin(partAnswers)
	case partAnswers:
		return s.answers()
	case partSettle:
		if !settled {
			return s.now.Add(waitForOlder), nil
		}
		s.x.State = memory.ErasureDone
	default:
		return s.now, fmt.Errorf("unknown part %q", s.part)
	}
	return s.now, nil
}

// begin goes on with the beginning of a part.
func (s *scrubbing) begin(part string) { s.part, s.place, s.owner = part, "", 0 }

// waitForDeletion ends with the event that deletes the memories.
func (s *scrubbing) waitForDeletion() (time.Time, error) {
	var status memory.EventStatus
	var failed string
	ok, err := found(s.row(`SELECT status, error FROM events WHERE id = $1`, blob(s.x.ID)).Scan(text(&status), text(&failed)))
	switch {
	case err != nil:
		return s.now, err
	case ok && !status.Final():
		return s.now.Add(waitForWorker), nil
	case status == memory.EventFailed:
		s.x.State, s.x.Error = memory.ErasureFailed, failed
	case s.x.Whole:
		s.begin(partWait)
	default:
		s.begin(partScrub)
	}
	return s.now, nil
}

// inScope is a condition on rows with the four IDs, and its arguments: those that have
// all IDs of the scope. The first two arguments are the project and a row's ID.
func inScope(scope memory.Scope, args []any) (string, []any) {
	cond := ""
	for _, c := range []struct{ column, id string }{
		{"user_id", scope.UserID}, {"agent_id", scope.AgentID}, {"app_id", scope.AppID}, {"run_id", scope.RunID},
	} {
		if c.id != "" {
			args = append(args, c.id)
			cond += fmt.Sprintf(" AND %s = $%d", c.column, len(args))
		}
	}
	return cond, args
}

// waitForEvents ends when no older event can make a memory of the scope any more.
func (s *scrubbing) waitForEvents() (time.Time, error) {
	cond, args := inScope(s.x.Scope, []any{s.x.ProjectID, blob(s.x.ID)})
	var one int
	waits, err := found(s.row(`SELECT 1 FROM events WHERE next_at IS NOT NULL AND project_id = $1 AND id < $2`+cond+` LIMIT 1`, args...).Scan(&one))
	if err != nil || waits {
		return s.now.Add(waitForOlder), err
	}
	s.begin(partHistory)
	return s.now, nil
}

// after is the row that the step goes on after.
func (s *scrubbing) after() (uuid.UUID, error) {
	if s.place == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(s.place)
}

// history finds memories of the scope that were deleted before, or were made since by
// an older event.
func (s *scrubbing) history() (time.Time, error) {
	place, err := s.after()
	if err != nil {
		return s.now, err
	}
	var list []memory.Erased
	seen := map[uuid.UUID]bool{}
	n, last := 0, place
	err = s.query(`SELECT id, event_id, memory_id, user_id, agent_id, app_id, run_id FROM changes WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		[]any{s.x.ProjectID, blob(place), scrubChanges}, func(row scanner) error {
			var event uuid.UUID
			m := memory.Memory{ProjectID: s.x.ProjectID}
			if len(list) == scrubFound {
				return nil // for the next step: with Postgres a read is read to its end
			}
			n++
			if err := row.Scan(&last, &event, &m.ID, text(&m.Scope.UserID), text(&m.Scope.AgentID), text(&m.Scope.AppID), text(&m.Scope.RunID)); err != nil {
				return err
			}
			if older := bytes.Compare(event[:], s.x.ID[:]) < 0; older && !seen[m.ID] && m.Scope.Within(s.x.Scope) {
				seen[m.ID] = true
				list = append(list, memory.Erased{Memory: m})
			}
			return nil
		})
	if err != nil {
		return s.now, err
	}
	for i := range list {
		d := &list[i]
		ok, err := found(scanMemory(s.row(`SELECT `+memoryColumns+` FROM memories WHERE id = $1`, blob(d.Memory.ID)), &d.Memory))
		if err != nil {
			return s.now, err
		}
		d.Live = ok
		d.Message = memory.ErasureMessage(s.x.ID, d.Memory, s.now)
	}
	due, _, err := s.db.erase(s.tx, s.x.ID, list, s.now)
	s.due = due
	if s.place = last.String(); n < scrubChanges && len(list) < scrubFound {
		s.begin(partEvents)
	}
	return s.now, err
}

// An eventRow is an event with what it may hold of a memory.
type eventRow struct {
	id      uuid.UUID
	kind    memory.EventKind
	payload []byte
	error   string
}

// nextEvents reads events of a scope that are older than the erasure.
func (s *scrubbing) nextEvents(scope memory.Scope) ([]eventRow, error) {
	place, err := s.after()
	if err != nil {
		return nil, err
	}
	cond, args := inScope(scope, []any{s.x.ProjectID, blob(s.x.ID), blob(place), scrubEvents})
	var list []eventRow
	size := 0
	err = s.query(`SELECT id, kind, payload, error FROM events WHERE project_id = $1 AND id < $2 AND id > $3 AND next_at IS NULL`+cond+` ORDER BY id LIMIT $4`,
		args, func(row scanner) error {
			if size > scrubBytes {
				return nil // for the next step: with Postgres a read is read to its end
			}
			var e eventRow
			err := row.Scan(&e.id, text(&e.kind), (*nullBytes)(&e.payload), text(&e.error))
			size += len(e.payload)
			list = append(list, e)
			return err
		})
	return list, err
}

// events scrubs requests of the scope, and messages that were relayed of it.
func (s *scrubbing) events() (time.Time, error) {
	list, err := s.nextEvents(s.x.Scope)
	if err != nil {
		return s.now, err
	}
	done := 0
	for _, e := range list {
		if done >= scrubBodies {
			return s.now, nil
		}
		if e.kind == memory.EventAdd || e.kind == memory.EventRelay { // others belong to several scopes
			bodies, err := s.bodies(`SELECT m.id, m.event_id, m.body FROM messages m WHERE m.event_id = $1 AND m.scrubbed_at IS NULL ORDER BY m.id LIMIT $2`, e.id)
			if err != nil {
				return s.now, err
			}
			done += len(bodies)
			busy, err := s.scrubBodies(bodies)
			if err != nil || busy || len(bodies) == scrubBodies {
				if busy {
					return s.now.Add(waitForWorker), err
				}
				return s.now, err
			}
			if err := s.scrubEvent(e); err != nil {
				return s.now, err
			}
		}
		s.place = e.id.String()
	}
	if len(list) == 0 {
		s.begin(partScrub)
	}
	return s.now, nil
}

// scrubEvent takes out of an event what was said in it.
func (s *scrubbing) scrubEvent(e eventRow) error {
	if e.payload == nil && e.error == "" {
		return nil
	}
	var payload any
	if e.payload != nil {
		scrubbed := memory.ScrubbedPayload(e.payload)
		if string(scrubbed) == string(e.payload) && e.error == "" {
			return nil // done before
		}
		payload = string(scrubbed)
	}
	if e.error != "" {
		e.error = "erased"
	}
	s.more.Events++
	return s.later(`UPDATE events SET payload = $2, error = $3 WHERE id = $1`, blob(e.id), payload, textOrNull(e.error))
}

const (
	ownersOf = `SELECT DISTINCT user_id, agent_id, app_id, run_id FROM erased_memories WHERE erasure_id = $1 ORDER BY user_id, agent_id, app_id, run_id`
	textsOf  = `SELECT DISTINCT c.text, c.before, c.user_id, c.agent_id, c.app_id, c.run_id FROM erased_memories x JOIN changes c ON c.memory_id = x.memory_id WHERE x.erasure_id = $1`
)

// quotes scrubs requests that repeat a text of the memories, although they did not
// change one: the fact was known.
func (s *scrubbing) quotes() (time.Time, error) {
	var owners []memory.Scope
	err := s.query(ownersOf, []any{blob(s.x.ID)}, func(row scanner) error {
		var o memory.Scope
		err := row.Scan(text(&o.UserID), text(&o.AgentID), text(&o.AppID), text(&o.RunID))
		owners = append(owners, o)
		return err
	})
	if err != nil {
		return s.now, err
	}
	if s.owner >= len(owners) {
		s.begin(partScrub)
		return s.now, nil
	}
	owner := owners[s.owner]
	list, err := s.nextEvents(firstOf(owner))
	if err != nil {
		return s.now, err
	}
	var texts []string
	err = s.query(textsOf, []any{blob(s.x.ID)}, func(row scanner) error {
		var after, before string
		var o memory.Scope
		err := row.Scan(&after, text(&before), text(&o.UserID), text(&o.AgentID), text(&o.AppID), text(&o.RunID))
		if o == owner {
			texts = append(texts, after, before)
		}
		return err
	})
	if err != nil {
		return s.now, err
	}
	for _, e := range list {
		if e.kind == memory.EventAdd && memory.Quotes(e.payload, texts) {
			if err := s.scrubEvent(e); err != nil {
				return s.now, err
			}
		}
		s.place = e.id.String()
	}
	if len(list) == 0 {
		s.owner, s.place = s.owner+1, ""
	}
	return s.now, nil
}

// firstOf is the scope of the one ID that says best whose a memory is.
func firstOf(o memory.Scope) memory.Scope {
	switch {
	case o.UserID != "":
		return memory.Scope{UserID: o.UserID}
	case o.AgentID != "":
		return memory.Scope{AgentID: o.AgentID}
	case o.RunID != "":
		return memory.Scope{RunID: o.RunID}
	}
	return o
}

var anID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

const (
	keptAnswers = `SELECT key, body FROM idempotency WHERE project_id = $1 AND key > $2 AND claimed_at <= $3 AND body IS NOT NULL ORDER BY key LIMIT $4`
	scrubAnswer = `UPDATE idempotency SET body = $3 WHERE project_id = $1 AND key = $2`
	oldExport   = `DELETE FROM exports WHERE project_id = $1 AND created_at <= $2`
)

// answers scrubs answers that are kept for repeated requests and name a memory, and
// removes exports: they do not say what they are made of.
func (s *scrubbing) answers() (time.Time, error) {
	type answer struct {
		key string
		ids []uuid.UUID
	}
	var list []answer
	err := s.query(keptAnswers, []any{s.x.ProjectID, s.place, micros(s.now), scrubAnswers}, func(row scanner) error {
		var a answer
		var body []byte
		err := row.Scan(&a.key, &body)
		body, _ = s.db.sealer.Open(body, answerOwner(s.x.ProjectID, a.key)) // what cannot be opened is told to nobody
		for _, id := range anID.FindAll(body, -1) {
			if parsed, err := uuid.ParseBytes(id); err == nil {
				a.ids = append(a.ids, parsed)
			}
		}
		list = append(list, a)
		return err
	})
	if err != nil {
		return s.now, err
	}
	for _, a := range list {
		named := false
		for ids := range slices.Chunk(a.ids, 64) {
			ids = padded(ids)
			var one int
			args := append([]any{blob(s.x.ID)}, blobs(ids)...)
			ok, err := found(s.row(`SELECT 1 FROM erased_memories WHERE erasure_id = $1 AND memory_id IN (`+placeholders(2, len(ids))+`) LIMIT 1`, args...).Scan(&one))
			if err != nil {
				return s.now, err
			}
			named = named || ok
		}
		if named {
			if err := s.later(scrubAnswer, s.x.ProjectID, a.key, s.db.sealer.Seal([]byte(`{"erased":true}`), answerOwner(s.x.ProjectID, a.key))); err != nil {
				return s.now, err
			}
			s.more.Answers++
		}
		s.place = a.key
	}
	if len(list) == scrubAnswers {
		return s.now, nil
	}
	n, err := s.exec(oldExport, s.x.ProjectID, micros(s.now))
	s.more.Answers += int(n)
	s.begin(partSettle)
	return s.now, err
}

// nullBytes reads a TEXT that may be NULL.
type nullBytes []byte

func (b *nullBytes) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*b = nil
	case string:
		*b = []byte(v)
	case []byte:
		*b = bytes.Clone(v)
	default:
		return errors.New("not a text")
	}
	return nil
}
