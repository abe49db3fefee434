package mem0api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/memory"
)

// remembered are memories that filters are tried on, by name.
var remembered = map[string]memory.Memory{
	"a": {
		ID:    uuid.MustParse("0198e2a4-0000-7000-8000-00000000000a"),
		Scope: memory.Scope{UserID: "a", RunID: "r"},
		Text:  "Paid the Invoice", Categories: []string{"finance", "Spam Mail"},
		Metadata: json.RawMessage(`{"type":"semantic","n":1.0,"o":{"x":[1]},"tags":["red","blue"]}`),
		// The last microsecond of July.
		CreatedAt: time.Date(2024, 7, 31, 23, 59, 59, 999_999_000, time.UTC), UpdatedAt: time.Date(2024, 8, 2, 9, 30, 0, 0, time.UTC),
		ExpirationDate: "2024-12-31",
	},
	"b": {
		ID:    uuid.MustParse("0198e2a4-0000-7000-8000-00000000000b"),
		Scope: memory.Scope{UserID: "a", AgentID: "x", AppID: "42"},
		Text:  "Likes tea", Metadata: json.RawMessage(`{"type":"episodic"}`),
		CreatedAt: time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC),
	},
	"c": {
		ID:    uuid.MustParse("0198e2a4-0000-7000-8000-00000000000c"),
		Scope: memory.Scope{AgentID: "y"}, Text: "invoice sent",
		CreatedAt: time.Date(2024, 8, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2024, 8, 1, 0, 0, 0, 0, time.UTC),
	},
}

func matching(f memory.Filter) string {
	names := ""
	for _, name := range []string{"a", "b", "c"} {
		if f.Match(remembered[name]) {
			names += name
		}
	}
	return names
}

