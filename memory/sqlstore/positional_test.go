package sqlstore

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnnumbered(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		order            []int
	}{
		{"in order", `INSERT INTO t VALUES ($1, $2)`, `INSERT INTO t VALUES (?, ?)`, nil},
		{"out of order", `UPDATE t SET a = $3, b = $10 WHERE id = $1`, `UPDATE t SET a = ?, b = ? WHERE id = ?`, []int{2, 9, 0}},
		{"twice", `SELECT 1 WHERE a <= $1 OR b <= $1`, `SELECT 1 WHERE a <= ? OR b <= ?`, []int{0, 0}},
		{"quoted", `SELECT '$1', 'it''s $2' WHERE a = $1`, `SELECT '$1', 'it''s $2' WHERE a = ?`, nil},
		{"none", `COMMIT`, `COMMIT`, nil},
		{"at the end", `SELECT $`, `SELECT $`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, order := unnumbered(c.text)
			if got != c.want {
				t.Errorf("the text is %q, want %q", got, c.want)
			}
			if diff := cmp.Diff(c.order, order); diff != "" {
				t.Errorf("the order of %q (-want +got):\n%s", c.text, diff)
			}
		})
	}
}
