package mem0api

import (
	"encoding/json"
	"errors"

	"memhook/memory"
)

// conditions are the parts of a request that select memories. All of them hold.
type conditions struct {
	scope      memory.Scope
	filters    json.RawMessage // in mem0's filter language
	metadata   json.RawMessage // an object whose members a memory must have
	categories []string        // any of
	keywords   string
	start, end string // created_at, both days included
}

// filter is all conditions in one. errNoEntity when none is about an entity.
func (c conditions) filter() (memory.Filter, error) {
	all := scopeFilters(c.scope)
	metadata, err := exactly(c.metadata)
	if err != nil {
		return memory.Filter{}, err
	}
	for _, part := range []struct {
		field string // to blame
		set   bool
		json  any
	}{
		{"filters", c.filters != nil, c.filters},
		{"metadata", c.metadata != nil, map[string]any{"metadata": metadata}},
		{"categories", len(c.categories) > 0, map[string]any{"categories": map[string]any{"in": c.categories}}},
		{"keywords", c.keywords != "", map[string]any{"keywords": c.keywords}},
		{"start_date", c.start != "", map[string]any{"created_at": map[string]any{"gte": c.start}}},
		{"end_date", c.end != "", map[string]any{"created_at": map[string]any{"lte": c.end}}},
	} {
		if !part.set {
			continue
		}
		raw, err := json.Marshal(part.json)
		if err != nil {
			return memory.Filter{}, err
		}
		f, err := parseFilter(raw)
		if err != nil {
			return memory.Filter{}, blame(part.field, err)
		}
		all = append(all, f)
	}
	f := memory.Filter{All: all}
	if !f.HasEntity() {
		return f, errNoEntity
	}
	return f, nil
}

// exactly makes each member of an object a comparison with its value, so that a
// value which is an object itself is not read as operators.
func exactly(object json.RawMessage) (map[string]any, error) {
	var members map[string]json.RawMessage
	if object == nil {
		return nil, nil
	}
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	conditions := make(map[string]any, len(members))
	for key, value := range members {
		conditions[key] = map[string]any{"eq": value}
	}
	return conditions, nil
}

// blame names the parameter that a condition was made of. In filters the caller
// wrote the condition and knows its own field.
func blame(field string, err error) error {
	var invalid *memory.InvalidError
	if field == "filters" || !errors.As(err, &invalid) {
		return err
	}
	return &memory.InvalidError{Field: field, Text: invalid.Text}
}

// anything is the entity ID that stands for every one.
const anything = "*"

func scopeFilters(s memory.Scope) []memory.Filter {
	var list []memory.Filter
	for _, id := range []struct {
		field memory.Field
		id    string
	}{
		{memory.FieldUser, s.UserID},
		{memory.FieldAgent, s.AgentID},
		{memory.FieldApp, s.AppID},
		{memory.FieldRun, s.RunID},
	} {
		switch id.id {
		case "":
		case anything:
			list = append(list, memory.Filter{Cond: &memory.Condition{Field: id.field, Op: memory.OpSet}})
		default:
			list = append(list, memory.Filter{Cond: &memory.Condition{Field: id.field, Op: memory.OpEqual, Text: []string{id.id}}})
		}
	}
	return list
}
