// Traces for an OpenTelemetry collector: a request, its tool call, what that
// asked of Hostaway, and the wait for its row in the audit log. No span holds an
// argument, an answer, or anything of a customer, and nothing of a trace is sent
// to Hostaway.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/mcp"
)

const (
	spanQueue = 2048 // spans that wait to be sent; more are dropped
	spanBatch = 512
	spanDelay = 2 * time.Second // the longest a span waits for company
	flushTime = 2 * time.Second // for what waits, when the server stops
)

// tracing makes spans. The nil tracing makes none.
type tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	sender   *spanSender
}

// newTracing sends spans to the collector at endpoint. It fails only where the
// address can't be used; a collector that is down costs its spans and no more.
func newTracing(ctx context.Context, endpoint string, build buildFigures, log *slog.Logger) (*tracing, error) {
	sender, err := newSpanSender(ctx, endpoint, log)
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	t := &tracing{sender: sender}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", binaryName), attribute.String("service.version", build.version))),
		// Whoever calls says whether a trace is wanted; without a word it is.
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithSpanProcessor(sender.counter()),
		sdktrace.WithBatcher(sender,
			sdktrace.WithMaxQueueSize(spanQueue), sdktrace.WithMaxExportBatchSize(spanBatch),
			sdktrace.WithBatchTimeout(spanDelay), sdktrace.WithExportTimeout(sendTime)),
	)
	t.tracer = t.provider.Tracer(binaryName, trace.WithInstrumentationVersion(build.version))
	return t, nil
}

// close sends what waits, for flushTime at most.
func (t *tracing) close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the sender has told of what it could not send
	t.sender.cut()
}

func (t *tracing) begin(ctx context.Context, name string, kind trace.SpanKind, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, append(options, trace.WithSpanKind(kind))...)
}

// request begins the span of an HTTP request, as a part of the trace that its
// headers name.
func (t *tracing) request(r *http.Request, route string) (*http.Request, trace.Span) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	method := spanMethod(r.Method)
	ctx, span := t.begin(ctx, method+" "+route, trace.SpanKindServer, trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("http.route", route),
		attribute.String("hmcp.request_id", r.Header.Get(requestIDHeader))))
	return r.WithContext(ctx), span
}

func endRequest(span trace.Span, status int) {
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// traced says which routes get spans: probes and files would only be noise.
func traced(route string) bool { return route != routeHealth && route != routeAssets }

// spanMethod keeps invented methods out of the names.
func spanMethod(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, method) {
		return method
	}
	return "_OTHER"
}

// toolCall begins the span of a tool call. A trace that the message itself names
// (SEP-414) is the assistant's: the call becomes a part of it, with a link to the
// request that brought it.
func (t *tracing) toolCall(ctx context.Context, begun mcp.CallBegun) (context.Context, trace.Span) {
	options := []trace.SpanStartOption{trace.WithAttributes(
		attribute.String("mcp.method.name", "tools/call"), attribute.String("gen_ai.tool.name", begun.Tool))}
	if begun.TraceParent != "" {
		named := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(),
			propagation.MapCarrier{"traceparent": begun.TraceParent, "tracestate": begun.TraceState}))
		request := trace.SpanContextFromContext(ctx)
		if named.IsValid() && named.TraceID() != request.TraceID() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: request}))
			ctx = trace.ContextWithRemoteSpanContext(ctx, named)
		}
	}
	return t.begin(ctx, "tools/call "+begun.Tool, trace.SpanKindServer, options...)
}

func endToolCall(span trace.Span, e mcp.CallEnded) {
	span.SetAttributes(attribute.String("hmcp.outcome", string(e.Outcome)), attribute.Int("hmcp.hostaway_calls", e.HostawayCalls))
	if e.Code != "" {
		span.SetAttributes(attribute.String("error.type", e.Code))
	}
	if e.Outcome == mcp.CallFailed {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func (t *tracing) exchange(ctx context.Context, method, endpoint string) (context.Context, trace.Span) {
	return t.begin(ctx, "Hostaway "+method+" "+endpoint, trace.SpanKindClient, trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("url.template", endpoint)))
}

func endExchange(span trace.Span, e hostaway.Exchanged) {
	span.SetAttributes(attribute.Float64("hmcp.turn_wait_seconds", e.Waited.Seconds()), attribute.Bool("hmcp.sent", e.Sent))
	if e.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", e.Status))
	}
	if e.Code != "" {
		span.SetAttributes(attribute.String("error.type", string(e.Code)))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func (t *tracing) recording(ctx context.Context) trace.Span {
	_, span := t.begin(ctx, "record tool call", trace.SpanKindInternal)
	return span
}

func endRecording(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// traceIDOf is the trace that a context belongs to, or "".
func traceIDOf(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// tracesURL is where a collector takes traces; endpoint is its base, or this
// very address.
func tracesURL(endpoint string) string {
	const path = "/v1/traces"
	return strings.TrimSuffix(endpoint, path) + path
}