var filterTests = []struct {
	name, filter string
	want         string // names of the memories it matches
	entity       bool
}{
	{"nothing", ``, "abc", false},
	{"null", `null`, "abc", false},
	{"empty", `{}`, "abc", false},

	{"user", `{"user_id": "a"}`, "ab", true},
	{"user and any run", `{"AND": [{"user_id": "a"}, {"run_id": "*"}]}`, "a", true},
	{"user or agents", `{"OR": [{"user_id": "a"}, {"agent_id": {"in": ["x", "y"]}}]}`, "abc", true},
	{"not categories", `{"AND": [{"user_id": "a"}, {"NOT": {"categories": {"in": ["finance"]}}}]}`, "b", true},
	{"a month", `{"AND": [{"user_id": "a"}, {"created_at": {"gte": "2024-07-01", "lte": "2024-07-31"}}]}`, "ab", true},
	{"metadata of two kinds", `{"OR": [{"metadata": {"type": "semantic"}}, {"metadata": {"type": "episodic"}}], "user_id": "a"}`, "ab", true},
	{"keywords", `{"AND": [{"user_id": "a"}, {"keywords": {"icontains": "invoice"}}]}`, "a", true},
	{"IDs that are none", `{"AND": [{"user_id": "a"}, {"memory_ids": ["id1", "id2"]}]}`, "", true},

	{"keys of one object", `{"user_id": "a", "agent_id": "x"}`, "b", true},
	{"a key twice", `{"user_id": "a", "user_id": "b"}`, "", true},
	{"AND beside OR", `{"AND": [{"user_id": "a"}], "OR": [{"agent_id": "x"}, {"agent_id": "y"}]}`, "b", true},
	{"AND of nothing", `{"AND": []}`, "abc", false},
	{"NOT of a list", `{"NOT": [{"agent_id": "x"}, {"agent_id": "y"}]}`, "a", false},
	{"NOT of nothing", `{"NOT": []}`, "abc", false},
	{"NOT of everything", `{"NOT": {}}`, "", false},
	{"NOT NOT", `{"NOT": {"NOT": {"user_id": "a"}}}`, "ab", false},
	{"OR with an entity in one part", `{"OR": [{"user_id": "a"}, {"text": "invoice"}]}`, "abc", true},

	{"eq", `{"user_id": {"eq": "a"}}`, "ab", true},
	{"ne holds for null", `{"user_id": {"ne": "b"}, "agent_id": {"ne": "x"}}`, "ac", true},
	{"ne null", `{"user_id": {"ne": null}}`, "ab", true},
	{"in", `{"agent_id": {"in": ["x", "z"]}}`, "b", true},
	{"in with null", `{"agent_id": {"in": ["x", null]}}`, "ab", true},
	{"in nothing", `{"agent_id": {"in": []}}`, "", true},
	{"bare list", `{"agent_id": ["x", "y"]}`, "bc", true},
	{"null", `{"user_id": null}`, "c", true},
	{"every user", `{"user_id": "*"}`, "ab", true},
	{"the user called *", `{"user_id": {"eq": "*"}}`, "", true},
	{"number for an ID", `{"app_id": 42}`, "b", true},
	{"camelCase", `{"OR": [{"userId": "a"}, {"agentId": "y"}, {"appId": "q"}, {"runId": "q"}]}`, "abc", true},
	{"several operators", `{"agent_id": {"ne": "x", "in": ["x", "y"]}}`, "c", true},

	{"before a day", `{"created_at": {"lt": "2024-07-31"}}`, "b", false},
	{"on a day or before", `{"created_at": {"lte": "2024-07-31"}}`, "ab", false},
	{"after a day", `{"created_at": {"gt": "2024-07-31"}}`, "c", false},
	{"on a day or after", `{"created_at": {"gte": "2024-07-31"}}`, "ac", false},
	{"on a day", `{"created_at": "2024-07-31"}`, "a", false},
	{"not on a day", `{"created_at": {"ne": "2024-07-31"}}`, "bc", false},
	{"on one of the days", `{"timestamp": {"in": ["2024-07-31", "2024-08-01"]}}`, "ac", false},
	{"at an instant", `{"timestamp": "2024-08-01T00:00:00Z"}`, "c", false},
	{"from an instant", `{"created_at": {"gte": "2024-07-31T23:59:59.999999"}}`, "ac", false},
	{"after an instant", `{"created_at": {"gt": "2024-07-31T23:59:59.999999"}}`, "c", false},
	{"instant in a zone", `{"created_at": {"lt": "2024-07-31T23:00:00-01:00"}}`, "ab", false},
	{"instant as Python prints it", `{"updated_at": "2024-08-02 09:30:00+00:00"}`, "a", false},
	{"instant without zone is UTC", `{"updated_at": "2024-08-02T09:30:00"}`, "a", false},
	{"never null", `{"created_at": null}`, "", false},

	{"expires on a day", `{"expiration_date": "2024-12-31"}`, "a", false},
	{"expires on the day of an instant", `{"expiration_date": {"gte": "2024-12-31T23:00:00Z"}}`, "a", false},
	{"expires before a day", `{"expiration_date": {"lt": "2024-12-31"}}`, "", false},
	{"expires on a day or before", `{"expiration_date": {"lte": "2024-12-31"}}`, "a", false},
	{"never expires", `{"expiration_date": null}`, "bc", false},
	{"expires", `{"expiration_date": "*"}`, "a", false},

	{"categories", `{"categories": ["finance", "x"]}`, "a", false},
	{"category", `{"categories": "finance"}`, "a", false},
	{"part of a category", `{"categories": {"contains": "spam"}}`, "a", false},
	{"no part of a category", `{"categories": {"in": ["spam"]}}`, "", false},
	{"uncategorised", `{"categories": null}`, "bc", false},
	{"categorised", `{"categories": "*"}`, "a", false},

	{"bare keywords have no case", `{"keywords": "INVOICE"}`, "ac", false},
	{"keywords with case", `{"keywords": {"contains": "Invoice"}}`, "a", false},
	{"bare text has case", `{"text": "invoice"}`, "c", false},
	{"text without case", `{"text": {"icontains": "invoice"}}`, "ac", false},
	{"keywords_search", `{"keywords_search": "Invoice"}`, "a", false},
	{"text is no wildcard", `{"text": "*"}`, "", false},

	{"metadata", `{"metadata": {"type": "semantic", "n": 1}}`, "a", false},
	{"metadata eq", `{"metadata": {"type": {"eq": "episodic"}}}`, "b", false},
	{"metadata ne", `{"metadata": {"type": {"ne": "episodic"}}}`, "ac", false},
	{"metadata contains", `{"metadata": {"type": {"contains": "sod"}}}`, "b", false},
	{"metadata list contains", `{"metadata": {"tags": {"contains": "red"}}}`, "a", false},
	{"metadata list", `{"metadata": {"tags": ["red", "blue"]}}`, "a", false},
	{"metadata object", `{"metadata": {"o": {"eq": {"x": [1.0]}}}}`, "a", false},
	{"metadata null", `{"metadata": {"n": null}}`, "bc", false},
	{"metadata is no wildcard", `{"metadata": {"type": "*"}}`, "", false},
	{"metadata key with a dot", `{"metadata.type": "semantic"}`, "a", false},
	{"metadata as a whole", `{"metadata": "*"}`, "ab", false},
	{"no metadata", `{"metadata": null}`, "c", false},
	{"metadata without keys", `{"metadata": {}}`, "abc", false},

	{"IDs", `{"memory_ids": ["0198e2a4-0000-7000-8000-00000000000a", "0198E2A4-0000-7000-8000-00000000000C"]}`, "ac", false},
	{"IDs in", `{"memory_ids": {"in": ["0198e2a4-0000-7000-8000-00000000000b"]}}`, "b", false},
	{"one ID", `{"memory_ids": "0198e2a4-0000-7000-8000-00000000000b"}`, "b", false},
}

