package mem0api

import (
	"encoding/json"

	"github.com/google/uuid"

	"memhook/memory"
)

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
	"text":            {field: memory.FieldText, ops: textOps, bare: memory.OpContains, never: true, read: readSubstring},
	"keywords":        {field: memory.FieldText, ops: textOps, bare: memory.OpIContains, never: true, read: readSubstring},
	"keywords_search": {field: memory.FieldText, ops: textOps, bare: memory.OpContains, never: true, read: readSubstring},
	"categories": {
		field: memory.FieldCategories, ops: []string{opIn, "contains"}, bare: memory.OpEqual, star: true, read: readSubstring,
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

func readSubstring(c *memory.Condition, v value) error {
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
