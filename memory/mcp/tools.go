package mcp

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/memory"
	"memhook/memory/explain"
	"memhook/signing/apikey"
)

const instructions = "memhook remembers facts about users, agents, apps and runs, and tells of every change. " +
	"Search before you answer, add what is worth remembering, and wait_for_event to hear of changes: keep the cursor of each answer and pass it as after, so that nothing is missed."

const (
	defaultTimeout = 30 // seconds; many clients give a call up after 60
	defaultHits    = 10
	maxHits        = 100
	maxListed      = 100
)

func (s *Server) allTools() []tool {
	return []tool{
		newTool("wait_for_event", "Wait for a memory event",
			"Waits until a memory changes and returns the events, oldest first, with a cursor. Pass the cursor as after in the next call: no event is missed or repeated. "+
				"Without after only what happens from now on counts. An answer without events means that nothing happened within timeout_s; call again with its cursor.",
			apikey.Read, s.waitForEvent),
		newTool("search_memories", "Search memories",
			"Finds memories by words and meaning, the best first. Name at least one of user_id, agent_id, app_id and run_id, as they were used when adding.",
			apikey.Read, s.searchMemories),
		newTool("list_memories", "List memories",
			"Lists the memories of a user, agent, app or run, newest first. Name at least one of user_id, agent_id, app_id and run_id.",
			apikey.Read, s.listMemories),
		newTool("explain_event", "Explain an event",
			"Says what became of an event: what was stored, and for each webhook endpoint whether it was told, and if not why and what happens next. Takes the event_id of add_memory or of an event.",
			apikey.Read, s.explainEvent),
		newTool("add_memory", "Add a memory",
			"Hands in text to remember. Facts are extracted from it unless infer is false, in the background: the answer has an event_id, and wait_for_event tells of the memories. When nothing was worth remembering no event comes, and explain_event says so. "+
				"Name at least one of user_id, agent_id, app_id and run_id.",
			apikey.Admin, s.addMemory),
	}
}

// ofScope says whose memories are meant.
type ofScope struct {
	UserID  string `json:"user_id" doc:"Of this user."`
	AgentID string `json:"agent_id" doc:"Of this agent."`
	AppID   string `json:"app_id" doc:"Of this app."`
	RunID   string `json:"run_id" doc:"Of this run or session."`
}

func (o ofScope) scope() memory.Scope {
	return memory.Scope{UserID: o.UserID, AgentID: o.AgentID, AppID: o.AppID, RunID: o.RunID}
}

// query selects the memories of the scope. mistake.
func (o ofScope) query(c call) (memory.Query, error) {
	var list []memory.Filter
	for _, one := range []struct {
		field memory.Field
		id    string
	}{{memory.FieldUser, o.UserID}, {memory.FieldAgent, o.AgentID}, {memory.FieldApp, o.AppID}, {memory.FieldRun, o.RunID}} {
		if one.id != "" {
			list = append(list, memory.Entity(one.field, one.id))
		}
	}
	if list == nil {
		return memory.Query{}, mistake("Name at least one of user_id, agent_id, app_id and run_id.")
	}
	return memory.Query{ProjectID: c.key.ProjectID, Filter: memory.And(list...)}, nil
}

type waitInput struct {
	ofScope
	Types   []string `json:"types" enum:"memory_add,memory_update,memory_delete,memory_categorize,ingest_job_completed,ingest_job_partially_completed,ingest_job_failed" doc:"Only events of these types; left out: all."`
	Others  bool     `json:"only_others" doc:"Leave out what was written with this API key, such as by your own add_memory."`
	After   string   `json:"after" doc:"The cursor of the last answer; start: from the oldest event that is kept; left out: from now on."`
	Timeout *int     `json:"timeout_s" max:"60" doc:"How long to wait, in seconds: 0 to 60; left out: 30."`
	Limit   int      `json:"limit" max:"250" doc:"Most events of an answer; left out: 50."`
}

type eventShape struct {
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	Cursor string          `json:"cursor"`
	Body   json.RawMessage `json:"body"` // what a webhook would get
}

type waitAnswer struct {
	Events []eventShape `json:"events"`
	Cursor string       `json:"cursor"`
	More   bool         `json:"more"`
}

