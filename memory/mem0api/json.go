package mem0api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf8"

	"memhook/memory"
)

// maxDepth is how deep objects and arrays of a body may be nested.
const maxDepth = 64

// A value is one JSON value out of a body that parse has accepted, without white
// space around it. Its methods rely on that.
type value []byte

// parse checks that body is one JSON value of valid Unicode without NUL. The
// value shares body's memory. *memory.InvalidError.
func parse(body []byte) (value, error) {
	c := checker{buf: body}
	if !utf8.Valid(body) {
		return nil, &memory.InvalidError{Text: "the request body is not valid UTF-8"}
	}
	c.space()
	start := c.pos
	if !c.value(0) {
		return nil, c.problem()
	}
	end := c.pos
	if c.space(); c.pos < len(body) {
		c.what = "data after the end"
		return nil, c.problem()
	}
	return value(body[start:end]), nil
}

// checker reads JSON (RFC 8259) and stops at the first mistake.
type checker struct {
	buf  []byte
	pos  int
	what string // the mistake at pos
}

func (c *checker) problem() error {
	line := 1 + bytes.Count(c.buf[:c.pos], []byte("\n"))
	column := c.pos - bytes.LastIndexByte(c.buf[:c.pos], '\n')
	return &memory.InvalidError{Text: fmt.Sprintf("malformed JSON in the request body, line %d, column %d: %s", line, column, c.what)}
}

func (c *checker) fail(what string) bool {
	if c.pos >= len(c.buf) {
		what = "unexpected end"
	}
	c.what = what
	return false
}

// peek returns the byte at pos, 0 at the end.
func (c *checker) peek() byte {
	if c.pos < len(c.buf) {
		return c.buf[c.pos]
	}
	return 0
}

func (c *checker) space() {
	for c.pos < len(c.buf) && isSpace(c.buf[c.pos]) {
		c.pos++
	}
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }

func (c *checker) value(depth int) bool {
	switch b := c.peek(); {
	case b == '{' || b == '[':
		if depth == maxDepth {
			return c.fail("more than " + strconv.Itoa(maxDepth) + " levels of nesting")
		}
		if b == '{' {
			return c.object(depth + 1)
		}
		return c.array(depth + 1)
	case b == '"':
		return c.string()
	case b == 't':
		return c.word("true")
	case b == 'f':
		return c.word("false")
	case b == 'n':
		return c.word("null")
	case b == '-' || isDigit(b):
		return c.number()
	}
	return c.fail("expected a value")
}

func (c *checker) object(depth int) bool {
	c.pos++
	if c.space(); c.peek() == '}' {
		c.pos++
		return true
	}
	for {
		if c.space(); c.peek() != '"' {
			return c.fail("expected a member name in double quotes")
		}
		if !c.string() {
			return false
		}
		if c.space(); c.peek() != ':' {
			return c.fail("expected a colon")
		}
		c.pos++
		if c.space(); !c.value(depth) {
			return false
		}
		if c.space(); c.peek() == '}' {
			c.pos++
			return true
		}
		if c.peek() != ',' {
			return c.fail("expected a comma or }")
		}
		c.pos++
	}
}

func (c *checker) array(depth int) bool {
	c.pos++
	if c.space(); c.peek() == ']' {
		c.pos++
		return true
	}
	for {
		if c.space(); !c.value(depth) {
			return false
		}
		if c.space(); c.peek() == ']' {
			c.pos++
			return true
		}
		if c.peek() != ',' {
			return c.fail("expected a comma or ]")
		}
		c.pos++
	}
}

func (c *checker) word(w string) bool {
	if !bytes.HasPrefix(c.buf[c.pos:], []byte(w)) {
		return c.fail("expected a value")
	}
	c.pos += len(w)
	return true
}

func (c *checker) string() bool {
	for c.pos++; c.pos < len(c.buf); c.pos++ {
		switch b := c.buf[c.pos]; {
		case b == '"':
			c.pos++
			return true
		case b == '\\':
			if !c.escape() {
				return false
			}
		case b < ' ':
			return c.fail("a control character in a string must be escaped")
		}
	}
	return c.fail("unexpected end")
}

