package hookapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

// A page of a list. Its cursor is opaque.
type listShape[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor" doc:"Pass it as after for the page that follows; null at the end. A page may be short of its limit and still not be the last."`
}

func listOf[T any](data []T, next string) listShape[T] {
	if data == nil {
		data = []T{}
	}
	l := listShape[T]{Data: data}
	if next != "" {
		l.NextCursor = &next
	}
	return l
}

func endpointID(id uuid.UUID) string { return delivery.FormatID(delivery.EndpointPrefix, id) }
func deliveryID(id uuid.UUID) string { return delivery.FormatID(delivery.DeliveryPrefix, id) }
func messageID(id uuid.UUID) string  { return delivery.FormatID(delivery.MessagePrefix, id) }

type standingShape struct {
	State        string     `json:"state" enum:"active,paused,disabled,deleted,waiting,parked,probing" doc:"paused: by a person; disabled: given up; waiting: its receiver asked for a pause; parked: it failed too often, and its deliveries lose no tries; probing: a few go out to see whether it is back."`
	Since        *time.Time `json:"since" doc:"Of paused and disabled."`
	Until        *time.Time `json:"until" doc:"Of waiting: the end of the pause. Of parked: the next probe."`
	PausedBy     string     `json:"paused_by,omitempty"`
	Reason       string     `json:"reason,omitempty" doc:"Of disabled."`
	FailingSince *time.Time `json:"failing_since"`
	Failures     int        `json:"failures" doc:"In a row."`
}

type endpointShape struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	URL           string            `json:"url"`
	EventTypes    []string          `json:"event_types"`
	Format        string            `json:"format" enum:"full,thin,mem0"`
	Headers       map[string]string `json:"headers" doc:"Added to every request. The values are masked."`
	Filter        delivery.Filter   `json:"filter"`
	RatePerSecond float64           `json:"rate_per_second" doc:"0: no limit."`
	Order         string            `json:"order" enum:"none,memory,latest" doc:"What it may rely on about messages of one memory. none: each goes when it is due; memory: in the order of the changes; latest: like memory, without what a newer message makes out of date."`
	TimeoutS      float64           `json:"timeout_s"`
	Schedule      json.RawMessage   `json:"schedule" doc:"When failed deliveries are tried again; null: the default schedule."`
	Ed25519       bool              `json:"ed25519" doc:"Signs with a key pair (v1a) beside the secret."`
	Standing      standingShape     `json:"standing"`
	LastSuccessAt *time.Time        `json:"last_success_at"`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

func endpointOf(e delivery.Endpoint, now time.Time) endpointShape {
	s := e.Standing(now)
	shape := endpointShape{
		ID: endpointID(e.ID), Name: e.Name, Description: e.Description, URL: e.URL, EventTypes: e.EventTypes, Format: string(e.Format),
		Headers: e.Headers.Masked(), Filter: e.Filter, RatePerSecond: e.RatePerSecond, Order: string(e.Order), TimeoutS: e.Deadline().Seconds(),
		Schedule: json.RawMessage("null"), Ed25519: len(e.KeyPairs) > 0, LastSuccessAt: e.Health.LastSuccessAt,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
		Standing: standingShape{
			State: string(s.State), Since: s.Since, Until: s.Until, PausedBy: s.PausedBy, Reason: string(s.Reason),
			FailingSince: s.FailingSince, Failures: s.Failures,
		},
	}
	if e.Schedule != nil {
		if raw, err := json.Marshal(e.Schedule); err == nil {
			shape.Schedule = raw
		}
	}
	return shape
}

// secretsShape is the answer to creating, rotating and revealing.
type secretsShape struct {
	endpointShape
	Secret    string        `json:"secret" doc:"Verifies signatures of the form v1. Shown here and on reveal only."`
	PublicKey string        `json:"public_key,omitempty" doc:"Verifies signatures of the form v1a, when ed25519 is switched on."`
	Live      []secretShape `json:"live" doc:"Every secret that signs now, newest first."`
}

type secretShape struct {
	Secret    string     `json:"secret"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at" doc:"null: the current one."`
}

func secretsOf(e delivery.Endpoint, now time.Time) secretsShape {
	s := secretsShape{endpointShape: endpointOf(e, now), Live: []secretShape{}}
	for _, live := range e.Secrets {
		if live.Live(now) {
			s.Live = append(s.Live, secretShape{live.Reveal(), live.CreatedAt, live.ExpiresAt})
		}
	}
	if len(s.Live) > 0 {
		s.Secret = s.Live[0].Secret
	}
	if len(e.KeyPairs) > 0 {
		if public, ok := e.KeyPairs[0].Public(); ok {
			s.PublicKey = public.String()
		}
	}
	return s
}

