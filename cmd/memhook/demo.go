package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"memhook/delivery"
	"memhook/signing"
)

func demoCommand() *cobra.Command {
	var listen string
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a real server and receiver in a temporary folder",
		Long: `Run a real server and a real receiver in a temporary folder, add memories over HTTP,
and show each callback as it arrives and is verified. One delivery is failed on
purpose and recovers. Then the server stays up, with its dashboard, until
interrupted; the folder is removed at the end.`,
		Example: "  memhook demo\n  memhook demo --once",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := demoConfig(listen)
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "memhook-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			c.DataDir = dir
			d := &demo{out: cmd.OutOrStdout(), once: once}
			return d.run(cmd.Context(), c, newLogger(c, cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the server; port 0 picks one")
	cmd.Flags().BoolVar(&once, "once", false, "end when everything has been shown; fail if something is missing")
	return cmd
}

// demoConfig is that of a server whose deliveries may reach this machine. Nothing
// of the environment goes into it.
func demoConfig(listen string) (*config, error) {
	c := &config{Listen: listen, Role: roleAll, AllowNet: "127.0.0.1/32", Retention: defaultRetention, LogFormat: "text", LogLevel: "warn"}
	return c, c.validate()
}

// demoTime is how long the story may take: several times what a busy machine needs.
const demoTime = 25 * time.Second

// A demo tells its story to out.
type demo struct {
	out  io.Writer
	once bool

	api      *client
	receiver *receiver
	arrived  chan struct{} // a callback came
	failed   bool          // the one delivery that fails has failed
}

// run starts the server and the receiver, tells the story, and stops both.
func (d *demo) run(ctx context.Context, c *config, log *slog.Logger) (err error) {
	n, err := newNode(ctx, c, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, n.close())
	}
	d.arrived = make(chan struct{}, 1)
	d.receiver = &receiver{show: d.show, manner: manner{
		status: http.StatusServiceUnavailable, retryAfter: "1", fail: d.failOnce,
	}}
	if d.api, err = newClient(n.url, n.firstKey); err != nil {
		return errors.Join(err, l.Close(), n.close())
	}
	serving, stop := context.WithCancel(ctx)
	receiving, stopReceiver := context.WithCancel(context.WithoutCancel(ctx))
	var parts errgroup.Group
	parts.Go(func() error {
		defer stopReceiver() // after the server, whose last deliveries it takes
		return n.run(serving)
	})
	parts.Go(func() error { return d.receiver.serve(receiving, l) })

	fmt.Fprintf(d.out, "Ready %s\n", n.url)
	fmt.Fprintf(d.out, "A server in %s. Deliveries to 127.0.0.1/32 are opened for this demo; by default private addresses are closed.\n", c.DataDir)
	err = d.tell(serving, baseURL(l.Addr()))
	if err == nil && !d.once {
		fmt.Fprintf(d.out, "\nThe server goes on until you interrupt it (Ctrl-C).\n  API key    %s\n", n.firstKey)
		n.signIn(ctx, d.out)
		<-ctx.Done()
	}
	stop()
	return errors.Join(err, parts.Wait())
}

// tell is the story.
func (d *demo) tell(ctx context.Context, receiverURL string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoTime, failf(exitUnreachable, "the demo was not done after %v", demoTime))
	defer cancel()
	err := d.steps(ctx, receiverURL)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

func (d *demo) steps(ctx context.Context, receiverURL string) error {
	types := []string{delivery.MemoryAdd, delivery.MemoryUpdate, delivery.MemoryDelete}
	hook, err := d.api.register(ctx, "demo receiver", receiverURL, types)
	if err != nil {
		return err
	}
	secret, err := signing.ParseSecret(hook.Secret)
	if err != nil {
		return fmt.Errorf("secret of %s: %w", hook.ID, err)
	}
	d.receiver.trust(secret)
	fmt.Fprintf(d.out, "Webhook %s registered for %s\n", hook.ID, receiverURL)

	var events []shownEvent
	for _, said := range []string{"I live in Berlin.", "I moved to Lisbon.", "I ordered a Nova 2000 with order number #1234."} {
		e, err := d.add(ctx, said)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	fmt.Fprintf(d.out, "\nWhat the server has on record (GET /v1/event/{id}/):\n")
	for i := range events {
		if events[i], err = d.await(ctx, events[i].ID, shownEvent.settled); err != nil {
			return err
		}
		showEvent(d.out, events[i])
	}
	return d.check(events)
}

// add tells the server something, and waits until it has been processed and its
// callbacks have come once.
func (d *demo) add(ctx context.Context, said string) (shownEvent, error) {
	fmt.Fprintf(d.out, "\nalice says: %s\n", said)
	var queued struct {
		Results []struct {
			EventID string `json:"event_id"`
		} `json:"results"`
	}
	before := d.receiver.count().Unique
	err := d.api.call(ctx, http.MethodPost, "/v1/memories/", map[string]any{
		"user_id": "alice", "messages": []map[string]string{{"role": "user", "content": said}},
	}, &queued)
	if err != nil {
		return shownEvent{}, err
	}
	if len(queued.Results) != 1 || queued.Results[0].EventID == "" {
		return shownEvent{}, failf(exitFailed, "the server did not say which event this is")
	}
	e, err := d.await(ctx, queued.Results[0].EventID, func(e shownEvent) bool { return e.Status == "SUCCEEDED" || e.Status == "FAILED" })
	for err == nil && d.receiver.count().Unique < before+len(e.Results) {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-d.arrived:
		}
	}
	return e, err
}

// await asks for an event until it is as wanted.
func (d *demo) await(ctx context.Context, id string, wanted func(shownEvent) bool) (shownEvent, error) {
	const pause = 20 * time.Millisecond
	for {
		var e shownEvent
		if err := d.api.call(ctx, http.MethodGet, "/v1/event/"+id+"/", nil, &e); err != nil || wanted(e) {
			return e, err
		}
		select {
		case <-ctx.Done():
			return e, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// settled tells whether nothing more will happen to the event's deliveries.
func (e shownEvent) settled() bool {
	for _, d := range e.Deliveries {
		if d.Status == string(delivery.Pending) || d.Status == string(delivery.Sending) {
			return false
		}
	}
	return true
}

// check prints the totals and fails if anything is missing.
func (d *demo) check(events []shownEvent) error {
	changes, attempts := 0, 0
	kinds := map[string]bool{}
	var wrong []string
	for _, e := range events {
		changes += len(e.Results)
		if e.Status != "SUCCEEDED" {
			wrong = append(wrong, "event "+e.ID+" "+e.Status)
		}
		for _, r := range e.Results {
			kinds[r.Event] = true
		}
		for _, x := range e.Deliveries {
			attempts += len(x.Attempts)
			if x.Status != string(delivery.Succeeded) && x.Status != string(delivery.Skipped) {
				wrong = append(wrong, "delivery "+x.ID+" "+x.Status)
			}
		}
	}
	t := d.receiver.count()
	fmt.Fprintln(d.out)
	showTotals(d.out, t)
	fmt.Fprintf(d.out, "%s, %s of memories, %s.\n", count(len(events), "event"), count(changes, "change"), count(attempts, "attempt"))
	for _, kind := range []string{"ADD", "UPDATE"} {
		if !kinds[kind] {
			wrong = append(wrong, "no "+kind)
		}
	}
	if t.Unique != changes || t.Received != attempts || t.FailedOnPurpose != 1 {
		wrong = append(wrong, fmt.Sprintf("%s for %s", count(t.Unique, "callback"), count(changes, "change")))
	}
	switch {
	case t.Unverified > 0:
		return failf(exitUnverified, "%s did not verify", count(t.Unverified, "callback"))
	case len(wrong) > 0:
		slices.Sort(wrong)
		return failf(exitFailures, "something is missing: %v", wrong)
	}
	return nil
}

// show prints a callback and tells add.
func (d *demo) show(c callback) {
	showCallback(d.out, c)
	select {
	case d.arrived <- struct{}{}:
	default:
	}
}

// failOnce fails the first update, once.
func (d *demo) failOnce(c callback) bool {
	if d.failed || c.Type != delivery.MemoryUpdate {
		return false
	}
	d.failed = true
	return true
}
