package memory

import "context"

type writerKey struct{}

// WithWriter notes the ID of the API key with which a request was made. Endpoints can
// leave out what certain keys and sources write: an agent is not told of its own
// changes, and a receiver that writes when it is told of something begins no loop.
func WithWriter(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, writerKey{}, id)
}

func writerOf(ctx context.Context) string {
	id, _ := ctx.Value(writerKey{}).(string)
	return id
}
