package dashboard

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing/apikey"
)

// secretsView is the page of an endpoint's signing secrets.
type secretsView struct {
	endpointHead
	Secrets  []secretView
	KeyPairs []secretView // their public keys, which are no secret
	Shown    bool
	Until    moment // Shown ends
	Ask      bool   // revealing asks for the key again
	Mistake  string
}

// A secretView tells secrets apart without giving one away, unless it is shown.
type secretView struct {
	ID      string // of the element
	Hint    string
	Text    string // the secret, "" unless it is shown
	Created moment
	Expires *moment
	Current bool
}

func (d *Dashboard) secrets(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	return d.secretsPage(v, e, ""), nil
}

func (d *Dashboard) secretsPage(v visit, e delivery.Endpoint, mistake string) reply {
	view := secretsView{
		endpointHead: headOf(e, v, "secrets"), Mistake: mistake,
		Shown: v.session.Sees(delivery.FormatID(delivery.EndpointPrefix, e.ID), v.now), Until: momentOf(v.session.ShownUntil, v.now),
		Ask: v.now.Sub(v.session.ProvedAt) >= proofLife,
	}
	for i, s := range e.Secrets {
		if !s.Live(v.now) {
			continue
		}
		one := secretView{
			ID: "secret-" + s.Hint(), Hint: s.Hint(), Created: momentOf(s.CreatedAt, v.now), Expires: momentOr(s.ExpiresAt, v.now), Current: i == 0,
		}
		if view.Shown {
			one.Text = s.Reveal()
		}
		view.Secrets = append(view.Secrets, one)
	}
	for _, s := range e.KeyPairs {
		if public, ok := s.Public(); ok && s.Live(v.now) {
			view.KeyPairs = append(view.KeyPairs, secretView{
				ID: "public-" + s.Hint(), Text: public.String(), Created: momentOf(s.CreatedAt, v.now), Expires: momentOr(s.ExpiresAt, v.now),
			})
		}
	}
	r := show("secrets", string(view.Name)+": secrets", view)
	r.secret = view.Shown
	if mistake != "" {
		r.status = http.StatusForbidden
	}
	return r
}

// revealSecrets lets the session see the secrets of an endpoint for a short time.
// Long after signing in it asks for the key again.
func (d *Dashboard) revealSecrets(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	switch ok, err := d.prove(v); {
	case err != nil:
		return reply{}, err
	case !ok:
		return d.secretsPage(v, e, notTheKey), nil
	}
	d.note(v, "endpoint.reveal_secret", delivery.FormatID(delivery.EndpointPrefix, e.ID), e.Name)
	if err := d.reveal(v, e.ID); err != nil {
		return reply{}, err
	}
	return goTo(endpointPath(e.ID) + "/secrets"), nil
}

const notTheKey = "That is not the key this session was started with."

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

func (d *Dashboard) reveal(v visit, endpoint uuid.UUID) error {
	return d.sessions.UpdateSession(v.ctx(), v.session.ID, func(s *apikey.Session) {
		s.Shown, s.ShownUntil = delivery.FormatID(delivery.EndpointPrefix, endpoint), v.now.Add(shownLife)
	})
}

func (d *Dashboard) hideSecrets(v visit) (reply, error) {
	e, err := d.endpointOf(v)
	if err != nil {
		return reply{}, err
	}
	err = d.sessions.UpdateSession(v.ctx(), v.session.ID, func(s *apikey.Session) { s.Shown = "" })
	return goTo(endpointPath(e.ID) + "/secrets"), err
}
