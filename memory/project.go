package memory

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// OrgID is the one organisation of an installation. mem0's clients insist on
// having one.
const OrgID = "org_default"

// Limits of a project.
const (
	MaxProjectName = 200
	MaxSettings    = 256 << 10 // bytes of all settings together
	MaxMembers     = 200
	MaxProjects    = 1000
)

// A Project owns memories, events, endpoints and keys; nothing of it is visible
// to another project's keys.
type Project struct {
	ID        string
	Name      string
	Settings  Settings
	Members   []Member
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A Member is a person whom the project's owner has noted down. Membership opens
// nothing: keys do.
type Member struct {
	Email     string    `json:"email"`
	Role      string    `json:"role"` // READER or OWNER
	CreatedAt time.Time `json:"created_at"`
}

func (p Project) validate() error {
	size := 0
	for name, v := range p.Settings {
		size += len(name) + len(v)
	}
	switch {
	case strings.TrimSpace(p.Name) == "":
		return &InvalidError{Field: "name", Text: "may not be empty"}
	case strings.ContainsFunc(p.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return &InvalidError{Field: "name", Text: "may have printable characters only"}
	case len(p.Name) > MaxProjectName:
		return &InvalidError{Field: "name", Text: fmt.Sprintf("may have at most %d bytes", MaxProjectName)}
	case size > MaxSettings:
		return &InvalidError{Text: fmt.Sprintf("the settings of a project may have at most %d bytes", MaxSettings)}
	case len(p.Members) > MaxMembers:
		return &InvalidError{Field: "email", Text: fmt.Sprintf("is one too many: a project has at most %d members", MaxMembers)}
	}
	return nil
}
