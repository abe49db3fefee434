package sqlstore_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// What the database selects must be what Filter.Match says, whatever part of the
// filter SQL decides.
func TestMemoriesMatchFilter(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "filters")
	pick := picker{rand.New(rand.NewPCG(1, 2))}
	stored := addMemories(t, db, project, pick, 150)

	for _, f := range singleParts() {
		checkMatches(t, db, project, f, stored)
		checkMatches(t, db, project, memory.Filter{None: []memory.Filter{f}}, stored)
	}
	matched, total := 0, 0
	for seed := range uint64(300) {
		f := picker{rand.New(rand.NewPCG(seed, 7))}.filter(stored, 3)
		matched += checkMatches(t, db, project, f, stored)
		total += len(stored)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if share := float64(matched) / float64(total); share < 0.2 || share > 0.8 {
		t.Errorf("filters match %.2f of the memories: the test hardly tests", share)
	}
}

// The widest and deepest filters that the API takes must pass the databases'
// limits.
func TestMemoriesLargestFilters(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "filters")
	stored := addMemories(t, db, project, picker{rand.New(rand.NewPCG(1, 2))}, 20)

	days := &memory.Condition{Field: memory.FieldCreated, Op: memory.OpEqual}
	for i := range 1000 {
		days.Times = append(days.Times, memory.Day(noon.AddDate(0, 0, 2*i-500)))
	}
	few := *days
	few.Op, few.Times = memory.OpNotEqual, days.Times[230:280]
	names := make([]string, 1000)
	for i := range names {
		names[i] = "user " + strconv.Itoa(i)
	}
	users := memory.Filter{Cond: &memory.Condition{Field: memory.FieldUser, Op: memory.OpNotEqual, Text: append([]string{"alice"}, names...)}}
	var words []memory.Filter
	for i := range 500 {
		words = append(words, memory.Filter{Cond: &memory.Condition{Field: memory.FieldText, Op: memory.OpContains, Text: []string{strings.Repeat(strconv.Itoa(i), 30_000)}}})
	}
	deep := memory.Entity(memory.FieldUser, "alice")
	for i := range 32 {
		deep = memory.Filter{
			All: []memory.Filter{memory.Entity(memory.FieldAgent, strconv.Itoa(i))},
			Any: []memory.Filter{deep, memory.Entity(memory.FieldRun, "r1")},
		}
		if i%5 == 0 {
			deep = memory.Filter{None: []memory.Filter{deep}}
		}
	}
	for _, tt := range []struct {
		name   string
		filter memory.Filter
	}{
		{"days", memory.Filter{Cond: days}},
		{"not on days", memory.Filter{All: slices.Repeat([]memory.Filter{{Cond: &few}}, 40)}},
		{"names", users},
		{"categories", memory.Filter{Cond: &memory.Condition{Field: memory.FieldCategories, Op: memory.OpEqual, Text: append([]string{"travel"}, names...)}}},
		{"long texts", memory.Filter{Any: words}},
		{"conditions", memory.Filter{All: slices.Repeat([]memory.Filter{users}, 2)}},
		{"nesting", deep},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkMatches(t, db, project, tt.filter, stored)
		})
	}
}

