package hookapi

import (
	"math"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

type sourceShape struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Verification  string     `json:"verification" enum:"standard,github,stripe,token,none"`
	Header        string     `json:"header" doc:"Where the signature or token stands; empty: the usual one."`
	DedupeWindowS float64    `json:"dedupe_window_s" doc:"How long a request is remembered, so that a repeat is dropped."`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	PausedAt      *time.Time `json:"paused_at"`
}

func sourceOf(s memory.Source) sourceShape {
	return sourceShape{
		sourceID(s.ID), s.Name, string(s.Verification), s.Header, s.Window.Seconds(), s.CreatedAt, s.UpdatedAt, s.PausedAt,
	}
}

func sourceID(id uuid.UUID) string { return delivery.FormatID(memory.SourcePrefix, id) }

// openSource is a source with what is secret about it.
type openSource struct {
	sourceShape
	Path   string `json:"path" doc:"Where it posts to, on this server. Whoever knows it may try."`
	Secret string `json:"secret,omitempty" doc:"What it signs with."`
}

func openSourceOf(s memory.Source) openSource {
	o := openSource{sourceShape: sourceOf(s), Path: s.Path()}
	if !s.Secret.IsZero() {
		o.Secret = s.Secret.Reveal()
	}
	return o
}

func (a *API) sources(c call, _ *none) (listShape[sourceShape], error) {
	list, err := a.memory.Sources(c, c.project())
	shapes := make([]sourceShape, len(list))
	for i, s := range list {
		shapes[i] = sourceOf(s)
	}
	return listOf(shapes, ""), err
}

type newSource struct {
	Name          string   `json:"name" required:"true"`
	Verification  string   `json:"verification" enum:"standard,github,stripe,token,none" doc:"Left out: standard."`
	Header        string   `json:"header"`
	Secret        string   `json:"secret" doc:"Left out: a new one."`
	DedupeWindowS *float64 `json:"dedupe_window_s" doc:"0 to 604800; left out: 24 hours."`
	Paused        bool     `json:"paused"`
}

func windowOf(s *float64) (*time.Duration, error) {
	if s == nil {
		return nil, nil
	}
	if math.IsNaN(*s) || *s < 0 || *s > memory.MaxWindow.Seconds() {
		return nil, invalid(fieldShape{"dedupe_window_s", "Must be from 0 to 604800."})
	}
	d := time.Duration(*s * float64(time.Second))
	return &d, nil
}

func (a *API) createSource(c call, in *newSource) (openSource, error) {
	window, err := windowOf(in.DedupeWindowS)
	if err != nil {
		return openSource{}, err
	}
	s, err := a.memory.CreateSource(c, c.project(), memory.NewSource{
		Name: in.Name, Verification: memory.Verification(in.Verification), Header: in.Header, Secret: in.Secret, Window: window, Paused: in.Paused,
	})
	if err != nil {
		return openSource{}, err
	}
	a.note(c, "source.create", sourceID(s.ID), s.Name)
	return openSourceOf(s), nil
}

type ofSource struct {
	Source string `path:"source"`
}

func (a *API) sourceAt(c call, text string) (memory.Source, error) {
	id, err := idOf(memory.SourcePrefix, text)
	if err != nil {
		return memory.Source{}, err
	}
	return a.memory.Source(c, c.project(), id)
}

func (a *API) source(c call, in *ofSource) (sourceShape, error) {
	s, err := a.sourceAt(c, in.Source)
	if err != nil {
		return sourceShape{}, err
	}
	return sourceOf(s), nil
}

type sourceEdit struct {
	Source        string   `path:"source"`
	Name          *string  `json:"name"`
	Verification  *string  `json:"verification" enum:"standard,github,stripe,token,none"`
	Header        *string  `json:"header"`
	Secret        *string  `json:"secret" doc:"An empty one makes a new one."`
	DedupeWindowS *float64 `json:"dedupe_window_s"`
	Paused        *bool    `json:"paused" doc:"A paused source is told to try again later."`
}

func (a *API) changeSource(c call, in *sourceEdit) (sourceShape, error) {
	id, err := idOf(memory.SourcePrefix, in.Source)
	if err != nil {
		return sourceShape{}, err
	}
	window, err := windowOf(in.DedupeWindowS)
	if err != nil {
		return sourceShape{}, err
	}
	s, err := a.memory.UpdateSource(c, c.project(), id, memory.SourceEdit{
		Name: in.Name, Verification: (*memory.Verification)(in.Verification), Header: in.Header, Secret: in.Secret, Window: window, Paused: in.Paused,
	})
	if err != nil {
		return sourceShape{}, err
	}
	a.note(c, "source.change", sourceID(id), s.Name)
	return sourceOf(s), nil
}

func (a *API) deleteSource(c call, in *ofSource) (none, error) {
	id, err := idOf(memory.SourcePrefix, in.Source)
	if err != nil {
		return none{}, err
	}
	if err := a.memory.DeleteSource(c, c.project(), id); err != nil {
		return none{}, err
	}
	a.note(c, "source.delete", sourceID(id), "")
	return none{}, nil
}

func (a *API) revealSource(c call, in *ofSource) (openSource, error) {
	s, err := a.sourceAt(c, in.Source)
	if err != nil {
		return openSource{}, err
	}
	a.note(c, "source.reveal_secret", sourceID(s.ID), "")
	return openSourceOf(s), nil
}
