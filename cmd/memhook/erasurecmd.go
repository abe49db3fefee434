package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"memhook/memory"
	"memhook/memory/explain"
	"memhook/signing"
)

var erasureKind = kind{noun: "erasure", path: "erasures", title: "id", columns: []column{
	{"ID", "id", false},
	{"STATE", "state", false},
	{"MEMORIES", "scrubbed.memories", false},
	{"MESSAGES", "scrubbed.messages", false},
	{"TOLD", "told", true},
	{"ACKNOWLEDGED", "acknowledged", true},
	{"BY", "by", false},
	{"CREATED", "created_at", false},
	{"FINISHED", "finished_at", true},
}}

const exampleErasure = "ers_0193a1f0-0000-7000-8000-000000000001"

// maxReceipt bounds a receipt that is read from a file, in bytes.
const maxReceipt = 64 << 20

func erasureCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "erasure",
		Short: "Look at erasures, and at who acknowledged them",
		Long: `An erasure takes the text of memories out of everything that is stored, and tells the
endpoints. "memhook memory forget" begins one. Its receipt is signed, has no word of
what was erased, and is for whoever must be shown that it was.`,
		Example: "  memhook erasure list\n  memhook erasure receipt " + exampleErasure + " > receipt.json\n  memhook erasure verify receipt.json",
	})
	cmd.AddCommand(
		erasureKind.recent("List erasures, newest first"),
		erasureKind.get("Show an erasure, and which endpoint acknowledged it, when", exampleErasure),
		receiptCommand(), receiptKeysCommand(), verifyReceiptCommand(),
	)
	return cmd
}

// forgetFlags say what is to be forgotten.
type forgetFlags struct {
	scope     scopeFlags
	yes, wait bool
}

func forgetCommand() *cobra.Command {
	var o forgetFlags
	cmd := &cobra.Command{
		Use:   "forget [ID]",
		Short: "Erase a memory, or everything of a user, agent, app or run",
		Long: `Erase a memory: its text is taken out of everything that is stored, what waits to be
delivered of it is canceled, and the endpoints are told before all else. A memory that
was deleted before can be erased, too. With --user, --agent, --app or --run everything
of them goes, also requests that made no memory.

Backups that were made before, and receivers that do not acknowledge, are not reached.`,
		Example: fmt.Sprintf(`  memhook memory forget %[1]s
  memhook memory forget %[1]s --yes --wait
  memhook memory forget --user alice --yes`, exampleMemory),
		Args: args(cobra.MaximumNArgs(1)),
	}
	erasureKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return o.run(cmd, api, v, given)
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	o.scope.flags(cmd.Flags())
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until the text is stored nowhere any more")
	return cmd
}

func (o *forgetFlags) run(cmd *cobra.Command, api *client, v *view, given []string) error {
	body, err := o.scope.ids()
	if len(given) == 1 {
		if err == nil {
			return usagef("give a memory, or whose memories, not both")
		}
		body, err = map[string]any{"memory_id": given[0]}, nil
	}
	if err != nil {
		return usagef("give a memory, or say whose memories: --user, --agent, --app or --run")
	}
	question, err := o.question(cmd, api, given)
	if err != nil {
		return err
	}
	if err := confirm(cmd, o.yes, question); err != nil {
		return err
	}
	row, err := api.ask(cmd.Context(), http.MethodPost, erasureKind.path, body)
	if err == nil && o.wait {
		row, err = awaitErasure(cmd, api, row)
	}
	if err != nil {
		return err
	}
	return v.one(cmd.OutOrStdout(), row)
}

// question says what would go.
func (o *forgetFlags) question(cmd *cobra.Command, api *client, given []string) (string, error) {
	if len(given) == 0 {
		return fmt.Sprintf("Erase everything of %s?", o.scope), nil
	}
	raw, err := api.ask(cmd.Context(), http.MethodPost, erasureKind.path+"/preview", map[string]any{"memory_id": given[0]})
	if err != nil {
		return "", err
	}
	var p struct {
		Scrubbed  memory.ErasureCounts
		Endpoints int
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return "", err
	}
	c := p.Scrubbed
	return fmt.Sprintf("Stored of memory %s: %s, %s, %s, %s. %s had something of it. Erase it?", printable(given[0]),
		explain.Count(c.Changes, "change"), explain.Count(c.Messages, "message"), explain.Count(c.Deliveries, "waiting delivery"),
		explain.Count(c.Events, "request"), explain.Count(p.Endpoints, "endpoint")), nil
}

// String names whose memories are meant.
func (s scopeFlags) String() string {
	var list []string
	for _, f := range []struct{ what, id string }{{"user", s.user}, {"agent", s.agent}, {"app", s.app}, {"run", s.run}} {
		if f.id != "" {
			list = append(list, f.what+" "+printable(f.id))
		}
	}
	return strings.Join(list, " and ")
}

// erasureLook is how often an erasure that is waited for is looked at.
const erasureLook = 200 * time.Millisecond

