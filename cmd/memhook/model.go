package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"memhook/memory"
	"memhook/memory/engine"
)

// A modelConfig says where a model is.
type modelConfig struct {
	URL   string // "": there is none
	Model string
	Key   string

	keyFile string
}

func (m *modelConfig) flags(fs *pflag.FlagSet, name, what string) {
	fs.StringVar(&m.URL, name+"-url", "", "OpenAI-compatible API of "+what+", for example https://api.openai.com/v1")
	fs.StringVar(&m.Model, name+"-model", "", "name of "+what)
	fs.StringVar(&m.keyFile, name+"-key", "", "`file` with the key of "+what)
}

func (m *modelConfig) validate(name string) error {
	if m.URL == "" {
		if m.Model != "" || m.Key != "" {
			return usagef("--%s-model and --%s-key need --%s-url", name, name, name)
		}
		return nil
	}
	u, err := url.Parse(m.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return usagef("--%s-url is not a URL that begins with http:// or https:// and has no query and no password", name)
	}
	if m.Model == "" {
		return usagef("--%s-url needs --%s-model", name, name)
	}
	if strings.ContainsFunc(m.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return usagef("--%s-key has characters that no key has", name)
	}
	return nil
}

// String shows the model without its key.
func (m *modelConfig) String() string {
	if m.URL == "" {
		return "none"
	}
	return fmt.Sprintf("%s@%s", m.Model, m.URL)
}

func (m *modelConfig) remote(log *slog.Logger) engine.RemoteConfig {
	return engine.RemoteConfig{URL: m.URL, Model: m.Model, Key: m.Key, Log: log}
}

const (
	// modelLease is how long a worker may take for one event when it has to wait for
	// a language model, and for others to have had their turn there.
	modelLease = 5 * time.Minute
	// modelWorkers is how many tickets of events are worked on at once then: waiting
	// costs nothing, and an event that needs no model must not wait for those that do.
	modelWorkers = 64
)

// An extractor decides what is remembered and under which categories.
type extractor interface {
	memory.Engine
	memory.Categorizer
}

// newEngine returns the engine that was configured, and its lease; 0: the default.
func (c *config) newEngine(log *slog.Logger) (extractor, time.Duration) {
	if c.LLM.URL == "" {
		return engine.Local{}, 0
	}
	return engine.NewModel(c.LLM.remote(log)), modelLease
}

// newEmbedder returns the embedder that was configured, nil for none.
func (c *config) newEmbedder(log *slog.Logger) memory.Embedder {
	if c.Embed.URL == "" {
		return nil
	}
	return engine.NewEmbedder(c.Embed.remote(log))
}

// memoryWorkers is how many tickets of events are worked on at once.
func (c *config) memoryWorkers() int {
	if c.LLM.URL == "" {
		return lanes[memory.Lane]
	}
	return modelWorkers
}
