package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
)

var eventKind = kind{noun: "event", path: "events", columns: []column{
	{"ID", "id", false},
	{"TYPE", "type", false},
	{"STATUS", "status", false},
	{"USER", "user_id", false},
	{"CREATED", "created_at", false},
	{"REASON", "reason", false},
	{"ERROR", "error", false},
	{"AGENT", "agent_id", true},
	{"RUN", "run_id", true},
	{"TRIES", "tries", true},
}}

var deliveryKind = kind{noun: "delivery", path: "deliveries", columns: []column{
	{"ID", "id", false},
	{"STATUS", "status", false},
	{"TYPE", "type", false},
	{"ENDPOINT", "endpoint_name", false},
	{"ATTEMPTS", "attempts", false},
	{"NEXT", "next_at", false},
	{"CREATED", "created_at", false},
	{"REASON", "detail", false},
	{"EVENT", "event_id", true},
	{"MESSAGE", "message_id", true},
	{"URL", "endpoint_url", true},
}}

var attemptKind = kind{noun: "delivery", columns: []column{
	{"ID", "id", true},
	{"NUMBER", "number", false},
	{"TRIGGER", "trigger", false},
	{"STARTED", "started_at", false},
	{"STATUS", "status_code", false},
	{"MS", "duration_ms", false},
	{"WHAT HAPPENED", "sentence", false},
	{"NEXT", "next_at", false},
	{"REMOTE", "remote_addr", true},
	{"ANSWER", "response_body", true},
}}

const (
	exampleEvent    = "0193a1f0-0000-7000-8000-000000000001"
	exampleDelivery = "dlv_0193a1f0-0000-7000-8000-000000000001"
)

func eventCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "event",
		Short:   "Look at memory events",
		Long:    "An event is one accepted write: what it asked for, and what it did to memories.",
		Example: "  memhook event list --filter 'user:alice since:2h'\n  memhook event get " + exampleEvent,
	})
	cmd.AddCommand(eventKind.pages("List events, newest first", "status:failed user:alice since:2h"), eventKind.get("Show one event with what it changed", exampleEvent))
	return cmd
}

func deliveryCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "delivery",
		Short:   "Look at deliveries and their attempts",
		Long:    "A delivery is one message on its way to one endpoint; an attempt is one request of it.",
		Example: "  memhook delivery list --filter 'status:failed endpoint:crm code:5xx since:2h'\n  memhook delivery attempts " + exampleDelivery,
	})
	cmd.AddCommand(
		deliveryKind.pages("List deliveries, newest first", "status:failed endpoint:crm code:5xx since:2h"),
		deliveryKind.get("Show one delivery", exampleDelivery), attemptsCommand(),
		deliveryKind.action("resend", "Send a delivery now, whatever has become of it", exampleDelivery),
		deliveryKind.action("cancel", "Cancel a delivery that waits or is held", exampleDelivery),
	)
	return cmd
}

func attemptsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "attempts ID",
		Short:   "List the attempts of a delivery, oldest first",
		Example: fmt.Sprintf("  memhook delivery attempts %[1]s\n  memhook delivery attempts %[1]s -o json", exampleDelivery),
		Args:    args(cobra.ExactArgs(1)),
	}
	return attemptKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		rows, err := api.list(cmd.Context(), deliveryKind.path+"/"+url.PathEscape(given[0])+"/attempts", url.Values{}, 0)
		if err != nil {
			return err
		}
		return v.rows(cmd.OutOrStdout(), rows)
	})
}
