package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func testCommand() *cobra.Command {
	var typ string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "test ENDPOINT",
		Short: "Send an endpoint a test message, and show what it answers",
		Long: `Send an endpoint a sample message, tried once, also when it is paused or disabled, and
wait for its answer. It is on record with the trigger test. Exit code 8 means that
the endpoint did not take it.`,
		Example: fmt.Sprintf("  memhook test crm\n  memhook test %[1]s\n  memhook test %[1]s --type memory_delete -o json", exampleEndpoint),
		Args:    args(cobra.ExactArgs(1)),
	}
	attemptKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		if wait <= 0 {
			return usagef("--wait %v is not possible; use more than zero", wait)
		}
		body := map[string]any{}
		if typ != "" {
			body["type"] = typ
		}
		id, err := endpointKind.idOf(cmd.Context(), api, given[0])
		if err != nil {
			return err
		}
		row, err := api.ask(cmd.Context(), http.MethodPost, endpointKind.path+"/"+url.PathEscape(id)+"/test", body)
		if err != nil {
			return err
		}
		return showTest(cmd, api, v, memberOf(row, "id"), wait)
	})
	cmd.Flags().StringVar(&typ, "type", "", "of the message (default: one the endpoint wants)")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the answer")
	cmd.ValidArgsFunction = endpointKind.complete()
	return cmd
}

// testLook is how often a test that is waited for is looked at.
const testLook = 100 * time.Millisecond

// showTest waits until a delivery is over and shows its attempts.
func showTest(cmd *cobra.Command, api *client, v *view, id string, wait time.Duration) error {
	path := deliveryKind.path + "/" + url.PathEscape(id)
	until := time.Now().Add(wait)
	for {
		row, err := api.ask(cmd.Context(), http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		switch status := memberOf(row, "status"); {
		case status == "pending" || status == "sending":
			if time.Now().After(until) {
				return failf(exitUnreachable, "delivery %s is still %s after %v; memhook explain %[1]s says why", id, status, wait)
			}
			if !sleep(cmd.Context(), testLook) {
				return cmd.Context().Err()
			}
			continue
		case status != "succeeded":
			err = failf(exitFailures, "delivery %s is %s; memhook explain %[1]s says why", id, status)
		}
		rows, listErr := api.list(cmd.Context(), path+"/attempts", url.Values{}, 0)
		if listErr == nil {
			listErr = v.rows(cmd.OutOrStdout(), rows)
		}
		if listErr != nil {
			return listErr
		}
		return err
	}
}
