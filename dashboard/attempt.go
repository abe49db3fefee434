package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"memhook/delivery"
	"memhook/memory/explain"
)

// An attemptView is one attempt: what was sent beside what came back.
type attemptView struct {
	Number   int
	Chip     chip
	Cause    string
	Detail   text
	At       moment
	Took     string
	Phases   []phase
	Remote   text
	URL      text
	Trigger  text
	Next     *moment
	Past     bool   // Next is
	Asked    string // what Retry-After asked for
	Request  []pair
	Response []pair

	Sent     bodyView
	Answer   bodyView
	Answered bool // with a status
	Curl     text // "" when the body cannot stand in a command
	CurlNote string
}

// A bodyView is the beginning of a body.
type bodyView struct {
	Text text
	Size string
	Cut  bool
	Link string // of the download, "" when there is nothing to download
}

// A phase is a part of an attempt's time, as a bar.
type phase struct {
	Name  string
	Took  string
	Class string
	From  string // in the bar's units of 1000
	Width string
}

func (d *Dashboard) attemptView(v visit, t delivery.Trail, a delivery.Attempt) (*attemptView, error) {
	view := attemptOf(a, v.now)
	page := deliveryPath(t.Delivery.ID)
	if len(a.ResponseBody) > 0 {
		view.Answer.Link = page + "/answer?attempt=" + strconv.Itoa(a.Number)
	}
	body, err := d.bodyOf(v, t)
	switch {
	case errors.Is(err, delivery.ErrNotFound):
		return &view, nil
	case err != nil:
		return nil, err
	}
	view.Sent = bodyOf(body)
	view.Sent.Link = page + "/payload"
	view.Curl, view.CurlNote = curlOf(a, body, v.now)
	return &view, nil
}

func attemptOf(a delivery.Attempt, now time.Time) attemptView {
	v := attemptView{
		Number: a.Number, Chip: chipOf(a), Cause: explain.Attempt(a), Detail: line(a.Detail), At: momentOf(a.StartedAt, now),
		Took: brief(a.Duration), Phases: phasesOf(a.Phases), Remote: line(a.RemoteAddr), URL: line(a.URL),
		Trigger: line(string(a.Trigger)), Next: momentOr(a.NextAt, now), Past: a.NextAt != nil && a.NextAt.Before(now),
		Request: headersOf(a.RequestHeader), Response: headersOf(a.ResponseHeader), Answer: bodyOf(a.ResponseBody), Answered: a.StatusCode != 0,
	}
	if a.RetryAfter > 0 {
		v.Asked = explain.Span(a.RetryAfter)
	}
	v.Answer.Cut = v.Answer.Cut || a.Truncated
	return v
}

// bodyOf shows the beginning of a body; JSON is indented, and nothing else of it is
// changed.
func bodyOf(body []byte) bodyView {
	v := bodyView{Size: size(len(body))}
	shown := body
	if len(body) <= maxShown && json.Valid(body) {
		var b bytes.Buffer
		if json.Indent(&b, body, "", "  ") == nil {
			shown = b.Bytes()
		}
	}
	v.Text, v.Cut = head(shown)
	return v
}

func phasesOf(p delivery.Phases) []phase {
	parts := []struct {
		name, class string
		took        time.Duration
	}{{"DNS", "p-dns", p.DNS}, {"Connect", "p-connect", p.Connect}, {"TLS", "p-tls", p.TLS}, {"Wait", "p-wait", p.Wait}, {"Body", "p-body", p.Body}}
	total := p.DNS + p.Connect + p.TLS + p.Wait + p.Body
	var list []phase
	from := 0.0
	for _, part := range parts {
		if part.took <= 0 {
			continue
		}
		width := 1000 * float64(part.took) / float64(total)
		list = append(list, phase{part.name, brief(part.took), part.class, fixed(from), fixed(width)})
		from += width
	}
	return list
}

func fixed(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// headersOf lists header fields by name, one line per value.
func headersOf(h http.Header) []pair {
	var list []pair
	for name, values := range h {
		for _, v := range values {
			list = append(list, pair{line(name), line(v)})
		}
	}
	slices.SortStableFunc(list, func(a, b pair) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return list
}

// size prints a number of bytes.
func size(n int) string {
	if n < 1024 {
		return explain.Count(n, "byte")
	}
	return strconv.FormatFloat(float64(n)/1024, 'f', 1, 64) + " KiB"
}

// curlOf is the request of an attempt as a command, with the exact bytes of its
// body, and what to know about it. Values that are not kept stay masked.
func curlOf(a delivery.Attempt, body []byte, now time.Time) (text, string) {
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 || len(body) > maxShown {
		return "", ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "curl %s", quote(a.URL))
	for _, name := range slices.Sorted(maps.Keys(a.RequestHeader)) {
		for _, value := range a.RequestHeader[name] {
			fmt.Fprintf(&b, " \\\n  -H %s", quote(name+": "+value))
		}
	}
	fmt.Fprintf(&b, " \\\n  --data-binary %s\n", quote(string(body)))
	note := "The signature and custom header values are not kept, so they are masked: a receiver that verifies refuses this. Resend the delivery for a signed one."
	if now.Sub(a.StartedAt) > tooOld {
		note = "The timestamp is older than five minutes and the signature is not kept: a receiver that verifies refuses this. Resend the delivery for a signed one."
	}
	return block(b.String()), note
}

// quote quotes a word for a shell. Characters that cannot be seen are written as
// escapes of their bytes, which bash, zsh and ksh read.
func quote(s string) string {
	if string(block(s)) == s && !strings.Contains(s, "\r") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case string(line(string(r))) == string(r) || r == '\n':
			b.WriteRune(r)
		default:
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
	}
	return b.String() + "'"
}
