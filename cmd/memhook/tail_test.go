package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// TestWatcher: first the last lines, then what is new or has changed, in the order
// of the changes.
func TestWatcher(t *testing.T) {
	var shown []string
	w := watcher{lines: 2, show: func(row json.RawMessage) error {
		shown = append(shown, memberOf(row, "id"))
		return nil
	}}
	row := func(id string, second int) json.RawMessage {
		return fmt.Appendf(nil, `{"id":%q,"updated_at":"2026-01-02T03:04:%02d.5Z"}`, id, second)
	}
	for _, step := range []struct {
		name string
		rows []json.RawMessage
		want []string
	}{
		{"the last two of three", []json.RawMessage{row("c", 3), row("b", 2), row("a", 1)}, []string{"b", "c"}},
		{"nothing", []json.RawMessage{row("c", 3), row("b", 2), row("a", 1)}, nil},
		{"a new one after a change", []json.RawMessage{row("d", 5), row("c", 3), row("b", 2), row("a", 4)}, []string{"a", "d"}},
		{"one that fell out and came back", []json.RawMessage{row("d", 5), row("c", 6)}, []string{"c"}},
	} {
		shown = nil
		if err := w.look(step.rows); err != nil || !slices.Equal(shown, step.want) {
			t.Errorf("%s: %v, error %v; want %v", step.name, shown, err, step.want)
		}
	}
}
