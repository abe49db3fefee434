package hookapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
)

const (
	maxBody  = 1 << 20 // bytes of a request body
	maxDepth = 64      // of its JSON
)

// read fills a request struct from the parts of a request that its tags name.
func read(c echo.Context, into any) error {
	v := reflect.ValueOf(into).Elem()
	if err := readParams(c, v); err != nil {
		return err
	}
	if !hasBody(v.Type()) {
		return nil
	}
	raw, err := body(c)
	if err != nil {
		return err
	}
	if fields := object(raw, v, ""); len(fields) > 0 {
		return invalid(fields...)
	}
	return nil
}

// readParams reads the segments of the path and the parameters of the URL.
// Parameters that no field names are refused, so that a misspelt one is noticed.
func readParams(c echo.Context, v reflect.Value) error {
	params := c.QueryParams()
	known := []string{}
	var wrong []fieldShape
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("path"); name != "" {
			if !clean(c.Param(name)) {
				return errNotFound
			}
			v.Field(i).SetString(c.Param(name))
		}
		if f.Type == reflect.TypeFor[filters]() {
			continue // read below
		}
		name := f.Tag.Get("query")
		if name == "" {
			continue
		}
		known = append(known, name)
		if text := params.Get(name); text != "" {
			if err := setParam(v.Field(i), text); err != "" {
				wrong = append(wrong, fieldShape{name, err})
			}
		}
	}
	for i := range v.NumField() {
		if f, ok := v.Field(i).Addr().Interface().(*filters); ok {
			terms, err := delivery.TermsOf(params, known...)
			if err != nil {
				return err
			}
			*f, params = filters{terms}, nil
		}
	}
	for name, values := range params {
		switch {
		case !slices.Contains(known, name):
			wrong = append(wrong, fieldShape{cut(name), "There is no such parameter."})
		case !clean(strings.Join(values, "")) || len(values) > 1:
			wrong = append(wrong, fieldShape{name, "Must be given once, as valid UTF-8."})
		}
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b fieldShape) int { return strings.Compare(a.Field, b.Field) })
		return invalid(wrong...)
	}
	return nil
}

// filters are the parameters of a list in the filter language.
type filters struct{ delivery.Terms }

func setParam(v reflect.Value, text string) string {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return "Must be true or false."
		}
		v.SetBool(b)
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1<<31 {
			return "Must be a whole number."
		}
		v.SetInt(int64(n))
	}
	return ""
}

// clean tells whether a text can be stored and compared in every database.
func clean(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func cut(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(s, "")
}

// body reads the request body: a JSON text of a bounded depth in clean UTF-8.
func body(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxBody))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return nil, errTooLarge
	case err != nil:
		return nil, invalid(fieldShape{"", "The request body ended early."})
	case len(bytes.TrimSpace(raw)) == 0:
		return []byte(`{}`), nil
	}
	if text := checkJSON(raw); text != "" {
		return nil, invalid(fieldShape{"", text})
	}
	return raw, nil
}

// checkJSON says what is wrong with a JSON text, "" when nothing is.
func checkJSON(raw []byte) string {
	if !utf8.Valid(raw) {
		return "The request body is not valid UTF-8."
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	depth := 0
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && depth == 0:
			return ""
		case err != nil:
			return "The request body is not valid JSON."
		}
		switch t := t.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxDepth {
				return fmt.Sprintf("The request body is nested deeper than %d levels.", maxDepth)
			}
		case string:
			if strings.ContainsRune(t, 0) {
				return "A text in the request body has a NUL character."
			}
		}
	}
}

// jsonName returns the name of a field in JSON, "" when it has none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// hasBody tells whether a request struct has a member of the body.
func hasBody(t reflect.Type) bool {
	for i := range t.NumField() {
		if jsonName(t.Field(i)) != "" {
			return true
		}
	}
	return false
}

// object reads a JSON object into the fields of a struct and returns what is wrong.
func object(raw json.RawMessage, v reflect.Value, at string) (wrong []fieldShape) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return []fieldShape{{at, "Must be a JSON object."}}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := jsonName(f)
		if name == "" {
			continue
		}
		path := name
		if at != "" {
			path = at + "." + name
		}
		text, ok := members[name]
		delete(members, name)
		switch {
		case !ok && f.Tag.Get("required") == "true":
			wrong = append(wrong, fieldShape{path, "This field is required."})
		case ok:
			wrong = append(wrong, member(text, v.Field(i), path)...)
		}
	}
	for name := range members {
		path := cut(name)
		if at != "" {
			path = at + "." + path
		}
		wrong = append(wrong, fieldShape{path, "There is no such field."})
	}
	slices.SortStableFunc(wrong, func(a, b fieldShape) int { return strings.Compare(a.Field, b.Field) })
	return wrong
}

// member reads one member of an object.
func member(raw json.RawMessage, v reflect.Value, path string) []fieldShape {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		if string(raw) == "null" && t.Elem() != reflect.TypeFor[json.RawMessage]() {
			return []fieldShape{{path, "Must not be null."}}
		}
		v.Set(reflect.New(t.Elem()))
		return member(raw, v.Elem(), path)
	}
	if t.Kind() == reflect.Struct && !isLeaf(t) {
		return object(raw, v, path)
	}
	if string(raw) == "null" && t != reflect.TypeFor[json.RawMessage]() {
		return []fieldShape{{path, "Must not be null."}}
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		return []fieldShape{{path, "Must be " + kindWords(t) + "."}}
	}
	return nil
}

// isLeaf tells whether a type reads itself from JSON.
func isLeaf(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

func kindWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list, each of its items " + kindWords(t.Elem())
	case reflect.Map:
		return "an object, each of its values " + kindWords(t.Elem())
	}
	return "valid"
}
