package engine

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"memhook/memory"
)

// sortLimit is how long the model may take to sort memories under categories. They
// are not worth more of the time until an event is done.
const sortLimit = 20 * time.Second

type (
	sorting struct {
		Categories []numbered `json:"categories"`
		Memories   []numbered `json:"memories"`
	}
	numbered struct {
		Number      int    `json:"number"`
		Name        string `json:"name,omitempty"`
		Description string `json:"description,omitempty"`
		Memory      string `json:"memory,omitempty"`
	}
	sorted struct {
		Memories []struct {
			Number     int   `json:"number"`
			Categories []int `json:"categories"`
		} `json:"memories"`
	}
)

// Categorize implements memory.Categorizer. Where the model does not sort a text,
// the rules of Local do.
func (m *Model) Categorize(ctx context.Context, texts []string, list []memory.Category) ([][]string, error) {
	names, err := Local{}.Categorize(ctx, texts, list)
	if err != nil || len(list) == 0 {
		return names, err
	}
	system, err := prompt("categorize.md", nil)
	if err != nil {
		return nil, err
	}
	var data sorting
	for i, c := range list {
		data.Categories = append(data.Categories, numbered{Number: i + 1, Name: c.Name, Description: c.Description})
	}
	for i, text := range texts {
		data.Memories = append(data.Memories, numbered{Number: i + 1, Memory: text})
	}
	ctx, cancel := context.WithTimeout(ctx, sortLimit)
	defer cancel()
	err = m.chat.ask(ctx, inquiry{name: "categories", system: system, data: data, schema: sortedSchema}, func(answer []byte) error {
		var s sorted
		if json.Unmarshal(answer, &s) != nil || len(answer) == 0 {
			return &unusable{"it is not the JSON object that was asked for"}
		}
		s.fill(names, list)
		return nil
	})
	if err != nil {
		m.chat.config.Log.LogAttrs(ctx, slog.LevelWarn, "memories categorised by rules", slog.Any("error", err))
	}
	return names, nil
}

// fill puts the names of the categories, in the order of the list and each once,
// where the model knew some.
func (s sorted) fill(names [][]string, list []memory.Category) {
	for _, m := range s.Memories {
		if m.Number < 1 || m.Number > len(names) {
			continue
		}
		chosen := make([]bool, len(list))
		for _, c := range m.Categories {
			if c >= 1 && c <= len(list) {
				chosen[c-1] = true
			}
		}
		var found []string
		for i, c := range list {
			if chosen[i] {
				found = append(found, c.Name)
			}
		}
		if found != nil {
			names[m.Number-1] = found
		}
	}
}
