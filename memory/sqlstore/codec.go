package sqlstore

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// micros is how a time is stored: Unix microseconds.
func micros(t time.Time) int64 { return t.UnixMicro() }

func microsOrNull(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMicro()
}

// blob is how an ID is stored.
func blob(id uuid.UUID) []byte { return id[:] }

// padded repeats the last of the IDs until their number is a power of two, so that
// few texts have to be prepared for lists of any length.
func padded(ids []uuid.UUID) []uuid.UUID {
	n := 1
	for n < len(ids) {
		n *= 2
	}
	for len(ids) > 0 && len(ids) < n {
		ids = append(ids[:len(ids):len(ids)], ids[len(ids)-1])
	}
	return ids
}

// blobs is blob for a list of arguments.
func blobs(ids []uuid.UUID) []any {
	list := make([]any, len(ids))
	for i := range ids {
		list[i] = blob(ids[i])
	}
	return list
}

func blobOrNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

func textOrNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

func numberOrNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

// jsonOrNull stores raw JSON as TEXT.
func jsonOrNull(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return string(raw)
}

// listOrNull stores a list as JSON; nil is NULL, an empty list is [].
func listOrNull[T any](list []T) any {
	if list == nil {
		return nil
	}
	return encode(list)
}

// encode returns the JSON of a value whose type always has one.
func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// The types below read a column into a field. NULL leaves the zero value.

type timeColumn struct{ to *time.Time }

func (c timeColumn) Scan(v any) error {
	us, err := integer(v)
	if err != nil || v == nil {
		return err
	}
	*c.to = time.UnixMicro(us).UTC()
	return nil
}

type timePtrColumn struct{ to **time.Time }

func (c timePtrColumn) Scan(v any) error {
	if *c.to = nil; v == nil {
		return nil
	}
	*c.to = new(time.Time)
	return timeColumn{*c.to}.Scan(v)
}

type textColumn[S ~string] struct{ to *S }

func (c textColumn[S]) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*c.to = ""
	case string:
		*c.to = S(v)
	case []byte:
		*c.to = S(v)
	default:
		return fmt.Errorf("column is %T, want text", v)
	}
	return nil
}

// text reads a TEXT column into any string type.
func text[S ~string](to *S) textColumn[S] { return textColumn[S]{to} }

type rawColumn struct{ to *json.RawMessage }

func (c rawColumn) Scan(v any) error {
	var s string
	if err := text(&s).Scan(v); err != nil {
		return err
	}
	if *c.to = nil; s != "" {
		*c.to = json.RawMessage(s)
	}
	return nil
}

type jsonColumn struct{ to any }

func (c jsonColumn) Scan(v any) error {
	var raw json.RawMessage
	if err := (rawColumn{&raw}).Scan(v); err != nil || raw == nil {
		return err
	}
	return json.Unmarshal(raw, c.to)
}

// ignored is a column that is read by its own name only.
type ignored struct{}

func (ignored) Scan(any) error { return nil }

type durationColumn struct {
	to   *time.Duration
	unit time.Duration
}

func (c durationColumn) Scan(v any) error {
	n, err := integer(v)
	*c.to = time.Duration(n) * c.unit
	return err
}

type intColumn struct{ to *int }

func (c intColumn) Scan(v any) error {
	n, err := integer(v)
	*c.to = int(n)
	return err
}

func integer(v any) (int64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		return v, nil
	default:
		return 0, fmt.Errorf("column is %T, want an integer", v)
	}
}

// placeholders returns "$from, $from+1, ..." for n values.
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(from+i))
	}
	return b.String()
}
