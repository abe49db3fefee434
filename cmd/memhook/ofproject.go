package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/delivery/feed"
	"memhook/delivery/hookapi"
	"memhook/delivery/queue"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/signing/apikey"
)

// An ofProject lets a command that asks the API work on a project whose keys are not at
// hand: the same API, in this process, on the database that flags name. It is for those
// who have the database anyway.
type ofProject struct {
	id    string
	store config
	flags *pflag.FlagSet // those of the store
}

func (o *ofProject) add(fs *pflag.FlagSet) {
	fs.StringVar(&o.id, "project", "", "`ID` of any project of the database that --data-dir or --database-url names, beside a running server")
	o.flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	dataDirFlag(o.flags, &o.store.DataDir)
	databaseFlag(o.flags, &o.store.DatabaseURL)
	o.flags.StringVar(&o.store.secretKeyFile, "secret-key", "", "`file` with the key that seals endpoint secrets")
	fs.AddFlagSet(o.flags)
}

// open returns a client of the project. close follows.
func (o *ofProject) open(cmd *cobra.Command, file string) (api *client, closeStore func() error, err error) {
	o.store.file = file
	if err := o.store.load(o.flags, os.LookupEnv); err != nil {
		return nil, nil, err
	}
	if err := o.store.checkURL("--database-url", o.store.DatabaseURL, "postgres", "postgresql"); err != nil {
		return nil, nil, err
	}
	if o.store.DatabaseURL == "" && !exists(o.store.DataDir, databaseFile) {
		return nil, nil, failf(exitNotFound, "there is no SQLite database in %s", o.store.DataDir)
	}
	sc, err := storeConfig(&o.store)
	if err != nil {
		return nil, nil, err
	}
	db, err := sqlstore.Open(cmd.Context(), sc)
	if err != nil {
		return nil, nil, err
	}
	if _, err := db.Project(cmd.Context(), o.id); err != nil {
		if errors.Is(err, memory.ErrNotFound) {
			err = failf(exitNotFound, "there is no project %s; memhook project list has those there are", printable(o.id))
		}
		return nil, nil, errors.Join(err, db.Close())
	}
	text := apikey.Generate()
	return &client{base: "http://memhook", key: text, http: &http.Client{Transport: o.serve(db, text)}}, db.Close, nil
}

// serve answers as a server on the database does, to one key that nobody else has.
func (o *ofProject) serve(db *sqlstore.DB, text string) inProcess {
	key := apikey.Key{ID: "system", ProjectID: o.id, Scope: apikey.Admin, Hash: apikey.Hash(text)}
	log := slog.New(slog.DiscardHandler)
	push := func(context.Context, queue.Ticket) error { return queue.ErrFull } // a server works
	guard := egress.Guard{}
	d := delivery.New(delivery.Config{
		Store: db, Push: push, Log: log, Version: version(),
		CheckURL: func(url string) error { return egress.CheckURL(url, guard) }, Transport: egress.NewTransport(egress.Config{Guard: guard}),
	})
	engine, _ := o.store.newEngine(log)
	m := memory.New(memory.Config{Store: db, Engine: engine, Push: push, Wake: d.Wake, Log: log})
	e := echo.New()
	hookapi.New(hookapi.Config{
		Memory: m, Delivery: d, Feed: feed.New(feed.Config{Store: db, Log: log}), KeyStore: db, Log: log, Version: version(),
		Keys: func(context.Context, [sha256.Size]byte) (apikey.Key, error) { return key, nil },
	}).Register(e)
	return inProcess{e}
}

// inProcess is a transport to a handler.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answer{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// answer is what a handler wrote.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