// escape reads an escape up to its last byte.
func (c *checker) escape() bool {
	c.pos++
	switch c.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
	default:
		return c.fail("unknown escape in a string")
	}
	r, ok := c.hex()
	switch {
	case !ok:
		return c.fail("expected four hexadecimal digits")
	case r == 0:
		return c.fail("a string may not contain NUL")
	case r < 0xD800 || r > 0xDFFF:
		return true
	}
	if r < 0xDC00 && bytes.HasPrefix(c.buf[c.pos+1:], []byte(`\u`)) {
		c.pos += 2
		if low, ok := c.hex(); ok && low >= 0xDC00 && low <= 0xDFFF {
			return true
		}
	}
	return c.fail("a string may not contain half of a surrogate pair")
}

// hex reads the four digits after the u at pos, up to the last of them.
func (c *checker) hex() (r rune, ok bool) {
	if len(c.buf)-c.pos < 5 {
		c.pos = len(c.buf)
		return 0, false
	}
	for range 4 {
		c.pos++
		switch b := c.buf[c.pos]; {
		case isDigit(b):
			r = r<<4 | rune(b-'0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			r = r<<4 | rune(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

func (c *checker) number() bool {
	if c.peek() == '-' {
		c.pos++
	}
	if c.peek() == '0' {
		c.pos++
	} else if !c.digits() {
		return c.fail("expected a digit")
	}
	if c.peek() == '.' {
		if c.pos++; !c.digits() {
			return c.fail("expected a digit")
		}
	}
	if c.peek()|0x20 == 'e' {
		if c.pos++; c.peek() == '+' || c.peek() == '-' {
			c.pos++
		}
		if !c.digits() {
			return c.fail("expected a digit")
		}
	}
	return true
}

func (c *checker) digits() bool {
	start := c.pos
	for isDigit(c.peek()) {
		c.pos++
	}
	return c.pos > start
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// The kinds of value, named by the byte they begin with.
func (v value) isObject() bool { return v[0] == '{' }
func (v value) isArray() bool  { return v[0] == '[' }
func (v value) isString() bool { return v[0] == '"' }
func (v value) isNumber() bool { return v[0] == '-' || isDigit(v[0]) }
func (v value) isNull() bool   { return v[0] == 'n' }

// text returns a string's characters.
func (v value) text() string {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		panic(err) // parse has accepted it
	}
	return s
}

// members are an object's names and values in order. A name is good until the
// next one.
func (v value) members() iter.Seq2[[]byte, value] {
	return func(yield func([]byte, value) bool) {
		for i := v.next(1); v[i] != '}'; i = v.next(i) {
			end := v.end(i)
			name := v[i+1 : end-1]
			if bytes.IndexByte(name, '\\') >= 0 {
				name = []byte(v[i:end].text())
			}
			i = v.next(end)
			end = v.end(i)
			if !yield(name, v[i:end]) {
				return
			}
			i = end
		}
	}
}

// items are an array's values in order.
func (v value) items() iter.Seq2[int, value] {
	return func(yield func(int, value) bool) {
		n := 0
		for i := v.next(1); v[i] != ']'; i = v.next(i) {
			end := v.end(i)
			if !yield(n, v[i:end]) {
				return
			}
			i, n = end, n+1
		}
	}
}

// next returns where the next name, value or closing bracket at or after i is.
func (v value) next(i int) int {
	for isSpace(v[i]) || v[i] == ',' || v[i] == ':' {
		i++
	}
	return i
}

// end returns where the name or value at i ends.
func (v value) end(i int) int {
	depth := 0
	for {
		switch v[i] {
		case '"':
			for i++; v[i] != '"'; i++ {
				if v[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth == 0 {
				return v.scalarEnd(i)
			}
		}
		if i++; depth == 0 {
			return i
		}
	}
}

// scalarEnd returns where the number, true, false or null at i ends.
func (v value) scalarEnd(i int) int {
	for i < len(v) && !isSpace(v[i]) && v[i] != ',' && v[i] != '}' && v[i] != ']' {
		i++
	}
	return i
}
