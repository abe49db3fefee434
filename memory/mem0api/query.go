package mem0api

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"memhook/memory"
)

// query returns the query parameters. Python sends null as an empty value, so an
// empty value counts as none.
func (in *input) query() (url.Values, error) {
	q, err := url.ParseQuery(in.c.Request().URL.RawQuery)
	if err != nil {
		// A parameter that is passed over could have been the one that kept a
		// deletion from reaching further.
		return nil, &memory.InvalidError{Text: "the query string is malformed"}
	}
	for name, list := range q {
		for _, s := range list {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				return nil, &memory.InvalidError{Field: name, Text: "must be valid UTF-8 without NUL"}
			}
		}
	}
	return q, nil
}

// queryLimit reads limit or top_k.
func queryLimit(q url.Values) (int, error) {
	for _, name := range []string{"limit", "top_k"} {
		s := q.Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > memory.MaxPage {
			return 0, &memory.InvalidError{Field: name, Text: "must be an integer from 1 to " + strconv.Itoa(memory.MaxPage)}
		}
		return n, nil
	}
	return 0, nil
}

// queryList reads a parameter that is repeated or joined by commas.
func queryList(q url.Values, name string) []string {
	var list []string
	for _, s := range q[name] {
		list = append(list, splitList(s)...)
	}
	return list
}

// queryScope reads the entity IDs.
func queryScope(q url.Values) memory.Scope {
	return memory.Scope{UserID: q.Get("user_id"), AgentID: q.Get("agent_id"), AppID: q.Get("app_id"), RunID: q.Get("run_id")}
}

// queryObject reads an object in JSON or in the notation of Python, whose clients
// send str(dict).
func queryObject(q url.Values, name string) (json.RawMessage, error) {
	raw, err := parsePyValue(q.Get(name))
	switch {
	case err != nil:
		return nil, at(name, err)
	case raw == nil || value(raw).isNull():
		return nil, nil
	case !value(raw).isObject():
		return nil, at(name, mustBe("an object"))
	}
	return raw, nil
}

// isTrue tells whether a query parameter says true.
func isTrue(s string) bool { return strings.EqualFold(s, "true") || s == "1" }
