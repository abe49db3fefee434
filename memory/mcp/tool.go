package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strconv"
	"strings"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/memory"
	"memhook/signing/apikey"
)

// A tool is a function that a model may call. Its arguments are the fields of a struct:
//
//	json:"name"      the argument
//	doc:"…"          what it is for
//	required:"true"  it must be there
//	enum:"a,b"       its values
//	max:"60"         the largest number; the least is 0
type tool struct {
	name, title, doc string
	scope            apikey.Scope
	in               reflect.Type
	run              func(c call, arguments json.RawMessage) (any, error)
}

// newTool makes a tool of a function.
func newTool[T any](name, title, doc string, scope apikey.Scope, f func(call, T) (any, error)) tool {
	return tool{name, title, doc, scope, reflect.TypeFor[T](), func(c call, raw json.RawMessage) (any, error) {
		var in T
		if err := arguments(raw, &in); err != nil {
			return nil, err
		}
		return f(c, in)
	}}
}

// toolShape is a tool as it is listed.
type toolShape struct {
	Name        string         `json:"name"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	InputSchema schema         `json:"inputSchema"`
	Annotations map[string]any `json:"annotations"`
}

type schema struct {
	Type        string             `json:"type"`
	Description string             `json:"description,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	Closed      *bool              `json:"additionalProperties,omitempty"`
}

func (t tool) shape() toolShape {
	return toolShape{
		Name: t.name, Title: t.title, Description: t.doc, InputSchema: schemaOf(t.in),
		Annotations: map[string]any{"readOnlyHint": t.scope == apikey.Read, "destructiveHint": false, "openWorldHint": false},
	}
}

// schemaOf describes the fields of a struct, those of embedded ones, too.
func schemaOf(t reflect.Type) schema {
	closed := false
	s := schema{Type: "object", Properties: map[string]*schema{}, Closed: &closed}
	for _, f := range reflect.VisibleFields(t) {
		name := f.Tag.Get("json")
		if f.Anonymous || name == "" {
			continue
		}
		p := &schema{Type: "string", Description: f.Tag.Get("doc")}
		kind := f.Type.Kind()
		if kind == reflect.Pointer {
			kind = f.Type.Elem().Kind()
		}
		switch kind {
		case reflect.Int:
			p.Type, p.Minimum = "integer", new(int)
			if n, err := strconv.Atoi(f.Tag.Get("max")); err == nil {
				p.Maximum = &n
			}
		case reflect.Bool:
			p.Type = "boolean"
		case reflect.Slice:
			p.Type, p.Items = "array", &schema{Type: "string"}
		}
		if list := f.Tag.Get("enum"); list != "" {
			to := p
			if p.Items != nil {
				to = p.Items
			}
			to.Enum = strings.Split(list, ",")
		}
		s.Properties[name] = p
		if f.Tag.Get("required") == "true" {
			s.Required = append(s.Required, name)
		}
	}
	return s
}

// A mistake is an error that is told to the model.
type mistake string

func (m mistake) Error() string { return string(m) }

// arguments reads those of a call. mistake.
func arguments(raw json.RawMessage, into any) error {
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typ) && typ.Field != "":
		return mistake(fmt.Sprintf("The argument %s must not be a JSON %s; see the tool's schema.", typ.Field, typ.Value))
	case err != nil:
		return mistake("The arguments cannot be read: " + strings.TrimPrefix(err.Error(), "json: ") + ". See the tool's schema.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return mistake("The arguments must be one JSON object.")
	}
	v := reflect.ValueOf(into).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Tag.Get("required") == "true" && v.FieldByIndex(f.Index).IsZero() {
			return mistake("The argument " + f.Tag.Get("json") + " is required.")
		}
	}
	return nil
}

// result is what a tool call is answered with.
type result struct {
	Content    []content `json:"content"`
	Structured any       `json:"structuredContent,omitempty"`
	IsError    bool      `json:"isError,omitempty"`
}

type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// run calls a tool. What went wrong is said in words.
func (s *Server) run(c call, t tool, raw json.RawMessage) result {
	out, err := t.run(c, raw)
	if err != nil {
		return result{Content: []content{{"text", s.words(c, t, err)}}, IsError: true}
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err) // every member is of a type that has JSON
	}
	return result{Content: []content{{"text", string(text)}}, Structured: out}
}

// words says an error to a model: what is wrong, and what to do.
func (s *Server) words(c call, t tool, err error) string {
	var (
		own   mistake
		first *memory.InvalidError
		other *delivery.InvalidError
	)
	switch {
	case errors.As(err, &own):
		return string(own)
	case errors.As(err, &first):
		return first.Error()
	case errors.As(err, &other):
		return other.Error()
	case errors.Is(err, feed.ErrGone):
		return "Events behind this cursor are no longer kept, so some may have been missed. Call list_memories or search_memories for what is known now, then wait_for_event without after."
	case errors.Is(err, feed.ErrTooMany), errors.Is(err, feed.ErrFull):
		return "Too many calls wait for events already. Let one end, or call with timeout_s 0."
	case errors.Is(err, delivery.ErrUnwritable):
		return "The server cannot store anything now. Nothing was added; try again in a few seconds."
	}
	level := slog.LevelError
	if c.Err() != nil {
		level = slog.LevelDebug // the caller has left
	}
	s.Log.LogAttrs(c, level, "tool failed", slog.String("tool", t.name), slog.Any("error", err))
	return "The server failed to do this; its log says more. Try again once, then ask its operator."
}
