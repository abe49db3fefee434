package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// A kind is one kind of thing that the API has, with the commands that all
// kinds share.
type kind struct {
	noun    string // as in its command
	path    string // below apiRoot
	title   string // the member that names one
	columns []column
	prefix  string // of IDs, where a name does as well
	local   bool   // --project works on the database itself
}

// on makes the work of a command that asks a server.
func (r kind) on(cmd *cobra.Command, work func(cmd *cobra.Command, api *client, v *view, given []string) error) *cobra.Command {
	var t apiTarget
	v := view{columns: r.columns}
	t.flags(cmd.Flags())
	r.locally(&t, cmd)
	v.flag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) (err error) {
		if err := v.check(); err != nil {
			return err
		}
		api, err := t.open(cmd)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.close()) }()
		return work(cmd, api, &v, given)
	}
	if cmd.Args != nil && r.title != "" {
		cmd.ValidArgsFunction = t.idsOf(r.path, r.title)
	}
	return cmd
}

// locally adds --project to a command of a kind that has it.
func (r kind) locally(t *apiTarget, cmd *cobra.Command) {
	if r.local {
		t.project = &ofProject{}
		t.project.add(cmd.Flags())
	}
}

// complete offers the IDs of this kind to a command of another.
func (r kind) complete() cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		t := apiTarget{server: defaultServer}
		for name, to := range map[string]*string{"server": &t.server, "key-file": &t.keyFile, "config": &t.config} {
			if f := cmd.Flags().Lookup(name); f != nil {
				*to = f.Value.String()
			}
		}
		return t.idsOf(r.path, r.title)(cmd, given, typed)
	}
}

// list shows all of a short list.
func (r kind) list(short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: args(cobra.NoArgs),
		Example: fmt.Sprintf("  memhook %[1]s list\n  memhook %[1]s list -o json", r.noun),
	}
	r.on(cmd, func(cmd *cobra.Command, api *client, v *view, _ []string) error {
		rows, err := api.list(cmd.Context(), r.path, url.Values{}, 0)
		if err != nil {
			return err
		}
		return v.rows(cmd.OutOrStdout(), rows)
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// recent shows the newest of a long list.
func (r kind) recent(short string) *cobra.Command { return r.pages(short, "") }

// pages shows the part of a long list that a filter selects; "": it knows none.
func (r kind) pages(short, filter string) *cobra.Command {
	var p pageFlags
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: args(cobra.NoArgs),
		Example: fmt.Sprintf("  memhook %[1]s list\n  memhook %[1]s list -o ndjson --limit 0", r.noun),
	}
	if filter != "" {
		cmd.Example += fmt.Sprintf("\n  memhook %s list --filter '%s' --limit 200", r.noun, filter)
	}
	r.on(cmd, func(cmd *cobra.Command, api *client, v *view, _ []string) error {
		q, err := p.query()
		if err != nil {
			return err
		}
		rows, err := api.list(cmd.Context(), r.path, q, p.limit)
		if err != nil {
			return err
		}
		return v.rows(cmd.OutOrStdout(), rows)
	})
	p.flags(cmd.Flags(), filter)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// get shows one.
func (r kind) get(short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "get ID", Short: short, Args: args(cobra.ExactArgs(1)),
		Example: fmt.Sprintf("  memhook %[1]s get %[2]s\n  memhook %[1]s get %[2]s -o json", r.noun, example),
	}
	return r.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return r.ask(cmd, api, v, http.MethodGet, given[0], "", nil)
	})
}

// idOf returns the ID of the one that is meant: people know an endpoint by its name.
func (r kind) idOf(ctx context.Context, api *client, given string) (string, error) {
	if r.prefix == "" || strings.HasPrefix(given, r.prefix) {
		return given, nil
	}
	rows, err := api.list(ctx, r.path, url.Values{}, 0)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, row := range rows {
		if memberOf(row, r.title) == given {
			ids = append(ids, memberOf(row, "id"))
		}
	}
	switch len(ids) {
	case 0:
		return "", failf(exitNotFound, "no %s has the ID or the name %q; memhook %s list shows all", r.noun, given, r.noun)
	case 1:
		return ids[0], nil
	}
	return "", usagef("%d have the name %q; give the ID: %s", len(ids), given, strings.Join(ids, ", "))
}

