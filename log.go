// Logging: one logger for the whole process. Every line about a request carries
// the request's id, whichever room wrote it, and none holds a secret.
package main

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// requestIDField is the one name under which lines carry the id of a request.
const requestIDField = "request_id"

// newLogger writes to out as the settings say.
func newLogger(out io.Writer, c config) *slog.Logger {
	return slog.New(requestHandler{writingHandler(out, c)})
}

// newWatchedLogger is newLogger for a process that somebody looks after: its
// last warnings and errors are kept for them too.
func newWatchedLogger(out io.Writer, c config) (*slog.Logger, *lastErrors) {
	kept := newLastErrors(lastErrorsKept)
	return slog.New(requestHandler{kept.handler(writingHandler(out, c))}), kept
}

func writingHandler(out io.Writer, c config) slog.Handler {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		options.ReplaceAttr = inMilliseconds
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}

// inMilliseconds gives a duration its unit, which JSON would leave out: "took" is
// "took_ms" there.
func inMilliseconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	return slog.Float64(a.Key+"_ms", float64(a.Value.Duration())/float64(time.Millisecond))
}

// requestKey is where the context of a request holds its id.
type requestKey struct{}

func withRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// requestHandler adds the id of the request that a line's context belongs to,
// unless the line names one itself: a room that also runs without the outer
// server makes its own ids. Where traces are made, it adds the trace's id too.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	id, _ := ctx.Value(requestKey{}).(string)
	if id != "" && names(r, requestIDField) {
		id = ""
	}
	traceID := traceIDOf(ctx)
	if id != "" || traceID != "" {
		r = r.Clone() // the caller's record may be shared
	}
	if id != "" {
		r.AddAttrs(slog.String(requestIDField, id))
	}
	if traceID != "" {
		r.AddAttrs(slog.String("trace_id", traceID))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}

func names(r slog.Record, field string) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == field
		return !found
	})
	return found
}
