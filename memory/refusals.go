package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// refusalRest is how long after one refused request of a source the next ones are
// only counted: whoever guesses at an address must not fill the disk.
const refusalRest = time.Minute

// refusals counts the requests of each source that did not verify.
type refusals struct {
	mu      sync.Mutex
	sources map[uuid.UUID]refusal
}

type refusal struct {
	until  time.Time // the next ones are only counted
	silent int       // counted since the last note
}

// add counts one and tells whether it is to be noted, with how many came between
// it and the last noted one.
func (r *refusals) add(source uuid.UUID, now time.Time) (silent int, note bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.sources[source]
	if now.Before(last.until) {
		last.silent++
		r.sources[source] = last
		return 0, false
	}
	if r.sources == nil {
		r.sources = map[uuid.UUID]refusal{}
	}
	r.sources[source] = refusal{until: now.Add(refusalRest)}
	return last.silent, true
}

// refused puts a request that did not verify on record, at most one a minute and
// source.
func (s *Service) refused(ctx context.Context, src Source, why error) {
	s.metrics.refused()
	silent, note := s.refusals.add(src.ID, s.now())
	if !note {
		return
	}
	detail := why.Error()
	if silent > 0 {
		detail += fmt.Sprintf("; %d more since the last entry", silent)
	}
	s.note(ctx, delivery.AuditEntry{
		ProjectID: src.ProjectID, Actor: delivery.System, Action: "source.refuse",
		Subject: delivery.FormatID(SourcePrefix, src.ID), Detail: detail,
	})
}
