package mem0api

import (
	"context"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

type feedbackRequest struct{ feedback memory.Feedback }

func (r *feedbackRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	var id string
	for name, v := range body.members() {
		switch string(name) {
		case "memory_id":
			err = readText(&id, v)
		case "feedback":
			err = readText(&r.feedback.Kind, v)
		case "feedback_reason":
			err = readText(&r.feedback.Reason, v)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	if id == "" {
		return &memory.InvalidError{Field: "memory_id", Text: "is required"}
	}
	var ok bool
	if r.feedback.MemoryID, ok = parseUUID(id); !ok {
		return errMemoryID
	}
	return nil
}

type feedbackShape struct {
	ID       uuid.UUID `json:"id"`
	Feedback *string   `json:"feedback"`
	Reason   *string   `json:"feedback_reason"`
}

// feedback notes what the caller thinks of a memory; null takes it back.
func (a *API) feedback(ctx context.Context, key apikey.Key, r *feedbackRequest) (feedbackShape, error) {
	f, err := a.memory.SetFeedback(ctx, key.ProjectID, r.feedback)
	return feedbackShape{f.ID, orNull(f.Kind), orNull(f.Reason)}, err
}
