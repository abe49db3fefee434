package mem0api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parsePyValue reads a query parameter that holds an object: JSON, or what
// Python's str() makes of dicts, lists, tuples, strings, numbers, True, False and
// None, which mem0's Python client sends. The result is JSON that parse accepts.
// It is nil for nothing and for "[object Object]", which JavaScript makes of every
// object.
func parsePyValue(s string) (json.RawMessage, error) {
	s = strings.Trim(s, " \t\r\n")
	if s == "" || s == "[object Object]" {
		return nil, nil
	}
	if v, err := parse([]byte(s)); err == nil {
		return json.RawMessage(v), nil
	}
	if !utf8.ValidString(s) {
		return nil, invalid("is not valid UTF-8")
	}
	r := pyReader{in: s, out: make([]byte, 0, len(s)+len(s)/8)}
	if !r.value(0) {
		return nil, invalid("is neither JSON nor Python notation: %s at character %d", r.what, 1+utf8.RuneCountInString(s[:r.pos]))
	}
	if r.space(); r.pos < len(s) {
		return nil, invalid("is neither JSON nor Python notation: data after the end at character %d", 1+utf8.RuneCountInString(s[:r.pos]))
	}
	return r.out, nil
}

// pyReader reads Python literals from in, writes JSON to out and stops at the
// first mistake.
type pyReader struct {
	in   string
	pos  int
	out  []byte
	what string // the mistake at pos
}

func (r *pyReader) fail(what string) bool {
	if r.pos >= len(r.in) {
		r.pos, what = len(r.in), "unexpected end"
	}
	r.what = what
	return false
}

// peek returns the byte at pos, 0 at the end.
func (r *pyReader) peek() byte {
	if r.pos < len(r.in) {
		return r.in[r.pos]
	}
	return 0
}

func (r *pyReader) space() {
	for isSpace(r.peek()) {
		r.pos++
	}
}

func (r *pyReader) value(depth int) bool {
	r.space()
	switch b := r.peek(); {
	case b == '{' || b == '[' || b == '(':
		if depth == maxDepth {
			return r.fail("more than " + strconv.Itoa(maxDepth) + " levels of nesting")
		}
		switch b {
		case '{':
			return r.dict(depth + 1)
		case '[':
			return r.list(']', depth+1)
		}
		return r.list(')', depth+1)
	case b == '\'' || b == '"':
		return r.string()
	case b == '-' || isDigit(b):
		return r.number()
	default:
		return r.word()
	}
}

func (r *pyReader) dict(depth int) bool {
	return r.sequence('}', '{', '}', func() bool {
		if b := r.peek(); b != '\'' && b != '"' {
			return r.fail("expected a key in quotes")
		}
		if !r.string() {
			return false
		}
		if r.space(); r.peek() != ':' {
			return r.fail("expected a colon")
		}
		r.pos++
		r.out = append(r.out, ':')
		return r.value(depth)
	})
}

// list reads a list or a tuple. What stands in parentheses without a comma is no
// tuple; str() never writes it.
func (r *pyReader) list(end byte, depth int) bool {
	return r.sequence(end, '[', ']', func() bool { return r.value(depth) })
}

// sequence reads items up to end. The last one may be followed by a comma.
func (r *pyReader) sequence(end, open, closed byte, item func() bool) bool {
	r.pos++
	r.out = append(r.out, open)
	for n := 0; ; n++ {
		if r.space(); r.peek() == end {
			break
		}
		if n > 0 {
			r.out = append(r.out, ',')
		}
		if !item() {
			return false
		}
		if r.space(); r.peek() == ',' {
			r.pos++
			continue
		}
		if r.peek() != end || end == ')' && n == 0 {
			return r.fail("expected a comma or " + string(end))
		}
	}
	r.pos++
	r.out = append(r.out, closed)
	return true
}

