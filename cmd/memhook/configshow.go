package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func configCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "config",
		Short: "Show what the server would run with",
		Long: `Settings come from flags, variables (MEMHOOK_LISTEN), configuration files, and
defaults, in that order, value by value. The files are that of --config, memhook.toml
in the working directory, and memhook/memhook.toml in the user's configuration
directory. A file has the flags' names, with "_" for "-":

  listen = "127.0.0.1:8080"
  allow_net = ["10.0.0.0/8"]
  redis_url_file = "/run/secrets/redis"
  [log]
  level = "debug"`,
		Example: "  memhook config show --origin\n  memhook config show --config prod.toml -o json",
	})
	cmd.AddCommand(configShowCommand())
	return cmd
}

func configShowCommand() *cobra.Command {
	var c config
	var output string
	var origin bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show every setting and where it comes from",
		Long: `Show every setting of memhook serve as it would be used, without secrets. A mistake in
one of them is an error, as it is for serve.`,
		Example: "  memhook config show --origin\n  memhook config show -o json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("-o", output, "table", "json"); err != nil {
				return err
			}
			if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			if err := c.validate(); err != nil {
				return err
			}
			return showSettings(cmd.OutOrStdout(), output, origin, c.settings(cmd.Flags()))
		},
	}
	c.flags(cmd.Flags())
	cmd.Flags().BoolVar(&origin, "origin", false, "also say where each value comes from")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// A shownSetting is one setting as it may be shown.
type shownSetting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// settings lists the settings among the flags without secrets, in the order of
// their names.
func (c *config) settings(fs *pflag.FlagSet) []shownSetting {
	var list []shownSetting
	known := knownSettings()
	fs.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(known, f.Name) {
			return
		}
		value, origin := f.Value.String(), c.origins[f.Name]
		switch {
		case !slices.Contains(secretFlags, f.Name):
		case strings.HasSuffix(f.Name, "-url"):
			value = place(value, "")
		case origin != "":
			value = "[redacted]"
		}
		list = append(list, shownSetting{setting(f.Name), value, cmp.Or(origin, "default")})
	})
	return list
}

func showSettings(w io.Writer, output string, origin bool, list []shownSetting) error {
	if output == "json" {
		return encodeJSON(w, list)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range list {
		fmt.Fprintf(table, "%s\t%s", s.Name, printable(cmp.Or(s.Value, "-")))
		if origin {
			fmt.Fprintf(table, "\t%s", printable(s.Origin))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
