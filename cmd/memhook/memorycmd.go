package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var memoryKind = kind{noun: "memory", columns: []column{
	{"ID", "id", false},
	{"MEMORY", "memory", false},
	{"USER", "user_id", false},
	{"CATEGORIES", "categories", false},
	{"UPDATED", "updated_at", false},
	{"SCORE", "score", true},
	{"AGENT", "agent_id", true},
	{"APP", "app_id", true},
	{"RUN", "run_id", true},
}}

const exampleMemory = "0193a1f0-0000-7000-8000-000000000002"

func memoryCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "memory",
		Short:   "Look at memories, search them, add some, and have them forgotten",
		Long:    "Memories by mem0's API, as its clients see them.",
		Example: "  memhook memory list --user alice\n  memhook memory add 'I live in Lisbon' --user alice",
	})
	cmd.AddCommand(memoryListCommand(), memoryGetCommand(), memoryAddCommand(), memorySearchCommand(), forgetCommand())
	return cmd
}

// scopeFlags say whose memories are meant.
type scopeFlags struct{ user, agent, app, run string }

func (s *scopeFlags) flags(fs *pflag.FlagSet) {
	fs.StringVar(&s.user, "user", "", "user_id")
	fs.StringVar(&s.agent, "agent", "", "agent_id")
	fs.StringVar(&s.app, "app", "", "app_id")
	fs.StringVar(&s.run, "run", "", "run_id")
}

// ids returns the IDs that were given, of which there must be one.
func (s *scopeFlags) ids() (map[string]any, error) {
	ids := map[string]any{}
	for name, id := range map[string]string{"user_id": s.user, "agent_id": s.agent, "app_id": s.app, "run_id": s.run} {
		if id != "" {
			ids[name] = id
		}
	}
	if len(ids) == 0 {
		return nil, usagef("say whose memories: --user, --agent, --app or --run")
	}
	return ids, nil
}

// results reads a list in either of mem0's forms.
func results(raw json.RawMessage) ([]json.RawMessage, error) {
	var page struct {
		Results []json.RawMessage `json:"results"`
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return list, nil
	}
	err := json.Unmarshal(raw, &page)
	return page.Results, err
}

func memoryListCommand() *cobra.Command {
	var s scopeFlags
	limit := 50
	cmd := &cobra.Command{
		Use: "list", Short: "List the memories of a user, agent, app or run, newest first", Args: args(cobra.NoArgs),
		Example: "  memhook memory list --user alice\n  memhook memory list --user alice --limit 200 -o ndjson",
	}
	memoryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, _ []string) error {
		ids, err := s.ids()
		if err != nil {
			return err
		}
		if limit < 1 || limit > 200 {
			return usagef("--limit %d is not possible; use 1 to 200", limit)
		}
		q := url.Values{"page": {"1"}, "page_size": {strconv.Itoa(limit)}}
		for name, id := range ids {
			q.Set(name, id.(string))
		}
		return showMemories(cmd, api, v, http.MethodGet, "/v1/memories/?"+q.Encode(), nil)
	})
	s.flags(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "most rows, up to 200")
	return cmd
}

func showMemories(cmd *cobra.Command, api *client, v *view, method, path string, in any) error {
	var raw json.RawMessage
	if err := api.call(cmd.Context(), method, path, in, &raw); err != nil {
		return err
	}
	rows, err := results(raw)
	if err != nil {
		return err
	}
	return v.rows(cmd.OutOrStdout(), rows)
}

func memoryGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get ID", Short: "Show one memory", Args: args(cobra.ExactArgs(1)),
		Example: "  memhook memory get " + exampleMemory,
	}
	return memoryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		var row json.RawMessage
		if err := api.call(cmd.Context(), http.MethodGet, "/v1/memories/"+url.PathEscape(given[0])+"/", nil, &row); err != nil {
			return err
		}
		return v.one(cmd.OutOrStdout(), row)
	})
}

func memoryAddCommand() *cobra.Command {
	var s scopeFlags
	infer, wait := true, false
	cmd := &cobra.Command{
		Use:   "add TEXT",
		Short: "Say something that may be worth remembering",
		Long: `Add a text, as said by the user. It is processed in the background; the event's ID is
shown. With --wait the result is waited for and shown instead.`,
		Example: "  memhook memory add 'I live in Lisbon' --user alice\n  memhook memory add 'Prefers tea' --user alice --infer=false --wait",
		Args:    args(cobra.ExactArgs(1)),
	}
	memoryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := s.ids()
		if err != nil {
			return err
		}
		body["messages"] = []map[string]string{{"role": "user", "content": given[0]}}
		body["infer"], body["async_mode"] = infer, !wait
		return showMemories(cmd, api, &view{format: v.format, columns: addColumns(wait)}, http.MethodPost, "/v1/memories/", body)
	})
	s.flags(cmd.Flags())
	cmd.Flags().BoolVar(&infer, "infer", true, "extract facts; false stores the text as it is")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is processed")
	return cmd
}

func addColumns(processed bool) []column {
	if processed {
		return []column{{"ID", "id", false}, {"EVENT", "event", false}, {"MEMORY", "memory", false}}
	}
	return []column{{"EVENT ID", "event_id", false}, {"STATUS", "status", false}}
}

func memorySearchCommand() *cobra.Command {
	var s scopeFlags
	limit := 10
	cmd := &cobra.Command{
		Use: "search TEXT", Short: "Search memories, best first", Args: args(cobra.ExactArgs(1)),
		Example: "  memhook memory search 'where does she live' --user alice",
	}
	memoryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		body, err := s.ids()
		if err != nil {
			return err
		}
		body["query"], body["top_k"] = given[0], limit
		return showMemories(cmd, api, v, http.MethodPost, "/v1/memories/search/", body)
	})
	s.flags(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", limit, "most rows")
	return cmd
}
