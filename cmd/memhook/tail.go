package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func tailCommand() *cobra.Command {
	var filter string
	lines, most := 10, 0
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Follow deliveries as they happen",
		Long: `Show the newest deliveries, and then each one that comes or changes, until
interrupted. When the server goes away it is waited for, and what was missed comes
after. What is followed can be narrowed by status, endpoint, type, code, error and
trigger.`,
		Example: "  memhook tail\n  memhook tail --filter 'endpoint:crm status:failed'\n  memhook tail -o ndjson --lines 0",
		Args:    args(cobra.NoArgs),
	}
	deliveryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, _ []string) error {
		if lines < 0 || lines > maxAPIPage || most < 0 {
			return usagef("--lines is 0 to %d, and --count is not negative", maxAPIPage)
		}
		t := tail{api: api, filter: filter, show: tailView(cmd.OutOrStdout(), v), most: most, seen: map[string]string{}}
		return t.run(cmd.Context(), cmd.ErrOrStderr(), lines)
	})
	f := cmd.Flags()
	f.StringVar(&filter, "filter", "", "what to follow, such as 'endpoint:crm status:failed'")
	f.IntVar(&lines, "lines", lines, "how many to show from before")
	f.IntVar(&most, "count", 0, "end after this many; 0: when interrupted")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// A tail shows deliveries, each change of one once.
type tail struct {
	api    *client
	filter string
	show   func(json.RawMessage) error
	most   int // to show; 0: no end
	shown  int
	seen   map[string]string // when each of those shown last had changed, by ID
}

// errEnough ends a tail that has shown as much as it should.
var errEnough = errors.New("enough")

// tailSeen bounds what a tail remembers.
const tailSeen = 10_000

// tailRest is how long a tail waits for a server that has gone.
const tailRest = time.Second

func (t *tail) query() url.Values {
	q := url.Values{}
	if t.filter != "" {
		q.Set("q", t.filter)
	}
	return q
}

// run shows the last lines, and then what changes. The stream is opened first, so
// that nothing falls between the two.
func (t *tail) run(ctx context.Context, stderr io.Writer, lines int) error {
	last := ""
	for first := true; ; first = false {
		err := t.api.stream(ctx, deliveryKind.path+"/stream?"+t.query().Encode(), last, func() error {
			if !first || lines == 0 {
				return nil
			}
			return t.before(ctx, lines)
		}, func(id string, row json.RawMessage) error {
			last = cmp.Or(id, last)
			return t.take(row)
		})
		var exit *exitError
		switch {
		case errors.Is(err, errEnough):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &exit) && (first || exit.code != exitUnreachable):
			return err
		case err != nil && exit == nil:
			return err
		}
		fmt.Fprintln(stderr, "The stream has ended; waiting for the server.")
		if !sleep(ctx, tailRest) {
			return ctx.Err()
		}
	}
}

// before shows the newest deliveries in the order of their changes.
func (t *tail) before(ctx context.Context, lines int) error {
	q := t.query()
	q.Set("limit", strconv.Itoa(lines))
	rows, err := t.api.list(ctx, deliveryKind.path, q, lines)
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b json.RawMessage) int { return cmp.Compare(changedAt(a), changedAt(b)) })
	for _, row := range rows {
		if err := t.take(row); err != nil {
			return err
		}
	}
	return nil
}

// take shows a row unless it was shown as it is. errEnough.
func (t *tail) take(row json.RawMessage) error {
	id, at := memberOf(row, "id"), changedAt(row)
	if t.seen[id] == at {
		return nil
	}
	if len(t.seen) >= tailSeen {
		clear(t.seen)
	}
	t.seen[id] = at
	if err := t.show(row); err != nil {
		return err
	}
	if t.shown++; t.shown == t.most {
		return errEnough
	}
	return nil
}

// changedAt is when a row changed last, to the microsecond.
func changedAt(row json.RawMessage) string {
	var r struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	_ = json.Unmarshal(row, &r) // what has no time never changes
	return r.UpdatedAt.UTC().Format("2006-01-02T15:04:05.000000")
}

// tailView shows one row at a time: a line for a person, else as lists do.
func tailView(w io.Writer, v *view) func(json.RawMessage) error {
	if v.format != "table" && v.format != "wide" {
		line := *v
		if line.format == "json" {
			line.format = "ndjson"
		}
		headed := false
		return func(row json.RawMessage) error {
			if line.format == "csv" && headed {
				return line.record(w, row)
			}
			headed = true
			return line.rows(w, []json.RawMessage{row})
		}
	}
	return func(row json.RawMessage) error {
		_, err := fmt.Fprintf(w, "%s  %-9s  %-14s  %s  %s%s  %s\n", memberOf(row, "updated_at"), memberOf(row, "status"),
			printable(memberOf(row, "type")), printable(memberOf(row, "endpoint_name")), lastTry(row), nextTry(row), memberOf(row, "id"))
		return err
	}
}

// lastTry says what came of the last attempt.
func lastTry(row json.RawMessage) string {
	var r struct {
		Attempts int    `json:"attempts"`
		Detail   string `json:"detail"`
		Recent   []struct {
			Status *int   `json:"status_code"`
			Error  string `json:"error"`
		} `json:"recent"`
	}
	if json.Unmarshal(row, &r) != nil || len(r.Recent) == 0 {
		return printable(cmp.Or(r.Detail, "not tried yet"))
	}
	last := r.Recent[len(r.Recent)-1]
	said := last.Error
	if last.Status != nil {
		said = fmt.Sprint("answered ", *last.Status)
	}
	return fmt.Sprintf("attempt %d %s", r.Attempts, printable(said))
}

func nextTry(row json.RawMessage) string {
	if at := memberOf(row, "next_at"); at != "" && memberOf(row, "status") == "pending" {
		return ", next " + at
	}
	return ""
}
