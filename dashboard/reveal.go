package dashboard

import (
	"net/http"
	"strings"

	"memhook/signing/apikey"
)

// A revealing is the part of a page that shows secrets on request.
type revealing struct {
	Shown   bool
	Until   moment // Shown ends
	Ask     bool   // revealing asks for the key again
	Mistake string
}

// revealingOf tells whether the visitor sees the secrets of a subject.
func revealingOf(v visit, subject, mistake string) revealing {
	return revealing{
		Shown: v.mayWrite() && v.session.Sees(subject, v.now), Until: momentOf(v.session.ShownUntil, v.now),
		Ask: v.now.Sub(v.session.ProvedAt) >= proofLife, Mistake: mistake,
	}
}

// page is the reply with the page that it is a part of.
func (r revealing) page(page, title string, view any) reply {
	one := show(page, title, view)
	one.secret = r.Shown
	if r.Mistake != "" {
		one.status = http.StatusForbidden
	}
	return one
}

// A keeper has secrets: an endpoint or a source.
type keeper struct {
	id, name string                     // of the audit entry
	action   string                     // of the audit entry
	at       string                     // the path of the page with the secrets
	page     func(mistake string) reply // that page
}

// reveal lets the session see the secrets of what the path names for a short time.
// Long after signing in it asks for the key again.
func (d *Dashboard) reveal(find func(visit) (keeper, error)) work {
	return func(v visit) (reply, error) {
		k, err := find(v)
		if err != nil {
			return reply{}, err
		}
		switch ok, err := d.prove(v); {
		case err != nil:
			return reply{}, err
		case !ok:
			return k.page("That is not the key this session was started with."), nil
		}
		d.note(v, k.action, k.id, k.name)
		return goTo(k.at), d.letSee(v, k.id)
	}
}

// hide ends what reveal began.
func (d *Dashboard) hide(find func(visit) (keeper, error)) work {
	return func(v visit) (reply, error) {
		k, err := find(v)
		if err != nil {
			return reply{}, err
		}
		return goTo(k.at), d.sessions.UpdateSession(v.ctx(), v.session.ID, func(s *apikey.Session) { s.Shown = "" })
	}
}

// letSee lets the session see the secrets of a subject for shownLife.
func (d *Dashboard) letSee(v visit, subject string) error {
	return d.sessions.UpdateSession(v.ctx(), v.session.ID, func(s *apikey.Session) {
		s.Shown, s.ShownUntil = subject, v.now.Add(shownLife)
	})
}

// prove tells whether the visitor may see a secret: the key was shown not long ago,
// or is with this form.
func (d *Dashboard) prove(v visit) (bool, error) {
	if v.now.Sub(v.session.ProvedAt) < proofLife {
		return true, nil
	}
	if _, ok := d.signIns.allow(v.ctx(), remote(v), v.now); !ok {
		return false, errSignIns
	}
	if apikey.Hash(strings.TrimSpace(v.fields.Get("key"))) != v.session.KeyHash {
		return false, nil
	}
	err := d.sessions.UpdateSession(v.ctx(), v.session.ID, func(s *apikey.Session) { s.ProvedAt = v.now })
	return err == nil, err
}
