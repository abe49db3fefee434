package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// tailed is how many of the newest deliveries are watched.
const tailed = maxAPIPage

func tailCommand() *cobra.Command {
	var p pageFlags
	var every time.Duration
	lines, rounds := 10, 0
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Follow deliveries as they happen",
		Long: fmt.Sprintf(`Show the newest deliveries, and then each one that comes or changes, until
interrupted. The newest %d are watched: with more at once, narrow them with --filter.`, tailed),
		Example: "  memhook tail\n  memhook tail --filter 'endpoint:crm status:failed'\n  memhook tail -o ndjson --lines 0",
		Args:    args(cobra.NoArgs),
	}
	deliveryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, _ []string) error {
		if every < 100*time.Millisecond {
			return usagef("--interval %v is too short; use at least 100ms", every)
		}
		if lines < 0 || lines > tailed {
			return usagef("--lines %d is not possible; use 0 to %d", lines, tailed)
		}
		w := watcher{show: tailView(cmd.OutOrStdout(), v), lines: lines}
		for n := 0; rounds == 0 || n < rounds; n++ {
			if n > 0 && !sleep(cmd.Context(), every) {
				return cmd.Context().Err()
			}
			q := url.Values{"limit": {strconv.Itoa(tailed)}}
			if p.filter != "" {
				q.Set("q", p.filter)
			}
			rows, err := api.list(cmd.Context(), deliveryKind.path, q, tailed)
			if err == nil {
				err = w.look(rows)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	f := cmd.Flags()
	f.StringVar(&p.filter, "filter", "", "what to follow, such as 'endpoint:crm status:failed'")
	f.DurationVar(&every, "interval", time.Second, "how often to look")
	f.IntVar(&lines, "lines", lines, "how many to show from before")
	f.IntVar(&rounds, "rounds", 0, "end after this many looks; 0: when interrupted")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// A watcher shows the rows that are new or have changed since it looked last.
type watcher struct {
	show  func(json.RawMessage) error
	lines int               // to show of the first look
	seen  map[string]string // when each row of the last look had changed; nil: none yet
}

// look takes the rows, newest first.
func (w *watcher) look(rows []json.RawMessage) error {
	seen := make(map[string]string, len(rows))
	var fresh []json.RawMessage
	for i, row := range rows {
		id, at := memberOf(row, "id"), changedAt(row)
		seen[id] = at
		if w.seen == nil && i < w.lines || w.seen != nil && w.seen[id] != at {
			fresh = append(fresh, row)
		}
	}
	w.seen = seen
	slices.SortStableFunc(fresh, func(a, b json.RawMessage) int { return cmp.Compare(changedAt(a), changedAt(b)) })
	for _, row := range fresh {
		if err := w.show(row); err != nil {
			return err
		}
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
