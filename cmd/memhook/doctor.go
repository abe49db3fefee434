package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"memhook/memory/sqlstore"
)

func doctorCommand() *cobra.Command {
	var c config
	var output, dnsName string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps a server from working, and say how to fix it",
		Long: `Look at the configuration, the data directory, the database, the queue, the clock, the
disk, and at how deliveries would get out. Each finding says how to fix it. Exit code
8 means that there is a problem. It works beside a running server, and takes the
same flags, variables and files.`,
		Example: "  memhook doctor\n  memhook doctor --config prod.toml\n  memhook doctor -o json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("-o", output, "table", "json", "ndjson"); err != nil {
				return err
			}
			if err := c.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			d := &doctor{c: &c, dnsName: dnsName}
			d.examine(cmd.Context(), unknownVariables(cmd.Flags(), os.Environ()))
			if err := d.show(cmd.OutOrStdout(), output); err != nil {
				return err
			}
			if n := d.count(problem); n > 0 {
				return failf(exitFailures, "%s found", count(n, "problem"))
			}
			return nil
		},
	}
	c.flags(cmd.Flags())
	cmd.Flags().StringVar(&dnsName, "dns-name", "example.com", "name to look up, to see whether names can be looked up")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or ndjson")
	return cmd
}

// level says how bad a finding is.
type level string

const (
	fine    level = "ok"
	note    level = "note"
	warning level = "warning"
	problem level = "problem"
)

// A finding is one thing that the doctor has looked at.
type finding struct {
	Name  string `json:"name"`
	Level level  `json:"level"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

// A doctor looks at everything, whatever it finds.
type doctor struct {
	c        *config
	dnsName  string
	running  bool // a server answers
	findings []finding
}

func (d *doctor) add(l level, name, text, fix string) {
	d.findings = append(d.findings, finding{name, l, text, fix})
}

func (d *doctor) count(l level) int {
	n := 0
	for _, f := range d.findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

func (d *doctor) examine(ctx context.Context, unknown []string) {
	if err := d.c.validate(); err != nil {
		d.add(problem, "configuration", err.Error(), "Correct the setting; memhook config show --origin says where it comes from.")
	} else {
		d.add(fine, "configuration", "Every setting can be used.", "")
	}
	for _, name := range unknown {
		d.add(warning, "configuration", name+" is set and is no setting.", "Unset it, or spell it as memhook serve --help does.")
	}
	d.configFiles()
	d.dataDir()
	d.disk()
	d.server(ctx)
	d.database(ctx)
	d.queue(ctx)
	d.names(ctx)
}

// database opens the database if there is one: looking must not make one.
func (d *doctor) database(ctx context.Context) {
	if d.c.DatabaseURL == "" && !exists(d.c.DataDir, databaseFile) {
		d.add(note, "database", "There is none yet; the first start makes it.", "")
		return
	}
	if d.c.SecretKey == "" && !exists(d.c.DataDir, secretFile) {
		d.add(problem, "sealing key", "There is none for this database.", "Give it in MEMHOOK_SECRET_KEY, or put "+secretFile+" back into the data directory.")
		return
	}
	sealer, err := openSealer(d.c.DataDir, d.c.SecretKey)
	if err != nil {
		d.add(problem, "sealing key", err.Error(), "Give the key that was used before: MEMHOOK_SECRET_KEY, or "+secretFile+" in the data directory.")
		return
	}
	sc := sqlstore.Config{Sealer: sealer, URL: d.c.DatabaseURL}
	if sc.URL == "" {
		sc.Path = filepath.Join(d.c.DataDir, databaseFile)
	}
	if !d.schema(ctx, sc) {
		return
	}
	db, err := sqlstore.Open(ctx, sc)
	if err != nil {
		d.add(problem, "database", err.Error(), askDatabase)
		return
	}
	defer db.Close()
	if err := sealed(db.SealFits(ctx)); err != nil {
		d.add(problem, "sealing key", err.Error(), "Give the key that was used before: MEMHOOK_SECRET_KEY, or "+secretFile+" in the data directory.")
	} else {
		d.add(fine, "sealing key", "It opens the secrets of this database.", "")
	}
	if err := db.Ping(ctx); err != nil {
		d.add(problem, "database", "It cannot be written: "+err.Error(), "Look at its disk and its permissions.")
		return
	}
	d.add(fine, "database", "It can be read and written.", "")
	d.endpoints(ctx, db)
}

const askDatabase = "Look whether --data-dir, --database-url and the sealing key are those of this database."

// schema looks at the version of the schema. Only a database that has the one of this
// program is opened: opening brings it up to date, which is more than looking.
func (d *doctor) schema(ctx context.Context, sc sqlstore.Config) bool {
	have, want, err := sqlstore.Schema(ctx, sc)
	switch {
	case err != nil:
		d.add(problem, "database", err.Error(), askDatabase)
	case have == 0:
		d.add(note, "database", "It is empty; the first start makes what belongs in it.", "")
	case have < want:
		d.add(problem, "database", fmt.Sprintf("Its schema is version %d, and this program needs %d.", have, want),
			"Run memhook migrate up, or start a server, which does the same. An older memhook cannot use it afterwards.")
	case have > want:
		d.add(problem, "database", fmt.Sprintf("Its schema is version %d, and this program knows up to %d.", have, want), "Use the newer memhook.")
	default:
		return true
	}
	return false
}

// endpoints looks for addresses that deliveries may not reach.
func (d *doctor) endpoints(ctx context.Context, db *sqlstore.DB) {
	projects, err := db.Projects(ctx)
	if err != nil {
		d.add(problem, "endpoints", err.Error(), "Look at the database.")
		return
	}
	total, closed := 0, 0
	for _, p := range projects {
		list, err := db.Endpoints(ctx, p.ID)
		if err != nil {
			d.add(problem, "endpoints", "project "+p.ID+": "+err.Error(), "Look at the database.")
			continue
		}
		for _, e := range list {
			total++
			if err := d.checkURL(e.URL); err != nil {
				closed++
				level, fix := problem, "Open the network with --allow-net if it is yours, or change the endpoint's URL."
				if d.running && d.c.AllowNet == "" { // the server may know more
					level, fix = warning, "If the server was started with --allow-net, give it here, too. Otherwise: "+fix
				}
				d.add(level, "endpoints", fmt.Sprintf("%s (%s) cannot be delivered to. Its URL: %v.", shownEndpoint(e), e.Name, err), fix)
			}
		}
	}
	if closed == 0 {
		d.add(fine, "endpoints", fmt.Sprintf("%s, none at a closed address.", count(total, "endpoint")), "")
	}
}

var levelMarks = map[level]string{fine: "✓", note: "–", warning: "!", problem: "✗"}

func (d *doctor) show(w io.Writer, output string) error {
	switch output {
	case "json":
		return encodeJSON(w, d.findings)
	case "ndjson":
		for _, f := range d.findings {
			if err := encodeJSON(w, f); err != nil {
				return err
			}
		}
		return nil
	}
	for _, f := range d.findings {
		fmt.Fprintf(w, "%s %-14s %s\n", levelMarks[f.Level], f.Name, printable(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(w, "    Fix: %s\n", printable(f.Fix))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s, %s.\n", count(d.count(problem), "problem"), count(d.count(warning), "warning"))
	return err
}