func (s *Server) waitForEvent(c call, in waitInput) (any, error) {
	seconds := defaultTimeout
	if in.Timeout != nil {
		seconds = *in.Timeout
	}
	wait := time.Duration(seconds) * time.Second
	if seconds < 0 || wait > feed.MaxWait || in.Limit < 0 || in.Limit > feed.MaxLimit {
		return nil, mistake(fmt.Sprintf("timeout_s is 0 to %.0f, and limit 1 to %d.", feed.MaxWait.Seconds(), feed.MaxLimit))
	}
	q := feed.Query{ProjectID: c.key.ProjectID, Limit: in.Limit, Interest: delivery.Interest{Types: in.Types}}
	f := &q.Interest.Filter
	for _, one := range []struct {
		id   string
		list *[]string
	}{{in.UserID, &f.UserIDs}, {in.AgentID, &f.AgentIDs}, {in.AppID, &f.AppIDs}, {in.RunID, &f.RunIDs}} {
		if one.id != "" {
			*one.list = []string{one.id}
		}
	}
	if in.Others {
		f.IgnoreFrom = []string{c.key.ID}
	}
	err := q.Interest.Validate()
	if err != nil {
		return nil, err
	}
	if q.After, err = s.Feed.Open(c, q.ProjectID, in.After); err != nil {
		return nil, err
	}
	if wait > 0 {
		leave, err := s.Feed.Enter(c.key.ID)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	b, err := s.Feed.Wait(c, q, wait)
	if err != nil {
		return nil, err
	}
	answer := waitAnswer{Events: []eventShape{}, Cursor: b.Next.String(), More: b.More}
	for _, e := range b.Entries {
		shape := eventShape{ID: delivery.FormatID(delivery.MessagePrefix, e.Message.ID), Type: e.Message.Type, Cursor: e.Place.String(), Body: json.RawMessage("null")}
		if json.Valid(e.Message.Body) {
			shape.Body = e.Message.Body
		}
		answer.Events = append(answer.Events, shape)
	}
	return answer, nil
}

type memoryShape struct {
	ID         uuid.UUID       `json:"id"`
	Memory     string          `json:"memory"`
	UserID     string          `json:"user_id,omitempty"`
	AgentID    string          `json:"agent_id,omitempty"`
	AppID      string          `json:"app_id,omitempty"`
	RunID      string          `json:"run_id,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	Categories []string        `json:"categories,omitempty"`
	Score      *float64        `json:"score,omitempty"`
	CreatedAt  string          `json:"created_at"`
	UpdatedAt  string          `json:"updated_at"`
}

func memoryOf(m memory.Memory, score *float64) memoryShape {
	return memoryShape{
		ID: m.ID, Memory: m.Text, UserID: m.Scope.UserID, AgentID: m.Scope.AgentID, AppID: m.Scope.AppID, RunID: m.Scope.RunID,
		Metadata: m.Metadata, Categories: m.Categories, Score: score, CreatedAt: memory.Timestamp(m.CreatedAt), UpdatedAt: memory.Timestamp(m.UpdatedAt),
	}
}

type memoriesAnswer struct {
	Memories []memoryShape `json:"memories"`
	Cursor   string        `json:"cursor,omitempty"`
}

type searchInput struct {
	ofScope
	Query string `json:"query" required:"true" doc:"What to look for, in words; times such as last week count."`
	Limit int    `json:"limit" max:"100" doc:"Most memories; left out: 10."`
}

func (s *Server) searchMemories(c call, in searchInput) (any, error) {
	q, err := in.query(c)
	if err != nil {
		return nil, err
	}
	if in.Limit < 0 || in.Limit > maxHits {
		return nil, mistake(fmt.Sprintf("limit is 1 to %d.", maxHits))
	}
	q.LatestOnly = true
	hits, err := s.Memory.Search(c, q, in.Query, cmp.Or(in.Limit, defaultHits), leastScore)
	if err != nil {
		return nil, err
	}
	answer := memoriesAnswer{Memories: []memoryShape{}}
	for _, h := range hits {
		answer.Memories = append(answer.Memories, memoryOf(h.Memory, &h.Score))
	}
	return answer, nil
}

// leastScore leaves out memories that have nothing to do with what is looked for.
const leastScore = 0.1

type listInput struct {
	ofScope
	After string `json:"after" doc:"The cursor of the page before."`
	Limit int    `json:"limit" max:"100" doc:"Most memories of an answer; left out: 50."`
}

func (s *Server) listMemories(c call, in listInput) (any, error) {
	q, err := in.query(c)
	if err != nil {
		return nil, err
	}
	if q.Limit = cmp.Or(in.Limit, delivery.DefaultPage); q.Limit < 0 || q.Limit > maxListed {
		return nil, mistake(fmt.Sprintf("limit is 1 to %d.", maxListed))
	}
	q.LatestOnly = true
	l := memory.MemoryList{Query: q}
	if in.After != "" {
		cursor, err := delivery.ParseCursor("after", in.After)
		if err != nil {
			return nil, err
		}
		place := memory.MemoryPlaceOf(cursor)
		l.After = &place
	}
	page, err := s.Memory.MemoryPage(c, l)
	if err != nil {
		return nil, err
	}
	answer := memoriesAnswer{Memories: []memoryShape{}}
	for _, m := range page.Memories {
		answer.Memories = append(answer.Memories, memoryOf(m, nil))
	}
	if page.Older != nil {
		answer.Cursor = page.Older.Cursor().String()
	}
	return answer, nil
}

type addInput struct {
	ofScope
	Text  string `json:"text" required:"true" doc:"What was said, or the fact itself."`
	Role  string `json:"role" enum:"user,assistant" doc:"Who said it; left out: user."`
	Infer *bool  `json:"infer" doc:"false stores the text as it is; left out: facts are extracted."`
}

type addAnswer struct {
	EventID uuid.UUID          `json:"event_id"`
	Status  memory.EventStatus `json:"status"`
}

func (s *Server) addMemory(c call, in addInput) (any, error) {
	role := cmp.Or(in.Role, "user")
	if role != "user" && role != "assistant" {
		return nil, mistake("role is user or assistant.")
	}
	add := memory.Add{Turns: []memory.Turn{{Role: role, Text: in.Text}}, Scope: in.scope(), Infer: in.Infer == nil || *in.Infer}
	payload, err := json.Marshal(map[string]any{
		"messages": []map[string]string{{"role": role, "content": in.Text}}, "infer": add.Infer,
		"user_id": in.UserID, "agent_id": in.AgentID, "app_id": in.AppID, "run_id": in.RunID,
	})
	if err != nil {
		return nil, err
	}
	e, err := s.Memory.Add(c, c.key.ProjectID, add, payload)
	return addAnswer{e.ID, e.Status}, err
}

type explainInput struct {
	EventID string `json:"event_id" required:"true" doc:"The ID of the event, a UUID."`
}

type verdictShape struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
	Next     string `json:"next,omitempty"`
}

type deliveryShape struct {
	DeliveryID string `json:"delivery_id"`
	Endpoint   string `json:"endpoint"`
	Type       string `json:"type"`
	Status     string `json:"status"`
	verdictShape
}

type explainAnswer struct {
	EventID uuid.UUID          `json:"event_id"`
	Status  memory.EventStatus `json:"status"`
	verdictShape
	Deliveries []deliveryShape `json:"deliveries"`
}

func verdictOf(v explain.Verdict) verdictShape {
	return verdictShape{string(v.Code), v.Sentence, v.Next}
}

func (s *Server) explainEvent(c call, in explainInput) (any, error) {
	missing := func() error {
		v := explain.Missing(in.EventID, s.Retention, c.now)
		return mistake(v.Sentence + " " + v.Next)
	}
	id, err := uuid.Parse(in.EventID)
	if err != nil {
		return nil, missing()
	}
	f := explain.Facts{Now: c.now, Ahead: map[uuid.UUID]delivery.Count{}, NoWorker: s.NoWorker != nil && s.NoWorker(c)}
	if f.Event, f.Changes, err = s.Memory.Event(c, c.key.ProjectID, id); errors.Is(err, memory.ErrNotFound) {
		return nil, missing()
	}
	if err == nil {
		f.Trails, err = s.Delivery.TrailsByEvent(c, c.key.ProjectID, id)
	}
	if err == nil {
		f.Endpoints, err = s.Delivery.Endpoints(c, c.key.ProjectID)
	}
	if err != nil {
		return nil, err
	}
	a := explain.Event(f)
	answer := explainAnswer{EventID: id, Status: f.Event.Status, verdictShape: verdictOf(a.Verdict), Deliveries: []deliveryShape{}}
	for _, d := range a.Deliveries {
		answer.Deliveries = append(answer.Deliveries, deliveryShape{
			DeliveryID: delivery.FormatID(delivery.DeliveryPrefix, d.Trail.Delivery.ID), Endpoint: d.Trail.EndpointName, Type: d.Trail.MessageType,
			Status: string(d.Trail.Delivery.Status), verdictShape: verdictOf(d.Verdict),
		})
	}
	return answer, nil
}
