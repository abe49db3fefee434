package dashboard

import (
	"errors"
	"net/http"
	"strings"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

type sourcesView struct {
	Rows     []sourceRow
	Kinds    []choice
	Name     string
	Mistake  string
	MayWrite bool
}

// A sourceRow is a source in the list.
type sourceRow struct {
	Page  string
	Name  text
	Badge badge
	Kind  string
	Made  moment
}

var verificationWords = map[memory.Verification]string{
	memory.VerifyStandard: "Standard Webhooks signature", memory.VerifyGitHub: "GitHub signature", memory.VerifyStripe: "Stripe signature",
	memory.VerifyToken: "a token in a header", memory.VerifyNone: "nothing: whoever knows the address may send",
}

func (d *Dashboard) sources(v visit) (reply, error) {
	view, err := d.sourcesOf(v)
	return show("sources", "Sources", view), err
}

func (d *Dashboard) sourcesOf(v visit) (sourcesView, error) {
	list, err := d.memory.Sources(v.ctx(), v.project())
	view := sourcesView{MayWrite: v.mayWrite()}
	for _, s := range list {
		view.Rows = append(view.Rows, sourceRow{sourcePath(s), line(s.Name), sourceBadge(s), verificationWords[s.Verification], momentOf(s.CreatedAt, v.now)})
	}
	for _, kind := range []memory.Verification{memory.VerifyStandard, memory.VerifyGitHub, memory.VerifyStripe, memory.VerifyToken, memory.VerifyNone} {
		view.Kinds = append(view.Kinds, choice{Value: string(kind), Label: verificationWords[kind]})
	}
	return view, err
}

func sourceBadge(s memory.Source) badge {
	if s.PausedAt != nil {
		return badge{"‖", "Paused", warn}
	}
	return badge{"✓", "Open", ok}
}

func sourceID(s memory.Source) string   { return delivery.FormatID(memory.SourcePrefix, s.ID) }
func sourcePath(s memory.Source) string { return root + "sources/" + sourceID(s) }

// createSource sets up a source and shows its address and secret.
func (d *Dashboard) createSource(v visit) (reply, error) {
	s, err := d.memory.CreateSource(v.ctx(), v.project(), memory.NewSource{
		Name: strings.TrimSpace(v.fields.Get("name")), Verification: memory.Verification(v.fields.Get("verification")), Secret: strings.TrimSpace(v.fields.Get("secret")),
	})
	var invalid *memory.InvalidError
	switch {
	case errors.As(err, &invalid), errors.Is(err, memory.ErrTooManySources):
		view, bad := d.sourcesOf(v)
		view.Name, view.Mistake = v.fields.Get("name"), string(line(title(err.Error())))
		r := show("sources", "Sources", view)
		r.status = http.StatusUnprocessableEntity
		return r, bad
	case err != nil:
		return reply{}, err
	}
	d.note(v, "source.create", sourceID(s), s.Name)
	return goTo(sourcePath(s)), d.letSee(v, sourceID(s))
}

type sourceView struct {
	sourceRow
	revealing
	ID       text
	Address  text // "" unless it is shown
	Secret   text
	Header   text
	Window   string
	Paused   bool
	MayWrite bool
}

func (d *Dashboard) sourceOf(v visit) (memory.Source, error) {
	id, err := delivery.ParseID(memory.SourcePrefix, v.Param("source"))
	if err != nil {
		return memory.Source{}, errNotFound
	}
	return d.memory.Source(v.ctx(), v.project(), id)
}

func (d *Dashboard) sourcePage(v visit) (reply, error) {
	s, err := d.sourceOf(v)
	if err != nil {
		return reply{}, err
	}
	return d.sourceShown(v, s, ""), nil
}

func (d *Dashboard) sourceShown(v visit, s memory.Source, mistake string) reply {
	view := sourceView{
		sourceRow: sourceRow{sourcePath(s), line(s.Name), sourceBadge(s), verificationWords[s.Verification], momentOf(s.CreatedAt, v.now)},
		revealing: revealingOf(v, sourceID(s), mistake), ID: text(sourceID(s)), Header: line(s.Header), Window: "not at all",
		Paused: s.PausedAt != nil, MayWrite: v.mayWrite(),
	}
	if s.Window > 0 {
		view.Window = explain.Span(s.Window)
	}
	if view.Shown {
		view.Address = line(d.baseURL(v.Request()) + "/in/" + s.Token.Reveal())
		if !s.Secret.IsZero() {
			view.Secret = line(s.Secret.Reveal())
		}
	}
	return view.page("source", string(view.Name), view)
}

// sourceKeeper is the source that the path names.
func (d *Dashboard) sourceKeeper(v visit) (keeper, error) {
	s, err := d.sourceOf(v)
	return keeper{
		id: sourceID(s), name: s.Name, action: "source.reveal", at: sourcePath(s),
		page: func(mistake string) reply { return d.sourceShown(v, s, mistake) },
	}, err
}

// switchSource pauses a source or opens it again.
func (d *Dashboard) switchSource(v visit) (reply, error) {
	s, err := d.sourceOf(v)
	if err != nil {
		return reply{}, err
	}
	pause := v.fields.Get("to") == "pause"
	if _, err := d.memory.UpdateSource(v.ctx(), v.project(), s.ID, memory.SourceEdit{Paused: &pause}); err != nil {
		return reply{}, err
	}
	action := "source.resume"
	if pause {
		action = "source.pause"
	}
	d.note(v, action, sourceID(s), s.Name)
	return goTo(sourcePath(s)), nil
}

func (d *Dashboard) deleteSource(v visit) (reply, error) {
	s, err := d.sourceOf(v)
	if err != nil {
		return reply{}, err
	}
	if err := d.memory.DeleteSource(v.ctx(), v.project(), s.ID); err != nil {
		return reply{}, err
	}
	d.note(v, "source.delete", sourceID(s), s.Name)
	return goTo(root + "sources"), nil
}
