package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"memhook/dashboard"
	"memhook/memory/sqlstore"
	"memhook/signing/apikey"
)

func loginLinkCommand() *cobra.Command {
	var c config
	var keyFile string
	cmd := &cobra.Command{
		Use:   "login-link",
		Short: "Print a link that signs one browser in to the dashboard",
		Long: `Print a link that signs one browser in to the dashboard, once and within ten minutes,
as the admin key in the data directory or the key of --key-file. It works beside a
running server. Whoever has the link has what the key may do.`,
		Example: "  memhook login-link\n  memhook login-link --public-url https://memhook.example.com",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, &c, func(ctx context.Context, db *sqlstore.DB) error {
				file := cmp.Or(keyFile, filepath.Join(c.DataDir, adminKeyFile))
				text, err := readSecret(file)
				if err != nil {
					return failf(exitNotAllowed, "there is no API key: %w; name a file with --key-file", err)
				}
				if k, err := db.Key(ctx, apikey.Hash(text)); err != nil || !k.Matches(text) {
					return failf(exitNotAllowed, "the key in %s is not known or has been revoked; name another file with --key-file", file)
				}
				link, err := dashboard.LoginLink(ctx, db, apikey.Hash(text), time.Now())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimRight(cmp.Or(c.PublicURL, os.Getenv("MEMHOOK_SERVER"), "http://127.0.0.1:8080"), "/")+link)
				return err
			})
		},
	}
	storeFlags(cmd, &c)
	cmd.Flags().StringVar(&c.PublicURL, "public-url", "", "how browsers reach the server (default MEMHOOK_SERVER, else http://127.0.0.1:8080)")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "`file` with the API key (default: "+adminKeyFile+" in the data directory)")
	return cmd
}
