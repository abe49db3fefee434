package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// MaxHits is the most memories one search finds.
const MaxHits = 1000

// A Hit is a memory that a search found.
type Hit struct {
	Memory  Memory
	Score   float64 // from 0 to 1: how likely it fits, by words or by meaning
	Words   float64 // from 0 to 1: 1 is as good as a text of all the words
	Meaning float64 // from 0 to 1: the likeness of the texts' vectors; 0 without vectors
}

// A Text is a memory as a search looks at it.
type Text struct {
	ID        uuid.UUID
	CreatedAt time.Time
	Text      string
	Vector    Vector // nil when there is none of the model
}

// Search returns at most topK of the memories that q selects, those that fit text
// best first, then the newest: by their words and, where there is an embedder and
// it answers in time, by their meaning. Words for a time, such as "last week", stand
// for the memories that were made then. Those below the threshold are left out;
// without one (0) those that share nothing with text come last. Offset and Limit of
// q do not count.
func (s *Service) Search(ctx context.Context, q Query, text string, topK int, threshold float64) ([]Hit, error) {
	s.retrieved(ctx, q.ProjectID)
	q.Today = s.now().UTC().Format(time.DateOnly)
	if q.Reference.IsZero() {
		q.Reference = s.now()
	}
	query := text
	text, span, dated := timeframe(text, q.Reference)
	r := newRanking(text, threshold)
	if dated {
		r.during(span)
	}
	if r.meaning = s.meanings(ctx, []string{query})[0]; r.meaning != nil {
		q.VectorModel = s.vectorModel()
	}
	if err := s.store.EachText(ctx, q, r.add); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	var hits []Hit
	size := 0
	for _, c := range r.best(topK) {
		if size > MaxListBytes {
			break // the best are there
		}
		m, err := s.store.Memory(ctx, q.ProjectID, c.id)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		size += len(m.Text) + len(m.Metadata)
		hits = append(hits, Hit{Memory: m, Score: c.score, Words: c.words, Meaning: c.meaning})
	}
	return hits, nil
}

// The parameters of BM25 are those of Robertson and Zaragoza, "The Probabilistic
// Relevance Framework" (2009).
const (
	bm25K1 = 1.2
	bm25B  = 0.75
	// stopWeight is what a stop word counts for beside other words: enough to
	// decide between equals and for queries that have nothing else.
	stopWeight = 0.01
	// maxTerms is how many different words of a query count. It bounds the work
	// for one candidate.
	maxTerms = 64
)

// A ranking compares the texts of candidates with a query by BM25 and by their
// vectors. How rare a word is follows from the candidates themselves. It keeps some
// 70 bytes for each candidate that can be found, and no text.
type ranking struct {
	threshold  float64
	meaning    Vector // of the query; nil: words alone count
	words      wordReader
	terms      []term
	index      map[string]int // of terms, by their stem
	counts     []int          // of each term in the text at hand
	seen       int            // candidates
	length     int            // of all candidates, in words
	candidates []candidate
	shared     []share // of all candidates, one after the other
	span       *Span   // a time that the query names; nil when it names none
	spanTerm   int     // its place in terms
}

// A term is a word of the query.
type term struct {
	weight float64
	texts  int // how many candidates have it
}

// A share is how often a candidate has a term.
type share struct {
	term  uint16
	count uint16
}

type candidate struct {
	id      uuid.UUID
	created int64 // Unix microseconds
	length  int   // in words
	shares  int
	words   float64
	meaning float64
	score   float64
}

func newRanking(query string, threshold float64) *ranking {
	r := &ranking{threshold: threshold, index: map[string]int{}}
	r.words.each(query, func(word []byte) {
		weight := 1.0
		if stopWords[string(word)] {
			weight = stopWeight
		}
		stemmed := string(stem(word))
		if _, known := r.index[stemmed]; !known && len(r.terms) < maxTerms {
			r.index[stemmed] = len(r.terms)
			r.terms = append(r.terms, term{weight: weight})
		}
	})
	r.counts = make([]int, len(r.terms))
	return r
}

// during makes a time one more term: texts that were made in it have it.
func (r *ranking) during(span Span) {
	r.span, r.spanTerm = &span, len(r.terms)
	r.terms = append(r.terms, term{weight: 1})
	r.counts = append(r.counts, 0)
}

// add looks at one more candidate.
func (r *ranking) add(t Text) error {
	clear(r.counts)
	c := candidate{id: t.ID, created: t.CreatedAt.UnixMicro(), meaning: r.meaning.likeness(t.Vector)}
	r.words.each(t.Text, func(word []byte) {
		c.length++
		if i, ok := r.index[string(stem(word))]; ok {
			r.counts[i]++
		}
	})
	if r.span != nil && !t.CreatedAt.Before(r.span.First) && !t.CreatedAt.After(r.span.Last) {
		r.counts[r.spanTerm]++
	}
	r.seen++
	r.length += c.length
	for i, n := range r.counts {
		if n > 0 {
			r.terms[i].texts++
			r.shared = append(r.shared, share{uint16(i), uint16(min(n, math.MaxUint16))})
			c.shares++
		}
	}
	if c.shares > 0 || c.meaning > 0 || r.threshold <= 0 {
		r.candidates = append(r.candidates, c)
	}
	return nil
}

// best returns the n best candidates with their scores.
func (r *ranking) best(n int) []candidate {
	r.score()
	list := slices.DeleteFunc(r.candidates, func(c candidate) bool { return c.score < r.threshold })
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.created, a.created), slices.Compare(b.id[:], a.id[:]))
	})
	return list[:min(n, len(list))]
}

// score scores all candidates. Words and meaning count as if each were the chance
// that a text fits and they knew nothing of each other: a text that has both is
// better than one that has either, and a text without a vector loses nothing.
//
// The score of the words is BM25 divided by what a text of
// average length with every term once would have. A term that no candidate has
// tells none from another, so it counts like one that all of them have; with its
// own rarity it would push every score down.
func (r *ranking) score() {
	ideal := 0.0
	rarity := make([]float64, len(r.terms))
	for i, t := range r.terms {
		texts := t.texts
		if texts == 0 {
			texts = r.seen
		}
		rarity[i] = t.weight * inverse(texts, r.seen)
		ideal += rarity[i]
	}
	average := float64(max(1, r.length)) / float64(max(1, r.seen))
	shares := r.shared
	for i := range r.candidates {
		c := &r.candidates[i]
		long := bm25K1 * (1 - bm25B + bm25B*float64(c.length)/average)
		sum := 0.0
		for _, s := range shares[:c.shares] {
			n := float64(s.count)
			sum += rarity[s.term] * n * (bm25K1 + 1) / (n + long)
		}
		shares = shares[c.shares:]
		if ideal > 0 {
			c.words = min(1, sum/ideal)
		}
		c.score = 1 - (1-c.words)*(1-c.meaning)
	}
}

// inverse is the inverse document frequency of a term that so many of all texts
// have. It is never below 1: where every memory is about tea, tea still counts.
func inverse(texts, all int) float64 {
	n, total := float64(texts), float64(all)
	return 1 + math.Log(1+(total-n+0.5)/(n+0.5))
}
