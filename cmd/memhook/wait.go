package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// waitWithin is how long one request waits for a message. It is below clientTimeout.
const waitWithin = 20 * time.Second

// waitOptions are the flags of wait.
type waitOptions struct {
	target     apiTarget
	types      []string
	ids        [4]string // by waitIDs
	category   string
	others     bool
	after      string
	cursorFile string
	count      int
	timeout    time.Duration
}

// waitIDs are the flags that say whose messages are waited for, with their parameters.
var waitIDs = [4]struct{ flag, param, what string }{
	{"user", "user_id", "user"}, {"agent", "agent_id", "agent"}, {"app", "app_id", "app"}, {"run", "run_id", "run"},
}

func waitCommand() *cobra.Command {
	var o waitOptions
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait for messages, without a URL of your own",
		Long: `Wait for the next message that a webhook would get, print it as a line of JSON, and
end; with --count 0, go on until interrupted. For agents and scripts that nothing can be
posted to.

With --cursor-file nothing is missed and nothing comes twice from one call to the next:
the place is kept in the file, and a new file begins now. A message counts as seen once
it is printed. When the server goes away it is waited for.`,
		Example: `  memhook wait --user alice --timeout 5m
  memhook wait --count 0 --cursor-file ~/.memhook-cursor --types memory_add,memory_update
  memhook wait --after start --count 0`,
		Args:              args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	o.target.flags(f)
	f.StringSliceVar(&o.types, "types", nil, "types of messages; all when left out")
	for i, id := range waitIDs {
		f.StringVar(&o.ids[i], id.flag, "", "only about this "+id.what)
	}
	f.StringVar(&o.category, "category", "", "only about memories of this category")
	f.BoolVar(&o.others, "others", false, "leave out what was written with the same key")
	f.StringVar(&o.after, "after", "", "begin behind this `cursor`, or at the start; from now on when left out")
	f.StringVar(&o.cursorFile, "cursor-file", "", "`file` that keeps the cursor from one call to the next")
	f.IntVar(&o.count, "count", 1, "end after this many; 0: when interrupted")
	f.DurationVar(&o.timeout, "timeout", 0, "give up when there are not as many within this time; 0: never")
	return cmd
}

func (o *waitOptions) run(cmd *cobra.Command) error {
	if o.count < 0 || o.timeout < 0 {
		return usagef("--count and --timeout are not negative")
	}
	cursor := o.after
	if cursor == "" && o.cursorFile != "" {
		raw, err := os.ReadFile(o.cursorFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return usagef("--cursor-file: %w", err)
		}
		cursor = strings.TrimSpace(string(raw))
	}
	api, err := o.target.open(cmd)
	if err != nil {
		return err
	}
	defer o.target.close()
	ctx := cmd.Context()
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	seen, err := o.follow(ctx, api, cursor, cmd.OutOrStdout(), cmd.ErrOrStderr())
	if errors.Is(err, context.DeadlineExceeded) && cmd.Context().Err() == nil {
		return failf(exitUnreachable, "%s came within %v", count(seen, "message"), o.timeout)
	}
	return err
}

func (o *waitOptions) query() url.Values {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	set("types", strings.Join(o.types, ","))
	for i, id := range waitIDs {
		set(id.param, o.ids[i])
	}
	set("category", o.category)
	if o.others {
		q.Set("own", "no")
	}
	return q
}

// follow prints messages until there are enough, and returns how many it printed.
func (o *waitOptions) follow(ctx context.Context, api *client, cursor string, stdout, stderr io.Writer) (seen int, err error) {
	q := o.query()
	for answered := false; ; {
		if cursor == "" {
			q.Del("wait") // first of all a place to begin at, which a lost answer does not move
		} else {
			q.Set("after", cursor)
			q.Set("wait", waitWithin.String())
		}
		q.Set("limit", strconv.Itoa(maxAPIPage))
		if o.count > 0 {
			q.Set("limit", strconv.Itoa(min(maxAPIPage, o.count-seen)))
		}
		var page struct {
			Data   []json.RawMessage `json:"data"`
			Cursor string            `json:"cursor"`
		}
		err := api.call(ctx, http.MethodGet, apiRoot+"feed?"+q.Encode(), nil, &page)
		var exit *exitError
		switch {
		case ctx.Err() != nil:
			return seen, ctx.Err()
		case errors.As(err, &exit) && exit.code == exitUnreachable && answered:
			fmt.Fprintln(stderr, "The server does not answer; waiting for it.")
			answered = false // said once
			fallthrough
		case errors.As(err, &exit) && exit.code == exitUnreachable && cursor != "":
			if !sleep(ctx, tailRest) {
				return seen, ctx.Err()
			}
			continue
		case err != nil:
			return seen, err
		}
		answered = true
		for _, row := range page.Data {
			if _, err := fmt.Fprintf(stdout, "%s\n", row); err != nil {
				return seen, err
			}
			seen++
			if err := o.keep(memberOf(row, "cursor")); err != nil {
				return seen, err
			}
		}
		if page.Cursor != cursor {
			cursor = page.Cursor
			if err := o.keep(cursor); err != nil {
				return seen, err
			}
		}
		if o.count > 0 && seen >= o.count {
			return seen, nil
		}
	}
}

// keep writes the cursor to its file, all of it or nothing.
func (o *waitOptions) keep(cursor string) error {
	if o.cursorFile == "" {
		return nil
	}
	tmp := o.cursorFile + ".tmp"
	if err := os.WriteFile(tmp, []byte(cursor+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the cursor: %w", err)
	}
	if err := os.Rename(tmp, o.cursorFile); err != nil {
		return fmt.Errorf("keep the cursor: %w", err)
	}
	return nil
}
