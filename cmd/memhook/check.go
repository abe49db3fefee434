package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/signing"
)

// checkOptions are the flags of check.
type checkOptions struct {
	secretFile string
	allowNet   string
	timeout    time.Duration
	slow       time.Duration
	output     string
}

func checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check URL",
		Short: "Grade a receiver: does it do what a receiver of webhooks must?",
		Long: `Send a receiver what it will meet one day: good requests, tampered, stale and unsigned
ones, repeats, news out of order, a slow one and a huge one. Print a line for each,
with advice where the receiver should do better.

The requests look real: they tell of a memory of the user memhook-check. Addresses
that deliveries may not reach are closed here, too; --allow-net opens them. Exit
code 8 means that a check failed that every receiver must pass.`,
		Example: `  memhook check https://crm.example.com/hook --secret-file secret.txt
  memhook check http://127.0.0.1:9000 --secret-file secret.txt --allow-net 127.0.0.1/32
  memhook check https://crm.example.com/hook -o json`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return o.run(cmd, given[0])
		},
	}
	f := cmd.Flags()
	secretFileFlag(f, &o.secretFile)
	f.StringVar(&o.allowNet, "allow-net", "", "CIDRs that may be reached although private, separated by commas")
	f.DurationVar(&o.timeout, "timeout", delivery.DefaultTimeout, "time limit of one request")
	f.DurationVar(&o.slow, "slow", 3*time.Second, "how long the slow request takes to arrive")
	f.StringVarP(&o.output, "output", "o", "table", "table, json or ndjson")
	return cmd
}

func (o *checkOptions) run(cmd *cobra.Command, target string) error {
	p, err := o.prober(cmd.InOrStdin(), target)
	if err != nil {
		return err
	}
	report := checkReport{URL: target}
	for _, probe := range probes(o.slow) {
		c, err := p.run(cmd.Context(), probe)
		if err != nil {
			return err
		}
		report.add(c)
		if o.output != "json" {
			if err := showCheck(cmd.OutOrStdout(), o.output, c); err != nil {
				return err
			}
		}
		if len(report.Checks) == 1 && !c.OK {
			fmt.Fprintln(cmd.ErrOrStderr(), "The other checks were not made: they tell nothing about a receiver that refuses a good request.")
			break
		}
	}
	report.Grade = report.grade()
	switch o.output {
	case "json":
		err = encodeJSON(cmd.OutOrStdout(), report)
	case "table":
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "\nGrade %s: %d of %d checks passed.\n", report.Grade, report.Passed, len(report.Checks))
	}
	if err == nil && report.Broken > 0 {
		err = failf(exitFailures, "%s of those that every receiver must pass failed", count(report.Broken, "check"))
	}
	return err
}

