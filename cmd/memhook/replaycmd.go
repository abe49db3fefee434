package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

var replayKind = kind{noun: "replay", path: "replays", columns: []column{
	{"ID", "id", false},
	{"STATE", "state", false},
	{"TOTAL", "total", false},
	{"DONE", "done", false},
	{"WHAT", "what", false},
	{"ENDPOINT", "endpoint_id", false},
	{"CREATED", "created_at", false},
}}

const exampleReplay = "rpl_0193a1f0-0000-7000-8000-000000000001"

// replayFlags say what is sent again, and how.
type replayFlags struct {
	what, since, until string
	types              []string
	rate               float64
	dryRun, yes, wait  bool
}

func replayCommand() *cobra.Command {
	var o replayFlags
	cmd := &cobra.Command{
		Use:   "replay ENDPOINT",
		Short: "Send an endpoint's deliveries again, in bulk",
		Long: `Freeze and count a set of an endpoint's deliveries, ask, and send them again. The set
does not grow meanwhile. When it has changed since it was counted nothing is sent,
and the exit code is 6.

  failed    those that were given up
  held      those that were put aside
  skipped   those the endpoint did not want then and would want now
  missing   all it would want and never got, also from before it was there
  all       all that are over
  memories  a snapshot: every memory as it is, each as a new memory_add

The work is the server's: it goes on when this command has ended.`,
		Example: fmt.Sprintf(`  memhook replay %[1]s --dry-run
  memhook replay %[1]s --since 24h --rate 10 --yes --wait
  memhook replay %[1]s --what missing --types memory_add`, exampleEndpoint),
		Args: args(cobra.ExactArgs(1)),
	}
	replayKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return o.run(cmd, api, v, given[0])
	})
	f := cmd.Flags()
	f.StringVar(&o.what, "what", "failed", "failed, held, skipped, missing, all or memories")
	f.StringVar(&o.since, "since", "", "only messages from then on: 24h ago, or 2026-01-02T03:04:05Z")
	f.StringVar(&o.until, "until", "", "only messages from before then")
	f.StringSliceVar(&o.types, "types", nil, "only messages of these types")
	f.Float64Var(&o.rate, "rate", 0, "most deliveries a second; 0: as fast as the endpoint takes them")
	f.BoolVar(&o.dryRun, "dry-run", false, "only freeze and count")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.BoolVar(&o.wait, "wait", false, "wait until all of it has been made due")
	cmd.ValidArgsFunction = endpointKind.complete()
	cmd.AddCommand(
		replayKind.recent("List bulk replays, newest first"), replayKind.get("Show a bulk replay with its progress", exampleReplay),
		replayKind.action("cancel", "Cancel a bulk replay: what it made due is sent, the rest is not", exampleReplay),
	)
	return cmd
}

func (o *replayFlags) run(cmd *cobra.Command, api *client, v *view, endpoint string) error {
	id, err := endpointKind.idOf(cmd.Context(), api, endpoint)
	if err != nil {
		return err
	}
	set, err := o.set(id, time.Now())
	if err != nil {
		return err
	}
	preview, err := api.ask(cmd.Context(), http.MethodPost, replayKind.path+"/preview", set)
	if err != nil {
		return err
	}
	var frozen struct {
		Count    int    `json:"count"`
		FrozenAt string `json:"frozen_at"`
	}
	if err := json.Unmarshal(preview, &frozen); err != nil {
		return err
	}
	if o.dryRun {
		return v.one(cmd.OutOrStdout(), preview)
	}
	what := fmt.Sprintf("%s, created up to %s", deliveriesOf(frozen.Count), frozen.FrozenAt)
	if frozen.Count == 0 {
		_, err := fmt.Fprintln(cmd.ErrOrStderr(), "Nothing to send again:", what+".")
		return err
	}
	if err := confirm(cmd, o.yes, fmt.Sprintf("Send again %s?", what)); err != nil {
		return err
	}
	set["frozen_at"], set["count"], set["rate_per_second"] = frozen.FrozenAt, frozen.Count, o.rate
	row, err := api.ask(cmd.Context(), http.MethodPost, replayKind.path, set)
	if err != nil {
		return err
	}
	if o.wait {
		if row, err = awaitReplay(cmd, api, row); err != nil {
			return err
		}
	}
	return v.one(cmd.OutOrStdout(), row)
}

func deliveriesOf(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}

// set is the body that preview and start share.
func (o *replayFlags) set(endpoint string, now time.Time) (map[string]any, error) {
	set := map[string]any{"endpoint_id": endpoint, "what": o.what}
	for name, text := range map[string]string{"since": o.since, "until": o.until} {
		if text == "" {
			continue
		}
		at, err := moment(text, now)
		if err != nil {
			return nil, usagef("--%s %q is neither a time span such as 24h nor a time such as 2026-01-02T03:04:05Z", name, text)
		}
		set[name] = at.UTC().Format(time.RFC3339Nano)
	}
	if len(o.types) > 0 {
		set["types"] = o.types
	}
	return set, nil
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	return time.Parse(time.RFC3339, text)
}

// replayLook is how often a replay that is waited for is looked at.
const replayLook = 500 * time.Millisecond

// awaitReplay returns a replay when it is over. Meanwhile it shows a person how far
// it is.
func awaitReplay(cmd *cobra.Command, api *client, row json.RawMessage) (json.RawMessage, error) {
	progress := terminal(cmd.ErrOrStderr())
	for {
		var r struct {
			ID          string `json:"id"`
			State       string `json:"state"`
			Done, Total int
		}
		if err := json.Unmarshal(row, &r); err != nil {
			return nil, err
		}
		if progress {
			fmt.Fprintf(cmd.ErrOrStderr(), "\r%d of %d", r.Done, r.Total)
		}
		if r.State != "running" {
			if progress {
				fmt.Fprintln(cmd.ErrOrStderr())
			}
			if r.State != "done" {
				return row, failf(exitFailures, "replay %s was %s after %d of %d", r.ID, printable(r.State), r.Done, r.Total)
			}
			return row, nil
		}
		if !sleep(cmd.Context(), replayLook) {
			return nil, cmd.Context().Err()
		}
		var err error
		if row, err = api.ask(cmd.Context(), http.MethodGet, replayKind.path+"/"+url.PathEscape(r.ID), nil); err != nil {
			return nil, err
		}
	}
}
