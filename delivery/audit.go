package delivery

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// AuditPrefix begins the IDs of audit entries.
const AuditPrefix = "aud_"

// System is the actor of what memhook did by itself.
const System = "system"

// MaxAuditDetail is how long the detail of an entry may be, in bytes.
const MaxAuditDetail = 1024

// An AuditEntry says who did what to what. It never has a secret.
type AuditEntry struct {
	ID        uuid.UUID
	ProjectID string
	At        time.Time
	Actor     string // the ID of the key, or System
	ActorHint string // the key's last characters, "" for System
	Action    string // noun.verb, as endpoint.pause
	Subject   string // the ID of what it was done to, as it is shown outside
	Detail    string // what else there is to say, in words
}

// Note puts an entry on record. ID and time are filled in. A failure is logged
// and not returned: what the entry is about has been done.
func (s *Service) Note(ctx context.Context, a AuditEntry) {
	a.ID, a.At = NewID(), s.now().UTC().Truncate(time.Microsecond)
	a.Detail = clip(strings.Map(oneLine, a.Detail), MaxAuditDetail)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.store.InsertAudit(ctx, a); err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "audit entry not stored", slog.String("project_id", a.ProjectID),
			slog.String("action", a.Action), slog.String("subject", a.Subject), slog.Any("error", err))
	}
}

func oneLine(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
