package dashboard

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	shown := func(list []run) string {
		var b strings.Builder
		for _, r := range list {
			if r.Changed {
				b.WriteString("[" + string(r.Text) + "]")
			} else {
				b.WriteString(string(r.Text))
			}
		}
		return b.String()
	}
	for _, test := range []struct{ before, after, old, new string }{
		{"Lives in Berlin, prefers tea", "Lives in Lisbon, prefers tea", "Lives in [Berlin,] prefers tea", "Lives in [Lisbon,] prefers tea"},
		{"same", "same", "same", "same"},
		{"", "new text", "", "[new text]"},
		{"a b c", "a c", "a [b ]c", "a c"},
		{"Wohnt in Köln", "Wohnt in Zürich", "Wohnt in [Köln]", "Wohnt in [Zürich]"},
		{strings.Repeat("x ", 300), "y", strings.Repeat("x ", 300), "y"}, // too long to compare
	} {
		old, new := diff(test.before, test.after)
		if got := shown(old); got != test.old {
			t.Errorf("of %.40q to %.40q the old text is %q, want %q", test.before, test.after, got, test.old)
		}
		if got := shown(new); got != test.new {
			t.Errorf("of %.40q to %.40q the new text is %q, want %q", test.before, test.after, got, test.new)
		}
	}
}
