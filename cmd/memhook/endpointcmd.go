package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

var endpointKind = kind{noun: "endpoint", path: "endpoints", title: "name", prefix: "ep_", columns: []column{
	{"ID", "id", false},
	{"NAME", "name", false},
	{"STATE", "standing.state", false},
	{"TYPES", "event_types", false},
	{"URL", "url", false},
	{"FORMAT", "format", true},
	{"FAILING SINCE", "standing.failing_since", true},
	{"LAST SUCCESS", "last_success_at", true},
	{"CREATED", "created_at", true},
}}

const exampleEndpoint = "ep_0193a1f0-0000-7000-8000-000000000001"

func endpointCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "endpoint",
		Short:   "Register, change and look after endpoints",
		Long:    "An endpoint is a URL that gets messages: mem0's webhook.",
		Example: "  memhook endpoint list\n  memhook endpoint create https://crm.example.com/hook --name crm",
	})
	cmd.AddCommand(
		endpointKind.list("List endpoints, oldest first"), endpointCreateCommand(), endpointKind.get("Show one endpoint", exampleEndpoint), endpointUpdateCommand(),
		endpointKind.remove("delete", "Delete an endpoint; what waits for it is canceled", exampleEndpoint),
		endpointKind.action("pause", "Pause an endpoint: its deliveries are held and lose no tries", exampleEndpoint),
		endpointKind.action("resume", "Resume a paused endpoint: what was held is sent", exampleEndpoint),
		endpointKind.action("enable", "Enable a disabled endpoint: its failures are forgotten", exampleEndpoint),
		endpointProbeCommand(), endpointRotateCommand(), endpointRevealCommand(),
	)
	return cmd
}

// endpointBody adds the flags that creating and updating share.
func endpointBody(cmd *cobra.Command) *bodyFlags {
	b := &bodyFlags{}
	b.text(cmd, "name", "name", "what people call it; a new one is called by its host otherwise")
	b.list(cmd, "types", "event_types", "message types it gets, such as memory_add,relay.*; * for all of memories")
	b.text(cmd, "format", "format", "full, thin or mem0")
	b.text(cmd, "description", "description", "what it is for")
	b.number(cmd, "rate", "rate_per_second", "most requests a second; 0: no limit")
	b.text(cmd, "order", "order", "of the messages of one memory: none, memory or latest")
	b.seconds(cmd, "timeout", "timeout_s", "time limit of one request, 1s to 30s")
	b.truth(cmd, "ed25519", "ed25519", "sign with a key pair, too")
	b.json(cmd)
	return b
}

func endpointCreateCommand() *cobra.Command {
	var b *bodyFlags
	cmd := &cobra.Command{
		Use:   "create URL",
		Short: "Register an endpoint and show its signing secret",
		Long: `Register an endpoint and show its signing secret. What has no flag (headers, filter,
schedule) comes from a JSON file with the API's names; /api/docs has them.`,
		Example: `  memhook endpoint create https://crm.example.com/hook --name crm --types memory_add,memory_update
  echo '{"filter":{"user_ids":["alice"]}}' | memhook endpoint create https://crm.example.com/hook --name crm --json -
  memhook endpoint create https://index.example.com/hook --snapshot --order latest
  memhook endpoint create https://crm.example.com/hook --name crm -o json | jq -r .secret`,
		Args: args(cobra.ExactArgs(1)),
	}
	endpointKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := b.body(cmd)
		if err != nil {
			return err
		}
		body["url"] = given[0]
		if _, named := body["name"]; !named {
			if u, err := url.Parse(given[0]); err == nil && u.Host != "" {
				body["name"] = u.Host
			}
		}
		row, err := api.ask(cmd.Context(), http.MethodPost, endpointKind.path, body)
		if err != nil {
			return err
		}
		return v.one(cmd.OutOrStdout(), row)
	})
	b = endpointBody(cmd)
	paused := cmd.Flags().Bool("paused", false, "hold its deliveries from the start")
	snapshot := cmd.Flags().Bool("snapshot", false, "first send it every memory there is")
	b.flags = append(b.flags, bodyFlag{"paused", "paused", func() (any, error) { return *paused, nil }},
		bodyFlag{"snapshot", "snapshot", func() (any, error) { return *snapshot, nil }})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func endpointUpdateCommand() *cobra.Command {
	var b *bodyFlags
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Change an endpoint",
		Long:  "Change what is given and leave the rest as it is.",
		Example: fmt.Sprintf(`  memhook endpoint update %[1]s --types memory_add
  memhook endpoint update %[1]s --url https://new.example.com/hook --timeout 5s`, exampleEndpoint),
		Args: args(cobra.ExactArgs(1)),
	}
	endpointKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := b.body(cmd)
		if err != nil {
			return err
		}
		if len(body) == 0 {
			return usagef("nothing is to be changed; see %q", cmd.CommandPath()+" --help")
		}
		return endpointKind.ask(cmd, api, v, http.MethodPatch, given[0], "", body)
	})
	b = endpointBody(cmd)
	b.text(cmd, "url", "url", "where it is")
	return cmd
}

func endpointProbeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "probe ID",
		Short: "Send the next delivery in line for a parked endpoint now, to see whether it is back",
		Long: `Send the delivery that is next in line for a parked endpoint now, as the probe of its
breaker, and show it. When it succeeds the others follow; when it fails the next probe
waits longer. Without a delivery that waits there is "memhook test".`,
		Example: fmt.Sprintf("  memhook endpoint probe %[1]s\n  memhook endpoint probe %[1]s -o id", exampleEndpoint),
		Args:    args(cobra.ExactArgs(1)),
	}
	deliveryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return endpointKind.ask(cmd, api, v, http.MethodPost, given[0], "/probe", nil)
	})
	cmd.ValidArgsFunction = endpointKind.complete()
	return cmd
}

func endpointRotateCommand() *cobra.Command {
	b := &bodyFlags{}
	cmd := &cobra.Command{
		Use:     "rotate ID",
		Short:   "Give an endpoint a new secret; the old one goes on signing for a while",
		Example: fmt.Sprintf("  memhook endpoint rotate %[1]s\n  memhook endpoint rotate %[1]s --overlap 1h", exampleEndpoint),
		Args:    args(cobra.ExactArgs(1)),
	}
	endpointKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := b.body(cmd)
		if err != nil {
			return err
		}
		return endpointKind.ask(cmd, api, v, http.MethodPost, given[0], "/secret/rotate", body)
	})
	b.seconds(cmd, "overlap", "overlap_s", "how long the old one signs, up to 168h (default 24h)")
	b.text(cmd, "kind", "kind", "secret or ed25519: which is replaced (default secret)")
	return cmd
}

func endpointRevealCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reveal ID",
		Short:   "Show an endpoint's signing secrets; leaves an audit entry",
		Example: fmt.Sprintf("  memhook endpoint reveal %[1]s\n  memhook endpoint reveal %[1]s -o json | jq -r .secret", exampleEndpoint),
		Args:    args(cobra.ExactArgs(1)),
	}
	return endpointKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return endpointKind.ask(cmd, api, v, http.MethodPost, given[0], "/secret/reveal", nil)
	})
}
