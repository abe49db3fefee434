package memory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// A Summary says what the memories of one category say, the newest first.
type Summary struct {
	Category string // "" for those without
	Text     string
	Memories []uuid.UUID // all of the category
}

// maxSummary is how many memories the text of one category is made of.
const maxSummary = 20

// Summarize puts the texts of the selected memories together, by category. A
// memory of several categories stands under its first one. Nothing is worded
// anew: every sentence is a memory. Of many memories it takes the newest MaxExport.
func (s *Service) Summarize(ctx context.Context, q Query) ([]Summary, error) {
	q.LatestOnly = true
	list, err := s.some(ctx, q)
	if err != nil {
		return nil, err
	}
	byCategory := map[string]*Summary{}
	for _, m := range list {
		category := ""
		if len(m.Categories) > 0 {
			category = m.Categories[0]
		}
		c := byCategory[category]
		if c == nil {
			c = &Summary{Category: category}
			byCategory[category] = c
		}
		if len(c.Memories) < maxSummary {
			c.Text = strings.TrimSpace(c.Text + " " + sentence(m.Text))
		}
		c.Memories = append(c.Memories, m.ID)
	}
	var summaries []Summary
	for _, c := range slices.Sorted(maps.Keys(byCategory)) {
		summaries = append(summaries, *byCategory[c])
	}
	return summaries, nil
}

// sentence is a text with an end.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsRune(".!?…。！？", []rune(text)[len([]rune(text))-1]) {
		return text
	}
	return text + "."
}
