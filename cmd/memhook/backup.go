package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"memhook/memory/sqlstore"
)

func backupCommand() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the SQLite database to a file, also while a server runs",
		Long: `Write what the SQLite database has at this moment to a new file. A server may go
on meanwhile. Endpoint secrets in it are sealed: keep secret.key of the data
directory, too, and elsewhere. Postgres has pg_dump for this.`,
		Example: "  memhook backup memhook-2026-11-23.db",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			err := sqlstore.Backup(cmd.Context(), filepath.Join(c.DataDir, databaseFile), given[0])
			switch {
			case errors.Is(err, fs.ErrExist):
				return failf(exitFailed, "%s is there already; choose another name", given[0])
			case errors.Is(err, fs.ErrNotExist):
				return failf(exitNotFound, "there is no SQLite database in %s, or no folder for %s", c.DataDir, given[0])
			case err != nil:
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Written to %s. Its endpoint secrets need the key in %s.\n", given[0], filepath.Join(c.DataDir, secretFile))
			return nil
		},
	}
	dataDirFlag(cmd.Flags(), &c.DataDir)
	return cmd
}

func restoreCommand() *cobra.Command {
	var c config
	var force bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the SQLite database",
		Long: `Check a file that "memhook backup" wrote and put it in the place of the database.
The server has to be stopped. Callbacks that were delivered after the backup are
delivered again, with the same webhook-id.`,
		Example: "  memhook restore memhook-2026-11-23.db\n  memhook restore memhook-2026-11-23.db --force   # replace what is there",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			if err := restore(cmd.Context(), c.DataDir, given[0], force); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Restored to %s.\n", c.DataDir)
			if _, given, err := fromEnv("MEMHOOK_SECRET_KEY", true, os.LookupEnv); err == nil && !given && !exists(c.DataDir, secretFile) {
				fmt.Fprintf(cmd.ErrOrStderr(), "It does not open without its key: put %s of the data directory it was made from there, or give the key in MEMHOOK_SECRET_KEY.\n", secretFile)
			}
			return nil
		},
	}
	dataDirFlag(cmd.Flags(), &c.DataDir)
	cmd.Flags().BoolVar(&force, "force", false, "replace a database that is there")
	return cmd
}

func restore(ctx context.Context, dir, file string, force bool) error {
	lock, err := lockData(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err == nil && !force {
		return failf(exitFailed, "there is a database in %s; add --force to replace it", dir)
	}
	tmp := path + ".restored"
	defer os.Remove(tmp)
	if err := copyFile(file, tmp); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return failf(exitNotFound, "%w", err)
		}
		return err
	}
	if err := sqlstore.CheckFile(ctx, tmp); err != nil {
		return failf(exitFailed, "%w", err)
	}
	for _, beside := range []string{"-wal", "-shm"} {
		for _, name := range []string{path, tmp} {
			if err := os.Remove(name + beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return os.Rename(tmp, path)
}

// copyFile makes a file that only the user may read, and whose content is on disk.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
