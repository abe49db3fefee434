package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

var keyKind = kind{noun: "key", path: "keys", title: "name", local: true, columns: []column{
	{"ID", "id", false},
	{"NAME", "name", false},
	{"SCOPE", "scope", false},
	{"HINT", "hint", false},
	{"CREATED", "created_at", false},
	{"REVOKED", "revoked_at", false},
	{"LAST USED", "last_used_at", true},
}}

const exampleKey = "key_0193a1f0-0000-4000-8000-000000000001"

func keyCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "key",
		Short: "Create, list and revoke API keys",
		Long: `An API key opens one project, to change it (admin) or to look only (read). A server is
asked, with a key of the project. Who has the database may name any project of it with
--project instead.`,
		Example: "  memhook key list\n  memhook key create grafana --scope read\n  memhook key create crm-app --project proj_… --data-dir ./data",
	})
	cmd.AddCommand(keyKind.list("List API keys, oldest first"), keyCreateCommand(), keyKind.remove("revoke", "Revoke an API key", exampleKey))
	return cmd
}

func keyCreateCommand() *cobra.Command {
	b := &bodyFlags{}
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create an API key, which is shown this once",
		Example: "  memhook key create grafana --scope read\n  memhook key create ci -o json | jq -r .key\n  memhook key create crm-app --project proj_… --data-dir ./data",
		Args:    args(cobra.ExactArgs(1)),
	}
	keyKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := b.body(cmd)
		if err != nil {
			return err
		}
		body["name"] = given[0]
		row, err := api.ask(cmd.Context(), http.MethodPost, keyKind.path, body)
		if err != nil {
			return err
		}
		return v.one(cmd.OutOrStdout(), row)
	})
	b.text(cmd, "scope", "scope", "admin or read (default admin)")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}
