package hookapi

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing/apikey"
)

// maxKeyName is how long a key's name may be, in characters.
const maxKeyName = 255

type keyShape struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Scope      string     `json:"scope" enum:"admin,read"`
	Hint       string     `json:"hint" doc:"The key's last characters."`
	CreatedAt  time.Time  `json:"created_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func keyOf(k apikey.Key) keyShape {
	return keyShape{k.ID, k.Name, string(k.Scope), k.Hint, k.CreatedAt, k.RevokedAt, k.LastUsedAt}
}

type newKeyShape struct {
	keyShape
	Key string `json:"key" doc:"The key itself, shown this once."`
}

func (a *API) listKeys(c call, _ *none) (listShape[keyShape], error) {
	list, err := a.keyStore.Keys(c, c.project())
	shapes := make([]keyShape, len(list))
	for i, k := range list {
		shapes[i] = keyOf(k)
	}
	return listOf(shapes, ""), err
}

type newKey struct {
	Name  string `json:"name" required:"true"`
	Scope string `json:"scope" enum:"admin,read" doc:"Left out: admin."`
}

func (a *API) createKey(c call, in *newKey) (newKeyShape, error) {
	switch {
	case strings.TrimSpace(in.Name) == "":
		return newKeyShape{}, invalid(fieldShape{"name", "This field is required."})
	case utf8.RuneCountInString(in.Name) > maxKeyName || strings.ContainsFunc(in.Name, unicode.IsControl):
		return newKeyShape{}, invalid(fieldShape{"name", fmt.Sprintf("Must be text of at most %d characters, without control characters.", maxKeyName)})
	case in.Scope == "":
		in.Scope = string(apikey.Admin)
	}
	scope, err := apikey.ParseScope(in.Scope)
	if err != nil {
		return newKeyShape{}, invalid(fieldShape{"scope", "Must be admin or read."})
	}
	text := apikey.Generate()
	k := apikey.Key{
		ID: "key_" + uuid.NewString(), ProjectID: c.project(), Name: in.Name, Scope: scope,
		Hash: apikey.Hash(text), Hint: apikey.Hint(text), CreatedAt: c.now.UTC().Truncate(time.Microsecond),
	}
	if err := a.keyStore.InsertKey(c, k); err != nil {
		return newKeyShape{}, err
	}
	a.note(c, "key.create", k.ID, k.Name+", "+string(k.Scope))
	return newKeyShape{keyOf(k), text}, nil
}

type ofKey struct {
	Key string `path:"key"`
}

func (a *API) revokeKey(c call, in *ofKey) (keyShape, error) {
	k, err := a.keyStore.RevokeKey(c, c.project(), in.Key, c.now)
	if err != nil {
		return keyShape{}, err
	}
	a.note(c, "key.revoke", k.ID, k.Name)
	return keyOf(k), nil
}

type projectShape struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	KeyID     string    `json:"key_id" doc:"Of the key that asks."`
	Scope     string    `json:"scope" enum:"admin,read" doc:"Of the key that asks."`
}

func (a *API) projectOf(c call, _ *none) (projectShape, error) {
	p, err := a.memory.Project(c, c.project())
	if err != nil {
		return projectShape{}, err
	}
	return projectShape{p.ID, p.Name, p.CreatedAt, p.UpdatedAt, c.key.ID, string(c.key.Scope)}, nil
}

type auditShape struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor" doc:"The ID of a key, or system."`
	ActorHint string    `json:"actor_hint,omitempty"`
	Action    string    `json:"action"`
	Subject   string    `json:"subject"`
	Detail    string    `json:"detail,omitempty"`
}

type auditList struct {
	Subject string `query:"subject" doc:"Only what was done to this ID."`
	After   string `query:"after" doc:"next_cursor of the page before."`
	Limit   int    `query:"limit" doc:"1 to 250; left out: 50."`
}

func (a *API) audit(c call, in *auditList) (listShape[auditShape], error) {
	n, err := limit(in.Limit)
	if err != nil {
		return listShape[auditShape]{}, err
	}
	after, err := afterID(in.After)
	if err != nil {
		return listShape[auditShape]{}, err
	}
	list, err := a.delivery.Audit(c, c.project(), in.Subject, after, n+1)
	if err != nil {
		return listShape[auditShape]{}, err
	}
	list, next := cutPage(list, n, func(e delivery.AuditEntry) uuid.UUID { return e.ID })
	shapes := make([]auditShape, len(list))
	for i, e := range list {
		shapes[i] = auditShape{delivery.FormatID(delivery.AuditPrefix, e.ID), e.At, e.Actor, e.ActorHint, e.Action, e.Subject, e.Detail}
	}
	return listOf(shapes, next), nil
}
