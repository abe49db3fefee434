package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

var sourceKind = kind{noun: "source", path: "sources", title: "name", prefix: "src_", columns: []column{
	{"ID", "id", false},
	{"NAME", "name", false},
	{"VERIFICATION", "verification", false},
	{"DEDUPE S", "dedupe_window_s", false},
	{"PAUSED", "paused_at", false},
	{"CREATED", "created_at", false},
	{"HEADER", "header", true},
}}

const exampleSource = "src_0193a1f0-0000-7000-8000-000000000001"

func sourceCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "source",
		Short: "Set up services that post webhooks here, to be relayed",
		Long: `A source is a service that posts its webhooks here once. What it posts is checked,
dropped when it is a repeat, and sent on to the endpoints: signed, retried, recorded.`,
		Example: "  memhook source list\n  memhook source create github --verification github",
	})
	cmd.AddCommand(
		sourceKind.list("List sources, oldest first"), sourceCreateCommand(), sourceKind.get("Show one source", exampleSource), sourceUpdateCommand(),
		sourceKind.remove("delete", "Delete a source: its address is unknown from then on", exampleSource),
		sourcePauseCommand("pause", "Pause a source: it is told to come back later", true),
		sourcePauseCommand("resume", "Resume a paused source", false),
		sourceKind.action("reveal", "Show a source's address and secret; leaves an audit entry", exampleSource),
	)
	return cmd
}

func sourceBody(cmd *cobra.Command) *bodyFlags {
	b := &bodyFlags{}
	b.text(cmd, "verification", "verification", "standard, github, stripe, token, or none: only the address is secret")
	b.text(cmd, "header", "header", "where the signature or token stands (default: the usual one)")
	b.secret(cmd, "secret-file", "secret", "`file` with the sender's secret, when it has one (default: a new one)")
	b.seconds(cmd, "dedupe", "dedupe_window_s", "how long repeats are dropped, up to 168h; 0s: not at all (default 24h)")
	b.json(cmd)
	return b
}

func sourceCreateCommand() *cobra.Command {
	var b *bodyFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Set up a source, and show its address and secret",
		Long: `Set up a source, and show where it posts to and what it signs with. Both are shown
here and by source reveal only.`,
		Example: `  memhook source create mem0 --verification none
  memhook source create github --verification github
  memhook source create stripe --verification stripe --secret-file stripe.txt --dedupe 72h`,
		Args: args(cobra.ExactArgs(1)),
	}
	sourceKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := b.body(cmd)
		if err != nil {
			return err
		}
		body["name"] = given[0]
		row, err := api.ask(cmd.Context(), http.MethodPost, sourceKind.path, body)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), "It posts to", api.base+memberOf(row, "path"))
		return v.one(cmd.OutOrStdout(), row)
	})
	b = sourceBody(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func sourcePauseCommand(verb, short string, paused bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: args(cobra.ExactArgs(1)),
		Example: fmt.Sprintf("  memhook source %s %s", verb, exampleSource),
	}
	return sourceKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return sourceKind.ask(cmd, api, v, http.MethodPatch, given[0], "", map[string]any{"paused": paused})
	})
}

func sourceUpdateCommand() *cobra.Command {
	var b *bodyFlags
	cmd := &cobra.Command{
		Use:     "update ID",
		Short:   "Change a source",
		Long:    "Change what is given and leave the rest as it is.",
		Example: fmt.Sprintf("  memhook source update %s --dedupe 1h", exampleSource),
		Args:    args(cobra.ExactArgs(1)),
	}
	sourceKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := b.body(cmd)
		if err != nil {
			return err
		}
		if len(body) == 0 {
			return usagef("nothing is to be changed; see %q", cmd.CommandPath()+" --help")
		}
		return sourceKind.ask(cmd, api, v, http.MethodPatch, given[0], "", body)
	})
	b = sourceBody(cmd)
	b.text(cmd, "name", "name", "what people call it")
	return cmd
}
