package mem0api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/signing/apikey"
)

// TestScripts plays testdata/*.http. A script is a list of exchanges separated by
// empty lines:
//
//	POST /v1/memories/            the request; $name is a value from before
//	X-Some: header
//	{"messages": "hi"}            its body, if it has one
//	HTTP 200                      the status that must come
//	{"results": [{"id": "<uuid memory>", "when": "<time>"}]}
//
// The expected body has every member that may come. "<uuid name>" is any UUID and
// keeps it as $name; "<webhook name>", "<time>", "<text>", "<hash>", "<number>" and
// "<score>" stand for what they say. A line "hold" stops the processing of events, "work" does what
// waits, and "run" starts it again. # begins a comment.
//
// go test -run TestScripts -update rewrites the status and body of every exchange
// that came out otherwise; the diff is to be read. Placeholders that fit stay.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("find scripts: %d, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			t.Parallel()
			p := player{server: newServer(t, nil), file: file}
			p.vars = map[string]string{"project": p.project, "key": p.key, "read": p.keyFor(apikey.Read)}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p.play(string(text))
			if *update && p.text() != string(text) {
				if err := os.WriteFile(file, []byte(p.text()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type player struct {
	*server
	file   string
	line   int
	vars   map[string]string
	lines  []string       // of the script
	answer map[int]answer // what came instead, by the line where the exchange begins
}

func (p *player) play(script string) {
	p.lines, p.answer = strings.Split(script, "\n"), map[int]answer{}
	var block []string
	begin := 1
	lines := bufio.NewScanner(strings.NewReader(script + "\n\n"))
	for n := 1; lines.Scan(); n++ {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "#"):
		case line != "":
			if len(block) == 0 {
				begin = n
			}
			block = append(block, line)
		case len(block) > 0:
			p.line = begin
			p.step(block)
			block = nil
		}
	}
}

var (
	variable = regexp.MustCompile(`\$[a-z0-9]+`)
	isHeader = regexp.MustCompile(`^[A-Z][A-Za-z-]*: `)
)

func (p *player) step(block []string) {
	p.t.Helper()
	switch block[0] {
	case "hold":
		p.held.Store(true)
		return
	case "run":
		p.held.Store(false)
		return
	case "work":
		p.work()
		return
	}
	for i, line := range block {
		block[i] = variable.ReplaceAllStringFunc(line, func(name string) string {
			v, ok := p.vars[name[1:]]
			if !ok {
				p.t.Fatalf("%s:%d: %s is not set", p.file, p.line, name)
			}
			return v
		})
	}
	method, target, _ := strings.Cut(block[0], " ")
	var header, body, want []string
	status := 0
	for _, line := range block[1:] {
		switch {
		case status != 0:
			want = append(want, line)
		case isHeader.MatchString(line):
			name, v, _ := strings.Cut(line, ": ")
			header = append(header, name, v)
		case strings.HasPrefix(line, "HTTP "):
			fmt.Sscanf(line, "HTTP %d", &status)
		default:
			body = append(body, line)
		}
	}
	w := p.send(method, target, strings.Join(body, "\n"), header...)
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		p.t.Errorf("%s:%d: Content-Type %q, want application/json", p.file, p.line, got)
	}
	p.compare(w.Code, w.Body.String(), status, strings.Join(want, "\n"))
}

func (p *player) compare(gotStatus int, gotBody string, wantStatus int, wantBody string) {
	p.t.Helper()
	if *update {
		p.note(gotStatus, gotBody, wantStatus, wantBody)
		return
	}
	if gotStatus != wantStatus {
		p.t.Fatalf("%s:%d: status %d, want %d; body %s", p.file, p.line, gotStatus, wantStatus, gotBody)
	}
	want, err := decodeJSON(wantBody)
	if err != nil {
		p.t.Fatalf("%s:%d: expected body: %v", p.file, p.line, err)
	}
	got, err := decodeJSON(gotBody)
	if err != nil {
		p.t.Fatalf("%s:%d: answer is not JSON: %v: %s", p.file, p.line, err, gotBody)
	}
	if diff := p.diff("", want, got); diff != "" {
		p.t.Fatalf("%s:%d: %s\nbody: %s", p.file, p.line, diff, gotBody)
	}
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(text string) (v any, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// diff returns the first difference, "" when there is none.
func (p *player) diff(path string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			return p.diffObjects(path, want, got)
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			break
		}
		for i := range want {
			if d := p.diff(fmt.Sprintf("%s[%d]", path, i), want[i], got[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		if got, ok := got.(string); ok && p.matches(want, got) {
			return ""
		}
		if got, ok := got.(json.Number); ok && (want == "<score>" && isScore(got) || want == "<number>") {
			return ""
		}
	}
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("%s is %v, want %v", path, got, want)
}

func (p *player) diffObjects(path string, want, got map[string]any) string {
	names := map[string]bool{}
	for name := range want {
		names[name] = true
	}
	for name := range got {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, wanted := want[name]
		g, there := got[name]
		switch {
		case !there:
			return fmt.Sprintf("%s.%s is missing", path, name)
		case !wanted:
			return fmt.Sprintf("%s.%s is %v, want no such member", path, name, g)
		}
		if d := p.diff(path+"."+name, w, g); d != "" {
			return d
		}
	}
	return ""
}

func isScore(n json.Number) bool {
	f, err := n.Float64()
	return err == nil && f >= 0 && f <= 1
}

// matches tells whether got is what a placeholder stands for, or want itself.
func (p *player) matches(want, got string) bool {
	kind, name, named := strings.Cut(strings.Trim(want, "<>"), " ")
	ok := want == got
	switch {
	case !strings.HasPrefix(want, "<"):
	case kind == "uuid":
		_, err := uuid.Parse(got)
		ok = err == nil && len(got) == 36
	case kind == "webhook":
		_, err := uuid.Parse(strings.TrimPrefix(got, "ep_"))
		ok = err == nil && strings.HasPrefix(got, "ep_")
	case kind == "secret":
		ok = strings.HasPrefix(got, "whsec_")
	case kind == "time":
		_, err := time.Parse(time.RFC3339, got)
		ok = err == nil && strings.HasSuffix(got, "Z")
	case kind == "text":
		ok = got != ""
	case kind == "hash":
		ok = len(got) == 32
	}
	if ok && named && strings.HasPrefix(want, "<") {
		p.vars[name] = got
	}
	return ok
}
