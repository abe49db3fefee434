package sqlstore

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/memory"
)

// filterSQL compiles a filter to a condition on table memories and appends the
// values it binds to args. The text is the same for both databases. Where exact
// is false it selects too much, never too little, and Filter.Match has to decide
// on each row.
//
// The condition is made to stand in a WHERE, alone or under AND: a comparison
// with NULL need only not be true there. NOT is worked into the comparisons, and
// NULL is asked for by name wherever it counts as a match.
//
// What SQL leaves to Match: metadata, because JSON is TEXT; the names of
// categories, for the same reason; and parts of the text, because SQLite's LIKE
// ignores the case of ASCII letters and Postgres's does not. LIKE still drops
// most rows that cannot match. That counts on texts without NUL, where SQLite's
// LIKE stops reading.
func filterSQL(f memory.Filter, args *[]any) (where string, exact bool) {
	w := filterWriter{args}
	p := w.filter(f, true)
	return p.sql, p.exact
}

// A predicate is a condition in SQL. If it is not exact it is also true for rows
// that the filter does not match.
type predicate struct {
	sql   string
	exact bool
}

var (
	always  = predicate{"TRUE", true}
	never   = predicate{"FALSE", true}
	unknown = predicate{"TRUE", false}
)

type filterWriter struct{ args *[]any }

// filter writes the filter, or its opposite if want is false.
func (w filterWriter) filter(f memory.Filter, want bool) predicate {
	mark := len(*w.args)
	var parts []predicate
	if f.Cond != nil {
		parts = append(parts, w.condition(*f.Cond, want))
	}
	for _, g := range f.All {
		parts = append(parts, w.filter(g, want))
	}
	if len(f.Any) > 0 {
		parts = append(parts, w.any(f.Any, want))
	}
	for _, g := range f.None {
		parts = append(parts, w.filter(g, !want))
	}
	if want {
		return w.and(mark, parts)
	}
	return w.or(mark, parts)
}

func (w filterWriter) any(fs []memory.Filter, want bool) predicate {
	mark := len(*w.args)
	var parts []predicate
	for _, f := range fs {
		parts = append(parts, w.filter(f, want))
	}
	if want {
		return w.or(mark, parts)
	}
	return w.and(mark, parts)
}

// and joins parts whose values begin at mark.
func (w filterWriter) and(mark int, parts []predicate) predicate {
	all := always
	var list []string
	for _, p := range parts {
		switch {
		case p == never:
			return w.drop(mark, never)
		case p.sql != always.sql:
			list = append(list, p.sql)
		}
		all.exact = all.exact && p.exact
	}
	if len(list) > 0 {
		all.sql = join(list, " AND ")
	}
	return all
}

func (w filterWriter) or(mark int, parts []predicate) predicate {
	if slices.Contains(parts, always) {
		return w.drop(mark, always)
	}
	one := never
	var list []string
	for _, p := range parts {
		switch {
		case p == unknown:
			return w.drop(mark, unknown)
		case p != never:
			list = append(list, p.sql)
		}
		one.exact = one.exact && p.exact
	}
	if len(list) > 0 {
		one.sql = join(list, " OR ")
	}
	return one
}

// drop forgets the values from mark on, because p stands for what bound them.
func (w filterWriter) drop(mark int, p predicate) predicate {
	*w.args = (*w.args)[:mark]
	return p
}

// join puts brackets around halves of a long list: SQLite takes expressions up to
// 1000 levels deep, and a list without brackets is as deep as it is long.
func join(list []string, operator string) string {
	const long = 50
	switch {
	case len(list) == 1:
		return list[0]
	case len(list) > long:
		half := len(list) / 2
		list = []string{join(list[:half], operator), join(list[half:], operator)}
	}
	return "(" + strings.Join(list, operator) + ")"
}

func (w filterWriter) bind(v any) string {
	*w.args = append(*w.args, v)
	return "$" + strconv.Itoa(len(*w.args))
}

func (w filterWriter) condition(c memory.Condition, want bool) predicate {
	if c.Op == memory.OpNotEqual {
		c.Op, want = memory.OpEqual, !want
	}
	switch c.Field {
	case memory.FieldUser, memory.FieldAgent, memory.FieldApp, memory.FieldRun:
		return w.entity(string(c.Field), c, want)
	case memory.FieldCreated, memory.FieldUpdated:
		return w.instant(string(c.Field), c, want)
	case memory.FieldExpiration:
		return w.date("expiration_date", c, want)
	case memory.FieldID:
		return w.id(c, want)
	case memory.FieldText:
		return w.text(c, want)
	case memory.FieldCategories:
		return w.categories(c, want)
	case memory.FieldMetadata:
		return w.metadata(c, want)
	default:
		return unknown
	}
}

