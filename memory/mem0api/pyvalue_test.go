package mem0api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"memhook/memory"
)

var pyValueTests = []struct{ name, in, want string }{
	{"nothing", ``, ``},
	{"white space", " \n", ``},
	{"what JavaScript makes of objects", `[object Object]`, ``},
	{"JSON", ` {"a": [1, null], "b": "\/"} `, `{"a": [1, null], "b": "\/"}`},
	{"JSON string", `"a"`, `"a"`},
	{"dict", `{'user_id': 'a b'}`, `{"user_id":"a b"}`},
	{"constants", `{'a': None, 'b': True, 'c': False}`, `{"a":null,"b":true,"c":false}`},
	{"JSON's constants", `{'a': null, 'b': true, 'c': false}`, `{"a":null,"b":true,"c":false}`},
	{"None", `None`, `null`},
	{"numbers", `[0, -12, 2.5, -3e4, 1e-05, 1e+16, 123456789012345678901234567890]`, `[0, -12, 2.5, -3e4, 1e-05, 1e+16, 123456789012345678901234567890]`},
	{"numbers in a tuple", `(0, -12, 2.5, -3e4, 1e-05, 1e+16)`, `[0,-12,2.5,-3e4,1e-05,1e+16]`},
	{"double quotes", `{"it's": 'say "hi"'}`, `{"it's":"say \"hi\""}`},
	{"both quotes", `['it\'s "it"']`, `["it's \"it\""]`},
	{"escapes", `['\\\'\"\n\r\t\a\b\f\v']`, `["\\'\"\u000a\u000d\u0009\u0007\u0008\u000c\u000b"]`},
	{"code points", `['\x41\xe9\u00e9\u20ac\U0001f600\x1b']`, `["Aéé€😀\u001b"]`},
	{"surrogate pair", `['\ud83d\ude00']`, `["😀"]`},
	{"escaped quote by code", `['\x22\x5c']`, `["\"\\"]`},
	{"backslash before anything else", `['\d\/\é']`, `["\\d\\/\\é"]`},
	{"raw Unicode", `{'ключ': '値 😀'}`, `{"ключ":"値 😀"}`},
	{"tab in a string", "['a\tb']", `["a\u0009b"]`},
	{"nested", `{'AND': [{'user_id': 'a'}, {'NOT': {'run_id': {'in': ['x', None]}}}]}`, `{"AND":[{"user_id":"a"},{"NOT":{"run_id":{"in":["x",null]}}}]}`},
	{"tuples", `{'a': (1, 2), 'b': (1,), 'c': ()}`, `{"a":[1,2],"b":[1],"c":[]}`},
	{"trailing commas", `{'a': [1, 2,],}`, `{"a":[1,2]}`},
	{"no white space", `{'a':[1,'b']}`, `{"a":[1,"b"]}`},
	{"line breaks", "{\n'a':\r\n 1\t}\n", `{"a":1}`},
	{"empty containers", `[{'a': {}}, []]`, `[{"a":{}},[]]`},
	{"as deep as allowed", strings.Repeat("(", 63) + "()," + strings.Repeat("),", 62) + ")", strings.Repeat("[", 64) + strings.Repeat("]", 64)},
}

