// Sending spans: in the background and with a limit on everything, so that a
// collector that is slow or down costs its spans, and never a call.
package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// sendTime is how long sending one batch may take, all tries together.
const sendTime = 10 * time.Second

// spanSender is the exporter that keeps failures to itself: it counts them, and
// says once in the log when they begin and when they end.
type spanSender struct {
	to   *otlptrace.Exporter
	log  *slog.Logger
	over context.Context // ends when nothing more is sent
	cut  context.CancelFunc

	made, sent, failed atomic.Int64 // spans

	mu      sync.Mutex
	failing bool
}

func newSpanSender(ctx context.Context, endpoint string, log *slog.Logger) (*spanSender, error) {
	to, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(tracesURL(endpoint)), otlptracehttp.WithTimeout(sendTime),
		// A collector is nearby: what compressing saves there is less than it costs here.
		otlptracehttp.WithCompression(otlptracehttp.NoCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: sendTime}))
	if err != nil {
		return nil, err
	}
	s := &spanSender{to: to, log: log}
	s.over, s.cut = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// ExportSpans sends a batch. What can't be sent is gone.
func (s *spanSender) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.over, cancel)()
	err := s.to.ExportSpans(ctx, spans)
	if err == nil {
		s.sent.Add(int64(len(spans)))
	} else {
		s.failed.Add(int64(len(spans)))
	}
	s.tell(err)
	return nil // the library would print it on standard error
}

// Shutdown ends the connection to the collector.
func (s *spanSender) Shutdown(ctx context.Context) error { return s.to.Shutdown(ctx) }

func (s *spanSender) tell(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && !s.failing:
		s.log.Warn("the trace collector takes no spans; they are dropped until it does", "error", err)
	case err == nil && s.failing:
		s.log.Info("the trace collector takes spans again")
	}
	s.failing = err != nil
}

// counter counts the spans that are made: those neither sent nor failed were
// dropped, or wait.
func (s *spanSender) counter() sdktrace.SpanProcessor { return spanCounter{&s.made} }

type spanCounter struct{ made *atomic.Int64 }

func (c spanCounter) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c spanCounter) OnEnd(span sdktrace.ReadOnlySpan)                { c.made.Add(1) }
func (c spanCounter) Shutdown(context.Context) error                  { return nil }
func (c spanCounter) ForceFlush(context.Context) error                { return nil }

// countSpans shows what became of the spans.
func (m *metrics) countSpans(s *spanSender) {
	d := figure("trace_spans_total", "Spans by what became of them: made, sent to the collector, failed to be sent. What is in none of the last two was dropped, or waits.", "state")
	added(m, question{descs: []*prometheus.Desc{d}, ask: func(context.Context) ([]prometheus.Metric, error) {
		return []prometheus.Metric{
			counterOf(d, float64(s.made.Load()), "made"), counterOf(d, float64(s.sent.Load()), "sent"), counterOf(d, float64(s.failed.Load()), "failed"),
		}, nil
	}})
}
