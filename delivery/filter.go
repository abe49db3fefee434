package delivery

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Limits of a Filter.
const (
	MaxFilterValues = 100     // per field
	MaxFilterValue  = 1 << 10 // bytes
	MaxFilterKeys   = 20      // of metadata
	maxDetailValue  = 64      // bytes of a value that a refusal quotes
	maxExactFloat   = 1 << 53 // up to here a float64 holds every integer
)

// A Filter narrows down what an endpoint gets beyond its event types. Every field
// that is set must accept the message; a message without a value for it is
// refused. The zero Filter accepts everything.
type Filter struct {
	UserIDs    []string `json:"user_ids,omitempty"` // any of these
	AgentIDs   []string `json:"agent_ids,omitempty"`
	AppIDs     []string `json:"app_ids,omitempty"`
	RunIDs     []string `json:"run_ids,omitempty"`
	Categories []string `json:"categories,omitempty"` // the memory has one of these
	// Metadata has for each key the JSON value that the memory's metadata must
	// have there. Numbers are compared by value, objects by their members.
	Metadata map[string]json.RawMessage `json:"metadata,omitempty"`

	// IgnoreFrom are API keys (key_…) and sources (src_…) whose changes it is not told of:
	// those of the agent or service behind the endpoint.
	IgnoreFrom []string `json:"ignore_from,omitempty"`
}

// Facets are what a Filter decides on.
type Facets struct {
	UserID, AgentID, AppID, RunID string
	Categories                    []string
	Metadata                      json.RawMessage // an object, or nil
	Writer                        string          // the API key or source; "" when not known
}

// IsZero tells whether the filter accepts everything.
func (f Filter) IsZero() bool {
	return len(f.UserIDs)+len(f.AgentIDs)+len(f.AppIDs)+len(f.RunIDs)+len(f.Categories)+len(f.Metadata)+len(f.IgnoreFrom) == 0
}

// A clause is one list of a filter with the value it is compared to.
type clause struct {
	field  string // as in JSON
	name   string // of the value
	reason Reason
	accept []string
	value  string
}

func (f Filter) clauses(m Facets) [4]clause {
	return [4]clause{
		{"user_ids", "user_id", ReasonUserFilter, f.UserIDs, m.UserID},
		{"agent_ids", "agent_id", ReasonAgentFilter, f.AgentIDs, m.AgentID},
		{"app_ids", "app_id", ReasonAppFilter, f.AppIDs, m.AppID},
		{"run_ids", "run_id", ReasonRunFilter, f.RunIDs, m.RunID},
	}
}

// refuses returns which clause does not accept a message with these facets, and
// says it in words; ReasonNone when all do.
func (f Filter) refuses(m Facets) (Reason, string) {
	if f.IsZero() {
		return ReasonNone, ""
	}
	if m.Writer != "" && slices.Contains(f.IgnoreFrom, m.Writer) {
		return ReasonOwnWrite, "written by " + m.Writer
	}
	for _, c := range f.clauses(m) {
		if len(c.accept) > 0 && !slices.Contains(c.accept, c.value) {
			return c.reason, fmt.Sprintf("%s is %s; wanted: %s", c.name, quoted(c.value), listed(c.accept))
		}
	}
	has := func(c string) bool { return slices.Contains(m.Categories, c) }
	if len(f.Categories) > 0 && !slices.ContainsFunc(f.Categories, has) {
		return ReasonCategoryFilter, fmt.Sprintf("categories are %s; wanted one of: %s", listed(m.Categories), listed(f.Categories))
	}
	return f.refusesMetadata(m.Metadata)
}

func (f Filter) refusesMetadata(raw json.RawMessage) (Reason, string) {
	if len(f.Metadata) == 0 {
		return ReasonNone, ""
	}
	var have map[string]json.RawMessage
	_ = json.Unmarshal(raw, &have) // what is no object has no keys
	for _, key := range slices.Sorted(maps.Keys(f.Metadata)) {
		want := f.Metadata[key]
		got, ok := have[key]
		if ok && sameJSON(got, want) {
			continue
		}
		is := "missing"
		if ok {
			is = clip(string(got), maxDetailValue)
		}
		return ReasonMetadataFilter, fmt.Sprintf("metadata.%s is %s; wanted: %s", clip(key, maxDetailValue), is, clip(string(want), maxDetailValue))
	}
	return ReasonNone, ""
}

// sameJSON compares two JSON texts by what they mean.
func sameJSON(a, b json.RawMessage) bool {
	read := func(raw json.RawMessage) (v any, err error) {
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		err = d.Decode(&v)
		return plain(v), err
	}
	x, errX := read(a)
	y, errY := read(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// plain turns numbers that a float64 holds exactly into one, so that 1 and 1.0 are
// the same. The others stay text.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Float64(); err == nil && math.Abs(n) < maxExactFloat {
			return n
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func (f Filter) validate() error {
	lists := f.clauses(Facets{})
	for _, c := range append(lists[:], clause{field: "categories", accept: f.Categories}) {
		field := "filter." + c.field
		if len(c.accept) > MaxFilterValues {
			return &InvalidError{field, fmt.Sprintf("Ensure this list has no more than %d values.", MaxFilterValues)}
		}
		for _, v := range c.accept {
			if v == "" || len(v) > MaxFilterValue || !printable(v) {
				return &InvalidError{field, fmt.Sprintf("Values must have 1 to %d bytes without control characters.", MaxFilterValue)}
			}
		}
	}
	if len(f.IgnoreFrom) > MaxFilterValues {
		return &InvalidError{"filter.ignore_from", fmt.Sprintf("Ensure this list has no more than %d values.", MaxFilterValues)}
	}
	for _, id := range f.IgnoreFrom {
		prefix, rest, _ := strings.Cut(id, "_")
		if _, err := uuid.Parse(rest); err != nil || prefix != "key" && prefix != "src" {
			return &InvalidError{"filter.ignore_from", fmt.Sprintf("%q is not the ID of an API key (key_…) or a source (src_…).", clip(id, maxDetailValue))}
		}
	}
	if len(f.Metadata) > MaxFilterKeys {
		return &InvalidError{"filter.metadata", fmt.Sprintf("Ensure this object has no more than %d keys.", MaxFilterKeys)}
	}
	for key, value := range f.Metadata {
		if key == "" || len(key) > MaxFilterValue || len(value) > MaxFilterValue || !json.Valid(value) || !printable(key) {
			return &InvalidError{"filter.metadata", fmt.Sprintf("Keys and values must have 1 to %d bytes, and values must be JSON.", MaxFilterValue)}
		}
	}
	return nil
}

func quoted(s string) string {
	if s == "" {
		return "missing"
	}
	return fmt.Sprintf("%q", clip(s, maxDetailValue))
}

// listed shows the first values of a list.
func listed(list []string) string {
	const shown = 5
	if len(list) == 0 {
		return "none"
	}
	var parts []string
	for _, s := range list[:min(shown, len(list))] {
		parts = append(parts, quoted(s))
	}
	text := strings.Join(parts, ", ")
	if more := len(list) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