// ask makes a request about one and shows the answer.
func (r kind) ask(cmd *cobra.Command, api *client, v *view, method, given, action string, in any) error {
	id, err := r.idOf(cmd.Context(), api, given)
	if err != nil {
		return err
	}
	row, err := api.ask(cmd.Context(), method, r.path+"/"+url.PathEscape(id)+action, in)
	if err != nil {
		return err
	}
	return v.one(cmd.OutOrStdout(), row)
}

// action makes a command that does one thing to one.
func (r kind) action(verb, short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: args(cobra.ExactArgs(1)),
		Example: fmt.Sprintf("  memhook %s %s %s", r.noun, verb, example),
	}
	return r.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		return r.ask(cmd, api, v, http.MethodPost, given[0], "/"+verb, nil)
	})
}

// remove makes a command that removes one, after asking.
func (r kind) remove(verb, short, example string) *cobra.Command {
	var t apiTarget
	var yes bool
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: args(cobra.ExactArgs(1)),
		Example: fmt.Sprintf("  memhook %s %s %s --yes", r.noun, verb, example),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			api, err := t.open(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, t.close()) }()
			id, err := r.idOf(cmd.Context(), api, given[0])
			if err != nil {
				return err
			}
			if err := confirm(cmd, yes, fmt.Sprintf("Really %s %s %s?", verb, r.noun, printable(given[0]))); err != nil {
				return err
			}
			if _, err := api.ask(cmd.Context(), http.MethodDelete, r.path+"/"+url.PathEscape(id), nil); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%s is gone.\n", given[0])
			return err
		},
	}
	t.flags(cmd.Flags())
	r.locally(&t, cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.ValidArgsFunction = t.idsOf(r.path, r.title)
	return cmd
}

// bodyFlags build the body of a request: the members of a JSON file, and over them
// those that flags give.
type bodyFlags struct {
	file  string
	flags []bodyFlag
}

type bodyFlag struct {
	name, member string
	value        func() (any, error)
}

func (b *bodyFlags) json(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.file, "json", "", "`file` with a JSON object of what has no flag, named as in the API; - reads standard input")
}

func (b *bodyFlags) text(cmd *cobra.Command, name, member, usage string) {
	v := cmd.Flags().String(name, "", usage)
	b.flags = append(b.flags, bodyFlag{name, member, func() (any, error) { return *v, nil }})
}

func (b *bodyFlags) list(cmd *cobra.Command, name, member, usage string) {
	v := cmd.Flags().StringSlice(name, nil, usage)
	b.flags = append(b.flags, bodyFlag{name, member, func() (any, error) { return *v, nil }})
}

func (b *bodyFlags) number(cmd *cobra.Command, name, member, usage string) {
	v := cmd.Flags().Float64(name, 0, usage)
	b.flags = append(b.flags, bodyFlag{name, member, func() (any, error) { return *v, nil }})
}

// seconds is a duration whose member is in seconds.
func (b *bodyFlags) seconds(cmd *cobra.Command, name, member, usage string) {
	v := cmd.Flags().Duration(name, 0, usage)
	b.flags = append(b.flags, bodyFlag{name, member, func() (any, error) { return v.Seconds(), nil }})
}

func (b *bodyFlags) truth(cmd *cobra.Command, name, member, usage string) {
	v := cmd.Flags().Bool(name, false, usage)
	b.flags = append(b.flags, bodyFlag{name, member, func() (any, error) { return *v, nil }})
}

// secret is a text that stands in a file: no secret is a plain flag value.
func (b *bodyFlags) secret(cmd *cobra.Command, name, member, usage string) {
	v := cmd.Flags().String(name, "", usage)
	b.flags = append(b.flags, bodyFlag{name, member, func() (any, error) {
		text, err := readSecret(*v)
		if err != nil {
			return nil, usagef("--%s: %w", name, err)
		}
		return text, nil
	}})
}

// body returns the members that were given.
func (b *bodyFlags) body(cmd *cobra.Command) (map[string]any, error) {
	members := map[string]any{}
	if b.file != "" {
		raw, err := readInput(b.file, cmd.InOrStdin(), maxSigned)
		if err != nil {
			return nil, usagef("--json: %w", err)
		}
		var given map[string]json.RawMessage
		if err := json.Unmarshal(raw, &given); err != nil || given == nil {
			return nil, usagef("--json %s is not a JSON object", b.file)
		}
		for name, value := range given {
			members[name] = value
		}
	}
	for _, f := range b.flags {
		if !cmd.Flags().Changed(f.name) {
			continue
		}
		value, err := f.value()
		if err != nil {
			return nil, err
		}
		members[f.member] = value
	}
	return members, nil
}
