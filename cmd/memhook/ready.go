package main

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// readyWithin is how long a server may take to say that it is ready.
const readyWithin = 3 * time.Second

func readyCommand() *cobra.Command {
	var server string
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Tell whether a server accepts adds and works; for health checks",
		Long: `Ask a server whether it accepts adds and works. It exits with 0 when it does, with
1 when it does not, and with 5 when there is no answer. Without --server it is the
one on this machine that MEMHOOK_LISTEN describes.`,
		Example: "  memhook ready\n  memhook ready --server http://127.0.0.1:8080",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			url := strings.TrimRight(cmp.Or(server, os.Getenv("MEMHOOK_SERVER"), listening(os.Getenv("MEMHOOK_LISTEN"))), "/") + "/readyz"
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return usagef("--server %q is not a URL", server)
			}
			resp, err := (&http.Client{Timeout: readyWithin}).Do(req)
			if err != nil {
				return failf(exitUnreachable, "%w", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return failf(exitFailed, "the server is not ready: %s", resp.Status)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ready")
			return nil
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "URL of the server")
	return cmd
}

// listening is where this machine reaches a server that listens on an address.
func listening(addr string) string {
	host, port, err := net.SplitHostPort(cmp.Or(addr, defaultListen))
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
