package memory

import (
	"encoding/json"
	"slices"
	"time"
)

// A Filter is a tree of conditions on memories. All its set parts hold; an empty
// list does not constrain, so the zero Filter matches every memory. It is the
// meaning of mem0's filter language, not its JSON; its own JSON is stored with
// deletions that run later.
type Filter struct {
	All  []Filter   `json:"all,omitempty"`  // every one holds
	Any  []Filter   `json:"any,omitempty"`  // at least one holds
	None []Filter   `json:"none,omitempty"` // not one holds
	Cond *Condition `json:"cond,omitempty"`
}

// A Condition compares one field of a memory. It holds when the comparison holds
// for one of its values; without values, and without Null, only OpSet can hold.
// Which of Text, Times and JSON has the values follows from the field.
type Condition struct {
	Field Field             `json:"field"`
	Key   string            `json:"key,omitempty"` // of metadata; "" is the metadata as a whole, which is null or set
	Op    Op                `json:"op"`
	Null  bool              `json:"null,omitempty"` // null is among the values; for OpEqual and OpNotEqual
	Text  []string          `json:"text,omitempty"`
	Times []Span            `json:"times,omitempty"`
	JSON  []json.RawMessage `json:"json,omitempty"` // of metadata, never a JSON null
}

// A Span is the time a value stands for: an instant, or a whole day in UTC. Last
// is the last microsecond that belongs to it.
type Span struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Day returns the span of the day that t is in, in UTC.
func Day(t time.Time) Span {
	year, month, day := t.UTC().Date()
	first := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return Span{First: first, Last: first.Add(24*time.Hour - time.Microsecond)}
}

// Field is what a condition looks at. An absent entity ID, expiration date,
// category list or metadata key is null, and so is a metadata key whose value is
// a JSON null; the other fields never are.
type Field string

// The fields.
const (
	FieldUser       Field = "user_id"
	FieldAgent      Field = "agent_id"
	FieldApp        Field = "app_id"
	FieldRun        Field = "run_id"
	FieldCreated    Field = "created_at"
	FieldUpdated    Field = "updated_at"
	FieldExpiration Field = "expiration_date" // compared by the UTC days of the span
	FieldText       Field = "text"
	FieldCategories Field = "categories"
	FieldMetadata   Field = "metadata"
	FieldID         Field = "memory_ids" // a value that is no UUID in canonical form equals none
)

// Entity tells whether the field is one of the four entity IDs.
func (f Field) Entity() bool {
	return f == FieldUser || f == FieldAgent || f == FieldApp || f == FieldRun
}

// Op is how a condition compares.
type Op string

// The operators. What is before, after or in a Span is before its first instant,
// after its last, or neither.
const (
	OpEqual     Op = "eq"  // of categories: one of them is
	OpNotEqual  Op = "ne"  // exactly where OpEqual does not hold: also for null, unless null is among the values
	OpSet       Op = "set" // not null: mem0's "*"
	OpLess      Op = "lt"
	OpLessEq    Op = "lte" // before or in
	OpMore      Op = "gt"
	OpMoreEq    Op = "gte"       // in or after
	OpContains  Op = "contains"  // part of: text, with case; a category, without; metadata, an item of an array or part of a string, with case
	OpIContains Op = "icontains" // part of text, without case
)

// Entity returns the filter for the memories of one user, agent, app or run. No
// value stands for all of them.
func Entity(field Field, id string) Filter {
	return Filter{Cond: &Condition{Field: field, Op: OpEqual, Text: []string{id}}}
}

// And returns a filter that matches what every one of fs matches.
func And(fs ...Filter) Filter {
	var all []Filter
	for _, f := range fs {
		if f.Cond != nil || len(f.All)+len(f.Any)+len(f.None) > 0 {
			all = append(all, f)
		}
	}
	switch len(all) {
	case 0:
		return Filter{}
	case 1:
		return all[0]
	default:
		return Filter{All: all}
	}
}

// HasEntity tells whether the filter says whose memories it means: whether it
// has a condition on an entity ID outside every None.
func (f Filter) HasEntity() bool {
	return f.Cond != nil && f.Cond.Field.Entity() ||
		slices.ContainsFunc(f.All, Filter.HasEntity) ||
		slices.ContainsFunc(f.Any, Filter.HasEntity)
}
