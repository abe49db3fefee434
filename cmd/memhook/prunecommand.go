package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"memhook/memory/sqlstore"
)

func pruneCommand() *cobra.Command {
	var c config
	var yes bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove old events, messages, deliveries and attempts now",
		Long: `Remove events that are older than the retention, with their messages, deliveries and
attempts, as a server does every hour. Memories and their history stay, and so does
an event that still has something to deliver. It works beside a running server, in
small groups.`,
		Example: "  memhook prune --yes\n  memhook prune --retention 240h",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, &c, func(ctx context.Context, db *sqlstore.DB) error {
				if c.Retention < minRetention {
					return usagef("--retention %v is too short; use at least %v, because a delivery may be retried for days", c.Retention, minRetention)
				}
				if err := confirm(cmd, yes, fmt.Sprintf("Remove what is older than %v?", c.Retention)); err != nil {
					return err
				}
				n, err := pruneAll(ctx, db, c.Retention)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s removed.\n", count(n, "event"))
				return err
			})
		},
	}
	storeFlags(cmd, &c)
	retentionFlag(cmd.Flags(), &c.Retention)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
