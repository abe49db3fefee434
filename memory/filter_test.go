package memory_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/memory"
)

func TestFilterMatch(t *testing.T) {
	m := memory.Memory{
		ID:             uuid.MustParse("0198e2a4-0000-7000-8000-000000000001"),
		Scope:          memory.Scope{UserID: "alice", RunID: "r-1"},
		Text:           "Paid the Invoice in Straße 5; the sKi trip is on",
		Categories:     []string{"travel", "Family Plans"},
		Metadata:       json.RawMessage(`{"n":1.0,"big":9007199254740993,"s":"Semantic","list":["a",2,{"k":[1]}],"o":{"x":1,"y":[true]},"gone":null,"no":false,"":7}`),
		ExpirationDate: "2024-07-31",
		CreatedAt:      time.Date(2024, 7, 31, 23, 59, 59, 999_999_000, time.UTC),
		UpdatedAt:      time.Date(2024, 8, 1, 0, 0, 0, 0, time.UTC),
	}
	bare := memory.Memory{ID: uuid.MustParse("0198e2a4-0000-7000-8000-000000000002"), Scope: memory.Scope{AgentID: "bot"}, Text: "x"}

	july31 := memory.Day(m.CreatedAt)
	instant := func(t time.Time) memory.Span { return memory.Span{First: t, Last: t} }
	text := func(field memory.Field, op memory.Op, values ...string) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: field, Op: op, Text: values}}
	}
	times := func(field memory.Field, op memory.Op, spans ...memory.Span) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: field, Op: op, Times: spans}}
	}
	meta := func(key string, op memory.Op, values ...string) memory.Filter {
		c := &memory.Condition{Field: memory.FieldMetadata, Key: key, Op: op}
		for _, v := range values {
			c.JSON = append(c.JSON, json.RawMessage(v))
		}
		return memory.Filter{Cond: c}
	}
	null := func(field memory.Field, key string, op memory.Op, values ...string) memory.Filter {
		return memory.Filter{Cond: &memory.Condition{Field: field, Key: key, Op: op, Null: true, Text: values}}
	}
	yes, no := memory.Filter{}, text(memory.FieldUser, memory.OpEqual)
	type list = []memory.Filter

	for _, tt := range []struct {
		name       string
		filter     memory.Filter
		want, bare bool // of m, of the memory that has hardly a field
	}{
		{"nothing asked", memory.Filter{}, true, true},
		{"all", memory.Filter{All: list{yes, yes}}, true, true},
		{"all but one", memory.Filter{All: list{yes, no}}, false, false},
		{"any", memory.Filter{Any: list{no, yes}}, true, true},
		{"any of none that hold", memory.Filter{Any: list{no, no}}, false, false},
		{"an empty any does not constrain", memory.Filter{Any: list{}}, true, true},
		{"none", memory.Filter{None: list{no, no}}, true, true},
		{"none, but one holds", memory.Filter{None: list{no, yes}}, false, false},
		{"every part has to hold", memory.Filter{All: list{yes}, Any: list{no}}, false, false},
		{"condition beside none", memory.Filter{Cond: memory.Entity(memory.FieldUser, "alice").Cond, None: list{text(memory.FieldRun, memory.OpSet)}}, false, false},

		{"user", memory.Entity(memory.FieldUser, "alice"), true, false},
		{"agent", memory.Entity(memory.FieldAgent, "bot"), false, true},
		{"app", memory.Entity(memory.FieldApp, "bot"), false, false},
		{"run", memory.Entity(memory.FieldRun, "r-1"), true, false},
		{"entity IDs have case", memory.Entity(memory.FieldUser, "Alice"), false, false},
		{"an entity can be called *", memory.Entity(memory.FieldUser, "*"), false, false},
		{"no entity is called nothing", memory.Entity(memory.FieldAgent, ""), false, false},
		{"user in", text(memory.FieldUser, memory.OpEqual, "bob", "alice"), true, false},
		{"user in nothing", text(memory.FieldUser, memory.OpEqual), false, false},
		{"user ne", text(memory.FieldUser, memory.OpNotEqual, "alice"), false, true},
		{"user ne another", text(memory.FieldUser, memory.OpNotEqual, "bob"), true, true},
		{"user set", text(memory.FieldUser, memory.OpSet), true, false},
		{"user null", null(memory.FieldUser, "", memory.OpEqual), false, true},
		{"user ne null", null(memory.FieldUser, "", memory.OpNotEqual), true, false},
		{"user in null and alice", null(memory.FieldUser, "", memory.OpEqual, "alice"), true, true},
		{"user ne null and alice", null(memory.FieldUser, "", memory.OpNotEqual, "alice"), false, false},
		{"operator that a user does not have", text(memory.FieldUser, memory.OpLess, "zoe"), false, false},

		{"ID", text(memory.FieldID, memory.OpEqual, "id1", m.ID.String()), true, false},
		{"ID ne", text(memory.FieldID, memory.OpNotEqual, m.ID.String()), false, true},

		{"created on the day", times(memory.FieldCreated, memory.OpEqual, july31), true, false},
		{"created not on the day", times(memory.FieldCreated, memory.OpNotEqual, july31), false, true},
		{"created before the day", times(memory.FieldCreated, memory.OpLess, july31), false, true},
		{"created on the day or before", times(memory.FieldCreated, memory.OpLessEq, july31), true, true},
		{"created after the day", times(memory.FieldCreated, memory.OpMore, july31), false, false},
		{"created on the day or after", times(memory.FieldCreated, memory.OpMoreEq, july31), true, false},
		{"updated after the day", times(memory.FieldUpdated, memory.OpMore, july31), true, false},
		{"updated on the day or before", times(memory.FieldUpdated, memory.OpLessEq, july31), false, true},
		{"created at the instant", times(memory.FieldCreated, memory.OpEqual, instant(m.CreatedAt)), true, false},
		{"created at the instant in another zone", times(memory.FieldCreated, memory.OpEqual, instant(m.CreatedAt.In(time.FixedZone("", 7200)))), true, false},
		{"created before the instant", times(memory.FieldCreated, memory.OpLess, instant(m.CreatedAt)), false, true},
		{"created after a microsecond before", times(memory.FieldCreated, memory.OpMore, instant(m.CreatedAt.Add(-time.Microsecond))), true, false},
		{"created in several", times(memory.FieldCreated, memory.OpEqual, instant(m.UpdatedAt), instant(m.CreatedAt)), true, false},

		{"expires that day", times(memory.FieldExpiration, memory.OpEqual, july31), true, false},
		{"expires another day", times(memory.FieldExpiration, memory.OpNotEqual, july31), false, true},
		{"expires before the day", times(memory.FieldExpiration, memory.OpLess, july31), false, false},
		{"expires that day or before", times(memory.FieldExpiration, memory.OpLessEq, july31), true, false},
		{"expires after the day before", times(memory.FieldExpiration, memory.OpMore, memory.Day(m.CreatedAt.AddDate(0, 0, -1))), true, false},
		{"expires on a day that an instant is in", times(memory.FieldExpiration, memory.OpEqual, instant(m.CreatedAt)), true, false},
		{"never expires", null(memory.FieldExpiration, "", memory.OpEqual), false, true},
		{"expires", text(memory.FieldExpiration, memory.OpSet), true, false},

		{"text contains", text(memory.FieldText, memory.OpContains, "Invoice"), true, false},
		{"text contains has case", text(memory.FieldText, memory.OpContains, "invoice"), false, false},
		{"text contains one of", text(memory.FieldText, memory.OpContains, "nope", "x"), false, true},
		{"text contains nothing", text(memory.FieldText, memory.OpContains, ""), true, true},
		{"text icontains", text(memory.FieldText, memory.OpIContains, "iNVOICE"), true, false},
		{"text icontains beyond ASCII", text(memory.FieldText, memory.OpIContains, "STRAẞE"), true, false},
		{"text icontains letters whose other case is ASCII", text(memory.FieldText, memory.OpIContains, "\u017F\u212Ai"), true, false},
		{"text icontains is no pattern", text(memory.FieldText, memory.OpIContains, "Inv%"), false, false},

		{"categories in", text(memory.FieldCategories, memory.OpEqual, "sports", "travel"), true, false},
		{"categories in has case", text(memory.FieldCategories, memory.OpEqual, "Travel"), false, false},
		{"categories in wants the whole name", text(memory.FieldCategories, memory.OpEqual, "Family"), false, false},
		{"categories contains", text(memory.FieldCategories, memory.OpContains, "family"), true, false},
		{"categories not yet given", null(memory.FieldCategories, "", memory.OpEqual), false, true},
		{"categories given", text(memory.FieldCategories, memory.OpSet), true, false},

		{"metadata string", meta("s", memory.OpEqual, `"Semantic"`), true, false},
		{"metadata string escaped", meta("s", memory.OpEqual, `"\u0053emantic"`), true, false},
		{"metadata number", meta("n", memory.OpEqual, `1`), true, false},
		{"metadata number with exponent", meta("n", memory.OpEqual, `0.01e2`), true, false},
		{"metadata number is no string", meta("n", memory.OpEqual, `"1.0"`), false, false},
		{"metadata number is no boolean", meta("n", memory.OpEqual, `true`), false, false},
		{"metadata number beyond 53 bits", meta("big", memory.OpEqual, `9007199254740992`), false, false},
		{"metadata boolean", meta("no", memory.OpEqual, `false`), true, false},
		{"metadata object in another order", meta("o", memory.OpEqual, `{"y":[true],"x":1e0}`), true, false},
		{"metadata object with less", meta("o", memory.OpEqual, `{"x":1}`), false, false},
		{"metadata list", meta("list", memory.OpEqual, `["a",2,{"k":[1.0]}]`), true, false},
		{"metadata list in another order", meta("list", memory.OpEqual, `[2,"a",{"k":[1]}]`), false, false},
		{"metadata ne", meta("s", memory.OpNotEqual, `"Semantic"`), false, true},
		{"metadata ne of an absent key", meta("absent", memory.OpNotEqual, `1`), true, true},
		{"metadata null", null(memory.FieldMetadata, "gone", memory.OpEqual), true, true},
		{"metadata absent is null", null(memory.FieldMetadata, "absent", memory.OpEqual), true, true},
		{"metadata not null", null(memory.FieldMetadata, "n", memory.OpNotEqual), true, false},
		{"metadata false is not null", null(memory.FieldMetadata, "no", memory.OpNotEqual), true, false},
		{"metadata contains part of a string", meta("s", memory.OpContains, `"man"`), true, false},
		{"metadata contains has case", meta("s", memory.OpContains, `"sem"`), false, false},
		{"metadata contains item", meta("list", memory.OpContains, `2.0`), true, false},
		{"metadata contains no part of an item", meta("list", memory.OpContains, `""`), false, false},
		{"metadata contains nothing in a number", meta("n", memory.OpContains, `"1"`), false, false},
		{"metadata as a whole is null", null(memory.FieldMetadata, "", memory.OpEqual), false, true},
		{"metadata as a whole is set", meta("", memory.OpSet), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, of := range []struct {
				name   string
				memory memory.Memory
				want   bool
			}{{"full", m, tt.want}, {"bare", bare, tt.bare}} {
				if got := tt.filter.Match(of.memory); got != of.want {
					t.Errorf("%s memory matches: %t, want %t", of.name, got, of.want)
				}
				if got := (memory.Filter{None: list{tt.filter}}).Match(of.memory); got == of.want {
					t.Errorf("%s memory matches the opposite: %t, want %t", of.name, got, !of.want)
				}
				if got := stored(t, tt.filter).Match(of.memory); got != of.want {
					t.Errorf("%s memory matches the filter read back from its JSON: %t, want %t", of.name, got, of.want)
				}
			}
		})
	}
}

