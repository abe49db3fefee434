package sqlstore

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// A bulk is a statement that is run for many rows at once where that is cheaper: an
// INSERT of values, or an INSERT or UPDATE with a WHERE. With Postgres a group of
// changes runs it once, whatever stands between in the changes: it must not depend
// on what other statements of the same change do to the same rows.
type bulk struct {
	one     string // for one row
	many    string // for a list of each value
	checked string // many, failing unless it changes as many rows as the last value says
	which   string // many, returning the places in the lists of the rows it changed
}

var (
	parameter = regexp.MustCompile(`\$(\d+)`)
	values    = regexp.MustCompile(`\s+VALUES \(`)
	whereAt   = regexp.MustCompile(`\s+WHERE `)
)

// bulkOf makes a bulk of a statement for one row. types are its values' in Postgres.
func bulkOf(one, types string) *bulk {
	var lists, names []string
	for i, t := range strings.Fields(types) {
		lists = append(lists, "$"+strconv.Itoa(i+1)+"::"+t+"[]")
		names = append(names, "a"+strconv.Itoa(i+1))
	}
	from := ` FROM unnest(` + strings.Join(lists, ", ") + `) WITH ORDINALITY AS v(` + strings.Join(names, ", ") + `, nth)`
	many := parameter.ReplaceAllString(one, "v.a$1")
	if at := values.FindStringIndex(many); at != nil {
		many = many[:at[0]] + ` SELECT ` + strings.TrimSuffix(many[at[1]:], ")") + from
	} else {
		at := whereAt.FindStringIndex(many)
		many = many[:at[0]] + from + many[at[0]:]
	}
	return &bulk{
		one: one, many: many,
		checked: `WITH changed AS (` + many + ` RETURNING 1) SELECT 1 / CASE WHEN count(*) = $` + strconv.Itoa(len(names)+1) + `::bigint THEN 1 ELSE 0 END FROM changed`,
		which:   many + ` RETURNING v.nth`,
	}
}

// A column holds the values of one parameter of a bulk, as pgx takes an array.
type column []any

// Dimensions is of an array with one.
func (c column) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(c)), LowerBound: 1}}
}

// Index returns a value.
func (c column) Index(i int) any { return c[i] }

// IndexType is any value that is not NULL, for its type.
func (c column) IndexType() any {
	for _, v := range c {
		if v != nil {
			return v
		}
	}
	return ""
}
