package mem0api

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"memhook/memory"
)

// The functions below read one member's value. null leaves the destination as it
// is, as if the member were missing. Their errors are *memory.InvalidError without
// a field; at adds it.

func mustBe(what string) error { return &memory.InvalidError{Text: "must be " + what} }

// at says where err was found: at("messages[0]", "role must be a string") is
// "messages[0].role must be a string".
func at(field string, err error) error {
	var invalid *memory.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	switch {
	case invalid.Field == "":
	case invalid.Field[0] == '[':
		field += invalid.Field
	default:
		field += "." + invalid.Field
	}
	return &memory.InvalidError{Field: field, Text: invalid.Text}
}

// atItem is at for an item of an array.
func atItem(i int, err error) error { return at("["+strconv.Itoa(i)+"]", err) }

func readText(dst *string, v value) error {
	switch {
	case v.isNull():
	case v.isString():
		*dst = v.text()
	default:
		return mustBe("a string")
	}
	return nil
}

func readBool(dst *bool, v value) error {
	switch v[0] {
	case 'n':
	case 't', 'f':
		*dst = v[0] == 't'
	default:
		return mustBe("true or false")
	}
	return nil
}

func readInt(dst *int, v value) error {
	if v.isNull() {
		return nil
	}
	n, err := strconv.Atoi(string(v))
	if err != nil {
		return mustBe("an integer")
	}
	*dst = n
	return nil
}

// readObject keeps an object as it was sent.
func readObject(dst *json.RawMessage, v value) error {
	switch {
	case v.isNull():
	case v.isObject():
		*dst = json.RawMessage(v)
	default:
		return mustBe("an object")
	}
	return nil
}

// readTexts reads an array of strings. A single string is split at its commas.
func readTexts(dst *[]string, v value) error {
	switch {
	case v.isNull():
		return nil
	case v.isString():
		*dst = splitList(v.text())
		return nil
	case !v.isArray():
		return mustBe("an array of strings")
	}
	list := []string{}
	for i, item := range v.items() {
		if !item.isString() {
			return atItem(i, mustBe("a string"))
		}
		list = append(list, item.text())
	}
	*dst = list
	return nil
}

func splitList(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// readID reads an entity ID. A number stands for its decimal digits.
func readID(dst *string, v value) error {
	switch {
	case v.isNull():
		return nil
	case v.isString() && len(v) > len(`""`):
		*dst = v.text()
		return nil
	case v.isNumber() && !strings.ContainsAny(string(v), "eE"):
		*dst = string(v)
		return nil
	}
	return mustBe("a non-empty string")
}

// entityID returns where the entity ID of that name goes, nil for other names.
func entityID(s *memory.Scope, name []byte) *string {
	switch string(name) {
	case "user_id":
		return &s.UserID
	case "agent_id":
		return &s.AgentID
	case "app_id":
		return &s.AppID
	case "run_id":
		return &s.RunID
	}
	return nil
}

// The first and last second that RFC 3339 can write.
var (
	firstSecond = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// readUnix reads whole Unix seconds.
func readUnix(dst **time.Time, v value) error {
	if v.isNull() {
		return nil
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return mustBe("an integer of Unix seconds")
	}
	if n < firstSecond || n > lastSecond {
		return mustBe("Unix seconds of a year from 0 to 9999")
	}
	t := time.Unix(n, 0).UTC()
	*dst = &t
	return nil
}

// readTime reads Unix seconds, whole or not, or a date-time as text.
func readTime(dst **time.Time, v value) error {
	switch {
	case v.isNull():
		return nil
	case v.isString():
		t, _, ok := instant(v.text())
		if !ok {
			return mustBe("Unix seconds or an ISO 8601 date-time")
		}
		*dst = &t
		return nil
	case !v.isNumber():
		return mustBe("Unix seconds or an ISO 8601 date-time")
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < float64(firstSecond) || f > float64(lastSecond) {
		return mustBe("Unix seconds of a year from 0 to 9999")
	}
	t := time.UnixMicro(int64(math.Round(f * 1e6))).UTC()
	*dst = &t
	return nil
}

// instant reads a date or date-time; without a zone it is UTC. It returns the
// first and last microsecond the text stands for.
func instant(s string) (first, last time.Time, ok bool) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t.AddDate(0, 0, 1).Add(-time.Microsecond), true
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
	} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() >= firstSecond && t.Unix() <= lastSecond {
			t = t.UTC().Truncate(time.Microsecond)
			return t, t, true
		}
	}
	return time.Time{}, time.Time{}, false
}
