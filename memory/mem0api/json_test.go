package mem0api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRefuses(t *testing.T) {
	const prefix = "malformed JSON in the request body, "
	for _, test := range []struct{ name, body, want string }{
		{"nothing", "", prefix + "line 1, column 1: unexpected end"},
		{"white space", " \n", prefix + "line 2, column 1: unexpected end"},
		{"word", "nul", prefix + "line 1, column 1: expected a value"},
		{"half an object", `{"a":1`, prefix + "line 1, column 7: unexpected end"},
		{"comma at the end", `{"a":1,}`, prefix + "line 1, column 8: expected a member name in double quotes"},
		{"comma at the end of an array", `[1,]`, prefix + "line 1, column 4: expected a value"},
		{"single quotes", `{'a':1}`, prefix + "line 1, column 2: expected a member name in double quotes"},
		{"no colon", `{"a" 1}`, prefix + "line 1, column 6: expected a colon"},
		{"no comma", "{\"a\":1\n\"b\":2}", prefix + "line 2, column 1: expected a comma or }"},
		{"two values", `{} {}`, prefix + "line 1, column 4: data after the end"},
		{"bare line break", "[\"a\nb\"]", prefix + "line 1, column 4: a control character in a string must be escaped"},
		{"escape", `"\x"`, prefix + "line 1, column 3: unknown escape in a string"},
		{"hex", `"\u12g4"`, prefix + "line 1, column 6: expected four hexadecimal digits"},
		{"hex cut off", `"\u12`, prefix + "line 1, column 6: unexpected end"},
		{"NUL", `"a\u0000"`, prefix + "line 1, column 8: a string may not contain NUL"},
		{"raw NUL", "\"a\x00\"", prefix + "line 1, column 3: a control character in a string must be escaped"},
		{"high surrogate", `"\ud800"`, prefix + "line 1, column 7: a string may not contain half of a surrogate pair"},
		{"low surrogate", `"\udc00"`, prefix + "line 1, column 7: a string may not contain half of a surrogate pair"},
		{"two high ones", `"\ud800\ud800"`, prefix + "line 1, column 13: a string may not contain half of a surrogate pair"},
		{"plus", `+1`, prefix + "line 1, column 1: expected a value"},
		{"leading zero", `01`, prefix + "line 1, column 2: data after the end"},
		{"no fraction", `1.`, prefix + "line 1, column 3: unexpected end"},
		{"no exponent", `[1e]`, prefix + "line 1, column 4: expected a digit"},
		{"NaN", `NaN`, prefix + "line 1, column 1: expected a value"},
		{"byte order mark", "\ufeff{}", prefix + "line 1, column 1: expected a value"},
		{"65 levels", strings.Repeat("[", 65) + strings.Repeat("]", 65), prefix + "line 1, column 65: more than 64 levels of nesting"},
		{"a million levels", strings.Repeat(`{"a":`, 1<<20), prefix + "line 1, column 321: more than 64 levels of nesting"},
		{"not UTF-8", "\"\xff\"", "the request body is not valid UTF-8"},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", "the request body is not valid UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := parse([]byte(test.body)); err == nil || err.Error() != test.want {
				t.Errorf("parse(%.40q): %v, want %s", test.body, err, test.want)
			}
		})
	}
}

var accepted = []string{
	`{}`, `[]`, `null`, ` true `, `""`, `-0`, `1e400`, `-1.5E-3`, `123456789012345678901234567890`,
	`{"a":1,"a":2}`, `{"\u0061\n":[1,"b",{"c":[]},null],"d":{"e":"}]\"\\"}}`,
	"{\r\n\t\"a\" : [ 1 , 2 ] ,\"b\":\"\\ud83d\\ude00\"}", `"😀é\/\b\f"`,
	strings.Repeat("[", 64) + strings.Repeat("]", 64),
}

// rebuild walks a value with the methods that the request structs use.
func rebuild(v value) any {
	switch {
	case v.isObject():
		m := map[string]any{}
		for name, member := range v.members() {
			m[string(name)] = rebuild(member)
		}
		return m
	case v.isArray():
		list := []any{}
		for i, item := range v.items() {
			if i != len(list) {
				panic("items are not counted")
			}
			list = append(list, rebuild(item))
		}
		return list
	case v.isString():
		return v.text()
	case v.isNumber():
		return json.Number(v)
	case v.isNull():
		return nil
	}
	return string(v) == "true"
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	var want any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", b, err)
	}
	return want
}

func TestParse(t *testing.T) {
	for _, text := range accepted {
		v, err := parse([]byte(text))
		if err != nil {
			t.Errorf("parse(%q): %v", text, err)
			continue
		}
		// cmp.Diff takes exponential time on deep arrays.
		if got, want := rebuild(v), decode(t, []byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("parse(%q): %v, want %v", text, got, want)
		}
	}
}

// refused are the escapes that encoding/json takes and parse does not.
var refused = regexp.MustCompile(`\\u(0000|[dD][89a-fA-F])`)

func FuzzParse(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"a":"\ud800\u0041","b":[01]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := parse(body)
		if err != nil {
			deep := bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > maxDepth
			if utf8.Valid(body) && json.Valid(body) && !deep && !refused.Match(body) {
				t.Fatalf("parse(%q): %v, encoding/json accepts it", body, err)
			}
			return
		}
		if got, want := rebuild(v), decode(t, body); !reflect.DeepEqual(got, want) {
			t.Fatalf("parse(%q): %v, want %v", body, got, want)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	body := []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat("I ordered a Nova 2000. ", 40) + `"}],"user_id":"user-123"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(body); err != nil {
			b.Fatal(err)
		}
	}
}
