package dashboard

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

// KeyStore keeps the keys of projects.
type KeyStore interface {
	// Keys returns the project's keys, oldest first, revoked ones too.
	Keys(ctx context.Context, projectID string) ([]apikey.Key, error)
	InsertKey(ctx context.Context, k apikey.Key) error
	// RevokeKey ends a key. memory.ErrNotFound; memory.ErrLastKey for the project's
	// last live admin key.
	RevokeKey(ctx context.Context, projectID, id string, at time.Time) (apikey.Key, error)
}

const maxKeyName = 255 // characters

type keysView struct {
	Rows     []keyRow
	New      string // a key that was just made, shown this once
	NewName  text
	Name     string // as it was entered
	Mistake  string
	MayWrite bool
}

type keyRow struct {
	ID     text
	Name   text
	Hint   text
	Scope  text
	Badge  badge
	Made   moment
	Used   *moment
	Live   bool
	Yours  bool
	Revoke string // URL of the action
}

func (d *Dashboard) keysPage(v visit) (reply, error) {
	view, err := d.keysOf(v)
	return show("keys", "Keys", view), err
}

func (d *Dashboard) keysOf(v visit) (keysView, error) {
	list, err := d.keyStore.Keys(v.ctx(), v.project())
	view := keysView{MayWrite: v.mayWrite()}
	for _, k := range list {
		row := keyRow{
			ID: line(k.ID), Name: line(k.Name), Hint: line(k.Hint), Scope: line(string(k.Scope)), Badge: badge{"✓", "Live", ok}, Made: momentOf(k.CreatedAt, v.now),
			Used: momentOr(k.LastUsedAt, v.now), Live: k.RevokedAt == nil, Yours: k.ID == v.key.ID, Revoke: root + "keys/" + k.ID + "/revoke",
		}
		if !row.Live {
			row.Badge = badge{"⊘", "Revoked", quiet}
		}
		view.Rows = append(view.Rows, row)
	}
	return view, err
}

// createKey makes a key and shows it. It is the one answer to a write that is a page
// and no redirect: a key is stored as a hash, so nothing could show it afterwards.
func (d *Dashboard) createKey(v visit) (reply, error) {
	name := strings.TrimSpace(v.fields.Get("name"))
	scope, err := apikey.ParseScope(v.fields.Get("scope"))
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxKeyName || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return d.keyMistake(v, "The name must be text of 1 to 255 characters.")
	case err != nil:
		return d.keyMistake(v, "The scope must be admin or read.")
	}
	key := apikey.Generate()
	k := apikey.Key{
		ID: "key_" + uuid.NewString(), ProjectID: v.project(), Name: name, Scope: scope, Hash: apikey.Hash(key), Hint: apikey.Hint(key),
		CreatedAt: v.now.Truncate(time.Microsecond),
	}
	if err := d.keyStore.InsertKey(v.ctx(), k); err != nil {
		return reply{}, err
	}
	d.note(v, "key.create", k.ID, name+", "+string(scope))
	view, err := d.keysOf(v)
	view.New, view.NewName = key, line(name)
	r := show("keys", "Keys", view)
	r.secret, r.again = true, root+"keys"
	return r, err
}

func (d *Dashboard) keyMistake(v visit, text string) (reply, error) {
	view, err := d.keysOf(v)
	view.Mistake, view.Name = text, v.fields.Get("name")
	r := show("keys", "Keys", view)
	r.status = http.StatusUnprocessableEntity
	return r, err
}

func (d *Dashboard) revokeKey(v visit) (reply, error) {
	k, err := d.keyStore.RevokeKey(v.ctx(), v.project(), v.Param("key"), v.now)
	if errors.Is(err, memory.ErrLastKey) {
		return reply{}, &failure{http.StatusConflict, "The last key", "This is the project's last admin key. Make another one first, or nobody could change anything any more."}
	}
	if err != nil {
		return reply{}, err
	}
	d.note(v, "key.revoke", k.ID, k.Name)
	return goTo(root + "keys"), nil
}
