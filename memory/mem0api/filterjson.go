package mem0api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/memory"
)

// Limits of one filter. A whole filter binds fewer values than the 32,766 that
// SQLite takes, two of them for a day.
const (
	maxFilterDepth  = 16
	maxConditions   = 500
	maxListValues   = 1000
	maxFilterValues = 10_000
)

// parseFilter reads mem0's filter language. null and nothing are the zero Filter.
// An error is a *memory.InvalidError whose field is the path to the mistake, from
// "filters" on.
func parseFilter(raw json.RawMessage) (memory.Filter, error) {
	if len(raw) == 0 {
		return memory.Filter{}, nil
	}
	v, err := parse(raw)
	if err != nil {
		return memory.Filter{}, at("filters", mustBe("an object in JSON"))
	}
	if v.isNull() {
		return memory.Filter{}, nil
	}
	var r filterReader
	f, err := r.filter(v, 1)
	if err != nil {
		return memory.Filter{}, at("filters", err)
	}
	return f, nil
}

// filterReader counts what it has read.
type filterReader struct{ conditions, values int }

// filter reads an object of conditions. All of them hold, those of a repeated key
// too.
func (r *filterReader) filter(v value, depth int) (memory.Filter, error) {
	if !v.isObject() {
		return memory.Filter{}, mustBe("an object of conditions")
	}
	if depth > maxFilterDepth {
		return memory.Filter{}, invalid("is nested more than %d filters deep", maxFilterDepth)
	}
	var parts []memory.Filter
	for name, v := range v.members() {
		key := string(name)
		read := r.reader(key, depth)
		if read == nil {
			return memory.Filter{}, invalid("has the unknown key %q; allowed are %s", short(key), allowedKeys)
		}
		part, err := read(v)
		if err != nil {
			return memory.Filter{}, at(short(key), err)
		}
		parts = append(parts, part)
	}
	return memory.And(parts...), nil
}

// reader returns what reads the value of a key, nil when there is no such key.
func (r *filterReader) reader(key string, depth int) func(value) (memory.Filter, error) {
	switch key {
	case "AND":
		return func(v value) (memory.Filter, error) {
			list, err := r.filters(v, depth+1)
			return memory.And(list...), err
		}
	case "OR":
		return func(v value) (memory.Filter, error) {
			list, err := r.filters(v, depth+1)
			if err == nil && len(list) == 0 {
				err = mustBe("a list of at least one filter")
			}
			return memory.Filter{Any: list}, err
		}
	case "NOT":
		return func(v value) (memory.Filter, error) {
			if !v.isArray() {
				f, err := r.filter(v, depth+1)
				return memory.Filter{None: []memory.Filter{f}}, err
			}
			list, err := r.filters(v, depth+1)
			return memory.Filter{None: list}, err
		}
	case "metadata":
		return r.metadata
	}
	if name, ok := strings.CutPrefix(key, "metadata."); ok {
		return func(v value) (memory.Filter, error) { return r.metadataKey(name, v) }
	}
	if k, ok := filterKeys[key]; ok {
		return func(v value) (memory.Filter, error) { return r.condition(k, v) }
	}
	return nil
}

func (r *filterReader) filters(v value, depth int) ([]memory.Filter, error) {
	if !v.isArray() {
		return nil, mustBe("a list of filters")
	}
	var list []memory.Filter
	for i, item := range v.items() {
		f, err := r.filter(item, depth)
		if err == nil && i == maxListValues {
			return nil, invalid("has more than %d items", maxListValues)
		}
		if err != nil {
			return nil, atItem(i, err)
		}
		list = append(list, f)
	}
	return list, nil
}

// metadata reads the conditions on metadata keys. null and "*" are about the
// metadata as a whole.
func (r *filterReader) metadata(v value) (memory.Filter, error) {
	if !v.isObject() {
		whole := filterKey{field: memory.FieldMetadata, bare: memory.OpEqual, star: true, read: func(*memory.Condition, value) error {
			return mustBe("an object of metadata keys")
		}}
		return r.bare(whole, v)
	}
	var parts []memory.Filter
	for name, v := range v.members() {
		key := string(name)
		part, err := r.metadataKey(key, v)
		if err != nil {
			return memory.Filter{}, at(short(key), err)
		}
		parts = append(parts, part)
	}
	return memory.And(parts...), nil
}

