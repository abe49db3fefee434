package sqlstore

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
)

// filterSQL compiles a filter to a condition on table memories, "" for none, and
// appends its values to args. Where exact is false the condition selects too
// much, never too little, and the filter has to be asked again for each row.
//
// NULL is always asked for by name, so that a condition is true or false and can
// stand under NOT.
func filterSQL(f memory.Filter, args *[]any) (where string, exact bool) {
	c := &compiler{args: args, exact: true}
	where = c.filter(f, true)
	if where == always {
		where = ""
	}
	return where, c.exact
}

const (
	always = "1 = 1"
	never  = "1 = 0"
)

type compiler struct {
	args  *[]any
	exact bool
}

// filter returns the condition. wide says which way a part that SQL cannot decide
// has to err: true outside of an even number of NOTs, where it must select
// everything, false inside, where it must select nothing.
func (c *compiler) filter(f memory.Filter, wide bool) string {
	var parts []string
	if f.Cond != nil {
		parts = append(parts, c.condition(*f.Cond, wide))
	}
	for _, sub := range f.All {
		if s := c.filter(sub, wide); s != always {
			parts = append(parts, s)
		}
	}
	if len(f.Any) > 0 {
		var any []string
		for _, sub := range f.Any {
			any = append(any, c.filter(sub, wide))
		}
		parts = append(parts, "("+strings.Join(any, " OR ")+")")
	}
	for _, sub := range f.None {
		parts = append(parts, "NOT "+c.filter(sub, !wide))
	}
	switch len(parts) {
	case 0:
		return always
	case 1:
		return "(" + parts[0] + ")"
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

func (c *compiler) undecided(wide bool) string {
	c.exact = false
	if wide {
		return always
	}
	return never
}

// columns holds the fields that SQL can decide by their column.
var columns = map[memory.Field]string{
	memory.FieldUser: "user_id", memory.FieldAgent: "agent_id", memory.FieldApp: "app_id", memory.FieldRun: "run_id",
	memory.FieldID: "id", memory.FieldCreated: "created_at", memory.FieldUpdated: "updated_at",
	memory.FieldExpiration: "expiration_date",
}

func (c *compiler) condition(cond memory.Condition, wide bool) string {
	column, ok := columns[cond.Field]
	switch {
	case ok && cond.Op == memory.OpSet:
		return column + " IS NOT NULL"
	case ok && cond.Op == memory.OpNotEqual:
		return "NOT " + c.compare(column, cond, memory.OpEqual)
	case ok:
		return c.compare(column, cond, cond.Op)
	case cond.Field == memory.FieldCategories && cond.Op == memory.OpSet:
		return "categories IS NOT NULL"
	}
	return c.undecided(wide) // JSON, and parts of texts: the databases compare them differently
}

// compare returns a condition that is true where one of the values fits.
func (c *compiler) compare(column string, cond memory.Condition, op memory.Op) string {
	var any []string
	if op == memory.OpEqual && cond.Null {
		any = append(any, column+" IS NULL")
	}
	switch cond.Field {
	case memory.FieldCreated, memory.FieldUpdated:
		for _, s := range cond.Times {
			any = append(any, c.span(column, op, s.First.UnixMicro(), s.Last.UnixMicro()))
		}
	case memory.FieldExpiration:
		for _, s := range cond.Times {
			any = append(any, c.span(column, op, s.First.UTC().Format(time.DateOnly), s.Last.UTC().Format(time.DateOnly)))
		}
	default:
		if list := c.values(cond); op == memory.OpEqual && list != "" {
			any = append(any, column+" IS NOT NULL AND "+column+" IN ("+list+")")
		}
	}
	if len(any) == 0 {
		return "(" + never + ")"
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// values binds the texts of a condition. What is no ID in canonical form equals none.
func (c *compiler) values(cond memory.Condition) string {
	var marks []string
	for _, text := range cond.Text {
		if cond.Field != memory.FieldID {
			marks = append(marks, c.bind(text))
			continue
		}
		if id, err := uuid.Parse(text); err == nil && id.String() == text {
			marks = append(marks, c.bind(blob(id)))
		}
	}
	return strings.Join(marks, ", ")
}

func (c *compiler) span(column string, op memory.Op, first, last any) string {
	set := column + " IS NOT NULL AND " + column
	switch op {
	case memory.OpEqual:
		return fmt.Sprintf("(%s >= %s AND %s <= %s)", set, c.bind(first), column, c.bind(last))
	case memory.OpLess:
		return "(" + set + " < " + c.bind(first) + ")"
	case memory.OpLessEq:
		return "(" + set + " <= " + c.bind(last) + ")"
	case memory.OpMore:
		return "(" + set + " > " + c.bind(last) + ")"
	case memory.OpMoreEq:
		return "(" + set + " >= " + c.bind(first) + ")"
	}
	return never
}

func (c *compiler) bind(v any) string {
	*c.args = append(*c.args, v)
	return fmt.Sprintf("$%d", len(*c.args))
}