type attemptShape struct {
	ID              string            `json:"id"`
	Number          int               `json:"number"`
	Trigger         string            `json:"trigger" enum:"scheduled,manual,replay,test"`
	StartedAt       time.Time         `json:"started_at"`
	DurationMS      float64           `json:"duration_ms"`
	StatusCode      *int              `json:"status_code" doc:"null: no answer came."`
	Error           string            `json:"error,omitempty" doc:"The class of what went wrong; absent on success."`
	Detail          string            `json:"detail,omitempty"`
	Sentence        string            `json:"sentence" doc:"What happened, in words."`
	URL             string            `json:"url"`
	RemoteAddr      string            `json:"remote_addr,omitempty"`
	PhasesMS        map[string]number `json:"phases_ms"`
	RequestHeaders  http.Header       `json:"request_headers"`
	ResponseHeaders http.Header       `json:"response_headers"`
	ResponseBody    *string           `json:"response_body" doc:"Of text. null when there is none, or it is no text."`
	ResponseBase64  string            `json:"response_body_base64,omitempty" doc:"Of a body that is no text."`
	Truncated       bool              `json:"truncated" doc:"The body was longer than is kept."`
	RetryAfterS     *float64          `json:"retry_after_s" doc:"What the receiver asked for."`
	NextAt          *time.Time        `json:"next_at" doc:"When the next try was planned for."`
}

type number = float64

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func attemptOf(a delivery.Attempt) attemptShape {
	s := attemptShape{
		ID: delivery.FormatID(delivery.AttemptPrefix, a.ID), Number: a.Number, Trigger: string(a.Trigger), StartedAt: a.StartedAt,
		DurationMS: millis(a.Duration), Error: string(a.Class), Detail: a.Detail, Sentence: explain.Attempt(a), URL: a.URL,
		RemoteAddr: a.RemoteAddr, PhasesMS: map[string]number{}, RequestHeaders: a.RequestHeader, ResponseHeaders: a.ResponseHeader,
		Truncated: a.Truncated, NextAt: a.NextAt,
	}
	if a.StatusCode != 0 {
		s.StatusCode = &a.StatusCode
	}
	if a.RetryAfter > 0 {
		asked := a.RetryAfter.Seconds()
		s.RetryAfterS = &asked
	}
	for _, p := range []struct {
		name string
		took time.Duration
	}{{"dns", a.Phases.DNS}, {"connect", a.Phases.Connect}, {"tls", a.Phases.TLS}, {"wait", a.Phases.Wait}, {"body", a.Phases.Body}} {
		if p.took > 0 {
			s.PhasesMS[p.name] = millis(p.took)
		}
	}
	switch {
	case len(a.ResponseBody) == 0:
	case utf8.Valid(a.ResponseBody):
		text := string(a.ResponseBody)
		s.ResponseBody = &text
	default:
		s.ResponseBase64 = base64.StdEncoding.EncodeToString(a.ResponseBody)
	}
	return s
}

// tryShape is an attempt in a list.
type tryShape struct {
	Number     int       `json:"number"`
	StartedAt  time.Time `json:"started_at"`
	DurationMS float64   `json:"duration_ms"`
	StatusCode *int      `json:"status_code"`
	Error      string    `json:"error,omitempty"`
}

type deliveryShape struct {
	ID           string     `json:"id"`
	EventID      *string    `json:"event_id" doc:"null: it is not about a memory event."`
	MessageID    string     `json:"message_id"`
	EndpointID   string     `json:"endpoint_id"`
	EndpointName string     `json:"endpoint_name"`
	EndpointURL  string     `json:"endpoint_url"`
	Type         string     `json:"type" doc:"Of the message."`
	Status       string     `json:"status" enum:"pending,sending,succeeded,failed,held,skipped,canceled"`
	Reason       string     `json:"reason,omitempty" doc:"Why it is in its state, when no attempt explains it."`
	Detail       string     `json:"detail,omitempty" doc:"The reason in words."`
	Trigger      string     `json:"trigger" enum:"scheduled,manual,replay,test"`
	Attempts     int        `json:"attempts"`
	Recent       []tryShape `json:"recent" doc:"The last attempts, oldest first."`
	NextAt       *time.Time `json:"next_at" doc:"When it is tried next; while it is sent, when its lease ends."`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	FinishedAt   *time.Time `json:"finished_at"`
}

func deliveryOf(r delivery.Row) deliveryShape {
	d := r.Delivery
	s := deliveryShape{
		ID: deliveryID(d.ID), MessageID: messageID(d.MessageID), EndpointID: endpointID(d.EndpointID),
		EndpointName: r.EndpointName, EndpointURL: r.EndpointURL, Type: d.Type, Status: string(d.Status), Reason: string(d.Reason),
		Detail: d.Detail, Trigger: string(d.Trigger), Attempts: d.Attempts, Recent: []tryShape{}, NextAt: d.NextAt,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, FinishedAt: d.FinishedAt,
	}
	if d.EventID != uuid.Nil {
		id := d.EventID.String()
		s.EventID = &id
	}
	for _, a := range r.Recent {
		try := tryShape{Number: a.Number, StartedAt: a.StartedAt, DurationMS: millis(a.Duration), Error: string(a.Class)}
		if a.StatusCode != 0 {
			try.StatusCode = &a.StatusCode
		}
		s.Recent = append(s.Recent, try)
	}
	return s
}