// word also takes JSON's spelling, for callers who mix the two.
func (r *pyReader) word() bool {
	for _, w := range []struct{ python, json string }{
		{"None", "null"}, {"True", "true"}, {"False", "false"},
	} {
		for _, name := range []string{w.python, w.json} {
			if strings.HasPrefix(r.in[r.pos:], name) {
				r.pos += len(name)
				r.out = append(r.out, w.json...)
				return true
			}
		}
	}
	return r.fail("expected a value")
}

// number reads what JSON, too, takes for a number: inf and nan are mistakes.
func (r *pyReader) number() bool {
	end := r.pos
	for end < len(r.in) && (isDigit(r.in[end]) || strings.IndexByte("+-.eE", r.in[end]) >= 0) {
		end++
	}
	number := []byte(r.in[r.pos:end])
	if !json.Valid(number) {
		return r.fail("expected a number")
	}
	r.pos = end
	r.out = append(r.out, number...)
	return true
}

func (r *pyReader) string() bool {
	quote := r.in[r.pos]
	r.pos++
	r.out = append(r.out, '"')
	for r.pos < len(r.in) {
		switch b := r.in[r.pos]; {
		case b == quote:
			r.pos++
			r.out = append(r.out, '"')
			return true
		case b == '\\':
			if !r.escape() {
				return false
			}
		case b == '\n' || b == '\r':
			return r.fail("a line break in a string must be escaped")
		case b == 0:
			return r.fail("a string may not contain NUL")
		default:
			r.pos++
			r.write(b)
		}
	}
	return r.fail("")
}

// write writes one byte of a string.
func (r *pyReader) write(b byte) {
	switch {
	case b == '"' || b == '\\':
		r.out = append(r.out, '\\', b)
	case b < ' ':
		r.out = fmt.Appendf(r.out, `\u%04x`, b)
	default:
		r.out = append(r.out, b)
	}
}

// escape reads a backslash and what follows it. As in Python, the backslash stays
// before a character that needs none.
func (r *pyReader) escape() bool {
	if r.pos+1 >= len(r.in) {
		r.pos++
		return r.fail("")
	}
	b := r.in[r.pos+1]
	switch b {
	case 'x':
		return r.code(2)
	case 'u':
		return r.code(4)
	case 'U':
		return r.code(8)
	case '0', '1', '2', '3', '4', '5', '6', '7', 'N', '\n', '\r':
		return r.fail("unknown escape in a string") // str() never writes them
	}
	r.pos += 2
	const letters, controls = `abfnrtv\'"`, "\a\b\f\n\r\t\v\\'\""
	if i := strings.IndexByte(letters, b); i >= 0 {
		r.write(controls[i])
		return true
	}
	r.write('\\')
	r.pos--
	return true
}

// code reads \x, \u or \U and that many hexadecimal digits. Two escapes that make
// a surrogate pair are one character, as in JSON.
func (r *pyReader) code(digits int) bool {
	char, ok := r.hex(r.pos+2, digits)
	switch {
	case !ok:
		return r.fail(fmt.Sprintf("expected %d hexadecimal digits", digits))
	case char == 0:
		return r.fail("a string may not contain NUL")
	}
	next := r.pos + 2 + digits
	if char >= 0xD800 && char < 0xDC00 && strings.HasPrefix(r.in[next:], `\u`) {
		if low, ok := r.hex(next+2, 4); ok && low >= 0xDC00 && low <= 0xDFFF {
			char = 0x10000 + (char-0xD800)<<10 + (low - 0xDC00)
			next += 6
		}
	}
	if char > utf8.MaxRune || !utf8.ValidRune(rune(char)) {
		return r.fail("no such character")
	}
	r.pos = next
	if char < utf8.RuneSelf {
		r.write(byte(char))
	} else {
		r.out = utf8.AppendRune(r.out, rune(char))
	}
	return true
}

func (r *pyReader) hex(from, digits int) (uint64, bool) {
	if from+digits > len(r.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(r.in[from:from+digits], 16, 32)
	return n, err == nil
}
