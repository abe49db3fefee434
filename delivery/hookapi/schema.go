package hookapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
)

// schema is a JSON Schema (2020-12), as far as the shapes need it.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        any                `json:"type,omitempty"` // one name, or a name and "null"
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or a schema
}

// componentRef begins a reference to a component.
const componentRef = "#/components/schemas/"

// schemas are the components of a document, by name.
type schemas map[string]*schema

// of returns the schema of a type of an answer; a struct becomes a component. enum
// lists the values of a text.
func (s schemas) of(t reflect.Type, enum string) *schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	case t == reflect.TypeFor[uuid.UUID]():
		return &schema{Type: "string", Format: "uuid"}
	case t == reflect.TypeFor[json.RawMessage]():
		return &schema{} // anything
	}
	switch t.Kind() {
	case reflect.Pointer:
		return orNullSchema(s.of(t.Elem(), enum))
	case reflect.String:
		sc := &schema{Type: "string"}
		if enum != "" {
			sc.Enum = strings.Split(enum, ",")
		}
		return sc
	case reflect.Interface:
		return &schema{} // anything
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return &schema{Type: "integer"}
	case reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Slice:
		return &schema{Type: "array", Items: s.of(t.Elem(), "")}
	case reflect.Map:
		// A nil map or header is null.
		return &schema{Type: []string{"object", "null"}, Additional: s.ofValue(t.Elem())}
	}
	name := schemaName(t)
	if name == "" {
		return s.fields(t, true)
	}
	if s[name] == nil {
		s[name] = &schema{} // a type may hold itself
		*s[name] = *s.fields(t, true)
	}
	return &schema{Ref: componentRef + name}
}

// ofValue is the schema of a map's values; lists of texts are what headers have.
func (s schemas) ofValue(t reflect.Type) *schema { return s.of(t, "") }

// orNullSchema allows null.
func orNullSchema(sc *schema) *schema {
	if name, ok := sc.Type.(string); ok {
		sc.Type = []string{name, "null"}
	}
	return sc
}

// schemaName is the component's name, "" for a list, which has none of its own.
func schemaName(t reflect.Type) string {
	name := strings.TrimSuffix(t.Name(), "Shape")
	if strings.ContainsAny(name, "[") || name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// fields is the schema of a struct. In an answer every member is there unless it
// says omitempty; in a request those that are required.
func (s schemas) fields(t reflect.Type, answer bool) *schema {
	sc := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			inner := s.fields(f.Type, answer)
			for name, p := range inner.Properties {
				sc.Properties[name] = p
			}
			sc.Required = append(sc.Required, inner.Required...)
			continue
		}
		name := jsonName(f)
		if name == "" {
			continue
		}
		p := s.member(f, answer)
		if doc := f.Tag.Get("doc"); doc != "" && p.Ref == "" {
			p.Description = doc
		}
		sc.Properties[name] = p
		if answer && !strings.Contains(f.Tag.Get("json"), ",omitempty") || f.Tag.Get("required") == "true" {
			sc.Required = append(sc.Required, name)
		}
	}
	return sc
}

func (s schemas) member(f reflect.StructField, answer bool) *schema {
	t := f.Type
	if !answer && t.Kind() == reflect.Pointer { // may be left out, and not be null
		t = t.Elem()
	}
	return s.of(t, f.Tag.Get("enum"))
}

// body is the schema of a request body.
func (s schemas) body(t reflect.Type) *schema { return s.fields(t, false) }

func hasRequired(t reflect.Type) bool {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("required") == "true" {
			return true
		}
	}
	return false
}
