package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode"
	"unicode/utf8"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/signing/apikey"
)

const (
	firstProject = "default-project"
	projectNames = 255 // characters of the longest name
)

// newProject stores a project with an admin key whose text is given.
func newProject(ctx context.Context, db *sqlstore.DB, name, key string) (memory.Project, error) {
	p, k, err := projectAndKey(name, key)
	if err != nil {
		return p, err
	}
	return p, db.CreateProject(ctx, p, k)
}

func projectAndKey(name, key string) (memory.Project, apikey.Key, error) {
	if n := utf8.RuneCountInString(name); n == 0 || n > projectNames || !utf8.ValidString(name) || hasControl(name) {
		return memory.Project{}, apikey.Key{}, usagef("a project's name has 1 to %d printable characters", projectNames)
	}
	now := time.Now().UTC()
	p := memory.Project{ID: delivery.FormatID("proj_", delivery.NewID()), Name: name, CreatedAt: now, UpdatedAt: now}
	k := apikey.Key{
		ID: delivery.FormatID("key_", delivery.NewID()), ProjectID: p.ID, Name: "admin", Scope: apikey.Admin,
		Hash: apikey.Hash(key), Hint: apikey.Hint(key), CreatedAt: now,
	}
	return p, k, nil
}

func hasControl(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return true
		}
	}
	return false
}

// firstStart makes a project and its admin key where there is no project yet, and
// returns the key's text, "" when there was one. The key's file is written first:
// a crash in between leaves a file with a key that opens nothing, which the next
// start takes into use.
func firstStart(ctx context.Context, db *sqlstore.DB, c *config) (key string, err error) {
	projects, err := db.Projects(ctx)
	if err != nil || len(projects) > 0 {
		return "", err
	}
	path := filepath.Join(c.DataDir, adminKeyFile)
	if key = c.BootstrapKey; key == "" {
		key = apikey.Generate()
	}
	err = writeNew(path, key+"\n")
	if errors.Is(err, fs.ErrExist) {
		if old, readErr := readSecret(path); readErr == nil && apikey.Check(old) == nil && (c.BootstrapKey == "" || c.BootstrapKey == old) {
			key, err = old, nil
		} else {
			err = failf(exitFailed, "%s does not belong to this database, which is new; move it away", path)
		}
	}
	if err != nil {
		return "", err
	}
	p, k, err := projectAndKey(firstProject, key)
	if err != nil {
		return "", err
	}
	created, err := db.CreateFirstProject(ctx, p, k)
	if err == nil && !created { // another node was first
		if c.BootstrapKey == "" {
			err = os.Remove(path) // its key opens nothing
		}
		return "", err
	}
	return key, err
}

// welcome tells a person what the first start made. A key that was brought along
// is not repeated.
func welcome(w io.Writer, c *config, url, key string) {
	path := filepath.Join(c.DataDir, adminKeyFile)
	if c.BootstrapKey == "" {
		fmt.Fprintf(w, "Admin key %s\n  shown this once, kept in %s\n", key, path)
	}
	fmt.Fprintf(w, `Try:
  KEY=$(cat '%s')
  curl -H "Authorization: Token $KEY" %[2]s/v1/ping/
  curl -H "Authorization: Token $KEY" -H 'Content-Type: application/json' %[2]s/v1/memories/ -d '{"user_id":"alice","messages":[{"role":"user","content":"I live in Berlin"}]}'
  curl -H "Authorization: Token $KEY" '%[2]s/v1/memories/?user_id=alice'
`, path, url)
}
