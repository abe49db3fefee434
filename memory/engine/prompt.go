package engine

import (
	"embed"
	"strings"
	"text/template"

	"memhook/memory"
)

//go:embed prompts/*.md
var promptFiles embed.FS

var promptTemplates = template.Must(template.ParseFS(promptFiles, "prompts/*.md"))

// prompt is what a model is told before it is given anything. What callers and
// owners may steer is in it; what was said is not.
func prompt(name string, data any) (string, error) {
	var b strings.Builder
	err := promptTemplates.ExecuteTemplate(&b, name, data)
	return b.String(), err
}

// guidance is what steers the extraction of one add.
type guidance struct {
	Instructions      string
	AgentInstructions string
	Includes          string
	Excludes          string
}

// guidanceOf returns the instructions that hold. Those for agents replace the
// others where the agent's memories alone are meant, and hold for what the agent
// said where a user's are meant as well.
func guidanceOf(a memory.Add) guidance {
	g := guidance{Instructions: a.Instructions, Includes: a.Includes, Excludes: a.Excludes}
	switch {
	case a.Scope.AgentID == "" || a.AgentInstructions == "":
	case a.Scope.UserID == "":
		g.Instructions = a.AgentInstructions
	default:
		g.AgentInstructions = a.AgentInstructions
	}
	return g
}

// What the model is given to remember from.
type (
	input struct {
		Today        string      `json:"today"`
		Memories     []offered   `json:"memories"`
		Conversation []shownTurn `json:"conversation"`
	}
	// offered is a memory that the model may change by its number.
	offered struct {
		Number int    `json:"number"`
		Memory string `json:"memory"`
		Fixed  bool   `json:"fixed,omitempty"`
	}
	shownTurn struct {
		Turn int    `json:"turn"`
		Role string `json:"role"`
		Name string `json:"name,omitempty"`
		Text string `json:"text"`
	}
)

// reply is what the model answers.
type reply struct {
	Changes []replied `json:"changes"`
	Known   bool      `json:"known"`
}

type replied struct {
	Action string  `json:"action"`
	Number *int    `json:"number"`
	Text   *string `json:"text"`
	Turn   *int    `json:"turn"`
}

type schema = map[string]any

// strictObject is a schema of an object that has all of its members, as strict schemas must.
func strictObject(members schema) schema {
	required := make([]string, 0, len(members))
	for name := range members {
		required = append(required, name)
	}
	return schema{"type": "object", "properties": members, "required": required, "additionalProperties": false}
}

func listOf(items schema) schema { return schema{"type": "array", "items": items} }

func orNothing(kind string) schema { return schema{"type": []string{kind, "null"}} }

var replySchema = strictObject(schema{
	"changes": listOf(strictObject(schema{
		"action": schema{"type": "string", "enum": []string{"add", "update", "delete"}},
		"number": orNothing("integer"),
		"text":   orNothing("string"),
		"turn":   orNothing("integer"),
	})),
	"known": schema{"type": "boolean"},
})

var sortedSchema = strictObject(schema{
	"memories": listOf(strictObject(schema{
		"number":     schema{"type": "integer"},
		"categories": listOf(schema{"type": "integer"}),
	})),
})
