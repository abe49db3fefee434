package memory

import (
	"testing"
	"time"
)

func TestTimeframe(t *testing.T) {
	now := time.Date(2024, 7, 3, 15, 0, 0, 0, time.UTC) // a Wednesday
	for _, test := range []struct{ query, rest, first, last string }{
		{"What did I do yesterday?", "What did I do  ?", "2024-07-02", "2024-07-02"},
		{"today", " ", "2024-07-03", "2024-07-03"},
		{"meals of this week", "meals of  ", "2024-07-01", "2024-07-07"},
		{"Last Week", " ", "2024-06-24", "2024-06-30"},
		{"last month please", "  please", "2024-06-01", "2024-06-30"},
		{"past year", " ", "2023-01-01", "2023-12-31"},
		{"in the last 3 days", " ", "2024-06-30", "2024-07-03"},
		{"two weeks ago", " ", "2024-06-17", "2024-06-23"},
		{"a month ago", " ", "2024-06-01", "2024-06-30"},
		{"10 days ago", " ", "2024-06-23", "2024-06-23"},
		{"yesterdays tea", "", "", ""},
		{"the last supper", "", "", ""},
	} {
		rest, span, found := timeframe(test.query, now)
		if found != (test.first != "") {
			t.Errorf("%q: found %t", test.query, found)
			continue
		}
		if first, last := span.First.Format(time.DateOnly), span.Last.Format(time.DateOnly); found && (rest != test.rest || first != test.first || last != test.last) {
			t.Errorf("%q: %q from %s to %s, want %q from %s to %s", test.query, rest, first, last, test.rest, test.first, test.last)
		}
	}
}
