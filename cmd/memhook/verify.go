package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"memhook/signing"
)

// maxSigned bounds a body or a whole request that is read from a file, in bytes.
const maxSigned = 16 << 20

// requestFlags say where a signed request stands.
type requestFlags struct {
	headers, body, secretFile string
	id, timestamp, signature  string
	at                        string
}

func (o *requestFlags) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.body, "body", "", "`file` with the body, every byte as it came; - reads standard input")
	secretFileFlag(fs, &o.secretFile)
	fs.StringVar(&o.at, "at", "", "time to go by instead of the clock: RFC 3339, or Unix seconds")
}

func verifyCommand() *cobra.Command {
	var o requestFlags
	var output string
	var tolerance time.Duration
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check a webhook's signature, and say what is wrong with it",
		Long: `Check the signature of a request in the way of Standard Webhooks. When it does not
match, what usually goes wrong is tried, and what would make it match is said.

The headers come from a file with one header a line, or from flags. A file that
goes on after an empty line has the body, too: a whole request as it was logged.
Nothing is stored or sent. Exit code 7 means that the request does not verify.`,
		Example: `  memhook verify --headers headers.txt --body body.json --secret-file secret.txt
  memhook verify --headers request.txt --secret-file secret.txt --at 2026-01-02T03:04:05Z
  memhook verify --id msg_1 --timestamp 1700000000 --signature v1,... --body - < body.json`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("-o", output, "text", "json"); err != nil {
				return err
			}
			return o.verify(cmd, output, tolerance)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.headers, "headers", "", "`file` with the headers, or with the whole request; - reads standard input")
	f.StringVar(&o.id, "id", "", "value of the header webhook-id")
	f.StringVar(&o.timestamp, "timestamp", "", "value of the header webhook-timestamp")
	f.StringVar(&o.signature, "signature", "", "value of the header webhook-signature")
	o.flags(f)
	f.DurationVar(&tolerance, "tolerance", signing.Tolerance, "how old a request may be")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (o *requestFlags) verify(cmd *cobra.Command, output string, tolerance time.Duration) error {
	now, err := o.now()
	if err != nil {
		return err
	}
	if tolerance < 0 {
		return usagef("--tolerance %v is negative", tolerance)
	}
	header, body, err := o.read(cmd.InOrStdin())
	if err != nil {
		return err
	}
	texts, err := secretTexts(o.secretFile, cmd.InOrStdin())
	if err != nil {
		return err
	}
	d := signing.Diagnose(texts, header, body, now, tolerance)
	if err := showDiagnosis(cmd.OutOrStdout(), output, d); err != nil {
		return err
	}
	if !d.Verified {
		return failf(exitUnverified, "the request does not verify")
	}
	return nil
}

// read returns the request. Standard input can be one thing only.
func (o *requestFlags) read(stdin io.Reader) (http.Header, []byte, error) {
	fromStdin := 0
	for _, file := range []string{o.headers, o.body, o.secretFile} {
		if file == "-" {
			fromStdin++
		}
	}
	switch {
	case fromStdin > 1:
		return nil, nil, usagef("standard input can be one of --headers, --body and --secret-file")
	case o.headers == "" && o.signature == "":
		return nil, nil, usagef("give the headers: --headers FILE, or --id, --timestamp and --signature")
	}
	header := http.Header{}
	var body []byte
	whole := false
	if o.headers != "" {
		raw, err := readInput(o.headers, stdin, maxSigned)
		if err != nil {
			return nil, nil, usagef("--headers: %w", err)
		}
		header, body, whole = splitRequest(raw)
	}
	for name, value := range map[string]string{signing.HeaderID: o.id, signing.HeaderTimestamp: o.timestamp, signing.HeaderSignature: o.signature} {
		if value != "" {
			header.Set(name, value)
		}
	}
	if o.body == "" && !whole {
		return nil, nil, usagef("give the body: --body FILE, or --body - for standard input")
	}
	if o.body != "" {
		var err error
		if body, err = readInput(o.body, stdin, maxSigned); err != nil {
			return nil, nil, usagef("--body: %w", err)
		}
	}
	return header, body, nil
}

// splitRequest reads headers one a line, and what follows an empty line as the
// body. A first line such as "POST / HTTP/1.1" is no header.
func splitRequest(raw []byte) (h http.Header, body []byte, whole bool) {
	h = http.Header{}
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		text := strings.TrimSpace(string(line))
		if text == "" {
			return h, raw, len(h) > 0
		}
		if name, value, ok := strings.Cut(strings.TrimLeft(text, "> "), ":"); ok && !strings.Contains(name, " ") {
			h.Set(name, strings.TrimSpace(value))
		}
	}
	return h, nil, false
}

// now is the time that was given, or the clock's.
func (o *requestFlags) now() (time.Time, error) {
	if o.at == "" {
		return time.Now(), nil
	}
	if n, err := strconv.ParseInt(o.at, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	at, err := time.Parse(time.RFC3339, o.at)
	if err != nil {
		return at, usagef("--at %q is not a time; write 2026-01-02T03:04:05Z, or Unix seconds", o.at)
	}
	return at, nil
}

func showDiagnosis(w io.Writer, output string, d signing.Diagnosis) error {
	if output == "json" {
		type finding struct {
			Name string `json:"name"`
			OK   bool   `json:"ok"`
			Text string `json:"text"`
		}
		shape := struct {
			Verified bool      `json:"verified"`
			Secret   *int      `json:"secret"` // which matched, from 1
			Findings []finding `json:"findings"`
			Repairs  []string  `json:"repairs"`
		}{Verified: d.Verified, Findings: []finding{}, Repairs: append([]string{}, d.Repairs...)}
		if d.Secret >= 0 {
			n := d.Secret + 1
			shape.Secret = &n
		}
		for _, f := range d.Findings {
			shape.Findings = append(shape.Findings, finding(f))
		}
		return encodeJSON(w, shape)
	}
	for _, f := range d.Findings {
		fmt.Fprintf(w, "%s %-17s  %s\n", mark(f.OK), f.Name, printable(f.Text))
	}
	if d.Verified {
		fmt.Fprintln(w, "The request verifies.")
	}
	for _, r := range d.Repairs {
		fmt.Fprintln(w, "Repair:", printable(r)+".")
	}
	return nil
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// encodeJSON writes a value as one line of JSON, with < and & as they are.
func encodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
