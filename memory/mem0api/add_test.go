package mem0api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"memhook/memory"
)

func readAdd(body string) (*addRequest, error) {
	c := echo.New().NewContext(httptest.NewRequest(http.MethodPost, "/v1/memories/", strings.NewReader(body)), httptest.NewRecorder())
	r := new(addRequest)
	return r, r.read(&input{a: new(API), c: c})
}

func TestReadAdd(t *testing.T) {
	var verbatim, inferred []memory.Turn
	for _, turns := range []struct {
		infer string
		to    *[]memory.Turn
	}{{"false", &verbatim}, {"true", &inferred}} {
		r, err := readAdd(`{"messages": [
			{"role": "system", "content": "Be kind"},
			{"role": "user", "name": "Bob", "content": [{"type": "text", "text": "a"}, {"type": "pdf_url", "pdf_url": {"url": "x"}}, {"type": "text", "text": "b"}]},
			{"role": "user", "content": {"type": "text", "text": "c"}},
			{"role": "assistant", "content": "\u00e9\n\"q\""},
			{"role": "tool", "tool_calls": []}
		], "user_id": "top", "filters": {"user_id": "below", "AND": [{"agent_id": 7}, {"OR": [{"run_id": "not this"}]}]}, "infer": ` + turns.infer + `}`)
		if err != nil {
			t.Fatal(err)
		}
		*turns.to = r.add.Turns
		if diff := cmp.Diff(memory.Scope{UserID: "top", AgentID: "7"}, r.add.Scope); diff != "" {
			t.Errorf("scope (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]memory.Turn{
		{Role: "system", Text: "Be kind"},
		{Role: "user", Name: "Bob", Text: "a\nb"},
		{Role: "user", Text: "c"},
		{Role: "assistant", Text: "é\n\"q\""},
		{Role: "tool"},
	}, inferred); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]memory.Turn{
		{Role: "system", Text: "Be kind"},
		{Role: "user", Name: "Bob"},
		{Role: "user"},
		{Role: "assistant", Text: "é\n\"q\""},
		{Role: "tool"},
	}, verbatim); diff != "" {
		t.Errorf("turns with infer false (-want +got):\n%s", diff)
	}
}

func FuzzReadAdd(f *testing.F) {
	scripts, _ := filepath.Glob("testdata/add_*.http")
	for _, file := range scripts {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(text), "\n\n") {
			if _, body, ok := strings.Cut(block, "\n{"); ok {
				body, _, _ = strings.Cut("{"+body, "\nHTTP ")
				f.Add(body)
			}
		}
	}
	f.Add(`{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"filters":{"AND":[{"user_id":1}]},"timestamp":-1,"custom_categories":[{"a":"b"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := readAdd(body)
		if err != nil {
			if fail := failureOf(err, addForm); fail.status < 400 || fail.status > 499 {
				t.Fatalf("%q is answered with %d: %v", body, fail.status, err)
			}
			return
		}
		stored, err := json.Marshal(r.add)
		if err != nil {
			t.Fatalf("%q cannot be stored: %v", body, err)
		}
		if !json.Valid(r.payload) || strings.Contains(string(stored), `\u0000`) {
			t.Fatalf("%q is stored as %s", body, stored)
		}
		for _, turn := range r.add.Turns {
			if !utf8.ValidString(turn.Text) || turn.Role == "" {
				t.Fatalf("%q has the turn %+v", body, turn)
			}
		}
	})
}

func BenchmarkReadAdd(b *testing.B) {
	body := `{"messages":[{"role":"user","content":"` + strings.Repeat("I ordered a Nova 2000. ", 40) + `"}],"user_id":"user-123","metadata":{"a":1}}`
	req := httptest.NewRequest(http.MethodPost, "/v1/memories/", nil)
	req.ContentLength = int64(len(body))
	c := echo.New().NewContext(req, httptest.NewRecorder())
	in := input{a: new(API), c: c}
	reader := strings.NewReader(body)
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		req.Body = readCloser{reader}
		var r addRequest
		if err := r.read(&in); err != nil {
			b.Fatal(err)
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }
