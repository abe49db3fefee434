package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"memhook/delivery"
	"memhook/signing"
)

// listenOptions are the flags of listen.
type listenOptions struct {
	listen     string
	secretFile string
	register   bool
	server     string
	keyFile    string
	types      []string
	name       string
	forwardTo  string
	respond    int
	failRate   string
	delay      time.Duration
	retryAfter string
	count      int
	output     string
}

func listenCommand() *cobra.Command {
	var o listenOptions
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive callbacks on this machine, verify and show them",
		Long: `Receive callbacks, verify their signatures and show each. A callback that does not
verify is answered 401; the command then ends with 7.

The secret comes from MEMHOOK_WEBHOOK_SECRET, from a file, or, with --register,
from the server: listen then registers itself as a webhook and removes it at the
end. Several secrets, one a line, are all tried. The server delivers to this
machine when it runs with --allow-net 127.0.0.1/32.

The API key for --register comes from MEMHOOK_API_KEY, from --key-file, or from
the data directory of a server on this machine.`,
		Example: `  memhook listen --register
  memhook listen --register --respond 503 --fail-rate 30% --retry-after 1
  memhook listen --listen 127.0.0.1:9000 --secret-file secret.txt --count 3
  printf '%s' "$SECRET" | memhook listen --secret-file - -o ndjson
  memhook listen --register --forward-to http://127.0.0.1:3000/hook`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 picks one")
	secretFileFlag(f, &o.secretFile)
	f.BoolVar(&o.register, "register", false, "register as a webhook at the server while running")
	f.StringVar(&o.server, "server", "http://127.0.0.1:8080", "URL of the server for --register (MEMHOOK_SERVER)")
	f.StringVar(&o.keyFile, "key-file", "", "`file` with the API key for --register")
	f.StringSliceVar(&o.types, "types", []string{delivery.AllTypes}, "message types to register for")
	f.StringVar(&o.name, "name", "memhook listen", "name to register under")
	f.IntVar(&o.respond, "respond", 0, "status to answer with, such as 503; always, or as often as --fail-rate says")
	f.StringVar(&o.failRate, "fail-rate", "", "how many callbacks to fail on purpose, such as 30% (default status 503)")
	f.DurationVar(&o.delay, "delay", 0, "wait before each answer, such as 2s")
	f.StringVar(&o.retryAfter, "retry-after", "", "Retry-After header of answers that fail on purpose")
	f.StringVar(&o.forwardTo, "forward-to", "", "`URL` that verified callbacks are passed on to; its answer becomes this one")
	f.IntVar(&o.count, "count", 0, "end after this many callbacks; 0: when interrupted")
	f.StringVarP(&o.output, "output", "o", "text", "text or ndjson")
	return cmd
}

func (o *listenOptions) run(cmd *cobra.Command) error {
	r := &receiver{}
	var err error
	if r.manner, err = o.manner(); err != nil {
		return err
	}
	if err := oneOf("-o", o.output, "text", "ndjson"); err != nil {
		return err
	}
	if o.count < 0 {
		return usagef("--count %d is negative; use 0 to listen until interrupted", o.count)
	}
	if o.forwardTo != "" {
		if r.forward, err = newForwarder(o.forwardTo); err != nil {
			return err
		}
	}
	if r.secrets, err = o.secrets(cmd.InOrStdin()); err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return failf(exitFailed, "%w; choose another address with --listen", err)
	}
	ctx, enough := context.WithCancel(cmd.Context())
	defer enough()
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	r.show = func(c callback) {
		if o.output == "ndjson" {
			showCallbackJSON(stdout, c)
		} else {
			showCallback(stdout, c)
		}
		if o.count > 0 && r.totals.Received >= o.count {
			enough()
		}
	}
	url := baseURL(l.Addr())
	if o.register {
		leave, err := o.join(ctx, cmd, r, url)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		defer leave()
	}
	fmt.Fprintln(stderr, "Ready", url)
	if len(r.secrets) == 0 {
		fmt.Fprintln(stderr, "Signatures are not checked: there is no secret. Give one with --secret-file, or use --register.")
	}
	err = r.serve(ctx, l)
	t := r.count()
	showTotals(stderr, t)
	return errors.Join(err, o.verdict(t))
}

// verdict turns what was received into an exit code.
func (o *listenOptions) verdict(t totals) error {
	switch {
	case t.Unverified > 0:
		return failf(exitUnverified, "%s did not verify; is the secret that of this endpoint?", count(t.Unverified, "callback"))
	case t.Received < o.count:
		return failf(exitInterrupted, "interrupted after %d of %d callbacks", t.Received, o.count)
	}
	return nil
}

func (o *listenOptions) manner() (manner, error) {
	m := manner{status: o.respond, delay: o.delay, retryAfter: o.retryAfter}
	if o.delay < 0 {
		return m, usagef("--delay %v is negative", o.delay)
	}
	if o.respond != 0 && (o.respond < 200 || o.respond > 599) {
		return m, usagef("--respond %d is not a final HTTP status; use 200 to 599", o.respond)
	}
	if o.failRate != "" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(o.failRate, "%"), 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return m, usagef("--fail-rate %q is not a share; use 0%% to 100%%", o.failRate)
		}
		m.failRate = percent / 100
		if m.status == 0 {
			m.status = 503
		}
	} else if o.respond != 0 {
		m.failRate = 1
	}
	return m, nil
}

// secrets reads the secrets that were given, one a line.
func (o *listenOptions) secrets(stdin io.Reader) ([]signing.Secret, error) {
	texts, err := secretTexts(o.secretFile, stdin)
	if err != nil {
		return nil, err
	}
	return parseSecrets(texts)
}

// join registers the receiver at the server and returns what removes it again.
func (o *listenOptions) join(ctx context.Context, cmd *cobra.Command, r *receiver, url string) (leave func(), err error) {
	server := o.server
	if v := os.Getenv("MEMHOOK_SERVER"); v != "" && !cmd.Flags().Changed("server") {
		server = v
	}
	key, err := findKey(o.keyFile)
	if err != nil {
		return nil, err
	}
	api, err := newClient(server, key)
	if err != nil {
		return nil, err
	}
	hook, err := api.register(ctx, o.name, url, o.types)
	if err != nil {
		return nil, err
	}
	stderr := cmd.ErrOrStderr()
	fmt.Fprintf(stderr, "Registered %s at %s; it is removed at the end.\n", hook.ID, server)
	leave = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := api.unregister(ctx, hook.ID); err != nil {
			fmt.Fprintf(stderr, "%s is still registered: %v\n", hook.ID, err)
		}
	}
	secret, err := signing.ParseSecret(hook.Secret)
	if err != nil {
		leave()
		return nil, fmt.Errorf("secret of %s: %w", hook.ID, err)
	}
	r.trust(secret)
	return leave, nil
}
