package mem0api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"memhook/memory"
)

// Limits of one filter. SQLite takes 32,766 bound values, two of them for a day,
// and 1000 levels of brackets.
const (
	maxFilterDepth  = 16
	maxConditions   = 500
	maxListValues   = 1000
	maxFilterValues = 2000
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
		if i == maxListValues {
			return nil, invalid("has more than %d items", maxListValues)
		}
		f, err := r.filter(item, depth)
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
