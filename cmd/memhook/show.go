package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"memhook/memory"
)

// showCallback prints a callback for a person.
func showCallback(w io.Writer, c callback) {
	mark := "– not checked"
	switch {
	case c.Checked && c.Verified == nil:
		mark = "✓ verified"
	case c.Checked:
		mark = "✗ " + c.Verified.Error()
	}
	attempt := ""
	if c.Attempt > 0 {
		attempt = fmt.Sprintf("  attempt %d", c.Attempt)
	}
	fmt.Fprintf(w, "%s  %-13s %s  %s%s  %s\n", c.At.UTC().Format("15:04:05.000"),
		printable(cmp.Or(c.Type, "unknown type")), mark, printable(cmp.Or(c.ID, "no webhook-id")), attempt, answered(c))
	m := c.Message.Data
	switch {
	case m.Previous != nil:
		printLines(w, "    - ", shortened(*m.Previous))
		printLines(w, "    + ", shortened(m.Memory))
	case c.Message.Details.Event == string(memory.ChangeDelete):
		printLines(w, "    - ", shortened(m.Memory))
	case m.Memory != "":
		printLines(w, "    + ", shortened(m.Memory))
	}
}

// maxShown is how much of a memory's text a callback's lines show, in bytes: a few
// lines of a terminal. -o ndjson has all of it.
const maxShown = 500

func shortened(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:maxShown], ""), len(text))
}

func answered(c callback) string {
	s := fmt.Sprintf("answered %d", c.Answer)
	switch {
	case c.OnPurpose:
		s += " on purpose"
	case c.Forwarded != nil:
		s += ", not forwarded: " + printable(c.Forwarded.Error())
	case c.Repeated:
		s += ", seen before"
	}
	return s
}

// showCallbackJSON prints a callback as a line of JSON.
func showCallbackJSON(w io.Writer, c callback) {
	row := struct {
		At       string          `json:"received_at"`
		ID       string          `json:"webhook_id"`
		Type     string          `json:"type"`
		Attempt  int             `json:"attempt"`
		Verified *bool           `json:"verified"` // null when there was no secret
		Error    string          `json:"error,omitempty"`
		Repeated bool            `json:"repeated"`
		Status   int             `json:"status"`
		Body     json.RawMessage `json:"body"` // null when it is no JSON
	}{At: memory.Timestamp(c.At), ID: c.ID, Type: c.Type, Attempt: c.Attempt, Repeated: c.Repeated, Status: c.Answer}
	if c.Checked {
		good := c.Verified == nil
		row.Verified = &good
		if !good {
			row.Error = c.Verified.Error()
		}
	}
	if json.Valid(c.Body) {
		row.Body = c.Body
	}
	if raw, err := json.Marshal(row); err == nil {
		fmt.Fprintf(w, "%s\n", raw)
	}
}

func showTotals(w io.Writer, t totals) {
	fmt.Fprintf(w, "%s received: %d verified, %d not, %d unique, %d repeated, %d failed on purpose.\n",
		count(t.Received, "callback"), t.Verified, t.Unverified, t.Unique, t.Repeated, t.FailedOnPurpose)
}

// shownEvent is an event with its deliveries, as the API shows it.
type shownEvent struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Error   string `json:"error"`
	Results []struct {
		Event  string `json:"event"`
		Memory string `json:"memory"`
	} `json:"results"`
	Deliveries []struct {
		ID       string `json:"id"`
		Type     string `json:"message_type"`
		Endpoint string `json:"endpoint_name"`
		Status   string `json:"status"`
		Attempts []struct {
			Number     int     `json:"number"`
			StatusCode int     `json:"status_code"`
			DurationMS float64 `json:"duration_ms"`
			Error      string  `json:"error"`
			RetryAfter float64 `json:"retry_after_s"`
			NextAt     string  `json:"next_attempt_at"`
		} `json:"attempts"`
	} `json:"deliveries"`
}

// showEvent prints an event with its deliveries and their attempts.
func showEvent(w io.Writer, e shownEvent) {
	fmt.Fprintf(w, "Event %s  %s\n", e.ID, e.Status)
	for _, r := range e.Results {
		printLines(w, fmt.Sprintf("  %-7s", r.Event), r.Memory)
	}
	for _, d := range e.Deliveries {
		fmt.Fprintf(w, "  %s to %s: %s\n", d.Type, printable(d.Endpoint), d.Status)
		for _, a := range d.Attempts {
			what := a.Error
			if a.StatusCode != 0 {
				what = fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))
			}
			fmt.Fprintf(w, "    attempt %d  %s  %.1f ms", a.Number, printable(what), a.DurationMS)
			if a.RetryAfter > 0 {
				fmt.Fprintf(w, "  asked to wait %g s", a.RetryAfter)
			}
			if a.NextAt != "" {
				fmt.Fprintf(w, "  next try %s", a.NextAt)
			}
			fmt.Fprintln(w)
		}
	}
}
