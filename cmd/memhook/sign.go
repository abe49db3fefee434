package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"memhook/delivery"
	"memhook/signing"
)

func signCommand() *cobra.Command {
	var o requestFlags
	var output string
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Sign a body as memhook does, to try a receiver",
		Long: `Print the three headers that sign a body in the way of Standard Webhooks, one a
line, as curl's -H @- and memhook verify --headers read them.`,
		Example: `  memhook sign --body body.json --secret-file secret.txt
  memhook sign --body body.json | curl -H @- --data-binary @body.json http://127.0.0.1:9000
  memhook sign --body - --id msg_1 --at 1700000000 -o json < body.json`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("-o", output, "text", "json"); err != nil {
				return err
			}
			return o.sign(cmd, output)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.id, "id", "", "value of the header webhook-id (default: a new one)")
	o.flags(f)
	f.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (o *requestFlags) sign(cmd *cobra.Command, output string) error {
	now, err := o.now()
	if err != nil {
		return err
	}
	switch {
	case o.body == "":
		return usagef("give the body: --body FILE, or --body - for standard input")
	case o.body == "-" && o.secretFile == "-":
		return usagef("standard input can be one of --body and --secret-file")
	case strings.ContainsAny(o.id, ". \r\n"):
		return usagef("--id %q may have no dot and no space", o.id)
	}
	body, err := readInput(o.body, cmd.InOrStdin(), maxSigned)
	if err != nil {
		return usagef("--body: %w", err)
	}
	texts, err := secretTexts(o.secretFile, cmd.InOrStdin())
	if err != nil {
		return err
	}
	secrets, err := parseSecrets(texts)
	if err != nil {
		return err
	}
	if len(secrets) == 0 {
		return usagef("give the secret: --secret-file FILE, or MEMHOOK_WEBHOOK_SECRET")
	}
	if o.id == "" {
		o.id = delivery.FormatID(delivery.MessagePrefix, delivery.NewID())
	}
	return showSignature(cmd.OutOrStdout(), output, secrets, o.id, now, body)
}

func showSignature(w io.Writer, output string, secrets []signing.Secret, id string, at time.Time, body []byte) error {
	h := http.Header{}
	signing.SetHeaders(h, secrets, id, at, body)
	names := []string{signing.HeaderID, signing.HeaderTimestamp, signing.HeaderSignature}
	if output == "json" {
		values := map[string]string{}
		for _, name := range names {
			values[name] = h.Get(name)
		}
		return encodeJSON(w, values)
	}
	for _, name := range names {
		fmt.Fprintf(w, "%s: %s\n", name, h.Get(name))
	}
	return nil
}
