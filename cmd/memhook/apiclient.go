package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const defaultServer = "http://127.0.0.1:8080"

// An apiTarget says which server is asked, and with which key.
type apiTarget struct {
	server, keyFile, config string
	project                 *ofProject // nil: the command knows no --project
	closeStore              func() error
}

// close ends what open began.
func (t *apiTarget) close() error {
	if t.closeStore == nil {
		return nil
	}
	return t.closeStore()
}

func (t *apiTarget) flags(fs *pflag.FlagSet) {
	fs.StringVar(&t.server, "server", defaultServer, "URL of the server (MEMHOOK_SERVER)")
	fs.StringVar(&t.keyFile, "key-file", "", "`file` with the API key (default MEMHOOK_API_KEY, then "+adminKeyFile+" in the data directory)")
	configFlag(fs, &t.config)
}

// open returns a client for the server that flags, variables and files name.
func (t *apiTarget) open(cmd *cobra.Command) (api *client, err error) {
	if t.project != nil && t.project.id != "" {
		api, t.closeStore, err = t.project.open(cmd, t.config)
		return api, err
	}
	server := t.server
	if !cmd.Flags().Changed("server") {
		named := t.config
		if named == "" {
			named = os.Getenv("MEMHOOK_CONFIG")
		}
		layers, err := configLayers(named)
		if err != nil {
			return nil, err
		}
		value, _, ok, err := find("server", os.LookupEnv, layers)
		if err != nil {
			return nil, err
		}
		if ok {
			server = value
		}
	}
	key, err := findKey(t.keyFile)
	if err != nil {
		return nil, err
	}
	return newClient(server, key)
}

// findKey returns the API key of a file, of MEMHOOK_API_KEY, or of the data
// directory.
func findKey(file string) (string, error) {
	if file != "" {
		key, err := readSecret(file)
		if err != nil {
			return "", usagef("--key-file: %w", err)
		}
		return key, nil
	}
	key, ok, err := fromEnv("MEMHOOK_API_KEY", true, os.LookupEnv)
	if ok || err != nil {
		return key, err
	}
	var c config
	c.DataDir = os.Getenv("MEMHOOK_DATA_DIR")
	if err := c.locate(); err != nil {
		return "", err
	}
	if key, err := readSecret(filepath.Join(c.DataDir, adminKeyFile)); err == nil {
		return key, nil
	}
	return "", failf(exitNotAllowed, "this needs an API key; set MEMHOOK_API_KEY, or name a file with --key-file")
}

// apiRoot begins the paths of memhook's own API.
const apiRoot = "/api/v2/"

// ask makes a request of memhook's own API and returns the answer as it came, nil
// when it has no body.
func (c *client) ask(ctx context.Context, method, path string, in any) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.call(ctx, method, apiRoot+path, in, &out)
	return out, err
}

// maxAPIPage is the most rows that one page of the API has.
const maxAPIPage = 250

// list returns up to limit rows of a list, page by page.
func (c *client) list(ctx context.Context, path string, q url.Values, limit int) ([]json.RawMessage, error) {
	var rows []json.RawMessage
	for {
		var page struct {
			Data []json.RawMessage `json:"data"`
			Next *string           `json:"next_cursor"`
		}
		if err := c.call(ctx, http.MethodGet, apiRoot+path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		rows = append(rows, page.Data...)
		if limit > 0 && len(rows) >= limit {
			return rows[:limit], nil
		}
		if page.Next == nil {
			return rows, nil
		}
		q.Set("after", *page.Next)
	}
}

// pageFlags narrow and bound a list.
type pageFlags struct {
	filter string
	limit  int
}

func (p *pageFlags) flags(fs *pflag.FlagSet, example string) {
	if example != "" {
		fs.StringVar(&p.filter, "filter", "", "what to list, such as '"+example+"'")
	}
	fs.IntVar(&p.limit, "limit", 50, "most rows; 0: all")
}

func (p *pageFlags) query() (url.Values, error) {
	if p.limit < 0 {
		return nil, usagef("--limit %d is negative; use 0 for all", p.limit)
	}
	q := url.Values{}
	size := maxAPIPage
	if p.limit > 0 {
		size = min(p.limit, maxAPIPage)
	}
	q.Set("limit", strconv.Itoa(size))
	if p.filter != "" {
		q.Set("q", p.filter)
	}
	return q, nil
}

// completeWithin bounds what completion asks a server.
const completeWithin = 2 * time.Second

// idsOf completes an argument with the IDs of what there is, with their names.
func (t *apiTarget) idsOf(path, title string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		api, err := t.open(cmd)
		if err != nil || len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer t.close()
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		rows, err := api.list(ctx, path, url.Values{}, maxAPIPage)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var list []cobra.Completion
		for _, row := range rows {
			list = append(list, cobra.CompletionWithDesc(memberOf(row, "id"), printable(memberOf(row, title))))
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// maxEvent is the longest line of a stream, in bytes.
const maxEvent = 1 << 20

// stream reads server-sent events until the server ends them, which is no error, or
// a function returns one. opened is called once the stream stands; last is the ID
// of the last event that was seen, "" for none.
func (c *client) stream(ctx context.Context, path, last string, opened func() error, each func(id string, data json.RawMessage) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+apiRoot+path, nil)
	if err != nil {
		return err
	}
	c.identify(req)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	streaming := http.Client{Transport: c.http.Transport} // without a time limit
	resp, err := streaming.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what cannot be read says nothing
		return refusal(http.MethodGet, apiRoot+path, resp, raw)
	}
	if err := opened(); err != nil {
		return err
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	id, data := "", ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != "":
			if err := each(id, json.RawMessage(data)); err != nil {
				return err
			}
			data = ""
		case name == "id":
			id = value
		case name == "data":
			data += value
		}
	}
	return nil
}
