package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// MaxReason is the longest reason of a feedback, in bytes.
const MaxReason = 4000

// A Feedback is what a caller thinks of a memory.
type Feedback struct {
	ID        uuid.UUID
	MemoryID  uuid.UUID
	Kind      string // one of FeedbackKinds
	Reason    string
	CreatedAt time.Time
}

// FeedbackKinds are mem0's.
var FeedbackKinds = []string{"POSITIVE", "NEGATIVE", "VERY_NEGATIVE"}

// SetFeedback notes what a caller thinks of a memory, instead of what was thought
// before. No kind takes it back. *InvalidError, ErrNotFound.
func (s *Service) SetFeedback(ctx context.Context, projectID string, f Feedback) (Feedback, error) {
	if f.Kind != "" && !slices.Contains(FeedbackKinds, f.Kind) {
		return f, &InvalidError{Field: "feedback", Text: "must be one of " + strings.Join(FeedbackKinds, ", ") + ", or null"}
	}
	if len(f.Reason) > MaxReason {
		return f, &InvalidError{Field: "feedback_reason", Text: fmt.Sprintf("may have at most %d bytes", MaxReason)}
	}
	if _, err := s.store.Memory(ctx, projectID, f.MemoryID); err != nil {
		return f, err
	}
	f.ID, f.CreatedAt = delivery.NewID(), s.now().UTC().Truncate(time.Microsecond)
	return f, s.store.SaveFeedback(ctx, projectID, f)
}
