package memory

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// MaxEntityID is the longest user_id, agent_id, app_id or run_id, in bytes.
const MaxEntityID = 1024

// A Scope says whose memory it is. At least one ID is set; "" means none.
type Scope struct {
	UserID  string `json:"user_id,omitempty"`
	AgentID string `json:"agent_id,omitempty"`
	AppID   string `json:"app_id,omitempty"`
	RunID   string `json:"run_id,omitempty"`
}

// Empty tells whether no ID is set.
func (s Scope) Empty() bool { return s == Scope{} }

// Key identifies the scope within all projects. Memories are compared with each
// other only under the same key.
func (s Scope) Key(projectID string) [16]byte {
	var buf []byte
	for _, id := range []string{projectID, s.UserID, s.AgentID, s.AppID, s.RunID} {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(id)))
		buf = append(buf, id...)
	}
	sum := sha256.Sum256(buf)
	return [16]byte(sum[:16])
}

func (s Scope) validate() error {
	if s.Empty() {
		return &InvalidError{Text: "One of the filters: app_id, user_id, agent_id, run_id is required!"}
	}
	for _, f := range []struct{ field, id string }{
		{"user_id", s.UserID}, {"agent_id", s.AgentID}, {"app_id", s.AppID}, {"run_id", s.RunID},
	} {
		if len(f.id) > MaxEntityID {
			return &InvalidError{Field: f.field, Text: fmt.Sprintf("may have at most %d bytes", MaxEntityID)}
		}
		if !utf8.ValidString(f.id) {
			return &InvalidError{Field: f.field, Text: "is not valid UTF-8"}
		}
	}
	return nil
}

// Within tells whether s has every ID that o has.
func (s Scope) Within(o Scope) bool {
	within := func(id, of string) bool { return of == "" || id == of }
	return within(s.UserID, o.UserID) && within(s.AgentID, o.AgentID) && within(s.AppID, o.AppID) && within(s.RunID, o.RunID)
}
