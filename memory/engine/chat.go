package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"memhook/memory"
)

// A format says how a model is told what its answer is to look like. Not every
// server has every format; the prompt describes the answer as well.
type format int32

const (
	bySchema format = iota // the JSON schema, strictly
	asObject               // some JSON object
	inPrompt               // nothing but the prompt
)

// chatModel asks a language model for JSON.
type chatModel struct {
	*remote
	completions openai.ChatCompletionService
	format      atomic.Int32 // the first that the server has not refused
}

func newChat(c RemoteConfig) *chatModel {
	r := newRemote(c, "language model", maxResponse)
	return &chatModel{remote: r, completions: openai.NewChatCompletionService(r.options...)}
}

// An inquiry is what a model is asked.
type inquiry struct {
	name   string // of the schema
	system string
	data   any // JSON; what others have said is nowhere else
	schema any
}

// unusable is an answer that is none. Its text tells the model what is wrong.
type unusable struct{ text string }

func (u *unusable) Error() string { return u.text }

// maxAsks is how often an inquiry is asked when the answers are unusable.
const maxAsks = 2

// ask puts the question until accept takes the answer. accept returns *unusable
// for what it does not take. *memory.LaterError, or an error that wraps
// memory.ErrRefused.
func (c *chatModel) ask(ctx context.Context, q inquiry, accept func(answer []byte) error) error {
	data, err := encode(q.data)
	if err != nil {
		return err
	}
	messages := []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(q.system), openai.UserMessage(data)}
	for n := 1; ; n++ {
		text, err := c.complete(ctx, q, messages)
		if err == nil {
			err = accept(jsonObject(text))
		}
		var bad *unusable
		switch {
		case !errors.As(err, &bad):
			return err
		case n == maxAsks:
			return fmt.Errorf("%w: the language model's answer cannot be used: %s", memory.ErrRefused, bad.text)
		}
		messages = append(messages, openai.AssistantMessage(cut(text, maxText)),
			openai.UserMessage("That answer cannot be used: "+bad.text+". Answer again, with the JSON object and nothing else."))
	}
}

// complete makes a request, with a humbler format when the server does not know
// the best one.
func (c *chatModel) complete(ctx context.Context, q inquiry, messages []openai.ChatCompletionMessageParamUnion) (string, error) {
	first := format(c.format.Load())
	for f := first; ; f++ {
		text, err := c.once(ctx, q, messages, f)
		var s *status
		switch {
		case err == nil && f > first:
			c.format.Store(int32(f))
		case errors.Is(err, errTooLong):
			return "", fmt.Errorf("%w: the language model's answer is too long", memory.ErrRefused)
		case errors.As(err, &s) && f < inPrompt && s.code != http.StatusRequestEntityTooLarge:
			continue
		case errors.As(err, &s):
			return "", fmt.Errorf("%w: the language model does not take the request: %w", memory.ErrRefused, s)
		}
		return text, err
	}
}

func (c *chatModel) once(ctx context.Context, q inquiry, messages []openai.ChatCompletionMessageParamUnion, f format) (string, error) {
	params := openai.ChatCompletionNewParams{Model: c.config.Model, Messages: messages}
	switch f {
	case bySchema:
		params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: q.name, Strict: openai.Bool(true), Schema: q.schema},
		}
	case asObject:
		params.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	}
	var answer *openai.ChatCompletion
	err := c.do(ctx, func(ctx context.Context, extra ...option.RequestOption) (err error) {
		answer, err = c.completions.New(ctx, params, extra...)
		return err
	})
	if err != nil {
		return "", err
	}
	return contentOf(answer)
}

// contentOf returns the text of an answer.
func contentOf(answer *openai.ChatCompletion) (string, error) {
	if answer == nil || len(answer.Choices) == 0 {
		return "", &unusable{"it is empty"}
	}
	choice := answer.Choices[0]
	switch {
	case choice.Message.Refusal != "", choice.FinishReason == "content_filter":
		return "", fmt.Errorf("%w: the language model does not want to answer", memory.ErrRefused)
	case choice.FinishReason == "length":
		return "", fmt.Errorf("%w: the language model's answer was cut off", memory.ErrRefused)
	}
	return choice.Message.Content, nil
}

// jsonObject returns the JSON object in a text: models like to wrap it in a fence, or
// to think aloud before it.
func jsonObject(text string) []byte {
	first, last := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if i := strings.LastIndex(text, "</think>"); i >= 0 && i < last {
		first = i + strings.IndexByte(text[i:], '{')
	}
	if first < 0 || last < first {
		return nil
	}
	return []byte(text[first : last+1])
}

// encode is JSON that keeps <, > and & readable.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}