func TestParseFilter(t *testing.T) {
	for _, tt := range filterTests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := parseFilter(json.RawMessage(tt.filter))
			if err != nil {
				t.Fatalf("parse %s: %v", tt.filter, err)
			}
			if got := matching(f); got != tt.want {
				t.Errorf("%s matches %q, want %q", tt.filter, got, tt.want)
			}
			if got := f.HasEntity(); got != tt.entity {
				t.Errorf("%s has an entity: %t, want %t", tt.filter, got, tt.entity)
			}
		})
	}
}

func TestParseFilterMistakes(t *testing.T) {
	many := func(n int, item string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	for _, tt := range []struct{ name, filter, want string }{
		{"not JSON", `{"user_id"`, `filters must be an object in JSON`},
		{"a list", `[{"user_id": "a"}]`, `filters must be an object of conditions`},
		{"a string", `"user_id"`, `filters must be an object of conditions`},
		{"unknown key", `{"user": "a"}`, `filters has the unknown key "user"; allowed are AND, OR, NOT, user_id, agent_id, app_id, run_id, created_at, updated_at, timestamp, expiration_date, text, categories, metadata, keywords, keywords_search, memory_ids`},
		{"key in lower case", `{"and": []}`, `filters has the unknown key "and"; allowed are ` + allowedKeys},
		{"unknown key inside", `{"AND": [{}, {"NOT": {"x\n": 1}}]}`, `filters.AND[1].NOT has the unknown key "x\n"; allowed are ` + allowedKeys},
		{"long key", `{"` + strings.Repeat("ä", 5000) + `": 1}`, `filters has the unknown key "` + strings.Repeat("ä", 32) + `…"; allowed are ` + allowedKeys},
		{"AND with an object", `{"AND": {"user_id": "a"}}`, `filters.AND must be a list of filters`},
		{"OR of nothing", `{"OR": []}`, `filters.OR must be a list of at least one filter`},
		{"NOT with a string", `{"NOT": "a"}`, `filters.NOT must be an object of conditions`},
		{"empty ID", `{"user_id": ""}`, `filters.user_id must be a non-empty string`},
		{"boolean for an ID", `{"OR": [{"user_id": true}]}`, `filters.OR[0].user_id must be a non-empty string`},
		{"SQL operator", `{"created_at": {">=": "2024-07-01"}}`, `filters.created_at has the unknown operator ">="; allowed are eq, ne, in, gt, gte, lt, lte`},
		{"nin", `{"user_id": {"nin": ["a"]}}`, `filters.user_id has the unknown operator "nin"; allowed are eq, ne, in`},
		{"no operator", `{"user_id": {}}`, `filters.user_id needs an operator; allowed are eq, ne, in`},
		{"in without a list", `{"user_id": {"in": "a"}}`, `filters.user_id.in must be a list`},
		{"mistake in a list", `{"user_id": {"in": ["a", {}]}}`, `filters.user_id.in[1] must be a non-empty string`},
		{"not a date", `{"created_at": {"gte": "yesterday"}}`, `filters.created_at.gte must be a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)`},
		{"date that does not exist", `{"created_at": "2024-02-30"}`, `filters.created_at must be a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)`},
		{"year that cannot be stored", `{"created_at": "0000-01-01T00:00:00+01:00"}`, `filters.created_at must be a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)`},
		{"number for a date", `{"expiration_date": 1720000000}`, `filters.expiration_date must be a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)`},
		{"null in order", `{"created_at": {"gt": null}}`, `filters.created_at.gt must be a date (2024-07-31) or a date-time (2024-07-31T09:30:00Z)`},
		{"categories eq", `{"categories": {"eq": "x"}}`, `filters.categories has the unknown operator "eq"; allowed are in, contains; to leave categories out use NOT around in`},
		{"number for a category", `{"categories": [1]}`, `filters.categories[0] must be a string`},
		{"null for a text", `{"text": null}`, `filters.text must be a string`},
		{"list for keywords", `{"keywords": ["a"]}`, `filters.keywords must be a string`},
		{"metadata as a string", `{"metadata": "x"}`, `filters.metadata must be an object of metadata keys`},
		{"metadata operator", `{"metadata": {"n": {"gt": 1}}}`, `filters.metadata.n has the unknown operator "gt"; allowed are eq, ne, contains; to compare with an object use {"eq": {…}}`},
		{"metadata contains a list", `{"metadata": {"n": {"contains": [1]}}}`, `filters.metadata.n.contains must be a string, a number or a boolean`},
		{"metadata without a key", `{"metadata.": 1}`, `filters.metadata. may not have an empty metadata key`},
		{"null for an ID", `{"memory_ids": [null]}`, `filters.memory_ids[0] must be a memory's ID or a list of IDs`},
		{"list too long", `{"user_id": {"in": ` + many(1001, `"a"`) + `}}`, `filters.user_id.in has more than 1000 items`},
		{"too many filters", `{"AND": ` + many(1001, `{}`) + `}`, `filters.AND has more than 1000 items`},
		{"too many conditions", `{"OR": ` + many(501, `{"text": "a"}`) + `}`, `filters.OR[500].text exceeds the 500 conditions that a filter may have`},
		{"too many values", `{"AND": ` + many(3, `{"user_id": `+many(1000, `"a"`)+`}`) + `}`, `filters.AND[2].user_id[0] exceeds the 2000 values that a filter may have`},
		{"too deep", strings.Repeat(`{"NOT": `, 16) + `{}` + strings.Repeat(`}`, 16), `filters` + strings.Repeat(".NOT", 16) + ` is nested more than 16 filters deep`},
		{"NUL", `{"user_id": "a\u0000"}`, `filters must be an object in JSON`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseFilter(json.RawMessage(tt.filter))
			var invalid *memory.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("parse %.200s: error %v, want *memory.InvalidError", tt.filter, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("parse %.200s (-want +got):\n%s", tt.filter, diff)
			}
		})
	}
}

