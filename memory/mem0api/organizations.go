package mem0api

import (
	"context"

	"memhook/memory"
	"memhook/signing/apikey"
)

// orgRequest names an organisation in its path. There is one.
type orgRequest struct{}

func (r *orgRequest) read(in *input) error {
	org, err := in.param("org")
	if err != nil {
		return err
	}
	switch org {
	case memory.OrgID, "null", "undefined": // as projectRequest.check
		return nil
	}
	return errOrg
}

type noRequest struct{}

func (*noRequest) read(*input) error { return nil }

type orgShape struct {
	OrgID       string        `json:"org_id"`
	Name        string        `json:"name"`
	Description *string       `json:"description"`
	UserRole    string        `json:"user_role"`
	Members     []memberShape `json:"members"`
}

func orgOf(key apikey.Key) orgShape {
	return orgShape{OrgID: memory.OrgID, Name: "default-org", UserRole: roleOf(key), Members: []memberShape{ownerMember}}
}

// organizations shows the one organisation there is.
func (a *API) organizations(_ context.Context, key apikey.Key, _ *noRequest) ([]orgShape, error) {
	return []orgShape{orgOf(key)}, nil
}

func (a *API) organization(_ context.Context, key apikey.Key, _ *orgRequest) (orgShape, error) {
	return orgOf(key), nil
}

func (a *API) orgMembers(context.Context, apikey.Key, *orgRequest) (membersShape, error) {
	return membersShape{[]memberShape{ownerMember}}, nil
}

// The roles of members.
const (
	roleReader = "READER"
	roleOwner  = "OWNER"
)

// roleOf is the role that a key acts in.
func roleOf(key apikey.Key) string {
	if key.Scope.Allows(apikey.Admin) {
		return roleOwner
	}
	return roleReader
}
