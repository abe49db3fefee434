package mem0api

import (
	"strings"

	"memhook/memory"
)

// readTurns reads messages: an array of objects, one object, or one string, which
// the user said.
func readTurns(v value, infer bool) ([]memory.Turn, error) {
	switch {
	case v.isNull():
		return nil, nil
	case v.isString():
		if text := v.text(); text != "" {
			return []memory.Turn{{Role: "user", Text: text}}, nil
		}
		return nil, nil
	case v.isObject():
		t, err := readTurn(v, infer)
		return []memory.Turn{t}, at("messages", err)
	case !v.isArray():
		return nil, at("messages", mustBe("an array of objects, an object or a string"))
	}
	var turns []memory.Turn
	for i, item := range v.items() {
		t, err := readTurn(item, infer)
		if err != nil {
			return nil, at("messages", atItem(i, err))
		}
		turns = append(turns, t)
	}
	return turns, nil
}

// readTurn reads {role, content, name}. A turn that calls tools may have no
// content, as OpenAI's do.
func readTurn(v value, infer bool) (memory.Turn, error) {
	var t memory.Turn
	if !v.isObject() {
		return t, mustBe("an object with role and content")
	}
	var content, calls bool
	for name, v := range v.members() {
		var err error
		switch string(name) {
		case "role":
			err = readText(&t.Role, v)
		case "name":
			err = readText(&t.Name, v)
		case "content":
			content = true
			t.Text, err = readContent(v, infer)
		case "tool_calls", "function_call":
			calls = true
		}
		if err != nil {
			return t, at(string(name), err)
		}
	}
	switch {
	case t.Role == "":
		return t, &memory.InvalidError{Field: "role", Text: "is required"}
	case !content && !calls:
		return t, &memory.InvalidError{Field: "content", Text: "is required"}
	}
	return t, nil
}

// readContent returns the text of a turn. Content that is not a string has text
// only for inference: what is stored as it is must be a string.
func readContent(v value, infer bool) (string, error) {
	switch {
	case v.isNull():
		return "", nil
	case v.isString():
		return v.text(), nil
	case v.isObject():
		return readPart(v, infer)
	case !v.isArray():
		return "", mustBe("a string, an object or an array of objects")
	}
	var parts []string
	for i, item := range v.items() {
		text, err := readPart(item, infer)
		if err != nil {
			return "", atItem(i, err)
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n"), nil
}

// readPart returns the text of {"type": "text", "text": ...} and "" for images and
// documents, which are not looked into.
func readPart(v value, infer bool) (string, error) {
	if !v.isObject() {
		return "", mustBe("an object with a type")
	}
	var kind, text string
	for name, v := range v.members() {
		var err error
		switch string(name) {
		case "type":
			err = readText(&kind, v)
		case "text":
			err = readText(&text, v)
		}
		if err != nil {
			return "", at(string(name), err)
		}
	}
	if kind == "" {
		return "", &memory.InvalidError{Field: "type", Text: "is required"}
	}
	if kind != "text" || !infer {
		return "", nil
	}
	return text, nil
}
