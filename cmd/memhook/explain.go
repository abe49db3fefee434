package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"memhook/delivery"
	"memhook/memory"
)

// verdict is why something arrived or not, as the API says it.
type verdict struct {
	Sentence   string `json:"sentence"`
	Next       string `json:"next"`
	Deliveries []struct {
		ID       string `json:"delivery_id"`
		Type     string `json:"message_type"`
		Endpoint string `json:"endpoint_name"`
		Status   string `json:"status"`
		Sentence string `json:"sentence"`
	} `json:"deliveries"`
}

var verdictKind = kind{columns: []column{
	{"CODE", "code", false},
	{"SENTENCE", "sentence", false},
	{"NEXT", "next", false},
}}

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Say why a callback arrived, or why not",
		Long: `Say for an event, a message or a delivery why its callbacks arrived, or why not, and
what happens next. A message's ID is what receivers get as webhook-id; its event is
explained.`,
		Example: fmt.Sprintf("  memhook explain %s\n  memhook explain %s -o json", exampleEvent, exampleDelivery),
		Args:    args(cobra.ExactArgs(1)),
	}
	return verdictKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		path, err := explained(cmd.Context(), api, given[0])
		if err != nil {
			return err
		}
		row, err := api.ask(cmd.Context(), http.MethodGet, path+"/explain", nil)
		if err != nil {
			return err
		}
		if v.format != "table" && v.format != "wide" {
			return v.one(cmd.OutOrStdout(), row)
		}
		return showVerdict(cmd.OutOrStdout(), row)
	})
}

// explained returns the path of what is explained when an ID is given.
func explained(ctx context.Context, api *client, id string) (string, error) {
	switch {
	case strings.HasPrefix(id, delivery.DeliveryPrefix):
		return deliveryKind.path + "/" + url.PathEscape(id), nil
	case strings.HasPrefix(id, delivery.MessagePrefix):
		var m struct {
			EventID *string `json:"event_id"`
		}
		if err := api.call(ctx, http.MethodGet, apiRoot+"messages/"+url.PathEscape(id), nil, &m); err != nil {
			return "", err
		}
		if m.EventID == nil {
			return "", failf(exitFailed, "no event made the message %s; see memhook delivery list --filter message:%[1]s", printable(id))
		}
		return eventKind.path + "/" + url.PathEscape(*m.EventID), nil
	}
	for _, place := range placesOf(id) {
		if strings.HasPrefix(place, apiRoot+"events/") {
			continue
		}
		if err := api.call(ctx, http.MethodGet, place, nil, &json.RawMessage{}); err == nil {
			return "", failf(exitUsage, "%s is neither an event nor a message nor a delivery; memhook find %[1]s shows it", printable(id))
		}
	}
	return eventKind.path + "/" + url.PathEscape(id), nil
}

func showVerdict(w io.Writer, row json.RawMessage) error {
	var said verdict
	if err := json.Unmarshal(row, &said); err != nil {
		return err
	}
	fmt.Fprintln(w, printable(said.Sentence))
	if said.Next != "" {
		fmt.Fprintln(w, printable(said.Next))
	}
	for _, d := range said.Deliveries {
		fmt.Fprintf(w, "  %s to %s: %s. %s (%s)\n", printable(d.Type), printable(d.Endpoint), d.Status, printable(d.Sentence), d.ID)
	}
	return nil
}

func findCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "find ID|TEXT",
		Short: "Find what an ID belongs to, or deliveries by their text",
		Long: `Show what an ID belongs to: an endpoint, a message, a delivery, a source, a replay,
an event or a memory. Any other text is looked for among deliveries, as the dashboard's box does.`,
		Example: fmt.Sprintf("  memhook find %s\n  memhook find %s\n  memhook find 'status:failed lisbon'", exampleDelivery, exampleEvent),
		Args:    args(cobra.ExactArgs(1)),
	}
	return deliveryKind.on(cmd, func(cmd *cobra.Command, api *client, v *view, given []string) error {
		for _, path := range placesOf(given[0]) {
			var row json.RawMessage
			err := api.call(cmd.Context(), http.MethodGet, path, nil, &row)
			if err == nil {
				return v.one(cmd.OutOrStdout(), row)
			}
			var exit *exitError
			if !errors.As(err, &exit) || exit.code != exitNotFound {
				return err
			}
		}
		p := pageFlags{filter: given[0], limit: 50}
		if len(placesOf(given[0])) > 0 {
			return failf(exitNotFound, "nothing in this project has the ID %s; was it pruned, or is it another project's?", printable(given[0]))
		}
		q, err := p.query()
		if err != nil {
			return err
		}
		rows, err := api.list(cmd.Context(), deliveryKind.path, q, p.limit)
		if err == nil && len(rows) == 0 {
			err = failf(exitNotFound, "no delivery matches %q", printable(given[0]))
		}
		if err != nil {
			return err
		}
		return v.rows(cmd.OutOrStdout(), rows)
	})
}

// placesOf returns the paths where a thing with the ID may be; none when the text
// is no ID.
func placesOf(id string) []string {
	for prefix, path := range map[string]string{
		delivery.EndpointPrefix: "endpoints/", delivery.MessagePrefix: "messages/", delivery.DeliveryPrefix: "deliveries/", memory.SourcePrefix: "sources/",
		delivery.ReplayPrefix: "replays/",
	} {
		if strings.HasPrefix(id, prefix) {
			return []string{apiRoot + path + url.PathEscape(id)}
		}
	}
	if len(id) == len(uuid.Nil.String()) && uuid.Validate(id) == nil {
		return []string{apiRoot + "events/" + id, "/v1/memories/" + id + "/"}
	}
	return nil
}
