package engine

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"memhook/memory"
)

// Embedder asks an embedding model for vectors. NewEmbedder makes one.
type Embedder struct {
	*remote
	embeddings openai.EmbeddingService
}

// NewEmbedder returns an embedder that asks the model.
func NewEmbedder(c RemoteConfig) *Embedder {
	r := newRemote(c, "embedding model", maxVectors)
	return &Embedder{remote: r, embeddings: openai.NewEmbeddingService(r.options...)}
}

// maxEmbedText is how much of a text is embedded, in bytes: about as much as the
// smallest of the usual models read.
const maxEmbedText = 8000

// Model implements memory.Embedder.
func (e *Embedder) Model() string { return e.config.Model }

// Embed implements memory.Embedder.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	cuts := make([]string, len(texts))
	for i, t := range texts {
		cuts[i] = cut(t, maxEmbedText)
	}
	params := openai.EmbeddingNewParams{
		Model: e.config.Model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: cuts},
		EncodingFormat: openai.EmbeddingNewParamsEncodingFormatFloat,
	}
	var answer *openai.CreateEmbeddingResponse
	err := e.do(ctx, func(ctx context.Context, extra ...option.RequestOption) (err error) {
		answer, err = e.embeddings.New(ctx, params, extra...)
		return err
	})
	var s *status
	switch {
	case errors.As(err, &s):
		return nil, fmt.Errorf("%w: the embedding model does not take the request: %w", memory.ErrRefused, s)
	case err != nil:
		return nil, err
	}
	return vectorsOf(answer, len(texts))
}

// vectorsOf puts the vectors of an answer in the order of the texts.
func vectorsOf(answer *openai.CreateEmbeddingResponse, texts int) ([][]float32, error) {
	if answer == nil || len(answer.Data) != texts {
		return nil, errors.New("the embedding model did not answer with one vector for each text")
	}
	vectors := make([][]float32, texts)
	size := len(answer.Data[0].Embedding)
	for _, d := range answer.Data {
		if d.Index < 0 || d.Index >= int64(texts) || vectors[d.Index] != nil {
			return nil, errors.New("the embedding model numbered its vectors wrongly")
		}
		if len(d.Embedding) != size || size == 0 || size > memory.MaxDimensions {
			return nil, fmt.Errorf("the embedding model answered with a vector of %d numbers", len(d.Embedding))
		}
		v := make([]float32, size)
		for i, x := range d.Embedding {
			if math.IsNaN(x) || math.Abs(x) > math.MaxFloat32 {
				return nil, errors.New("the embedding model answered with numbers that are none")
			}
			v[i] = float32(x)
		}
		vectors[d.Index] = v
	}
	return vectors, nil
}
