package mem0api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/*.http")

// An answer is what came of an exchange, as a script has it.
type answer struct {
	status int
	body   string
}

// note keeps an answer that is not the one in the script.
func (p *player) note(gotStatus int, gotBody string, wantStatus int, wantBody string) {
	p.t.Helper()
	want, wantErr := decodeJSON(wantBody)
	got, err := decodeJSON(gotBody)
	if err != nil {
		p.t.Fatalf("%s:%d: answer is not JSON: %v: %s", p.file, p.line, err, gotBody)
	}
	if gotStatus == wantStatus && wantErr == nil && p.diff("", want, got) == "" {
		return
	}
	var out strings.Builder
	p.write(&out, "", want, json.RawMessage(gotBody))
	p.answer[p.line] = answer{gotStatus, out.String()}
}

// text is the script with the answers that were noted.
func (p *player) text() string {
	var out []string
	exchange, skip := 0, false
	for i, line := range p.lines {
		n := i + 1
		switch _, noted := p.answer[n]; {
		case noted:
			exchange = n
		case line == "":
			exchange, skip = 0, false
		}
		a, noted := p.answer[exchange]
		if noted && strings.HasPrefix(line, "HTTP ") {
			out, skip = append(out, fmt.Sprintf("HTTP %d", a.status), a.body), true
		}
		if !skip {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// write writes a value of an answer with placeholders for what differs between
// runs, and with those of want that fit.
func (p *player) write(out *strings.Builder, name string, want any, got json.RawMessage) {
	dec := json.NewDecoder(bytes.NewReader(got))
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil {
		p.t.Fatal(err)
	}
	switch first {
	case json.Delim('{'):
		members, _ := want.(map[string]any)
		p.writeItems(out, dec, "{", "}", func(int) (string, any) {
			key, _ := dec.Token()
			fmt.Fprintf(out, "%q: ", key)
			return key.(string), members[key.(string)]
		})
	case json.Delim('['):
		items, _ := want.([]any)
		p.writeItems(out, dec, "[", "]", func(i int) (string, any) {
			if i < len(items) {
				return name, items[i]
			}
			return name, nil
		})
	default:
		out.WriteString(p.scalar(name, want, first, got))
	}
}

func (p *player) writeItems(out *strings.Builder, dec *json.Decoder, open, end string, next func(int) (string, any)) {
	out.WriteString(open)
	for i := 0; dec.More(); i++ {
		switch {
		case i > 0 && open == "[" && strings.HasSuffix(out.String(), "}"):
			out.WriteString(",\n ")
		case i > 0:
			out.WriteString(", ")
		}
		name, want := next(i)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			p.t.Fatal(err)
		}
		p.write(out, name, want, raw)
	}
	out.WriteString(end)
}

// scalar is a string, number, boolean or null as a script has it.
func (p *player) scalar(name string, want, got any, raw json.RawMessage) string {
	text, isText := got.(string)
	if expected, ok := want.(string); ok {
		n, isNumber := got.(json.Number)
		if strings.HasPrefix(expected, "<") && (isText && p.matches(expected, text) || isNumber && (expected == "<score>" && isScore(n) || expected == "<number>")) {
			return quoted(expected)
		}
	}
	if !isText {
		return string(raw)
	}
	for _, v := range slices.Sorted(maps.Keys(p.vars)) {
		if p.vars[v] == text {
			return quoted("$" + v)
		}
	}
	if want == got {
		return string(raw)
	}
	_, notUUID := uuid.Parse(text)
	_, notTime := time.Parse(time.RFC3339, text)
	switch {
	case name == "hash":
		return quoted("<hash>")
	case notUUID == nil && len(text) == len(uuid.Nil.String()):
		return quoted("<uuid>")
	case notTime == nil && (name == "updated_at" || name == "started_at" || name == "completed_at"):
		return quoted("<time>")
	}
	return string(raw)
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(raw))
}
