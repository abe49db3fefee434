package dashboard

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"memhook/delivery"
	"memhook/retry"
)

// formFields are the fields of an endpoint's form that can have a mistake.
var formFields = []string{
	"form", "name", "url", "description", "event_types", "format", "headers", "user_ids", "agent_ids", "app_ids", "run_ids",
	"categories", "metadata", "ignore_from", "rate", "timeout", "schedule", "order",
}

// settings are the fields of a form that are not plain text.
type settings struct {
	headers  delivery.Headers
	filter   delivery.Filter
	rate     float64
	timeout  time.Duration
	schedule retry.Schedule
}

// settings reads those fields, and notes what is wrong.
func (f *formView) settings() (settings, bool) {
	s := settings{filter: delivery.Filter{
		UserIDs: entries(f.Users), AgentIDs: entries(f.Agents), AppIDs: entries(f.Apps), RunIDs: entries(f.Runs), Categories: entries(f.Categories),
		IgnoreFrom: entries(f.IgnoreFrom),
	}}
	var err error
	for _, l := range entries(f.Headers) {
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			f.wrong("headers", "Write a line for each, as Name: value.")
			break
		}
		if s.headers == nil {
			s.headers = delivery.Headers{}
		}
		s.headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if text := strings.TrimSpace(f.Metadata); text != "" {
		if err = json.Unmarshal([]byte(text), &s.filter.Metadata); err != nil {
			f.wrong("metadata", `Write a JSON object, as {"tier": "gold"}.`)
		}
	}
	if text := strings.TrimSpace(f.Rate); text != "" {
		if s.rate, err = strconv.ParseFloat(text, 64); err != nil {
			f.wrong("rate", "Write a number of requests per second.")
		}
	}
	if text := strings.TrimSpace(f.Timeout); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds >= 1 && seconds <= delivery.MaxTimeout.Seconds()) {
			f.wrong("timeout", "Must be between 1 and 30 seconds.")
		}
		s.timeout = time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
	}
	if text := strings.TrimSpace(f.Schedule); text != "" {
		if s.schedule, err = retry.ParseSchedule(text); err != nil {
			f.wrong("schedule", strings.TrimPrefix(err.Error(), retry.ErrBadSchedule.Error()+": ")+".")
		}
	}
	return s, len(f.Mistakes) == 0
}

// filled returns the form with its choices, as the template shows it.
func (f formView) filled() formView {
	chosen := func(t string) bool { return slices.Contains(f.Types, t) }
	f.TypeChoices = []choice{{Value: delivery.AllTypes, Label: "All types, also those to come", Chosen: chosen(delivery.AllTypes)}}
	for _, t := range delivery.EventTypes() {
		f.TypeChoices = append(f.TypeChoices, choice{Value: t, Label: t, Chosen: chosen(t)})
	}
	for _, t := range delivery.OperationalTypes() {
		f.MoreTypes = append(f.MoreTypes, choice{Value: t, Label: t, Chosen: chosen(t)})
	}
	f.OrderChoices = []choice{
		{string(delivery.Unordered), "As they are due", f.Order == string(delivery.Unordered), "a retry may come after newer messages"},
		{string(delivery.InOrder), "In order", f.Order == string(delivery.InOrder), "the messages of a memory one after another; the next waits until the one before it was delivered or given up"},
		{string(delivery.Latest), "Latest only", f.Order == string(delivery.Latest), "in order, and without what a newer message of the memory makes out of date: after an outage only the last state goes out"},
	}
	f.FormatChoices = []choice{
		{string(delivery.Full), "Full", f.Format == string(delivery.Full), "mem0's event_details, and beside it the Standard Webhooks fields"},
		{string(delivery.Thin), "Thin", f.Format == string(delivery.Thin), "IDs only; the receiver fetches the text"},
		{string(delivery.Mem0), "mem0", f.Format == string(delivery.Mem0), "event_details and nothing else, as the hosted service sends it"},
	}
	all := map[string]string{}
	for _, field := range formFields {
		all[field] = f.Mistakes[field]
	}
	f.Mistakes = all
	later := []string{f.Headers, f.Users, f.Agents, f.Apps, f.Runs, f.Categories, f.Metadata, f.IgnoreFrom, f.Rate, f.Timeout, f.Schedule}
	for _, field := range formFields[6:] {
		later = append(later, all[field])
	}
	f.Advanced = f.Ed25519 || f.Order != string(delivery.Unordered) || strings.Join(later, "") != ""
	return f
}

// entries are the lines of a field that have something.
func entries(text string) []string {
	var list []string
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}

func lines(list []string) string { return strings.Join(list, "\n") }

// headerLines shows the names of custom headers; their values may be passwords.
func headerLines(h delivery.Headers) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		list = append(list, name+": "+delivery.Mask)
	}
	return lines(list)
}

func metadataText(m map[string]json.RawMessage) string {
	if len(m) == 0 {
		return ""
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return ""
	}
	return string(raw)
}
