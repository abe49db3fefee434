package dashboard

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"memhook/memory"
	"memhook/signing/apikey"
)

type signInView struct {
	Token   string // of a sign-in link, "" to ask for the key
	Next    string // where to go then
	Mistake string
}

func (d *Dashboard) signInPage(v visit) (reply, error) {
	q := v.QueryParams()
	next := safeNext(q.Get("next"))
	token := q.Get("token")
	if v.signedIn() && token == "" {
		return goTo(next), nil
	}
	return show("login", "Sign in", signInView{Token: token, Next: next}), nil
}

// signIn begins a session. What is wrong is said on the page with the form.
func (d *Dashboard) signIn(v visit) (reply, error) {
	if wait, ok := d.signIns.allow(v.ctx(), remote(v), v.now); !ok {
		v.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return reply{}, errSignIns
	}
	form, err := v.form()
	if err != nil {
		return reply{}, err
	}
	view := signInView{Next: safeNext(form.Get("next"))}
	hash, ok, err := d.signInKey(v, form)
	if err != nil {
		return reply{}, err
	}
	var key apikey.Key
	if ok {
		if key, err = d.keys(v.ctx(), hash); err != nil && !errors.Is(err, memory.ErrNotFound) {
			return reply{}, fmt.Errorf("look up key: %w", err)
		}
		ok = err == nil && key.RevokedAt == nil
	}
	if !ok {
		d.log.LogAttrs(v.ctx(), slog.LevelInfo, "sign-in refused", slog.String("remote_addr", remote(v).String()))
		view.Mistake = "That API key is not known, or has been revoked."
		if form.Get("token") != "" {
			view.Mistake = "That link has been used or is older than ten minutes. Sign in with an API key, or print a new link."
		}
		r := show("login", "Sign in", view)
		r.status = http.StatusForbidden
		return r, nil
	}
	if old, ok := d.sessionOf(v.Request()); ok {
		if err := d.sessions.DeleteSession(v.ctx(), old); err != nil {
			return reply{}, err
		}
	}
	token, err := d.startSession(v.ctx(), hash, v.now)
	if err != nil {
		return reply{}, err
	}
	v.SetCookie(d.cookie(v.Request(), token))
	d.log.LogAttrs(v.ctx(), slog.LevelInfo, "signed in", slog.String("key_id", key.ID), slog.String("project_id", key.ProjectID))
	return goTo(view.Next), nil
}

// signInKey returns the hash of the key that a form stands for.
func (d *Dashboard) signInKey(v visit, form url.Values) ([sha256.Size]byte, bool, error) {
	if token := form.Get("token"); token != "" {
		hash, err := d.sessions.TakeLoginLink(v.ctx(), hashToken(token), v.now)
		if errors.Is(err, memory.ErrNotFound) {
			return hash, false, nil
		}
		return hash, err == nil, err
	}
	text := strings.TrimSpace(form.Get("key"))
	return apikey.Hash(text), apikey.Check(text) == nil, nil
}

func (d *Dashboard) signOut(v visit) (reply, error) {
	if id, ok := d.sessionOf(v.Request()); ok {
		if err := d.sessions.DeleteSession(v.ctx(), id); err != nil {
			return reply{}, err
		}
	}
	v.SetCookie(d.cookie(v.Request(), ""))
	return goTo(root + "login"), nil
}

// safeNext returns where a sign-in leads: a page of the dashboard, never another
// site.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, root) || strings.HasPrefix(u.Path, root+"log") {
		return root
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// remote returns the client's address. Forwarding headers count only where the
// server was told whom to believe.
func remote(v visit) netip.Addr {
	text := v.Request().RemoteAddr
	if v.Echo().IPExtractor != nil {
		text = v.RealIP()
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	addr, _ := netip.ParseAddr(text)
	return addr
}
