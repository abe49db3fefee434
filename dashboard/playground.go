package dashboard

import (
	"bufio"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"memhook/delivery"
	"memhook/signing"
)

// playgroundView is a place to try signatures. What is entered is neither stored
// nor logged.
type playgroundView struct {
	Headers   string
	Body      string
	Endpoints []choice
	Mistake   string
	Verdict   *verdict // of verifying
	Findings  []findingView
	Repairs   []string
	Signed    []pair // headers of a new signature
	Any       bool   // ignore the age of the timestamp
}

type findingView struct {
	Name string
	OK   bool
	Text text
}

func (d *Dashboard) playground(v visit) (reply, error) {
	view, err := d.playgroundOf(v, url.Values{"endpoint": {v.QueryParam("endpoint")}})
	return show("playground", "Playground", view), err
}

func (d *Dashboard) playgroundOf(v visit, form url.Values) (playgroundView, error) {
	view := playgroundView{Headers: form.Get("headers"), Body: form.Get("body"), Any: form.Get("any") != ""}
	endpoints, err := d.delivery.Endpoints(v.ctx(), v.project())
	view.Endpoints = []choice{{Label: "the secret entered here"}}
	for _, e := range endpoints {
		id := delivery.FormatID(delivery.EndpointPrefix, e.ID)
		view.Endpoints = append(view.Endpoints, choice{Value: id, Label: "the secrets of " + string(line(e.Name)), Chosen: id == form.Get("endpoint")})
	}
	return view, err
}

// tryPlayground verifies or signs what was entered.
func (d *Dashboard) tryPlayground(v visit) (reply, error) {
	view, err := d.playgroundOf(v, v.fields)
	if err != nil {
		return reply{}, err
	}
	secrets, err := d.playgroundSecrets(v)
	if err != nil {
		return reply{}, err
	}
	body := []byte(strings.ReplaceAll(v.fields.Get("body"), "\r\n", "\n")) // forms send every line's end as CRLF
	h, ok := readHeaders(view.Headers)
	switch {
	case !ok:
		view.Mistake = "The headers could not be read: write a line for each, as Name: value."
	case len(secrets) == 0:
		view.Mistake = "Enter a secret, or choose an endpoint."
	case v.fields.Get("do") == "sign":
		view.sign(secrets[0], h, body, v.now)
	default:
		view.verify(secrets, h, body, v.now)
	}
	r := show("playground", "Playground", view)
	r.secret = true
	if view.Mistake != "" {
		r.status = http.StatusUnprocessableEntity
	}
	return r, nil
}

// playgroundSecrets returns what to check with: the secrets of an endpoint, or the
// one that was entered.
func (d *Dashboard) playgroundSecrets(v visit) ([]string, error) {
	name := v.fields.Get("endpoint")
	if name == "" {
		if s := strings.TrimSpace(v.fields.Get("secret")); s != "" {
			return []string{s}, nil
		}
		return nil, nil
	}
	if !v.mayWrite() {
		return nil, errForbidden // a signature is as good as a secret
	}
	id, err := delivery.ParseID(delivery.EndpointPrefix, name)
	if err != nil {
		return nil, errNotFound
	}
	e, err := d.delivery.Endpoint(v.ctx(), v.project(), id)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, s := range e.SigningSecrets(v.now) {
		list = append(list, s.Reveal())
	}
	return list, nil
}

// readHeaders reads headers as they are copied from a log or a browser.
func readHeaders(text string) (http.Header, bool) {
	var lines []string
	for l := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(strings.Join(lines, "\r\n") + "\r\n\r\n")))
	h, err := r.ReadMIMEHeader()
	return http.Header(h), err == nil
}

const toleranceAny = 100 * 365 * 24 * time.Hour

func (p *playgroundView) verify(secrets []string, h http.Header, body []byte, now time.Time) {
	tolerance := tooOld
	if p.Any {
		tolerance = toleranceAny
	}
	found := signing.Diagnose(secrets, h, body, now, tolerance)
	for _, f := range found.Findings {
		p.Findings = append(p.Findings, findingView{f.Name, f.OK, line(f.Text)})
	}
	for _, r := range found.Repairs {
		p.Repairs = append(p.Repairs, string(line(r)))
	}
	switch {
	case found.Verified:
		p.Verdict = &verdict{Tone: ok, Sentence: "The signature is good."}
	case len(found.Repairs) > 0:
		p.Verdict = &verdict{Tone: warn, Sentence: "The signature is not good, but it would be with a repair.", Next: line(strings.Join(found.Repairs, "; ") + ".")}
	case found.Secret >= 0:
		p.Verdict = &verdict{Tone: warn, Sentence: "The signature matches, but the request would be refused.", Next: "What is wrong is marked below."}
	default:
		p.Verdict = &verdict{Tone: bad, Sentence: "The signature is not good, and nothing that usually goes wrong explains it.", Next: "The secret is another one, or the body is not the bytes that were signed."}
	}
}

// sign makes the headers of a request with the body.
func (p *playgroundView) sign(secret string, given http.Header, body []byte, now time.Time) {
	s, err := signing.ParseSecret(secret)
	if err != nil {
		p.Mistake = "The secret cannot be used: " + strings.TrimPrefix(err.Error(), signing.ErrBadSecret.Error()+": ") + "."
		return
	}
	id := given.Get(signing.HeaderID)
	if id == "" || strings.Contains(id, ".") {
		id = delivery.FormatID(delivery.MessagePrefix, delivery.NewID())
	}
	h := http.Header{}
	signing.SetHeaders(h, []signing.Secret{s}, id, now, body)
	for _, name := range []string{signing.HeaderID, signing.HeaderTimestamp, signing.HeaderSignature} {
		p.Signed = append(p.Signed, pair{line(name), line(h.Get(name))})
	}
	p.Verdict = &verdict{Tone: ok, Sentence: "Signed. A receiver takes it for five minutes."}
}
