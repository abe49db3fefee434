package memory_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"memhook/memory"
)

func TestFill(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []memory.Memory
	for i, m := range []memory.Memory{
		{Text: "Name is Alex", Subject: "name", Categories: []string{"personal_details"}},
		{Text: "Likes green tea", Subject: "likes:tea", Categories: []string{"food", "user_preferences"}},
		{Text: "Likes hiking", Categories: []string{"hobbies"}},
		{Text: "Is 34 years old", Subject: "age"},
		{Text: "Plays the guitar", Categories: []string{"music", "hobbies"}},
		{Text: "Weighs 1,034.5 pounds", Subject: "weight"},
		{Text: "Has no children", Categories: []string{"family"}},
		{Text: "Plan is premium", Subject: "plan"},
	} {
		m.CreatedAt = at.Add(time.Duration(i) * time.Hour)
		list = append(list, m)
	}
	for _, test := range []struct{ name, schema, want string }{
		{"a string", `{"properties": {"name": {"type": "string"}}}`, `{"name":"Name is Alex"}`},
		{"in their order", `{"properties": {"z_age": {"type": "integer"}, "a_name": {}}}`, `{"z_age":34,"a_name":"Name is Alex"}`},
		{"by a description", `{"properties": {"x": {"type": "string", "description": "Which tea they drink"}}}`, `{"x":"Likes green tea"}`},
		{"an array, newest first", `{"properties": {"hobbies": {"type": "array", "items": {"type": "string"}}}}`, `{"hobbies":["Plays the guitar","Likes hiking"]}`},
		{"nothing fits", `{"properties": {"shoe": {"type": "string"}, "cars": {"type": "array"}, "fee": {"type": "number"}}}`, `{"shoe":null,"cars":[],"fee":null}`},
		{"a number", `{"properties": {"weight": {"type": "number"}}}`, `{"weight":1034.5}`},
		{"a boolean", `{"properties": {"children": {"type": "boolean"}, "guitar": {"type": "boolean"}, "yacht": {"type": "boolean"}}}`, `{"children":false,"guitar":true,"yacht":null}`},
		{"an enum", `{"properties": {"plan": {"enum": ["free", "premium"]}, "mood": {"enum": ["glad", "sad"]}}}`, `{"plan":"premium","mood":null}`},
		{"an object", `{"properties": {"profile": {"type": "object", "properties": {"age": {"type": "integer"}}}}}`, `{"profile":{"age":34}}`},
		{
			"objects", `{"properties": {"hobbies": {"type": "array", "items": {"type": "object", "properties": {"hobby": {"type": "string"}, "age": {"type": "integer"}}}}}}`,
			`{"hobbies":[{"hobby":"Plays the guitar","age":null},{"hobby":"Likes hiking","age":null}]}`,
		},
		{
			"as pydantic writes them", `{"$defs": {"P": {"properties": {"name": {"type": "string"}}, "type": "object"}}, "properties": {"p": {"$ref": "#/$defs/P"},
			"age": {"anyOf": [{"type": "null"}, {"type": "integer"}], "title": "Age"}}, "title": "T", "type": "object"}`, `{"p":{"name":"Name is Alex"},"age":34}`,
		},
		{
			"a circle", `{"definitions": {"N": {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/definitions/N"}}}}, "$ref": "#/definitions/N"}`,
			"",
		},
		{"camel case", `{"properties": {"greenTea": {"type": ["string", "null"]}}}`, `{"greenTea":"Likes green tea"}`},
	} {
		got, err := memory.Fill(json.RawMessage(test.schema), list)
		if err != nil || test.want != "" && string(got) != test.want {
			t.Errorf("%s: %s, error %v; want %s", test.name, got, err, test.want)
		}
	}
	if got, err := memory.Fill(json.RawMessage(`{}`), list[:2]); err != nil || string(got) != `{"memories":["Likes green tea","Name is Alex"]}` {
		t.Errorf("no properties: %s, error %v; want all memories", got, err)
	}
	for _, bad := range []string{`[]`, `"x"`, `7`, `null`, ``, `{"properties": 7}`} {
		var invalid *memory.InvalidError
		if got, err := memory.Fill(json.RawMessage(bad), list); !errors.As(err, &invalid) || invalid.Field != "schema" {
			t.Errorf("schema %s: %s, error %v; want a mistake in schema", bad, got, err)
		}
	}
}
