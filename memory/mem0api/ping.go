package mem0api

import (
	"context"

	"memhook/memory"
	"memhook/signing/apikey"
)

const (
	// owner is who owns webhooks and entities: there are keys, not users.
	owner = "owner"
	// ownerEmail is not null, because JavaScript clients ping again before each of
	// their first calls until they have one. The domain can never exist (RFC 2606).
	ownerEmail = "owner@memhook.invalid"
)

type pingRequest struct{ orgID, projectID string }

func (r *pingRequest) read(in *input) error {
	q, err := in.query()
	r.orgID, r.projectID = q.Get("org_id"), q.Get("project_id")
	return err
}

type pingShape struct {
	Status    string `json:"status"`
	OrgID     string `json:"org_id"`
	ProjectID string `json:"project_id"`
	UserEmail string `json:"user_email"`
}

// ping tells a client whom its key belongs to.
func (a *API) ping(_ context.Context, key apikey.Key, r *pingRequest) (pingShape, error) {
	if (r.orgID != "" && r.orgID != memory.OrgID) || (r.projectID != "" && r.projectID != key.ProjectID) {
		return pingShape{}, errProject
	}
	return pingShape{"ok", memory.OrgID, key.ProjectID, ownerEmail}, nil
}
