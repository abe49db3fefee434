package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"memhook/delivery"
)

// flushWithin is how long the last spans may take to leave.
const flushWithin = 5 * time.Second

// newTracing sends spans to where OpenTelemetry's own variables say. It returns a nil
// tracer when they say nothing; traces that callers bring are passed on all the same.
func newTracing(ctx context.Context, env func(string) string) (trace.Tracer, func(context.Context) error, error) {
	if !tracing(env) {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, usagef("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	// Variables such as OTEL_SERVICE_NAME win: they come last.
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "memhook"), attribute.String("service.version", version())),
		resource.WithFromEnv())
	if err != nil {
		return nil, nil, usagef("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(described))
	return provider.Tracer("memhook"), provider.Shutdown, nil
}

// tracing tells whether spans are to be sent anywhere.
func tracing(env func(string) string) bool {
	switch {
	case strings.EqualFold(env("OTEL_SDK_DISABLED"), "true"), env("OTEL_TRACES_EXPORTER") == "none":
		return false
	}
	return env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// traceRequests makes each API request a span, under the caller's if it names one.
func (n *node) traceRequests(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		parent := r.Header.Get(delivery.HeaderTrace)
		if n.tracer == nil && parent == "" {
			return next(c)
		}
		ctx, span := delivery.Tracer(n.tracer).Start(delivery.WithTrace(r.Context(), parent), r.Method+" "+c.Path(),
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", c.Path())))
		defer span.End()
		c.SetRequest(r.WithContext(ctx))
		err := next(c)
		status := c.Response().Status
		span.SetAttributes(attribute.Int("http.response.status_code", status), attribute.String("memhook.request_id", idOf(c)))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, fmt.Sprint(status))
		}
		return err
	}
}