// checkMatches lists what the filter selects and returns how much that is.
func checkMatches(t *testing.T, db *sqlstore.DB, project string, f memory.Filter, stored []memory.Memory) int {
	t.Helper()
	var want, got []string
	for _, m := range stored {
		if f.Match(m) {
			want = append(want, m.ID.String())
		}
	}
	list, total, err := db.Memories(t.Context(), memory.Query{ProjectID: project, Filter: f, ShowExpired: true, IncludeMerged: true})
	if err != nil {
		t.Errorf("list memories of %.2000s: %v", show(f), err)
		return 0
	}
	for _, m := range list {
		got = append(got, m.ID.String())
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || total != len(want) {
		t.Errorf("memories of %.2000s, %d in all, want %d (-want +got):\n%s", show(f), total, len(want), diff)
	}
	return len(want)
}

func show(f memory.Filter) string {
	raw, err := json.Marshal(f)
	if err != nil {
		return fmt.Sprintf("%+v", f)
	}
	return string(raw)
}

// addMemories completes one event that added n memories.
func addMemories(t *testing.T, db *sqlstore.DB, project string, pick picker, n int) []memory.Memory {
	t.Helper()
	e := newEvent(project, start, "alice", true)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	c := completion(claimEvent(t, db, e.ID, start), start, "")
	c.Changes, c.Messages = nil, nil
	var list []memory.Memory
	for range n {
		m := pick.memory(project)
		list = append(list, m)
		c.Changes = append(c.Changes, memory.Change{ID: delivery.NewID(), EventID: e.ID, Kind: memory.ChangeAdd, Memory: m, At: start})
	}
	if _, err := db.CompleteEvent(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return list
}

// picker makes memories and filters out of few values, so that they meet: values
// that differ in case only, in ways that SQLite, Postgres and Go see differently,
// that are special in LIKE or escaped in JSON, and times at the edges of days.
type picker struct{ *rand.Rand }

var (
	noon  = time.Date(2024, 7, 31, 12, 0, 0, 0, time.UTC)
	names = []string{"alice", "Alice", "a%", "*", "é", "É"}
	texts = []string{
		"Paid the invoice", "paid the INVOICE", "100% of a_b!", "100x of aXb", "Café in Straße 5", "CAFÉ IN STRAẞE 5",
		"\u212Aiosk by the \u017Fea", "kiosk BY the sea", "İstanbul IN DIYARBAKIR", "ıstanbul in diyarbakır", "", `back\slash "quoted"`,
	}
	parts = []string{
		"invoice", "INVOICE", "Inv", "%", "_", "a_b", "!", "café", "FÉ IN", "straße", "ẞE 5", "kiosk", "the S", "Sea", "istanbul", "in diyar",
		"İ", "", "\\s", `"q`, "no such words", "a\x00b", "by the \u017F",
	}
	categories = []string{"travel", "Travel", "family_plans", "family plans", `say "hi"`, "r&d", "é", "É", "\u212Aids", "skis", "a,b"}
	values     = []string{
		`1`, `1.0`, `10e-1`, `"1"`, `true`, `false`, `"a"`, `"A"`, `"abc"`, `["a",1]`, `[1.0,"a"]`, `{"x":1}`, `{"x":1.0}`, `{}`, `[]`, `""`,
	}
)

// singleParts are conditions on one part of a text each.
func singleParts() []memory.Filter {
	var fs []memory.Filter
	for _, part := range slices.Concat(parts, categories, texts) {
		for _, c := range []memory.Condition{
			{Field: memory.FieldText, Op: memory.OpContains},
			{Field: memory.FieldText, Op: memory.OpIContains},
			{Field: memory.FieldCategories, Op: memory.OpContains},
			{Field: memory.FieldCategories, Op: memory.OpEqual},
		} {
			c.Text = []string{part}
			fs = append(fs, memory.Filter{Cond: &c})
		}
	}
	return fs
}

func one[T any](p picker, list []T) T { return list[p.IntN(len(list))] }

func some[T any](p picker, list []T) []T {
	picked := []T{}
	for range p.IntN(4) {
		picked = append(picked, one(p, list))
	}
	return picked
}

func (p picker) name() string {
	if p.IntN(3) == 0 {
		return ""
	}
	return one(p, names)
}

// time returns an instant within a microsecond of a midnight, or a noon.
func (p picker) time() time.Time {
	day := noon.AddDate(0, 0, p.IntN(4))
	if p.IntN(3) == 0 {
		return day
	}
	return memory.Day(day).First.Add(time.Duration(p.IntN(3)-1) * time.Microsecond)
}

func (p picker) memory(project string) memory.Memory {
	m := memory.Memory{
		ID: delivery.NewID(), ProjectID: project, Text: one(p, texts), State: memory.Active,
		Scope:     memory.Scope{UserID: p.name(), AgentID: p.name(), AppID: p.name(), RunID: p.name()},
		CreatedAt: p.time(), UpdatedAt: p.time(),
	}
	if p.IntN(3) > 0 {
		m.ExpirationDate = p.time().Format(time.DateOnly)
	}
	if p.IntN(3) > 0 {
		m.Categories = some(p, categories)
	}
	switch p.IntN(5) {
	case 0:
	case 1:
		m.Metadata = json.RawMessage(`{"k":null}`)
	default:
		m.Metadata = json.RawMessage(`{"j":` + one(p, values) + `,"k":` + one(p, values) + `}`)
	}
	return m
}

func (p picker) filter(stored []memory.Memory, depth int) memory.Filter {
	list := func() []memory.Filter {
		var fs []memory.Filter
		for range p.IntN(3) {
			fs = append(fs, p.filter(stored, depth-1))
		}
		return fs
	}
	switch n := p.IntN(8); {
	case depth == 0 || n < 2:
		return memory.Filter{Cond: p.condition(stored)}
	case n < 4:
		return memory.Filter{All: list()}
	case n < 6:
		return memory.Filter{Any: list()}
	case n < 7:
		return memory.Filter{None: list()}
	default:
		return memory.Filter{Cond: p.condition(stored), All: list(), Any: list(), None: list()}
	}
}

func (p picker) condition(stored []memory.Memory) *memory.Condition {
	order := []memory.Op{memory.OpLess, memory.OpLessEq, memory.OpMore, memory.OpMoreEq}
	equal := []memory.Op{memory.OpEqual, memory.OpEqual, memory.OpNotEqual, memory.OpNotEqual, memory.OpSet}
	c := &memory.Condition{Op: one(p, equal), Null: p.IntN(4) == 0}
	switch p.IntN(8) {
	case 0, 1:
		c.Field = one(p, []memory.Field{memory.FieldUser, memory.FieldAgent, memory.FieldApp, memory.FieldRun})
		c.Text = some(p, append(names, "", "a\x00", "\xff"))
	case 2:
		c.Field, c.Null = memory.FieldID, false
		c.Text = []string{"id1", strings.ToUpper(one(p, stored).ID.String())}
		for range p.IntN(100) {
			c.Text = append(c.Text, one(p, stored).ID.String())
		}
	case 3, 4:
		c.Field = one(p, []memory.Field{memory.FieldCreated, memory.FieldUpdated, memory.FieldExpiration})
		c.Op = one(p, append(order, equal...))
		for range p.IntN(3) {
			at := p.time()
			c.Times = append(c.Times, one(p, []memory.Span{memory.Day(at), {First: at, Last: at}}))
		}
	case 5:
		c.Field, c.Null, c.Text = memory.FieldText, false, some(p, parts)
		c.Op = one(p, []memory.Op{memory.OpContains, memory.OpIContains, memory.OpSet})
	case 6:
		c.Field = memory.FieldCategories
		if c.Text = some(p, categories); p.IntN(2) == 0 {
			c.Op, c.Text = memory.OpContains, some(p, append(parts, "TRAVEL", "mily", "Kids", "SKI", "r&d", "hi"))
		}
	case 7:
		c.Field, c.Key = memory.FieldMetadata, one(p, []string{"j", "k", "absent", ""})
		c.Op = one(p, append(equal, memory.OpContains))
		for range p.IntN(3) {
			c.JSON = append(c.JSON, json.RawMessage(one(p, values)))
		}
	}
	return c
}