func (w filterWriter) entity(column string, c memory.Condition, want bool) predicate {
	switch {
	case c.Op == memory.OpSet:
		return isNull(column, !want)
	case c.Op != memory.OpEqual:
		return unknown
	}
	var values []any
	for _, s := range c.Text {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return unknown // Postgres has no such text
		}
		values = append(values, s)
	}
	return w.nullable(column, c.Null, want, w.in(column, values, want))
}

// nullable widens or narrows a predicate on a column's values to NULL. null tells
// whether NULL is a match.
func (w filterWriter) nullable(column string, null, want bool, p predicate) predicate {
	mark := len(*w.args) // p can become a part, but never goes
	switch {
	case null && want:
		return w.or(mark, []predicate{isNull(column, true), p})
	case null:
		return w.and(mark, []predicate{isNull(column, false), p})
	case want:
		return p
	default:
		return w.or(mark, []predicate{isNull(column, true), p})
	}
}

func isNull(column string, want bool) predicate {
	if want {
		return predicate{column + " IS NULL", true}
	}
	return predicate{column + " IS NOT NULL", true}
}

func (w filterWriter) in(column string, values []any, want bool) predicate {
	switch {
	case len(values) == 0 && want:
		return never
	case len(values) == 0:
		return always
	}
	one, many := " = ", " IN "
	if !want {
		one, many = " <> ", " NOT IN "
	}
	var marks []string
	for _, v := range values {
		marks = append(marks, w.bind(v))
	}
	if len(marks) == 1 {
		return predicate{column + one + marks[0], true}
	}
	return predicate{column + many + "(" + strings.Join(marks, ", ") + ")", true}
}

func (w filterWriter) instant(column string, c memory.Condition, want bool) predicate {
	if c.Op == memory.OpSet {
		return constant(want)
	}
	return w.spans(column, c, want, func(t time.Time) any { return t.UnixMicro() })
}

func (w filterWriter) date(column string, c memory.Condition, want bool) predicate {
	if c.Op == memory.OpSet {
		return isNull(column, !want)
	}
	p := w.spans(column, c, want, func(t time.Time) any { return t.UTC().Format(time.DateOnly) })
	return w.nullable(column, c.Null && c.Op == memory.OpEqual, want, p)
}

func constant(want bool) predicate {
	if want {
		return always
	}
	return never
}

// maxSpanArgs is how many values a query may bind before Match takes what more
// times there are. The time that SQLite takes to prepare such comparisons grows
// with their square: 4000 values cost it 0.2 s.
const maxSpanArgs = 400

// spans compares a column with the spans of a condition, NULL aside.
func (w filterWriter) spans(column string, c memory.Condition, want bool, value func(time.Time) any) predicate {
	if len(*w.args)+2*len(c.Times) > maxSpanArgs {
		return unknown
	}
	mark := len(*w.args)
	var parts []predicate
	for _, s := range c.Times {
		parts = append(parts, w.span(column, c.Op, value(s.First), value(s.Last), want))
	}
	if want {
		return w.or(mark, parts)
	}
	return w.and(mark, parts)
}

func (w filterWriter) span(column string, op memory.Op, first, last any, want bool) predicate {
	compare := func(yes, no string, v any) predicate {
		if !want {
			yes = no
		}
		return predicate{column + yes + w.bind(v), true}
	}
	switch {
	case op == memory.OpEqual && first == last:
		return compare(" = ", " <> ", first)
	case op == memory.OpEqual && want:
		return predicate{"(" + column + " >= " + w.bind(first) + " AND " + column + " <= " + w.bind(last) + ")", true}
	case op == memory.OpEqual:
		return predicate{"(" + column + " < " + w.bind(first) + " OR " + column + " > " + w.bind(last) + ")", true}
	case op == memory.OpLess:
		return compare(" < ", " >= ", first)
	case op == memory.OpLessEq:
		return compare(" <= ", " > ", last)
	case op == memory.OpMore:
		return compare(" > ", " <= ", last)
	case op == memory.OpMoreEq:
		return compare(" >= ", " < ", first)
	default:
		return unknown
	}
}

func (w filterWriter) id(c memory.Condition, want bool) predicate {
	switch {
	case c.Op == memory.OpSet:
		return constant(want)
	case c.Op != memory.OpEqual:
		return unknown
	}
	var values []any
	for _, s := range c.Text {
		if id, err := uuid.Parse(s); err == nil && id.String() == s {
			values = append(values, id[:])
		}
	}
	return w.in("id", values, want)
}
