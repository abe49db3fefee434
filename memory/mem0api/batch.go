package mem0api

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

// batchRequest is the body of both batch routes.
type batchRequest struct {
	edits []memory.Edit
}

func (r *batchRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	for name, v := range body.members() {
		if string(name) != "memories" {
			continue
		}
		if !v.isArray() {
			return at("memories", mustBe("an array of objects"))
		}
		r.edits = nil
		for i, item := range v.items() {
			if i == memory.MaxBatch {
				return errBatch
			}
			edit, err := readBatchItem(item)
			if err != nil {
				return at("memories", atItem(i, err))
			}
			r.edits = append(r.edits, edit)
		}
	}
	if len(r.edits) == 0 {
		return &memory.InvalidError{Field: "memories", Text: "is required and may not be empty"}
	}
	return nil
}

// readBatchItem reads {memory_id, text, metadata}. The other members of an update
// work too.
func readBatchItem(v value) (memory.Edit, error) {
	var e memory.Edit
	if !v.isObject() {
		return e, mustBe("an object with memory_id")
	}
	var id string
	for name, v := range v.members() {
		var err error
		if string(name) == "memory_id" {
			err = readText(&id, v)
		} else {
			err = readEdit(&e, name, v)
		}
		if err != nil {
			return e, at(string(name), err)
		}
	}
	if id == "" {
		return e, &memory.InvalidError{Field: "memory_id", Text: "is required"}
	}
	var ok bool
	if e.ID, ok = parseUUID(id); !ok {
		return e, errMemoryID
	}
	return e, nil
}

type messageShape struct {
	Message string `json:"message"`
}

func (a *API) updateBatch(ctx context.Context, key apikey.Key, r *batchRequest) (messageShape, error) {
	for i, e := range r.edits {
		if e == (memory.Edit{ID: e.ID}) {
			return messageShape{}, at("memories", atItem(i, &memory.InvalidError{Text: "needs text or metadata"}))
		}
	}
	n, err := a.memory.UpdateBatch(ctx, key.ProjectID, r.edits)
	return messageShape{fmt.Sprintf("Successfully updated %d memories", n)}, err
}

func (a *API) deleteBatch(ctx context.Context, key apikey.Key, r *batchRequest) (messageShape, error) {
	ids := make([]uuid.UUID, 0, len(r.edits))
	seen := make(map[uuid.UUID]bool, len(r.edits))
	for _, e := range r.edits {
		if !seen[e.ID] {
			seen[e.ID] = true
			ids = append(ids, e.ID)
		}
	}
	n, err := a.memory.DeleteBatch(ctx, key.ProjectID, ids)
	return messageShape{fmt.Sprintf("Successfully deleted %d memories", n)}, err
}