// What is as large as allowed is accepted.
func TestParseFilterLimits(t *testing.T) {
	ids := strings.TrimSuffix(strings.Repeat(`"a",`, maxListValues), ",")
	for _, tt := range []struct{ name, filter string }{
		{"list", `{"user_id": {"in": [` + ids + `]}}`},
		{"conditions", `{"AND": [` + strings.TrimSuffix(strings.Repeat(`{"user_id": "a"},`, maxConditions), ",") + `]}`},
		{"depth", strings.Repeat(`{"AND": [`, maxFilterDepth-1) + `{}` + strings.Repeat(`]}`, maxFilterDepth-1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseFilter(json.RawMessage(tt.filter)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A filter that is read must mean the same after it was stored, and a mistake
// must be the caller's.
func FuzzParseFilter(f *testing.F) {
	for _, tt := range filterTests {
		f.Add(tt.filter)
	}
	for _, s := range []string{
		`{"user_id":{"nin":[1]}}`, `[`, `{"NOT":{"NOT":[{"OR":[{}]}]}}`, `{"created_at":"2024-07-31T24:00:00Z"}`, `{"metadata":{"a":{"eq":{"b":1e999}}}}`,
		`{"metadata":{"\ud83d\ude00":{"contains":"<&>\u2028"}}}`, `{"expiration_date":{"ne":"9999-12-31"}}`, `{"timestamp":"0000-01-01"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		filter, err := parseFilter(json.RawMessage(s))
		if err != nil {
			var invalid *memory.InvalidError
			if !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Field, "filters") {
				t.Fatalf("parse %q: error %v, want *memory.InvalidError about filters", s, err)
			}
			return
		}
		raw, err := json.Marshal(filter)
		if err != nil {
			t.Fatalf("parse %q: %+v has no JSON: %v", s, filter, err)
		}
		var back memory.Filter
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("read back %s: %v", raw, err)
		}
		if was, is := matching(filter), matching(back); was != is {
			t.Fatalf("%q matches %q, and %q after it was stored as %s", s, was, is, raw)
		}
		if opposite := matching(memory.Filter{None: []memory.Filter{filter}}); len(opposite)+len(matching(filter)) != len(remembered) {
			t.Fatalf("%q matches %q, its opposite %q", s, matching(filter), opposite)
		}
		if filter.HasEntity() != back.HasEntity() {
			t.Fatalf("%q has an entity: %t, and %t after it was stored", s, filter.HasEntity(), back.HasEntity())
		}
	})
}
