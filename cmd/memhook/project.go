package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/signing/apikey"
)

func projectCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "project",
		Short:   "Create and list projects",
		Long:    "A project owns memories, webhooks and keys; no key sees another project's.",
		Example: "  memhook project create crm -o json\n  memhook project list",
	})
	cmd.AddCommand(projectCreateCommand(), projectListCommand())
	return cmd
}

func projectCreateCommand() *cobra.Command {
	var c config
	var output string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a project and its first admin key",
		Long: `Create a project and its first admin key, which is shown this once. A running
server takes both into use at once.`,
		Example: "  memhook project create crm\n  memhook project create crm -o json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := oneOf("-o", output, "table", "json", "id"); err != nil {
				return err
			}
			return withStore(cmd, &c, func(ctx context.Context, db *sqlstore.DB) error {
				key := apikey.Generate()
				p, err := newProject(ctx, db, given[0], key)
				if err != nil {
					return err
				}
				return showNewProject(cmd.OutOrStdout(), output, p, key)
			})
		},
	}
	storeFlags(cmd, &c)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or id")
	return cmd
}

func showNewProject(w io.Writer, output string, p memory.Project, key string) error {
	switch output {
	case "json":
		return json.NewEncoder(w).Encode(struct {
			ID  string `json:"id"`
			Key string `json:"key"`
		}{p.ID, key})
	case "id":
		_, err := fmt.Fprintln(w, p.ID)
		return err
	}
	_, err := fmt.Fprintf(w, "Project %s\nKey     %s\n", p.ID, key)
	return err
}

func projectListCommand() *cobra.Command {
	var c config
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the projects, oldest first",
		Example: "  memhook project list\n  memhook project list -o json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("-o", output, "table", "json", "id"); err != nil {
				return err
			}
			return withStore(cmd, &c, func(ctx context.Context, db *sqlstore.DB) error {
				list, err := db.Projects(ctx)
				if err != nil {
					return err
				}
				return showProjects(cmd.OutOrStdout(), output, list)
			})
		},
	}
	storeFlags(cmd, &c)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or id")
	return cmd
}

func showProjects(w io.Writer, output string, list []memory.Project) error {
	type row struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		CreatedAt string `json:"created_at"`
	}
	rows := make([]row, len(list))
	for i, p := range list {
		rows[i] = row{p.ID, p.Name, memory.Timestamp(p.CreatedAt)}
	}
	if output == "json" {
		return json.NewEncoder(w).Encode(rows)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if output == "table" {
		fmt.Fprintln(table, "ID\tNAME\tCREATED")
	}
	for _, r := range rows {
		if output == "id" {
			fmt.Fprintln(table, r.ID)
		} else {
			fmt.Fprintf(table, "%s\t%s\t%s\n", r.ID, printable(r.Name), r.CreatedAt)
		}
	}
	return table.Flush()
}

func storeFlags(cmd *cobra.Command, c *config) {
	configFlag(cmd.Flags(), &c.file)
	dataDirFlag(cmd.Flags(), &c.DataDir)
	databaseFlag(cmd.Flags(), &c.DatabaseURL)
	cmd.Flags().StringVar(&c.secretKeyFile, "secret-key", "", "`file` with the key that seals endpoint secrets")
}

// withStore runs work on the database that the flags name. A server may be using
// it at the same time.
func withStore(cmd *cobra.Command, c *config, work func(context.Context, *sqlstore.DB) error) (err error) {
	if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
		return err
	}
	if err := c.checkURL("--database-url", c.DatabaseURL, "postgres", "postgresql"); err != nil {
		return err
	}
	made := c.DatabaseURL == "" && !exists(c.DataDir, databaseFile)
	db, err := openStore(cmd.Context(), c, uuid.Nil, nil)
	if err != nil {
		return err
	}
	if made {
		if err := checkSealed(cmd.Context(), db); err != nil { // notes which key it is from here on
			return errors.Join(err, db.Close())
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "There was no database in %s, so one was made. A server with another --data-dir does not see it.\n", c.DataDir)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(cmd.Context(), db)
}

// oneOf makes any other value of a flag a usage error.
func oneOf(flag, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return usagef("%s %q is unknown; use one of %v", flag, value, allowed)
}