func TestParsePyValue(t *testing.T) {
	for _, tt := range pyValueTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePyValue(tt.in)
			if err != nil {
				t.Fatalf("parse %s: %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("parse %s (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestParsePyValueMistakes(t *testing.T) {
	const neither = "is neither JSON nor Python notation: "
	for _, tt := range []struct{ name, in, want string }{
		{"word", `hello`, neither + `expected a value at character 1`},
		{"word behind a constant", `[Nonesense]`, neither + `expected a comma or ] at character 6`},
		{"end", `{'a':`, neither + `unexpected end at character 6`},
		{"end of a string", `{'a`, neither + `unexpected end at character 4`},
		{"end of an escape", `'\`, neither + `unexpected end at character 3`},
		{"data after the end", `{'a': 1} x`, neither + `data after the end at character 10`},
		{"number as a key", `{1: 'a'}`, neither + `expected a key in quotes at character 2`},
		{"set", `{'a', 'b'}`, neither + `expected a colon at character 5`},
		{"parentheses without a comma", `('a')`, neither + `expected a comma or ) at character 5`},
		{"no comma", `['é' 'b']`, neither + `expected a comma or ] at character 6`},
		{"two commas", `['a',,]`, neither + `expected a value at character 6`},
		{"wrong bracket", `('a',]`, neither + `expected a value at character 6`},
		{"not a number", `[nan]`, neither + `expected a value at character 2`},
		{"infinity", `[-inf]`, neither + `expected a number at character 2`},
		{"leading zero", `[007]`, neither + `expected a number at character 2`},
		{"bytes", `[b'a']`, neither + `expected a value at character 2`},
		{"call", `[datetime.date(2024, 7, 1)]`, neither + `expected a value at character 2`},
		{"line break in a string", "['a\nb']", neither + `a line break in a string must be escaped at character 4`},
		{"short code", `['\u12']`, neither + `expected 4 hexadecimal digits at character 3`},
		{"sign in a code", `['\x+1']`, neither + `expected 2 hexadecimal digits at character 3`},
		{"half a surrogate pair", `['\ud83d']`, neither + `no such character at character 3`},
		{"code beyond Unicode", `['\U00110000']`, neither + `no such character at character 3`},
		{"NUL", `['\x00']`, neither + `a string may not contain NUL at character 3`},
		{"raw NUL", "['\x00']", neither + `a string may not contain NUL at character 3`},
		{"octal", `['\101']`, neither + `unknown escape in a string at character 3`},
		{"not UTF-8", "['\xff']", `is not valid UTF-8`},
		{"too deep", strings.Repeat("[", 65) + strings.Repeat("]", 65), neither + `more than 64 levels of nesting at character 65`},
		{"mixed too deep", strings.Repeat("{'a':(", 40), neither + `more than 64 levels of nesting at character 193`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePyValue(tt.in)
			var invalid *memory.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("parse %q: %s, error %v, want *memory.InvalidError", tt.in, got, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("parse %q (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// What is read must be JSON that the rest of the package takes. Written as Python
// writes it and read again it must be the same.
func FuzzParsePyValue(f *testing.F) {
	for _, tt := range pyValueTests {
		f.Add(tt.in)
	}
	for _, s := range []string{`{'a': b'x'}`, `('a')`, `['\ud83d\ud83d']`, `'\N{DIGIT ONE}'`, `[1_000]`, `{'a': datetime.date(2024, 7, 1)}`, `{'a': {...}}`, `["a", 'b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw, err := parsePyValue(s)
		if err != nil {
			var invalid *memory.InvalidError
			if !errors.As(err, &invalid) || !utf8.ValidString(invalid.Text) {
				t.Fatalf("parse %q: error %q, want *memory.InvalidError in UTF-8", s, err)
			}
			return
		}
		if raw == nil {
			return
		}
		if _, err := parse(raw); err != nil {
			t.Fatalf("parse %q: %s is not accepted: %v", s, raw, err)
		}
		if len(raw) > 6*len(s) {
			t.Fatalf("parse %q: grows from %d to %d bytes", s, len(s), len(raw))
		}
		written := pyRepr(t, raw)
		again, err := parsePyValue(written)
		if err != nil {
			t.Fatalf("%q was read as %s, but %q is refused: %v", s, raw, written, err)
		}
		if diff := cmp.Diff(pyRepr(t, raw), pyRepr(t, again)); diff != "" {
			t.Fatalf("%q was read as %s, %q as (-want +got):\n%s", s, raw, written, diff)
		}
	})
}

// pyRepr writes JSON as Python's repr does, with tuples for lists.
func pyRepr(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var b strings.Builder
	var write func(v value)
	write = func(v value) {
		switch {
		case v.isObject():
			b.WriteByte('{')
			for name, v := range v.members() {
				b.WriteString(pyString(string(name)) + ": ")
				write(v)
				b.WriteString(", ")
			}
			b.WriteByte('}')
		case v.isArray():
			b.WriteByte('(')
			for _, item := range v.items() {
				write(item)
				b.WriteString(", ")
			}
			b.WriteByte(')')
		case v.isString():
			b.WriteString(pyString(v.text()))
		case v.isNull():
			b.WriteString("None")
		case string(v) == "true":
			b.WriteString("True")
		case string(v) == "false":
			b.WriteString("False")
		default:
			b.Write(v)
		}
	}
	v, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	write(v)
	return b.String()
}

func pyString(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r >= 0x7f && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "'"
}

// A query string has no limit of its own, so reading must not take more than
// linear time.
func TestParsePyValueIsLinear(t *testing.T) {
	const size = 4 << 20
	for _, s := range []string{"'", "'\\", `'\x`, "[", "(", "{'a':", "['a',", "[1,", "[[],", "{'a':{},'b':", "-", "1", "'\\ud83d", " "} {
		for _, lead := range []string{"", "("} {
			in := lead + strings.Repeat(s, size/len(s))
			begin := time.Now()
			_, _ = parsePyValue(in)
			// Quadratic time would be hours.
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("%d bytes of %q took %s", len(in), s, took)
			}
		}
	}
}
