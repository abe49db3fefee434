package dashboard

import "memhook/delivery"

// secretsView is the page of an endpoint's signing secrets.
type secretsView struct {
	endpointHead
	revealing
	Secrets  []secretView
	KeyPairs []secretView // their public keys, which are no secret
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
		endpointHead: headOf(e, v, "secrets"), revealing: revealingOf(v, delivery.FormatID(delivery.EndpointPrefix, e.ID), mistake),
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
	return view.page("secrets", string(view.Name)+": secrets", view)
}

// endpointKeeper is the endpoint that the path names.
func (d *Dashboard) endpointKeeper(v visit) (keeper, error) {
	e, err := d.endpointOf(v)
	return keeper{
		id: delivery.FormatID(delivery.EndpointPrefix, e.ID), name: e.Name, action: "endpoint.reveal_secret", at: endpointPath(e.ID) + "/secrets",
		page: func(mistake string) reply { return d.secretsPage(v, e, mistake) },
	}, err
}
