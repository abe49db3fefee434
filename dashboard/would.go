package dashboard

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/explain"
)

// maxWould is how long a message may be that is asked about, in bytes.
const maxWould = 16 << 10

// A wouldView answers "would it receive this?" for an endpoint.
type wouldView struct {
	Asked    string // as it was entered
	Answers  []verdict
	Mistake  string
	Examples string
}

const wouldExample = `{"type": "memory_add", "user_id": "alice", "categories": ["travel"]}`

// wouldReceive judges an event of the project, by its ID, or a message as JSON.
func (d *Dashboard) wouldReceive(v visit, e delivery.Endpoint) (wouldView, error) {
	view := wouldView{Asked: strings.TrimSpace(v.QueryParam("would")), Examples: wouldExample}
	if view.Asked == "" {
		return view, nil
	}
	var list []delivery.Message
	id, err := uuid.Parse(view.Asked)
	switch {
	case err == nil:
		if list, err = d.delivery.Messages(v.ctx(), v.project(), id, uuid.Nil, delivery.MaxPage); err != nil {
			return view, err
		}
		if len(list) == 0 {
			view.Mistake = "No message of an event with this ID is on record."
		}
	default:
		m, ok := messageOf([]byte(view.Asked))
		if !ok || len(view.Asked) > maxWould {
			view.Mistake = "Enter the ID of an event, or a message as JSON with its type."
			return view, nil
		}
		list = []delivery.Message{m}
	}
	for _, m := range list {
		if filled, ok := messageOf(m.Body); ok && m.Body != nil {
			m.Facets = filled.Facets
		}
		answer := shownVerdict(explain.Match(e, m, v.now))
		answer.Link = ""
		view.Answers = append(view.Answers, answer)
	}
	return view, nil
}

// messageFields are what a filter looks at, as messages have it.
type messageFields struct {
	Type       string          `json:"type"`
	UserID     string          `json:"user_id"`
	AgentID    string          `json:"agent_id"`
	AppID      string          `json:"app_id"`
	RunID      string          `json:"run_id"`
	Categories []string        `json:"categories"`
	Metadata   json.RawMessage `json:"metadata"`
}

// messageOf reads a message: a whole body, whose fields are in data, or the fields
// by themselves.
func messageOf(raw []byte) (delivery.Message, bool) {
	var body struct {
		messageFields
		Data *messageFields `json:"data"`
	}
	if json.Unmarshal(raw, &body) != nil || body.Type == "" {
		return delivery.Message{}, false
	}
	f := body.messageFields
	if body.Data != nil {
		f = *body.Data
	}
	return delivery.Message{Type: body.Type, Facets: delivery.Facets{
		UserID: f.UserID, AgentID: f.AgentID, AppID: f.AppID, RunID: f.RunID, Categories: f.Categories, Metadata: f.Metadata,
	}}, true
}