func (r *filterReader) metadataKey(key string, v value) (memory.Filter, error) {
	if key == "" {
		return memory.Filter{}, invalid("may not have an empty metadata key")
	}
	k := metadataKey
	k.key = key
	return r.condition(k, v)
}

// condition reads a bare value or an object of operators, all of which hold.
func (r *filterReader) condition(k filterKey, v value) (memory.Filter, error) {
	if !v.isObject() {
		return r.bare(k, v)
	}
	var parts []memory.Filter
	for name, v := range v.members() {
		op := string(name)
		if !slices.Contains(k.ops, op) {
			return memory.Filter{}, invalid("has the unknown operator %q; allowed are %s%s", short(op), strings.Join(k.ops, ", "), k.hint)
		}
		part, err := r.compare(k, op, v)
		if err != nil {
			return memory.Filter{}, at(op, err)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return memory.Filter{}, invalid("needs an operator; allowed are %s%s", strings.Join(k.ops, ", "), k.hint)
	}
	return memory.And(parts...), nil
}

// bare reads a condition without an operator.
func (r *filterReader) bare(k filterKey, v value) (memory.Filter, error) {
	switch {
	case k.star && string(v) == `"`+anything+`"`:
		return r.add(memory.Condition{Field: k.field, Op: memory.OpSet})
	case v.isArray() && slices.Contains(k.ops, opIn):
		return r.compare(k, opIn, v)
	default:
		return r.compare(k, string(k.bare), v)
	}
}

func (r *filterReader) compare(k filterKey, op string, v value) (memory.Filter, error) {
	c := memory.Condition{Field: k.field, Key: k.key, Op: memory.Op(op)}
	if op != opIn {
		if err := r.value(k, &c, v); err != nil {
			return memory.Filter{}, err
		}
		return r.add(c)
	}
	c.Op = memory.OpEqual
	if !v.isArray() {
		return memory.Filter{}, mustBe("a list")
	}
	for i, item := range v.items() {
		if i == maxListValues {
			return memory.Filter{}, invalid("has more than %d items", maxListValues)
		}
		if err := r.value(k, &c, item); err != nil {
			return memory.Filter{}, atItem(i, err)
		}
	}
	return r.add(c)
}

// value reads one value into the condition.
func (r *filterReader) value(k filterKey, c *memory.Condition, v value) error {
	if r.values++; r.values > maxFilterValues {
		return invalid("exceeds the %d values that a filter may have", maxFilterValues)
	}
	if v.isNull() && !k.never && (c.Op == memory.OpEqual || c.Op == memory.OpNotEqual) {
		c.Null = true
		return nil
	}
	return k.read(c, v)
}

func (r *filterReader) add(c memory.Condition) (memory.Filter, error) {
	if r.conditions++; r.conditions > maxConditions {
		return memory.Filter{}, invalid("exceeds the %d conditions that a filter may have", maxConditions)
	}
	return memory.Filter{Cond: &c}, nil
}

func invalid(format string, args ...any) error {
	return &memory.InvalidError{Text: fmt.Sprintf(format, args...)}
}

// short cuts a name that goes into an error, because it can be as long as the
// request.
func short(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	cut := most
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "…"
}

// opIn is the operator that takes a list. The others are called as in package
// memory.
const opIn = "in"

// A filterKey says how the conditions on one key read.
type filterKey struct {
	field memory.Field
	key   string   // of metadata
	ops   []string // allowed
	bare  memory.Op
	star  bool // "*" alone stands for everything that is not null
	never bool // a null is a mistake
	hint  string
	read  func(*memory.Condition, value) error // appends a value
}

const allowedKeys = "AND, OR, NOT, user_id, agent_id, app_id, run_id, created_at, updated_at, timestamp, " +
	"expiration_date, text, categories, metadata, keywords, keywords_search, memory_ids"

var (
	entityOps = []string{"eq", "ne", opIn}
	timeOps   = []string{"eq", "ne", opIn, "gt", "gte", "lt", "lte"}
	textOps   = []string{"contains", "icontains"}
)

// The camelCase names come from JavaScript callers, whose client hands filters on
// as they are.
var filterKeys = map[string]filterKey{
	"user_id":         entityKey(memory.FieldUser),
	"userId":          entityKey(memory.FieldUser),
	"agent_id":        entityKey(memory.FieldAgent),
	"agentId":         entityKey(memory.FieldAgent),
	"app_id":          entityKey(memory.FieldApp),
	"appId":           entityKey(memory.FieldApp),
	"run_id":          entityKey(memory.FieldRun),
	"runId":           entityKey(memory.FieldRun),
	"created_at":      {field: memory.FieldCreated, ops: timeOps, bare: memory.OpEqual, star: true, read: readSpan},
	"timestamp":       {field: memory.FieldCreated, ops: timeOps, bare: memory.OpEqual, star: true, read: readSpan},
	"updated_at":      {field: memory.FieldUpdated, ops: timeOps, bare: memory.OpEqual, star: true, read: readSpan},
	"expiration_date": {field: memory.FieldExpiration, ops: timeOps, bare: memory.OpEqual, star: true, read: readDay},
	"text":            {field: memory.FieldText, ops: textOps, bare: memory.OpContains, never: true, read: readPart},
	"keywords":        {field: memory.FieldText, ops: textOps, bare: memory.OpIContains, never: true, read: readPart},
	"keywords_search": {field: memory.FieldText, ops: textOps, bare: memory.OpContains, never: true, read: readPart},
	"categories": {
		field: memory.FieldCategories, ops: []string{opIn, "contains"}, bare: memory.OpEqual, star: true, read: readPart,
		hint: "; to leave categories out use NOT around in",
	},
	"memory_ids": {field: memory.FieldID, ops: []string{opIn}, bare: memory.OpEqual, never: true, read: readMemoryID},
}

func entityKey(field memory.Field) filterKey {
	return filterKey{field: field, ops: entityOps, bare: memory.OpEqual, star: true, read: readEntity}
}

var metadataKey = filterKey{
	field: memory.FieldMetadata, ops: []string{"eq", "ne", "contains"}, bare: memory.OpEqual, read: readMetadata,
	hint: `; to compare with an object use {"eq": {…}}`,
}

func readEntity(c *memory.Condition, v value) error {
	var id string
	if v.isNull() {
		return mustBe("a non-empty string")
	}
	err := readID(&id, v)
	c.Text = append(c.Text, id)
	return err
}

func readPart(c *memory.Condition, v value) error {
	if !v.isString() {
		return mustBe("a string")
	}
	c.Text = append(c.Text, v.text())
	return nil
}

// readMemoryID also takes what is no UUID. It is no memory's ID.
func readMemoryID(c *memory.Condition, v value) error {
	if !v.isString() {
		return mustBe("a memory's ID or a list of IDs")
	}
	s := v.text()
	if id, err := uuid.Parse(s); err == nil {
		s = id.String()
	}
	c.Text = append(c.Text, s)
	return nil
}

func readSpan(c *memory.Condition, v value) error {
	if v.isString() {
		if first, last, ok := instant(v.text()); ok {
			c.Times = append(c.Times, memory.Span{First: first, Last: last})
			return nil
		}
	}
	return mustBe("a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)")
}

func readDay(c *memory.Condition, v value) error {
	if err := readSpan(c, v); err != nil {
		return err
	}
	last := &c.Times[len(c.Times)-1]
	*last = memory.Day(last.First)
	return nil
}

func readMetadata(c *memory.Condition, v value) error {
	if c.Op == memory.OpContains && (v.isNull() || v.isObject() || v.isArray()) {
		return mustBe("a string, a number or a boolean")
	}
	c.JSON = append(c.JSON, json.RawMessage(v))
	return nil
}
