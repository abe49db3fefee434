package delivery

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// HeaderTrace is where a request says which trace it belongs to.
// https://www.w3.org/TR/trace-context/
const HeaderTrace = "traceparent"

// TraceOf returns the trace that ctx belongs to, as its header has it; "" for none.
func TraceOf(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[HeaderTrace]
}

// WithTrace returns a context that belongs to a trace. What is no trace is ignored.
func WithTrace(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{HeaderTrace: parent})
}

// Tracer is t, or one that records nothing and passes on the traces that callers
// bring.
func Tracer(t trace.Tracer) trace.Tracer {
	if t == nil {
		return noop.NewTracerProvider().Tracer("")
	}
	return t
}

// traceAttempt begins the span of an attempt.
func (s *Service) traceAttempt(ctx context.Context, c Claim, number int) (context.Context, trace.Span) {
	return s.tracer.Start(WithTrace(ctx, c.Message.Trace), "deliver "+c.Message.Type, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			attribute.String("memhook.delivery_id", FormatID(DeliveryPrefix, c.Delivery.ID)),
			attribute.String("memhook.endpoint_id", FormatID(EndpointPrefix, c.Endpoint.ID)),
			attribute.Int("memhook.attempt", number)))
}

// traced ends the span with what came of the attempt.
func traced(span trace.Span, a Attempt) {
	if a.StatusCode != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", a.StatusCode))
	}
	if a.Class != "" {
		span.SetStatus(codes.Error, string(a.Class))
	}
	span.End()
}
