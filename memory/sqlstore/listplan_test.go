package sqlstore_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// long are the tables that grow with every event.
var long = []string{"events", "changes", "memories", "messages", "deliveries", "attempts"}

// mostRead is how many rows of these one statement of a page may touch: those of a
// window, and for each of them one of another table.
const mostRead = 5000

// TestListsReadNoMoreThanAWindow asks for a page of every list on tables that are
// longer than that, and looks at the plan of each statement.
func TestListsReadNoMoreThanAWindow(t *testing.T) {
	if testing.Short() {
		t.Skip("fills two databases")
	}
	sqlite, postgres := seed(t, 40_000)
	t.Run("sqlite", func(t *testing.T) { eachStatement(t, sqlite, scanless) })
	t.Run("postgres", func(t *testing.T) { eachStatement(t, postgres, bounded) })
}

func eachStatement(t *testing.T, s seeded, check func(*testing.T, seeded, sqlstore.Statement)) {
	t.Helper()
	for _, l := range lists(t, s) {
		t.Run(l.name, func(t *testing.T) {
			statements, err := s.Watch(func() error {
				_, err := l.page(t.Context(), s, 50)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range statements {
				check(t, s, st)
			}
		})
	}
}

// byID is a step that looks for single rows, as many as a statement names.
var byID = regexp.MustCompile(`[( ](id|event_id|delivery_id)=\?\)`)

var madeBefore = regexp.MustCompile(`(CO-ROUTINE|MATERIALIZE) (\S+)`)

// scanless holds when SQLite goes through an index, in its order. It may scan and
// sort what a limited part of the statement gave.
func scanless(t *testing.T, s seeded, st sqlstore.Statement) {
	t.Helper()
	lines, err := s.Plan(t.Context(), st)
	if err != nil {
		t.Fatalf("plan of %s: %v", st.Text, err)
	}
	if strings.Contains(st.Text, "id IN ($") && !byID.MatchString(strings.Join(lines, "\n")) {
		t.Errorf("rows are not looked for by their IDs in the plan\n%s\nof %s", strings.Join(lines, "\n"), st.Text)
	}
	made := map[string]bool{}
	part := map[string]bool{} // by indentation: some rows of it come from a limited part
	for _, line := range lines {
		words := strings.Fields(line)
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if m := madeBefore.FindStringSubmatch(line); m != nil {
			made[m[2]] = true
		}
		part[indent+"  "] = false
		part[indent] = part[indent] || slices.Contains([]string{"CO-ROUTINE", "MATERIALIZE", "LIST"}, words[0]) || byID.MatchString(line)
		switch {
		case words[0] == "SCAN" && !made[words[1]] && !slices.Contains([]string{"endpoints", "projects", "CONSTANT"}, words[1]),
			strings.Contains(line, "FOR ORDER BY") && !part[indent]:
			t.Errorf("%q in the plan\n%s\nof %s", line, strings.Join(lines, "\n"), st.Text)
		}
	}
}

// A planNode is a step of a plan of Postgres.
type planNode struct {
	Type      string  `json:"Node Type"`
	Table     string  `json:"Relation Name"`
	Index     string  `json:"Index Name"`
	Rows      float64 `json:"Actual Rows"`
	Loops     float64 `json:"Actual Loops"`
	Filtered  float64 `json:"Rows Removed by Filter"`
	Joined    float64 `json:"Rows Removed by Join Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Plans     []planNode
}

// read is how many rows of long tables the step and those below it touch, and which
// tables are read as a whole.
func (n planNode) read() (rows float64, whole string) {
	if n.Table != "" && slices.Contains(long, n.Table) || n.Type == "Bitmap Index Scan" {
		rows = (n.Rows + n.Filtered + n.Joined + n.Rechecked) * n.Loops
		if n.Type == "Seq Scan" {
			whole = n.Table
		}
	}
	for _, p := range n.Plans {
		r, w := p.read()
		rows += r
		whole += w
	}
	return rows, whole
}

// bounded holds when Postgres reads no table as a whole, and of an index only so
// much as a page may.
func bounded(t *testing.T, s seeded, st sqlstore.Statement) {
	t.Helper()
	raw, err := s.Run(t.Context(), st)
	var plan []struct{ Plan planNode }
	if err == nil {
		err = json.Unmarshal(raw, &plan)
	}
	if err != nil || len(plan) != 1 {
		t.Fatalf("plan of %s: %v", st.Text, err)
	}
	if rows, whole := plan[0].Plan.read(); whole != "" || rows > mostRead {
		t.Errorf("%.0f rows are read, and all of %q, by the plan\n%s\nof %s", rows, whole, raw, st.Text)
	}
}

// TestFreshMemoriesAreFoundByTheirHash on an empty database, of which Postgres knows
// nothing, as on that of a new server.
func TestFreshMemoriesAreFoundByTheirHash(t *testing.T) {
	db := sqlstoretest.OpenPostgres(t)
	plan, err := db.FreshPlan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, "memories_hash") || strings.Contains(plan, "memories_project") {
		t.Errorf("a text is looked for by\n%s", plan)
	}
}
