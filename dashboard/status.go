package dashboard

import (
	"strconv"
	"time"

	"memhook/delivery"
	"memhook/memory"
	"memhook/retry"
)

// A tone is how good or bad something is. It is a class of the stylesheet, and
// never says anything that a word beside it does not.
type tone string

const (
	ok    tone = "ok"
	info  tone = "info"
	warn  tone = "warn"
	bad   tone = "bad"
	quiet tone = "quiet"
)

// A badge is a status: icon, word and colour.
type badge struct {
	Icon string
	Word string
	Tone tone
}

func eventBadge(s memory.EventStatus) badge {
	switch s {
	case memory.EventPending:
		return badge{"◔", "Pending", info}
	case memory.EventRunning:
		return badge{"⇢", "Running", info}
	case memory.EventSucceeded:
		return badge{"✓", "Succeeded", ok}
	case memory.EventFailed:
		return badge{"✕", "Failed", bad}
	}
	return badge{"?", string(line(string(s))), quiet}
}

func deliveryBadge(d delivery.Delivery) badge {
	switch d.Status {
	case delivery.Pending:
		if d.Attempts > 0 {
			return badge{"↻", "Retrying", warn}
		}
		return badge{"◔", "Pending", info}
	case delivery.Sending:
		return badge{"⇢", "Sending", info}
	case delivery.Succeeded:
		return badge{"✓", "Succeeded", ok}
	case delivery.Failed:
		return badge{"✕", "Failed", bad}
	case delivery.Held:
		return badge{"‖", "Held", warn}
	case delivery.Skipped:
		return badge{"–", "Skipped", quiet}
	case delivery.Canceled:
		return badge{"⊘", "Canceled", quiet}
	}
	return badge{"?", string(line(string(d.Status))), quiet}
}

func endpointBadge(e delivery.Endpoint, now time.Time) badge {
	switch e.Standing(now).State {
	case delivery.EndpointDeleted:
		return badge{"⊘", "Deleted", quiet}
	case delivery.EndpointDisabled:
		return badge{"✕", "Disabled", bad}
	case delivery.EndpointPaused:
		return badge{"‖", "Paused", warn}
	case delivery.EndpointWaiting:
		return badge{"◔", "Waiting", warn}
	case delivery.EndpointParked:
		return badge{"✕", "Breaker open", bad}
	case delivery.EndpointProbing:
		return badge{"↻", "Probing", warn}
	}
	if e.Health.FailingSince != nil {
		return badge{"↻", "Failing", bad}
	}
	return badge{"✓", "Enabled", ok}
}

func changeBadge(k memory.ChangeKind) badge {
	switch k {
	case memory.ChangeAdd:
		return badge{"+", "Added", ok}
	case memory.ChangeUpdate:
		return badge{"±", "Updated", info}
	case memory.ChangeDelete:
		return badge{"−", "Deleted", bad}
	}
	return badge{"?", string(line(string(k))), quiet}
}

// A chip is an attempt in a word: the status the receiver answered with, or what
// came instead of an answer.
type chip struct {
	Word    string
	Tone    tone
	To      string // the page of the attempt
	Current bool   // it is the one shown
	Number  int
}

var classWords = map[retry.Class]string{
	retry.ClassDNS: "DNS", retry.ClassBlockedAddress: "blocked", retry.ClassConnectRefused: "refused",
	retry.ClassConnectTimeout: "timeout", retry.ClassTLSExpired: "TLS", retry.ClassTLSName: "TLS",
	retry.ClassTLSUntrusted: "TLS", retry.ClassTLSOther: "TLS", retry.ClassHeaderTimeout: "timeout",
	retry.ClassBodyTimeout: "timeout", retry.ClassReset: "reset", retry.ClassProtocol: "protocol",
	retry.ClassInterrupted: "interrupted",
}

func chipOf(a delivery.Attempt) chip {
	c := chip{Word: classWords[a.Class], Tone: bad}
	switch {
	case a.Class == "":
		c.Tone = ok
	case a.Class == retry.ClassInterrupted:
		c.Tone = warn
	}
	if a.StatusCode != 0 && (c.Word == "" || a.Class == retry.ClassProtocol) {
		c.Word = strconv.Itoa(a.StatusCode)
	}
	if c.Word == "" {
		c.Word = string(line(string(a.Class)))
	}
	return c
}