func rowOf(t delivery.Trail) delivery.Row {
	r := delivery.Row{Delivery: t.Delivery, EndpointName: t.EndpointName, EndpointURL: t.EndpointURL, Recent: t.List}
	r.Delivery.Type = t.MessageType
	r.Recent = r.Recent[max(0, len(r.Recent)-delivery.MaxRecent):]
	return r
}

type messageShape struct {
	ID        string          `json:"id" doc:"The webhook-id of every copy."`
	EventID   *string         `json:"event_id"`
	MemoryID  *string         `json:"memory_id"`
	Type      string          `json:"type"`
	CreatedAt time.Time       `json:"created_at"`
	Body      json.RawMessage `json:"body,omitempty" doc:"What endpoints of the format full get, byte by byte."`
}

func messageOf(m delivery.Message, withBody bool) messageShape {
	s := messageShape{ID: messageID(m.ID), Type: m.Type, CreatedAt: m.CreatedAt, EventID: orNull(m.EventID), MemoryID: orNull(m.MemoryID)}
	if withBody && json.Valid(m.Body) {
		s.Body = m.Body
	}
	return s
}

func orNull(id uuid.UUID) *string {
	if id == uuid.Nil {
		return nil
	}
	s := id.String()
	return &s
}

type eventShape struct {
	ID          string     `json:"id"`
	Type        string     `json:"type" doc:"ADD, UPDATE, DELETE and the like."`
	Status      string     `json:"status" enum:"PENDING,RUNNING,SUCCEEDED,FAILED"`
	UserID      string     `json:"user_id,omitempty"`
	AgentID     string     `json:"agent_id,omitempty"`
	AppID       string     `json:"app_id,omitempty"`
	RunID       string     `json:"run_id,omitempty"`
	Reason      string     `json:"reason,omitempty" doc:"Why nothing was stored."`
	Error       string     `json:"error,omitempty" doc:"Why it failed."`
	Tries       int        `json:"tries"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
}

func eventOf(e memory.Event) eventShape {
	return eventShape{
		ID: e.ID.String(), Type: string(e.Kind), Status: string(e.Status), UserID: e.Scope.UserID, AgentID: e.Scope.AgentID,
		AppID: e.Scope.AppID, RunID: e.Scope.RunID, Reason: e.Reason, Error: e.Error, Tries: e.Tries,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, StartedAt: e.StartedAt, CompletedAt: e.CompletedAt,
	}
}

type changeShape struct {
	ID         string          `json:"id"`
	MemoryID   string          `json:"memory_id"`
	Type       string          `json:"type" enum:"ADD,UPDATE,DELETE"`
	Memory     string          `json:"memory" doc:"The text after the change; of DELETE, before it."`
	Before     *string         `json:"previous_memory"`
	Categories []string        `json:"categories"`
	Metadata   json.RawMessage `json:"metadata"`
	CreatedAt  time.Time       `json:"created_at"`
}

func changeOf(c memory.Change) changeShape {
	s := changeShape{
		ID: c.ID.String(), MemoryID: c.Memory.ID.String(), Type: string(c.Kind), Memory: c.Memory.Text, Categories: c.Memory.Categories,
		Metadata: c.Memory.Metadata, CreatedAt: c.At,
	}
	if c.Kind == memory.ChangeUpdate {
		s.Before = &c.Before
	}
	if s.Categories == nil {
		s.Categories = []string{}
	}
	if len(s.Metadata) == 0 {
		s.Metadata = json.RawMessage("null")
	}
	return s
}

type verdictShape struct {
	Code       string  `json:"code" doc:"For programs."`
	Tone       string  `json:"tone" enum:"ok,info,warn,bad,quiet"`
	Sentence   string  `json:"sentence" doc:"For people."`
	Next       string  `json:"next" doc:"What happens or helps next."`
	Action     string  `json:"action,omitempty" doc:"What a person can do."`
	EndpointID *string `json:"endpoint_id" doc:"That action is about."`
}

func verdictOf(v explain.Verdict) verdictShape {
	s := verdictShape{Code: string(v.Code), Tone: string(v.Tone), Sentence: v.Sentence, Next: v.Next, Action: string(v.Action)}
	if v.EndpointID != uuid.Nil {
		id := endpointID(v.EndpointID)
		s.EndpointID = &id
	}
	return s
}
