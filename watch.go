// Watching: what looks at the server at work. The rooms say what they do through
// small interfaces of theirs; here it becomes figures, and each is left out
// where nobody asked for it.
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
}

// newWatch sets up what the settings ask for. Its log writes to out.
func newWatch(out io.Writer, c config) watch {
	var w watch
	w.log, w.problems = newWatchedLogger(out, c)
	if c.MetricsListen != "" {
		w.metrics = newMetrics(thisBuild())
		w.metrics.countLines(w.problems)
	}
	return w
}

// off says that nobody asks for more than the log.
func (w watch) off() bool { return w.metrics == nil }

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

func (w callWatch) ToolCall(ctx context.Context, begun mcp.CallBegun) (context.Context, func(mcp.CallEnded)) {
	w.metrics.callsRunning.Inc()
	return ctx, func(e mcp.CallEnded) {
		w.metrics.toolCall(begun.Tool, e)
		w.metrics.callsRunning.Dec()
	}
}

func (w callWatch) KeyChecked(outcome mcp.KeyOutcome, took time.Duration) {
	w.metrics.keyChecked(outcome, took)
}

func (w callWatch) RateLimited() { w.metrics.rateLimited.WithLabelValues(limitedOthers).Inc() }

// commitWatch sees the group commits.
type commitWatch struct{ watch }

func (w commitWatch) Recording(context.Context) func(error) {
	began := time.Now()
	return func(error) { w.metrics.recordingTime.Observe(time.Since(began).Seconds()) }
}

func (w commitWatch) Committed(calls int, took time.Duration, err error) {
	w.metrics.committed(calls, took, err)
}

func (w watch) exchange(ctx context.Context, _, endpoint string) (context.Context, func(hostaway.Exchanged)) {
	return ctx, func(e hostaway.Exchanged) { w.metrics.exchange(endpoint, e) }
}

// request sees one HTTP request from here to its end.
func (w watch) request(r *http.Request) (*http.Request, func(status int, took time.Duration)) {
	if w.off() {
		return r, func(int, time.Duration) {}
	}
	route := routeOf(r.URL.Path)
	w.metrics.requestsOpen.Inc()
	return r, func(status int, took time.Duration) {
		w.metrics.request(route, status, took)
		w.metrics.requestsOpen.Dec()
	}
}

// routeOf says what kind of address a path is: one of a few words, whatever a
// caller asks for.
func routeOf(path string) string {
	for _, known := range []struct{ prefix, route string }{
		{"/mcp", "mcp"},
		{"/assets/", "assets"},
		{"/api/", "api"},
		{"/livez", "health"},
		{"/readyz", "health"},
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
