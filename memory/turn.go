package memory

import (
	"encoding/json"
	"time"
)

// A Turn is one message of the conversation handed in.
type Turn struct {
	Role string `json:"role"` // user, assistant, system, agent or tool
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"` // "" when the content was no text
}

// FromAssistant tells whether the agent said it.
func (t Turn) FromAssistant() bool { return t.Role == "assistant" || t.Role == "agent" }

// An Add is what an event of kind ADD is to do. It is stored with the event
// until the event is final.
type Add struct {
	Turns             []Turn          `json:"turns"`
	Scope             Scope           `json:"scope"`
	Infer             bool            `json:"infer"`
	Metadata          json.RawMessage `json:"metadata,omitempty"`        // an object or nil
	Timestamp         *time.Time      `json:"timestamp,omitempty"`       // becomes created_at
	ExpirationDate    string          `json:"expiration_date,omitempty"` // YYYY-MM-DD
	Immutable         bool            `json:"immutable,omitempty"`
	Includes          string          `json:"includes,omitempty"` // free text: what to keep
	Excludes          string          `json:"excludes,omitempty"` // free text: what to leave out
	Instructions      string          `json:"instructions,omitempty"`
	AgentInstructions string          `json:"agent_instructions,omitempty"`
	Categories        json.RawMessage `json:"categories,omitempty"`        // custom_categories of this call: [{name: description}, ...]
	Policy            Policy          `json:"policy,omitempty"`            // "": Consolidating; a project's own comes first
	SplitAttribution  bool            `json:"split_attribution,omitempty"` // see ScopeOf
}

// ScopeOf returns whose memory a fact from the turn is. With SplitAttribution
// and both a user and an agent, what the user said belongs to the user alone and
// what the agent said to the agent alone.
func (a Add) ScopeOf(t Turn) Scope {
	s := a.Scope
	if !a.SplitAttribution || s.UserID == "" || s.AgentID == "" {
		return s
	}
	if t.FromAssistant() {
		s.UserID = ""
	} else {
		s.AgentID = ""
	}
	return s
}