func stored(t *testing.T, f memory.Filter) memory.Filter {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back memory.Filter
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatalf("read back %s: %v", raw, err)
	}
	return back
}

func TestMetadataNumbers(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"zeros", "0", "-0.000e17", true},
		{"trailing zeros", "1500", "1.5e3", true},
		{"leading zeros", "0.0015", "15E-4", true},
		{"sign", "-2", "2", false},
		{"magnitude", "10", "1", false},
		{"last digit", "0.1234567890123456789", "0.1234567890123456788", false},
		{"huge exponents", "1e2000000000", "10e1999999999", true},
		{"huge exponents that differ", "1e2000000000", "1e2000000001", false},
		{"exponents beyond 32 bits", "1e99999999999", "1e99999999999", true},
		{"exponents beyond 32 bits that differ", "1e99999999999", "1e99999999998", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := memory.Memory{Metadata: json.RawMessage(`{"n":` + tt.a + `}`)}
			f := memory.Filter{Cond: &memory.Condition{Field: memory.FieldMetadata, Key: "n", Op: memory.OpEqual, JSON: []json.RawMessage{json.RawMessage(tt.b)}}}
			if got := f.Match(m); got != tt.want {
				t.Errorf("%s equals %s: %t, want %t", tt.a, tt.b, got, tt.want)
			}
		})
	}
}

func TestFilterHasEntity(t *testing.T) {
	user := memory.Entity(memory.FieldUser, "a")
	text := memory.Filter{Cond: &memory.Condition{Field: memory.FieldText, Op: memory.OpContains, Text: []string{"a"}}}
	type list = []memory.Filter
	for _, tt := range []struct {
		name   string
		filter memory.Filter
		want   bool
	}{
		{"nothing", memory.Filter{}, false},
		{"user", user, true},
		{"set", memory.Filter{Cond: &memory.Condition{Field: memory.FieldRun, Op: memory.OpSet}}, true},
		{"another field", text, false},
		{"under all", memory.Filter{All: list{text, {All: list{user}}}}, true},
		{"under any", memory.Filter{Any: list{text, user}}, true},
		{"under none", memory.Filter{All: list{text}, None: list{user}}, false},
		{"under none of none", memory.Filter{None: list{{None: list{user}}}}, false},
		{"beside none", memory.And(user, memory.Filter{None: list{user}}), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.filter.HasEntity(); got != tt.want {
				t.Errorf("HasEntity is %t, want %t", got, tt.want)
			}
		})
	}
}
