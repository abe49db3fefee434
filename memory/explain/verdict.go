package explain

import "github.com/google/uuid"

// A Tone is how good or bad something is.
type Tone string

// The tones.
const (
	OK    Tone = "ok"
	Info  Tone = "info"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
	Quiet Tone = "quiet" // nothing happened, and nothing had to
)

// A Code names a verdict for programs.
type Code string

// The codes, in the order in which they are looked for.
const (
	Unknown        Code = "unknown"
	EventPending   Code = "event_pending"
	EventNoWorker  Code = "event_no_worker"
	EventOverdue   Code = "event_overdue"
	EventRunning   Code = "event_running"
	EventFailed    Code = "event_failed"
	NothingNew     Code = "nothing_new"
	NoEndpoint     Code = "no_endpoint"
	Skipped        Code = "skipped"
	HeldPaused     Code = "held_paused"
	HeldDisabled   Code = "held_disabled"
	HeldGone       Code = "held_gone"
	WaitsAsked     Code = "waits_retry_after" // the receiver asked for a pause
	WaitsRate      Code = "waits_rate"        // the endpoint's rate limit
	WaitsTurn      Code = "waits_turn"        // others of the endpoint go first
	WaitsOrder     Code = "waits_order"       // an earlier message of its memory goes first
	Parked         Code = "parked"            // its breaker is open
	Overdue        Code = "overdue"
	Sending        Code = "sending"
	Waiting        Code = "waiting"  // for the first try
	Retrying       Code = "retrying" // failed so far
	GaveUp         Code = "gave_up"
	GaveUpTooOld   Code = "gave_up_too_old"
	Blocked        Code = "blocked_address"
	Redirected     Code = "redirect"
	Unauthorized   Code = "unauthorized"
	TooLarge       Code = "too_large"
	Refused        Code = "refused" // another 4xx
	Canceled       Code = "canceled"
	Superseded     Code = "superseded"     // canceled: a newer message of its memory went instead
	DeliveredHTML  Code = "delivered_html" // taken, but by a web page
	DeliveredLate  Code = "delivered_after_retries"
	Delivered      Code = "delivered"
	WouldReceive   Code = "would_receive"
	WouldBeHeld    Code = "would_be_held"
	WouldBeSkipped Code = "would_be_skipped"
)

// An Action is what a person can do about it.
type Action string

// The actions.
const (
	NoAction       Action = ""
	CreateEndpoint Action = "create_endpoint"
	OpenEndpoint   Action = "open_endpoint"
	ResumeEndpoint Action = "resume_endpoint"
	EnableEndpoint Action = "enable_endpoint"
	OpenSystem     Action = "open_system"
	OpenPlayground Action = "open_playground" // try the receiver's secret
)

// A Verdict is the answer for an event or a delivery.
type Verdict struct {
	Code       Code
	Tone       Tone
	Sentence   string
	Next       string    // what happens or helps next, "" when nothing is left to say
	Action     Action    // what a person can do
	EndpointID uuid.UUID // that Action is about; Nil for none
}