func (o *checkOptions) prober(stdin io.Reader, target string) (*prober, error) {
	if err := oneOf("-o", o.output, "table", "json", "ndjson"); err != nil {
		return nil, err
	}
	if o.timeout <= 0 || o.slow <= 0 || o.slow >= o.timeout {
		return nil, usagef("--slow %v must be above zero and below --timeout %v", o.slow, o.timeout)
	}
	allow, err := egress.ParseAllow(o.allowNet)
	if err != nil {
		return nil, usagef("--allow-net: %w", err)
	}
	guard := egress.Guard{Allow: allow}
	if err := egress.CheckURL(target, guard); err != nil {
		return nil, usagef("the URL: %w", openable(err))
	}
	texts, err := secretTexts(o.secretFile, stdin)
	if err != nil {
		return nil, err
	}
	secrets, err := parseSecrets(texts)
	if err != nil {
		return nil, err
	}
	if len(secrets) == 0 {
		return nil, usagef("give the receiver's secret: --secret-file FILE, or MEMHOOK_WEBHOOK_SECRET")
	}
	return &prober{
		url: target, secret: secrets[0], timeout: o.timeout,
		client: &http.Client{
			Transport:     egress.NewTransport(egress.Config{Guard: guard}),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// A prober sends requests to the receiver.
type prober struct {
	url     string
	secret  signing.Secret
	timeout time.Duration
	client  *http.Client
	reached bool // an answer came
}

// A shot is one request of a probe.
type shot struct {
	id, typ string
	body    []byte
	at      time.Time
	// sign sets the headers of the signature; nil: as memhook does.
	sign func(s signing.Secret, h http.Header, sh shot)
	drip time.Duration // how long the body takes to go out
}

// A reply is what came back.
type reply struct {
	status   int
	location string
	size     int64
	took     time.Duration
	err      error
}

func (p *prober) fire(ctx context.Context, sh shot) reply {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, newDrip(ctx, sh.body, sh.drip))
	if err != nil {
		return reply{err: err}
	}
	req.ContentLength = int64(len(sh.body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "memhook/"+version())
	req.Header.Set("Memhook-Event-Type", sh.typ)
	req.Header.Set("Memhook-Trigger", string(delivery.Test))
	if sh.sign == nil {
		sh.sign = signGood
	}
	sh.sign(p.secret, req.Header, sh)
	began := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return reply{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode}
	if resp.StatusCode >= http.StatusOK { // below, the connection may stay open for ever
		r.size, r.err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer+1))
	}
	r.took = time.Since(began)
	if u, err := url.Parse(resp.Header.Get("Location")); err == nil {
		r.location = u.Host
	}
	p.reached = p.reached || r.err == nil
	return r
}

// run carries out a probe. The error is about the run: a receiver out of reach at
// its first request, or an interruption.
func (p *prober) run(ctx context.Context, probe probe) (checkResult, error) {
	c := checkResult{Name: probe.name, Required: probe.required, OK: true}
	for _, sh := range probe.shots(time.Now()) {
		r := p.fire(ctx, sh)
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if r.err != nil && !p.reached {
			return c, p.unreachable(r.err)
		}
		text, ok := probe.judge(r, p.timeout)
		c.Status, c.DurationMS = r.status, float64(r.took.Microseconds())/1000
		c.Text = text
		if !ok {
			c.OK, c.Advice = false, probe.advice
			if probe.adviceOn != nil {
				c.Advice = probe.adviceOn(r)
			}
			break
		}
	}
	return c, nil
}

func (p *prober) unreachable(err error) error {
	var blocked *egress.BlockedError
	var outer *url.Error
	switch {
	case errors.As(err, &blocked):
		return failf(exitUnreachable, "%w", openable(blocked))
	case errors.Is(err, context.DeadlineExceeded):
		return failf(exitUnreachable, "the receiver did not answer within %v; let it answer at once, or see --timeout", p.timeout)
	}
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return failf(exitUnreachable, "the receiver cannot be reached: %w", err)
}

// drip is a body that takes its time.
type drip struct {
	ctx   context.Context
	rest  []byte
	part  int
	pause time.Duration
}

// dripParts is in how many parts a slow body goes out.
const dripParts = 10

func newDrip(ctx context.Context, body []byte, total time.Duration) io.Reader {
	if total == 0 {
		return bytes.NewReader(body)
	}
	return &drip{ctx, body, (len(body) + dripParts - 1) / dripParts, total / dripParts}
}

func (d *drip) Read(b []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	if !sleep(d.ctx, d.pause) {
		return 0, d.ctx.Err()
	}
	n := copy(b, d.rest[:min(d.part, len(d.rest))])
	d.rest = d.rest[n:]
	return n, nil
}

// checkResult is what one check has shown.
type checkResult struct {
	Name       string  `json:"name"`
	Required   bool    `json:"required"`
	OK         bool    `json:"ok"`
	Status     int     `json:"status"` // of the last request; 0: no answer
	DurationMS float64 `json:"duration_ms"`
	Text       string  `json:"text"`
	Advice     string  `json:"advice,omitempty"`
}

// checkReport is the whole run.
type checkReport struct {
	URL    string        `json:"url"`
	Grade  string        `json:"grade"` // A: all passed; B: all required ones; F: not those
	Passed int           `json:"passed"`
	Broken int           `json:"required_failed"`
	Checks []checkResult `json:"checks"`
}

func (r *checkReport) add(c checkResult) {
	r.Checks = append(r.Checks, c)
	if c.OK {
		r.Passed++
	} else if c.Required {
		r.Broken++
	}
}

func (r *checkReport) grade() string {
	switch {
	case r.Broken > 0:
		return "F"
	case r.Passed < len(r.Checks):
		return "B"
	}
	return "A"
}

func showCheck(w io.Writer, output string, c checkResult) error {
	if output == "ndjson" {
		return encodeJSON(w, c)
	}
	sign := mark(c.OK)
	if !c.OK && !c.Required {
		sign = "!"
	}
	_, err := fmt.Fprintf(w, "%s %-22s  %s\n", sign, c.Name, printable(cmp.Or(c.Text, "no answer")))
	if err == nil && c.Advice != "" {
		_, err = fmt.Fprintf(w, "    %s\n", c.Advice)
	}
	return err
}
