package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// formats are how rows are shown.
var formats = []string{"table", "wide", "json", "ndjson", "csv", "id"}

// A view shows the rows of one kind of thing: as the API has them (json, ndjson),
// or by columns.
type view struct {
	format  string
	columns []column
}

// A column shows one member of a row. The member of an object inside is named with
// a dot: standing.state.
type column struct {
	title, member string
	wide          bool // left out of a plain table
}

func (v *view) flag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&v.format, "output", "o", "table", strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func (v *view) check() error { return oneOf("-o", v.format, formats...) }

// rows shows a list.
func (v *view) rows(w io.Writer, rows []json.RawMessage) error {
	switch v.format {
	case "json":
		if rows == nil {
			rows = []json.RawMessage{}
		}
		return encodeJSON(w, rows)
	case "ndjson":
		for _, row := range rows {
			if err := writeLine(w, row); err != nil {
				return err
			}
		}
		return nil
	case "id":
		for _, row := range rows {
			fmt.Fprintln(w, memberOf(row, "id"))
		}
		return nil
	case "csv":
		return v.csv(w, rows)
	}
	return v.table(w, rows)
}

// one shows a single thing: as a table, all its members one below the other.
func (v *view) one(w io.Writer, row json.RawMessage) error {
	switch v.format {
	case "json":
		return writeLine(w, row)
	case "table", "wide":
		t := plainTable(w)
		for _, m := range flatten("", row) {
			t.AppendRow(table.Row{m.name, m.text})
		}
		t.Render()
		return nil
	}
	return v.rows(w, []json.RawMessage{row})
}

func writeLine(w io.Writer, row json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, row); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n", &line)
	return err
}

func (v *view) csv(w io.Writer, rows []json.RawMessage) error {
	head := make([]string, len(v.columns))
	for i, c := range v.columns {
		head[i] = c.member
	}
	if err := writeRecord(w, head); err != nil {
		return err
	}
	for _, row := range rows {
		if err := v.record(w, row); err != nil {
			return err
		}
	}
	return nil
}

// record writes a row as a line of CSV.
func (v *view) record(w io.Writer, row json.RawMessage) error {
	cells := make([]string, len(v.columns))
	for i, c := range v.columns {
		cells[i] = unformula(memberOf(row, c.member))
	}
	return writeRecord(w, cells)
}

func writeRecord(w io.Writer, cells []string) error {
	out := csv.NewWriter(w)
	_ = out.Write(cells) // kept until Flush
	out.Flush()
	return out.Error()
}

// unformula keeps a spreadsheet from taking a text from outside for a formula.
func unformula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (v *view) table(w io.Writer, rows []json.RawMessage) error {
	if len(rows) == 0 {
		return nil
	}
	shown := slices.DeleteFunc(slices.Clone(v.columns), func(c column) bool { return c.wide && v.format != "wide" })
	t := plainTable(w)
	head := make(table.Row, len(shown))
	for i, c := range shown {
		head[i] = c.title
	}
	t.AppendHeader(head)
	for _, raw := range rows {
		row := make(table.Row, len(shown))
		for i, c := range shown {
			row[i] = printable(short(memberOf(raw, c.member), v.format))
		}
		t.AppendRow(row)
	}
	t.Render()
	return nil
}

// maxCell is how much of a text a plain table shows, in characters.
const maxCell = 60

func short(s, format string) string {
	if format == "wide" {
		return s
	}
	return text.Snip(s, maxCell, "…")
}

// plainTable is one without lines, so that other programs can cut it at spaces.
func plainTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(trimmed{w})
	s := table.StyleDefault
	s.Options = table.OptionsNoBordersAndSeparators
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	t.SetStyle(s)
	return t
}

// trimmed cuts the spaces off the end of each line.
type trimmed struct{ io.Writer }

func (t trimmed) Write(b []byte) (int, error) {
	lines := strings.Split(string(b), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	_, err := io.WriteString(t.Writer, strings.Join(lines, "\n"))
	return len(b), err
}

// memberOf returns a member of a row as text, "" when it is not there or null.
func memberOf(row json.RawMessage, path string) string {
	name, rest, inside := strings.Cut(path, ".")
	var members map[string]json.RawMessage
	if json.Unmarshal(row, &members) != nil {
		return ""
	}
	if inside {
		return memberOf(members[name], rest)
	}
	return plain(members[name])
}

// plain returns a JSON value as a person reads it.
func plain(raw json.RawMessage) string {
	var s string
	var list []string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &s) == nil:
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			return at.UTC().Format("2006-01-02 15:04:05Z")
		}
		return s
	case json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, ",")
	}
	return string(raw)
}

type namedText struct{ name, text string }

// flatten lists the members of an object in their order, those of objects inside
// with a dot.
func flatten(prefix string, raw json.RawMessage) []namedText {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var list []namedText
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return list
		}
		path := fmt.Sprint(prefix, name)
		if inside := flatten(path+".", value); len(inside) > 0 {
			list = append(list, inside...)
		} else {
			list = append(list, namedText{printable(path), printable(plain(value))})
		}
	}
	return list
}
