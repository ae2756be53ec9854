// Watching: what looks at the server at work. The rooms say what they do through
// small interfaces of theirs; here it becomes figures and traces, and each is
// left out where nobody asked for it.
package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/mcp"
	"hostaway-mcp/store"
)

// watch is the log and what else looks. The zero parts look at nothing.
type watch struct {
	log      *slog.Logger
	problems *lastErrors
	metrics  *metrics
	traces   *tracing
}

// newWatch sets up what the settings ask for. Its log writes to out. Close it
// when the server has stopped.
func newWatch(ctx context.Context, out io.Writer, c config) (watch, error) {
	var w watch
	w.log, w.problems = newWatchedLogger(out, c)
	build := thisBuild()
	if c.OTLPEndpoint != "" {
		var err error
		if w.traces, err = newTracing(ctx, c.OTLPEndpoint, build, w.log); err != nil {
			return w, failed(err, "traces can't be sent to "+c.OTLPEndpoint, "correct HMCP_OTLP_ENDPOINT, or leave it out")
		}
	}
	if c.MetricsListen != "" {
		w.metrics = newMetrics(build)
		w.metrics.countLines(w.problems)
		if w.traces != nil {
			w.metrics.countSpans(w.traces.sender)
		}
	}
	return w, nil
}

// close sends what is left, within a bound.
func (w watch) close(ctx context.Context) { w.traces.close(ctx) }

// off says that nobody asks for more than the log.
func (w watch) off() bool { return w.metrics == nil && w.traces == nil }

// calls is for mcp; nil when nobody looks.
func (w watch) calls() mcp.Observer {
	if w.off() {
		return nil
	}
	return callWatch{w}
}

// commits is for the store; nil when nobody looks.
func (w watch) commits() store.Observer {
	if w.off() {
		return nil
	}
	return commitWatch{w}
}

// exchanges is for the clients of Hostaway; nil when nobody looks.
func (w watch) exchanges() hostaway.Observe {
	if w.off() {
		return nil
	}
	return w.exchange
}

// callWatch sees the tool calls.
type callWatch struct{ watch }

// ToolCall sees one from its beginning to its end.
func (w callWatch) ToolCall(ctx context.Context, begun mcp.CallBegun) (context.Context, func(mcp.CallEnded)) {
	end := func(mcp.CallEnded) {}
	if w.traces != nil {
		inner, span := w.traces.toolCall(ctx, begun)
		ctx, end = inner, func(e mcp.CallEnded) { endToolCall(span, e) }
	}
	if w.metrics == nil {
		return ctx, end
	}
	w.metrics.callsRunning.Inc()
	return ctx, func(e mcp.CallEnded) {
		end(e)
		w.metrics.toolCall(begun.Tool, e)
		w.metrics.callsRunning.Dec()
	}
}

// KeyChecked counts look-ups.
func (w callWatch) KeyChecked(outcome mcp.KeyOutcome, took time.Duration) {
	if w.metrics != nil {
		w.metrics.keyChecked(outcome, took)
	}
}

// RateLimited counts refusals.
func (w callWatch) RateLimited() {
	if w.metrics != nil {
		w.metrics.rateLimited.WithLabelValues(limitedOthers).Inc()
	}
}

// commitWatch sees the group commits.
type commitWatch struct{ watch }

// Recording sees one call's wait for the disk.
func (w commitWatch) Recording(ctx context.Context) func(error) {
	end := func(error) {}
	if w.traces != nil {
		span := w.traces.recording(ctx)
		end = func(err error) { endRecording(span, err) }
	}
	if w.metrics == nil {
		return end
	}
	began := time.Now()
	return func(err error) {
		end(err)
		w.metrics.recordingTime.Observe(time.Since(began).Seconds())
	}
}

// Committed counts transactions.
func (w commitWatch) Committed(calls int, took time.Duration, err error) {
	if w.metrics != nil {
		w.metrics.committed(calls, took, err)
	}
}

// exchange sees one exchange with Hostaway.
func (w watch) exchange(ctx context.Context, method, endpoint string) (context.Context, func(hostaway.Exchanged)) {
	end := func(hostaway.Exchanged) {}
	if w.traces != nil {
		inner, span := w.traces.exchange(ctx, method, endpoint)
		ctx, end = inner, func(e hostaway.Exchanged) { endExchange(span, e) }
	}
	if w.metrics == nil {
		return ctx, end
	}
	return ctx, func(e hostaway.Exchanged) {
		end(e)
		w.metrics.exchange(endpoint, e)
	}
}

// request sees one HTTP request from here to its end.
func (w watch) request(r *http.Request) (*http.Request, func(status int, took time.Duration)) {
	end := func(int, time.Duration) {}
	if w.off() {
		return r, end
	}
	route := routeOf(r.URL.Path)
	if w.traces != nil && traced(route) {
		inner, span := w.traces.request(r, route)
		r, end = inner, func(status int, _ time.Duration) { endRequest(span, status) }
	}
	if w.metrics == nil {
		return r, end
	}
	w.metrics.requestsOpen.Inc()
	return r, func(status int, took time.Duration) {
		end(status, took)
		w.metrics.request(route, status, took)
		w.metrics.requestsOpen.Dec()
	}
}

const (
	routeAssets = "assets"
	routeHealth = "health"
)

// routeOf says what kind of address a path is: one of a few words, whatever a
// caller asks for.
func routeOf(path string) string {
	for _, known := range []struct{ prefix, route string }{
		{"/mcp", "mcp"},
		{"/assets/", routeAssets},
		{"/api/", "api"},
		{"/livez", routeHealth},
		{"/readyz", routeHealth},
		{"/webhooks", "webhooks"},
		{"/.well-known", "discovery"},
		{"/oauth", "discovery"},
	} {
		if strings.HasPrefix(path, known.prefix) {
			return known.route
		}
	}
	return "pages"
}
