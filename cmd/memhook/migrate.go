package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"memhook/memory/sqlstore"
)

func migrateCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "migrate",
		Short: "Look at the database's schema, update it, or move to Postgres",
		Long: `A server brings the schema up to date by itself when it starts; of several, one
does it while the others wait. Here it can be done before.`,
		Example: "  memhook migrate status\n  memhook migrate up --database-url postgres://…\n  memhook migrate copy --to postgres://…",
	})
	cmd.AddCommand(migrateStatusCommand(), migrateUpCommand(), migrateCopyCommand())
	return cmd
}

func migrateStatusCommand() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show which steps of the schema the database has",
		Example: "  memhook migrate status",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sc, err := c.store(cmd)
			if err != nil {
				return err
			}
			list, err := sqlstore.Migrations(cmd.Context(), sc)
			if err != nil {
				return err
			}
			return showMigrations(cmd.OutOrStdout(), list)
		},
	}
	storeFlags(cmd, &c)
	return cmd
}

// store loads the configuration of a command that makes no database.
func (c *config) store(cmd *cobra.Command) (sqlstore.Config, error) {
	if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
		return sqlstore.Config{}, err
	}
	if err := c.checkURL("--database-url", c.DatabaseURL, "postgres", "postgresql"); err != nil {
		return sqlstore.Config{}, err
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, databaseFile)); c.DatabaseURL == "" && err != nil {
		return sqlstore.Config{}, failf(exitNotFound, "there is no SQLite database in %s", c.DataDir)
	}
	return storeConfig(c)
}

func showMigrations(w io.Writer, list []sqlstore.Migration) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tAPPLIED")
	for _, m := range list {
		at := "not yet"
		if !m.AppliedAt.IsZero() {
			at = m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\n", m.Name, at)
	}
	return table.Flush()
}

func migrateUpCommand() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:     "up",
		Short:   "Bring the schema up to date",
		Example: "  memhook migrate up --database-url postgres://…",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, &c, func(context.Context, *sqlstore.DB) error {
				fmt.Fprintln(cmd.OutOrStdout(), "The schema is up to date.")
				return nil
			})
		},
	}
	storeFlags(cmd, &c)
	return cmd
}

func migrateCopyCommand() *cobra.Command {
	var c config
	var to, project string
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Copy the SQLite database, or one project of it, to Postgres",
		Long: `Copy what the SQLite database in the data directory has to Postgres, in one
transaction, and count on both sides. The server has to be stopped. Endpoint
secrets stay sealed with the same key: give the servers on Postgres the one of
this data directory.`,
		Example: "  memhook migrate copy --to postgres://…\n  memhook migrate copy --to postgres://… --project proj_…",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return usagef("--to is required: the URL of the Postgres database")
			}
			if err := c.checkURL("--to", to, "postgres", "postgresql"); err != nil {
				return err
			}
			if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			done, err := copyTo(cmd.Context(), &c, to, project)
			if err != nil {
				return err
			}
			return showCopied(cmd.OutOrStdout(), done)
		},
	}
	dataDirFlag(cmd.Flags(), &c.DataDir)
	cmd.Flags().StringVar(&c.secretKeyFile, "secret-key", "", "`file` with the key that seals endpoint secrets")
	cmd.Flags().StringVar(&to, "to", "", "postgres://… (required)")
	cmd.Flags().StringVar(&project, "project", "", "ID of the project to copy (default: all)")
	return cmd
}

func copyTo(ctx context.Context, c *config, to, project string) (done []sqlstore.Copied, err error) {
	if _, err := os.Stat(filepath.Join(c.DataDir, databaseFile)); err != nil {
		return nil, failf(exitNotFound, "there is no SQLite database in %s", c.DataDir)
	}
	lock, err := lockData(c.DataDir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	from, err := openStore(ctx, c, uuid.Nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if project != "" {
		if _, err := from.Project(ctx, project); err != nil {
			return nil, failf(exitNotFound, "%w", err)
		}
	}
	target := *c
	target.DatabaseURL = to
	db, err := openStore(ctx, &target, uuid.Nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkSealed(ctx, db); err != nil {
		return nil, err
	}
	return sqlstore.Copy(ctx, from, db, project)
}

func showCopied(w io.Writer, done []sqlstore.Copied) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TABLE\tROWS")
	for _, t := range done {
		fmt.Fprintf(table, "%s\t%d\n", t.Table, t.Rows)
	}
	return table.Flush()
}
