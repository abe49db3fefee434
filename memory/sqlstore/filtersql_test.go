package sqlstore

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing"
)

func TestFilterSQL(t *testing.T) {
	id := uuid.MustParse("0198e2a4-0000-7000-8000-000000000001")
	day := memory.Day(time.Date(2024, 7, 31, 12, 0, 0, 0, time.UTC))
	noon := time.Date(2024, 7, 31, 12, 0, 0, 0, time.UTC)
	first, last := day.First.UnixMicro(), day.Last.UnixMicro()
	text := func(field memory.Field, op memory.Op, values ...string) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: field, Op: op, Text: values}}
	}
	null := func(field memory.Field, op memory.Op, values ...string) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: field, Op: op, Null: true, Text: values}}
	}
	times := func(field memory.Field, op memory.Op, spans ...memory.Span) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: field, Op: op, Times: spans}}
	}
	meta := func(op memory.Op, value string) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: memory.FieldMetadata, Key: "k", Op: op, JSON: []json.RawMessage{json.RawMessage(value)}}}
	}
	not := func(fs ...memory.Filter) memory.Filter { return memory.Filter{None: fs} }
	either := func(fs ...memory.Filter) memory.Filter { return memory.Filter{Any: fs} }
	alice, run := memory.Entity(memory.FieldUser, "alice"), memory.Entity(memory.FieldRun, "r")

	for _, tt := range []struct {
		name   string
		filter memory.Filter
		where  string
		exact  bool
		args   []any // after the project's
	}{
		{"nothing", memory.Filter{}, "TRUE", true, nil},
		{"not nothing", not(memory.Filter{}), "FALSE", true, nil},
		{"user", alice, "user_id = $2", true, []any{"alice"}},
		{"user and run", memory.And(alice, run), "(user_id = $2 AND run_id = $3)", true, []any{"alice", "r"}},
		{"user or run", either(alice, run), "(user_id = $2 OR run_id = $3)", true, []any{"alice", "r"}},
		{"neither user nor run", not(alice, run), "((user_id IS NULL OR user_id <> $2) AND (run_id IS NULL OR run_id <> $3))", true, []any{"alice", "r"}},
		{"not both", not(memory.And(alice, run)), "((user_id IS NULL OR user_id <> $2) OR (run_id IS NULL OR run_id <> $3))", true, []any{"alice", "r"}},
		{"not not", not(not(alice)), "user_id = $2", true, []any{"alice"}},
		{"in", text(memory.FieldUser, memory.OpEqual, "a", "b"), "user_id IN ($2, $3)", true, []any{"a", "b"}},
		{"in with null", null(memory.FieldUser, memory.OpEqual, "a", "b"), "(user_id IS NULL OR user_id IN ($2, $3))", true, []any{"a", "b"}},
		{"in nothing", text(memory.FieldUser, memory.OpEqual), "FALSE", true, nil},
		{"ne", text(memory.FieldUser, memory.OpNotEqual, "a"), "(user_id IS NULL OR user_id <> $2)", true, []any{"a"}},
		{"ne with null", null(memory.FieldUser, memory.OpNotEqual, "a"), "(user_id IS NOT NULL AND user_id <> $2)", true, []any{"a"}},
		{"set", text(memory.FieldUser, memory.OpSet), "user_id IS NOT NULL", true, nil},
		{"null", null(memory.FieldUser, memory.OpEqual), "user_id IS NULL", true, nil},
		{"what Postgres cannot bind", text(memory.FieldUser, memory.OpEqual, "a", "\x00"), "TRUE", false, nil},

		{"day", times(memory.FieldCreated, memory.OpEqual, day), "(created_at >= $2 AND created_at <= $3)", true, []any{first, last}},
		{"not the day", times(memory.FieldCreated, memory.OpNotEqual, day), "(created_at < $2 OR created_at > $3)", true, []any{first, last}},
		{"instant", times(memory.FieldUpdated, memory.OpEqual, memory.Span{First: noon, Last: noon}), "updated_at = $2", true, []any{noon.UnixMicro()}},
		{"before", times(memory.FieldCreated, memory.OpLess, day), "created_at < $2", true, []any{first}},
		{"not before", not(times(memory.FieldCreated, memory.OpLess, day)), "created_at >= $2", true, []any{first}},
		{"expires after", times(memory.FieldExpiration, memory.OpMore, day), "expiration_date > $2", true, []any{"2024-07-31"}},
		{"does not expire after", not(times(memory.FieldExpiration, memory.OpMore, day)), "(expiration_date IS NULL OR expiration_date <= $2)", true, []any{"2024-07-31"}},

		{"ID", text(memory.FieldID, memory.OpEqual, "id1", id.String()), "id = $2", true, []any{id[:]}},
		{"no ID", text(memory.FieldID, memory.OpEqual, "id1"), "FALSE", true, nil},

		{"text", text(memory.FieldText, memory.OpContains, "50%_!"), "text LIKE $2 ESCAPE '!'", false, []any{"%50!%!_!!%"}},
		{"text without case", text(memory.FieldText, memory.OpIContains, "The Invoice"), "LOWER(text) LIKE $2 ESCAPE '!'", false, []any{"%the %"}},
		{"text of letters with other forms", text(memory.FieldText, memory.OpIContains, "İski"), "TRUE", false, nil},
		{"text that Postgres cannot bind", text(memory.FieldText, memory.OpContains, "a\x00"), "TRUE", false, nil},
		{"not text", not(text(memory.FieldText, memory.OpContains, "a")), "TRUE", false, nil},
		{"long text", text(memory.FieldText, memory.OpContains, strings.Repeat("ä", 1000)), "text LIKE $2 ESCAPE '!'", false, []any{"%" + strings.Repeat("ä", maxNeedle/2) + "%"}},
		{"category", text(memory.FieldCategories, memory.OpEqual, "user_preferences"), "categories LIKE $2 ESCAPE '!'", false, []any{`%"user!_preferences"%`}},
		{"category that JSON escapes", text(memory.FieldCategories, memory.OpEqual, "r&d"), "categories IS NOT NULL", false, nil},
		{"no categories", null(memory.FieldCategories, memory.OpEqual), "categories IS NULL", true, nil},
		{"metadata", meta(memory.OpEqual, `1`), "metadata IS NOT NULL", false, nil},
		{"not metadata", not(meta(memory.OpEqual, `1`)), "TRUE", false, nil},

		{"undecided beside decided", memory.And(alice, meta(memory.OpNotEqual, `1`), run), "(user_id = $2 AND run_id = $3)", false, []any{"alice", "r"}},
		{"undecided or decided binds nothing", memory.And(either(alice, meta(memory.OpNotEqual, `1`)), run), "run_id = $2", false, []any{"r"}},
		{"impossible beside decided binds nothing", either(memory.And(alice, text(memory.FieldID, memory.OpEqual, "id1")), run), "run_id = $2", true, []any{"r"}},
		{"certain or undecided", either(meta(memory.OpNotEqual, `1`), memory.Filter{}), "TRUE", true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []any{"project"}
			where, exact := filterSQL(tt.filter, &args)
			if where != tt.where || exact != tt.exact {
				t.Errorf("got %s, exact %t\nwant %s, exact %t", where, exact, tt.where, tt.exact)
			}
			if diff := cmp.Diff(append([]any{"project"}, tt.args...), args); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

// A list of one entity's memories has to be read in the order of its index.
func TestFilterSQLUsesIndexes(t *testing.T) {
	sealer, err := signing.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "memhook.db"), Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })

	day := memory.Day(time.Date(2024, 7, 31, 0, 0, 0, 0, time.UTC))
	july := memory.And(
		memory.Filter{Cond: &memory.Condition{Field: memory.FieldCreated, Op: memory.OpMoreEq, Times: []memory.Span{day}}},
		memory.Filter{Cond: &memory.Condition{Field: memory.FieldCreated, Op: memory.OpLessEq, Times: []memory.Span{day}}},
	)
	for _, tt := range []struct {
		name   string
		filter memory.Filter
		plan   string
	}{
		{"user", memory.Entity(memory.FieldUser, "a"), "USING INDEX memories_user (project_id=? AND user_id=?)"},
		{"run", memory.Entity(memory.FieldRun, "a"), "USING INDEX memories_run (project_id=? AND run_id=?)"},
		{
			"user and days",
			memory.And(memory.Entity(memory.FieldUser, "a"), july),
			"USING INDEX memories_user (project_id=? AND user_id=? AND created_at>? AND created_at<?)",
		},
		{
			"user and text",
			memory.And(memory.Filter{Cond: &memory.Condition{Field: memory.FieldText, Op: memory.OpIContains, Text: []string{"tea"}}}, memory.Entity(memory.FieldUser, "a")),
			"USING INDEX memories_user (project_id=? AND user_id=?)",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []any{"project"}
			where, _ := filterSQL(tt.filter, &args)
			var plan []string
			query := "EXPLAIN QUERY PLAN SELECT text FROM memories WHERE project_id = $1 AND " + where + " ORDER BY created_at DESC, id DESC"
			err := db.queryOnce(t.Context(), query, args, func(row scanner) error {
				var id, parent, unused int
				var detail string
				err := row.Scan(&id, &parent, &unused, &detail)
				plan = append(plan, detail)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(plan) != 1 || !strings.Contains(plan[0], tt.plan) {
				t.Errorf("WHERE %s is run as %q, want one step %q", where, plan, tt.plan)
			}
		})
	}
}
