package memory

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// An Embedder turns texts into vectors.
type Embedder interface {
	// Model names what makes the vectors. Only those of one model are compared.
	Model() string
	// Embed returns a vector for each text. An error that wraps ErrRefused means
	// that one of the texts will never have one; after others it is tried again.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// An Unembedded memory has a text whose vector is to be made.
type Unembedded struct {
	ID   uuid.UUID
	Text string
}

// An Embedded text has a vector. It is kept only while the memory has the text.
type Embedded struct {
	ID     uuid.UUID
	Hash   string // TextHash of the text
	Vector Vector // empty: there is none to be had
}

const (
	// embedEvery is how long a new text waits at most for its vector when the bell
	// was missed, which another node's texts do.
	embedEvery = 2 * time.Second
	// embedGroup is how many texts one request has.
	embedGroup = 64
	// maxEmbedPause is the longest pause while the embedder is out of reach.
	maxEmbedPause = 5 * time.Minute
	// queryLimit is how long a search waits for the vector of its query. Then words
	// have to do.
	queryLimit = 3 * time.Second
)

// embedAll makes vectors for the texts that have none, the newest first, until ctx
// ends. Events do not wait for it: what is new is found by its words at once.
func (s *Service) embedAll(ctx context.Context) {
	failures := 0
	for {
		more, err := s.embedSome(ctx)
		rest := embedEvery
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures++
			rest = min(maxEmbedPause, embedEvery<<min(failures, 10))
			var later *LaterError
			if errors.As(err, &later) {
				rest = max(rest, min(later.After, maxAsked))
			}
			s.log.LogAttrs(ctx, slog.LevelWarn, "texts not embedded", slog.Any("error", err), slog.Duration("again_in", rest))
		default:
			failures = 0
			if more {
				continue
			}
		}
		changed := s.changed
		if failures > 0 {
			changed = nil // a new text is no reason to hurry
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(rest):
		}
	}
}

// embedSome makes the vectors of one group, and tells whether there may be more.
func (s *Service) embedSome(ctx context.Context) (more bool, err error) {
	model := s.embedder.Model()
	list, err := s.store.Unembedded(ctx, model, embedGroup)
	if err != nil || len(list) == 0 {
		return false, err
	}
	made, err := s.embedded(ctx, list)
	if len(made) > 0 {
		err = errors.Join(err, s.store.SaveVectors(ctx, model, made))
	}
	return len(list) == embedGroup, err
}

// embedded asks for the vectors of all texts, and for each by itself when one of
// them is refused.
func (s *Service) embedded(ctx context.Context, list []Unembedded) ([]Embedded, error) {
	texts := make([]string, len(list))
	for i, u := range list {
		texts[i] = u.Text
	}
	vectors, err := s.embedder.Embed(ctx, texts)
	made := make([]Embedded, 0, len(list))
	switch {
	case errors.Is(err, ErrRefused) && len(list) > 1:
		for _, u := range list {
			one, err := s.embedded(ctx, []Unembedded{u})
			if err != nil {
				return made, err
			}
			made = append(made, one...)
		}
		return made, nil
	case errors.Is(err, ErrRefused):
		return []Embedded{{ID: list[0].ID, Hash: TextHash(list[0].Text), Vector: Vector{}}}, nil
	case err != nil:
		return nil, err
	}
	for i, u := range list {
		e := Embedded{ID: u.ID, Hash: TextHash(u.Text), Vector: Vector{}}
		if v := NewVector(vectors[i]); v != nil {
			e.Vector = v
		}
		made = append(made, e)
	}
	return made, nil
}

// meanings returns the vectors of queries, nil where there are none to be had in
// time.
func (s *Service) meanings(ctx context.Context, texts []string) []Vector {
	list := make([]Vector, len(texts))
	if s.embedder == nil || len(texts) == 0 {
		return list
	}
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	vectors, err := s.embedder.Embed(ctx, texts)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "searching by words alone", slog.Any("error", err))
		return list
	}
	for i := range list {
		list[i] = NewVector(vectors[i])
	}
	return list
}

// vectorModel is whose vectors searches look at, "" for none.
func (s *Service) vectorModel() string {
	if s.embedder == nil {
		return ""
	}
	return s.embedder.Model()
}

// embedSoon tells embedAll that there may be new texts.
func (s *Service) embedSoon() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