// awaitErasure returns an erasure when the text is stored nowhere any more.
func awaitErasure(cmd *cobra.Command, api *client, row json.RawMessage) (json.RawMessage, error) {
	for {
		var x struct{ ID, State, Error string }
		if err := json.Unmarshal(row, &x); err != nil {
			return nil, err
		}
		switch x.State {
		case string(memory.ErasureDone):
			return row, nil
		case string(memory.ErasureFailed):
			return row, failf(exitFailures, "erasure %s failed: %s", x.ID, printable(x.Error))
		}
		if !sleep(cmd.Context(), erasureLook) {
			return nil, cmd.Context().Err()
		}
		var err error
		if row, err = api.ask(cmd.Context(), http.MethodGet, erasureKind.path+"/"+url.PathEscape(x.ID), nil); err != nil {
			return nil, err
		}
	}
}

func receiptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "receipt ID", Short: "Show the signed receipt of an erasure", Args: args(cobra.ExactArgs(1)),
		Long: `Show the signed receipt of an erasure as it is now, as JSON: what was scrubbed, which
endpoint acknowledged it and when. It has no word of what was erased.`,
		Example: "  memhook erasure receipt " + exampleErasure + " > receipt.json",
	}
	return erasureKind.on(cmd, func(cmd *cobra.Command, api *client, _ *view, given []string) error {
		row, err := api.ask(cmd.Context(), http.MethodGet, erasureKind.path+"/"+url.PathEscape(given[0])+"/receipt", nil)
		if err != nil {
			return err
		}
		return writeLine(cmd.OutOrStdout(), row)
	})
}

func receiptKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Show the public keys with which receipts verify, oldest first", Args: args(cobra.NoArgs),
		Example: "  memhook erasure keys",
	}
	erasureKind.on(cmd, func(cmd *cobra.Command, api *client, _ *view, _ []string) error {
		keys, err := receiptKeys(cmd, api)
		for _, k := range keys {
			fmt.Fprintln(cmd.OutOrStdout(), k)
		}
		return err
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func receiptKeys(cmd *cobra.Command, api *client) ([]signing.PublicKey, error) {
	raw, err := api.ask(cmd.Context(), http.MethodGet, erasureKind.path+"/keys", nil)
	if err != nil {
		return nil, err
	}
	var known struct{ Keys []string }
	if err := json.Unmarshal(raw, &known); err != nil {
		return nil, err
	}
	return parseKeys(known.Keys)
}

func parseKeys(texts []string) ([]signing.PublicKey, error) {
	keys := make([]signing.PublicKey, len(texts))
	for i, text := range texts {
		var err error
		if keys[i], err = signing.ParsePublicKey(text); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func verifyReceiptCommand() *cobra.Command {
	var target apiTarget
	var given []string
	var output string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check the signature of a receipt, and say what it says",
		Long: `Check that a receipt is what was signed, and show what it says. The key that stands in
the receipt itself proves nothing: give the one you know with --key, and nothing is
asked. Without it the server is asked for its keys. - reads standard input. Exit code 7
means that the receipt does not verify.`,
		Example: "  memhook erasure verify receipt.json --key whpk_...\n  memhook erasure verify receipt.json -o json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := oneOf("-o", output, "text", "json"); err != nil {
				return err
			}
			document, err := readInput(files[0], cmd.InOrStdin(), maxReceipt)
			if err != nil {
				return usagef("%w", err)
			}
			keys, err := parseKeys(given)
			if err != nil {
				return usagef("--key: %w", err)
			}
			if len(keys) == 0 {
				api, err := target.open(cmd)
				if err != nil {
					return err
				}
				if keys, err = receiptKeys(cmd, api); err != nil {
					return err
				}
			}
			r, err := memory.VerifyReceipt(document, keys)
			if errors.Is(err, memory.ErrForged) {
				return failf(exitUnverified, "%w", err)
			}
			if err != nil {
				return err
			}
			if output == "json" {
				return encodeJSON(cmd.OutOrStdout(), r)
			}
			return showReceipt(cmd, r)
		},
	}
	target.flags(cmd.Flags())
	cmd.Flags().StringSliceVar(&given, "key", nil, "public key that the receipt has to be signed with; nothing is asked then")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func showReceipt(cmd *cobra.Command, r memory.Receipt) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "The receipt verifies, as of %s.\n", printable(r.IssuedAt))
	fmt.Fprintf(w, "%s is %s: %d memories, requested by %s at %s.\n", printable(r.ID), printable(string(r.State)), len(r.MemoryIDs), printable(r.RequestedBy), printable(r.RequestedAt))
	for _, v := range r.Receivers {
		what := "not acknowledged: " + string(v.Status)
		switch {
		case v.AcknowledgedAt != "":
			what = "acknowledged at " + v.AcknowledgedAt
		case v.DeletedAt != "":
			what = "not acknowledged: the endpoint was deleted at " + v.DeletedAt
		case v.Reason != "":
			what += ", " + v.Reason
		}
		fmt.Fprintf(w, "%s  %s (%s): %s\n", v.MemoryID, printable(v.Name), v.EndpointID, printable(what))
	}
	return nil
}
