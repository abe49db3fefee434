package memory

import (
	"encoding/json"
	"time"
)

// OrgID is the one organisation of an installation. mem0's clients insist on
// having one.
const OrgID = "org_default"

// A Project owns memories, events, endpoints and keys; nothing of it is visible
// to another project's keys.
type Project struct {
	ID        string
	Name      string
	Settings  json.RawMessage // an object: mem0's project settings as they were given
	CreatedAt time.Time
	UpdatedAt time.Time
}
