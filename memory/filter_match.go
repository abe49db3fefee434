package memory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Match tells whether the filter matches the memory.
func (f Filter) Match(m Memory) bool { return f.match(&m) }

func (f Filter) match(m *Memory) bool {
	matches := func(g Filter) bool { return g.match(m) }
	return (f.Cond == nil || f.Cond.match(m)) &&
		!slices.ContainsFunc(f.All, func(g Filter) bool { return !g.match(m) }) &&
		(len(f.Any) == 0 || slices.ContainsFunc(f.Any, matches)) &&
		!slices.ContainsFunc(f.None, matches)
}

func (c *Condition) match(m *Memory) bool {
	if c.Op == OpNotEqual {
		return !c.holds(OpEqual, m)
	}
	return c.holds(c.Op, m)
}

// holds is match for every operator but OpNotEqual.
func (c *Condition) holds(op Op, m *Memory) bool {
	if op == OpSet {
		return !c.null(m)
	}
	if c.null(m) {
		return op == OpEqual && c.Null
	}
	switch c.Field {
	case FieldUser:
		return op == OpEqual && slices.Contains(c.Text, m.Scope.UserID)
	case FieldAgent:
		return op == OpEqual && slices.Contains(c.Text, m.Scope.AgentID)
	case FieldApp:
		return op == OpEqual && slices.Contains(c.Text, m.Scope.AppID)
	case FieldRun:
		return op == OpEqual && slices.Contains(c.Text, m.Scope.RunID)
	case FieldID:
		return op == OpEqual && slices.Contains(c.Text, m.ID.String())
	case FieldCreated:
		return c.instant(op, m.CreatedAt)
	case FieldUpdated:
		return c.instant(op, m.UpdatedAt)
	case FieldExpiration:
		return c.date(op, m.ExpirationDate)
	case FieldText:
		return c.text(op, m.Text)
	case FieldCategories:
		return c.categories(op, m.Categories)
	case FieldMetadata:
		return c.metadata(op, metadataValue(m.Metadata, c.Key))
	default:
		return false
	}
}

func (c *Condition) null(m *Memory) bool {
	switch c.Field {
	case FieldUser:
		return m.Scope.UserID == ""
	case FieldAgent:
		return m.Scope.AgentID == ""
	case FieldApp:
		return m.Scope.AppID == ""
	case FieldRun:
		return m.Scope.RunID == ""
	case FieldExpiration:
		return m.ExpirationDate == ""
	case FieldCategories:
		return m.Categories == nil
	case FieldMetadata:
		return metadataValue(m.Metadata, c.Key) == nil
	default:
		return false
	}
}

func (c *Condition) instant(op Op, t time.Time) bool {
	at := t.UnixMicro()
	return slices.ContainsFunc(c.Times, func(s Span) bool {
		return within(op, at, s.First.UnixMicro(), s.Last.UnixMicro())
	})
}

func (c *Condition) date(op Op, date string) bool {
	return slices.ContainsFunc(c.Times, func(s Span) bool {
		return within(op, date, s.First.UTC().Format(time.DateOnly), s.Last.UTC().Format(time.DateOnly))
	})
}

func within[T cmp.Ordered](op Op, v, first, last T) bool {
	switch op {
	case OpEqual:
		return first <= v && v <= last
	case OpLess:
		return v < first
	case OpLessEq:
		return v <= last
	case OpMore:
		return v > last
	case OpMoreEq:
		return v >= first
	default:
		return false
	}
}

func (c *Condition) text(op Op, text string) bool {
	switch op {
	case OpContains:
		return slices.ContainsFunc(c.Text, func(part string) bool { return strings.Contains(text, part) })
	case OpIContains:
		folded := fold(text)
		return slices.ContainsFunc(c.Text, func(part string) bool { return strings.Contains(folded, fold(part)) })
	default:
		return false
	}
}

func (c *Condition) categories(op Op, categories []string) bool {
	switch op {
	case OpEqual:
		return slices.ContainsFunc(categories, func(name string) bool { return slices.Contains(c.Text, name) })
	case OpContains:
		return slices.ContainsFunc(categories, func(name string) bool {
			folded := fold(name)
			return slices.ContainsFunc(c.Text, func(part string) bool { return strings.Contains(folded, fold(part)) })
		})
	default:
		return false
	}
}

// fold maps letters that differ only in case to the same letter, as
// strings.EqualFold compares them. It knows no language's own rules and leaves
// composed and decomposed letters different.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, s)
}

func (c *Condition) metadata(op Op, value json.RawMessage) bool {
	if c.Key == "" {
		return false
	}
	have, ok := decodeJSON(value)
	if !ok {
		return false
	}
	return slices.ContainsFunc(c.JSON, func(raw json.RawMessage) bool {
		want, ok := decodeJSON(raw)
		if !ok {
			return false
		}
		switch op {
		case OpEqual:
			return sameJSON(have, want)
		case OpContains:
			return containsJSON(have, want)
		default:
			return false
		}
	})
}

// metadataValue returns the value of a key, nil when it is null or absent. The
// key "" stands for all of the metadata.
func metadataValue(metadata json.RawMessage, key string) json.RawMessage {
	value := metadata
	if key != "" {
		var object map[string]json.RawMessage
		if json.Unmarshal(metadata, &object) != nil {
			return nil
		}
		value = object[key]
	}
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	return value
}

func decodeJSON(raw json.RawMessage) (value any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // an integer above 2^53 keeps its last digits
	err := d.Decode(&value)
	return value, err == nil
}

func containsJSON(have, want any) bool {
	switch have := have.(type) {
	case string:
		part, ok := want.(string)
		return ok && strings.Contains(have, part)
	case []any:
		return slices.ContainsFunc(have, func(item any) bool { return sameJSON(item, want) })
	default:
		return false
	}
}

// sameJSON tells whether two decoded values are equal: numbers by their value,
// objects whatever the order of their keys.
func sameJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(string(a), string(b))
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameJSON)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			other, ok := b[key]
			if !ok || !sameJSON(value, other) {
				return false
			}
		}
		return true
	default: // nil, bool, string
		switch b.(type) {
		case json.Number, []any, map[string]any:
			return false
		}
		return a == b
	}
}

// sameNumber compares two JSON numbers exactly, without working out what 1e999999
// is.
func sameNumber(a, b string) bool {
	x, okA := parseDecimal(a)
	y, okB := parseDecimal(b)
	if !okA || !okB {
		return a == b
	}
	return x == y
}

// A decimal is ±0.DIGITS × 10^exponent without zeros at either end of DIGITS, so
// that each number has one form. Zero has no digits.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// parseDecimal reads a JSON number. Not ok: its exponent does not fit 32 bits.
func parseDecimal(s string) (d decimal, ok bool) {
	s, d.negative = strings.CutPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exponent, err := strconv.ParseInt(s[i+1:], 10, 32)
		if err != nil {
			return decimal{}, false
		}
		s, d.exponent = s[:i], exponent
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.exponent += int64(len(whole))
	digits := whole + fraction
	d.digits = strings.TrimLeft(digits, "0")
	d.exponent -= int64(len(digits) - len(d.digits))
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	return d, true
}
