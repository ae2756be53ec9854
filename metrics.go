// Figures for Prometheus: one registry with what this process counts and
// measures. No label holds anything of a customer, and each has few values: what
// callers invent is counted under one name.
package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/mcp"
)

const figures = "hmcp" // what every name of ours begins with

// callBuckets suit what takes a millisecond from memory and half a minute from
// Hostaway; in seconds.
func callBuckets() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
}

// quickBuckets suit what happens on this machine; in seconds.
func quickBuckets() []float64 {
	return []float64{0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5}
}

// metrics is the registry and the instruments that are written to while things
// happen. What is asked for at a scrape only is in metrics_asked.go.
type metrics struct {
	registry *prometheus.Registry

	calls         *prometheus.CounterVec   // tool, outcome
	callTime      *prometheus.HistogramVec // tool
	callsRunning  prometheus.Gauge
	keyChecks     *prometheus.CounterVec // outcome
	keyCheckTime  prometheus.Observer
	rateLimited   *prometheus.CounterVec // requests
	requests      *prometheus.CounterVec // route, status
	requestTime   *prometheus.HistogramVec
	requestsOpen  prometheus.Gauge
	exchanges     *prometheus.CounterVec   // endpoint, outcome, status
	exchangeTime  *prometheus.HistogramVec // endpoint
	turnWait      *prometheus.HistogramVec // priority
	turnsMissed   *prometheus.CounterVec   // priority
	commitTime    prometheus.Observer
	commitBatch   prometheus.Observer
	commitFailed  prometheus.Counter
	recordingTime prometheus.Observer
	mails         *prometheus.CounterVec // outcome; nil without a mail server
}

// newMetrics makes the registry with everything that needs nothing from outside.
func newMetrics(build buildFigures) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build.gauge(),
	)
	m.addCalls()
	m.addExchanges()
	m.addCommits()
	return m
}

func (m *metrics) addCalls() {
	m.calls = m.counter("tool_calls_total", "Tool calls by tool and outcome; unknown stands for every name that is no tool.", "tool", "outcome")
	m.callTime = m.histogram("tool_call_duration_seconds", "Time of tool calls that were begun, from the request's reading to its answer.", callBuckets(), "tool")
	m.callsRunning = m.gauge("tool_calls_in_flight", "Tool calls that are running.")
	m.keyChecks = m.counter("api_key_checks_total", "Look-ups of API keys by outcome: ok, missing, unknown (or revoked), error.", "outcome")
	m.keyCheckTime = m.histogram("api_key_check_duration_seconds", "Time of the look-up of an API key.", quickBuckets()).With(nil)
	m.rateLimited = m.counter("rate_limit_refusals_total", "Requests that the rate limit of an org turned away: tool calls, and requests that call no tool.", "requests")
	m.requests = m.counter("http_requests_total", "HTTP requests by kind of address and class of status.", "route", "status")
	m.requestTime = m.histogram("http_request_duration_seconds", "Time of HTTP requests to the end of their answer, streams included.", callBuckets(), "route")
	m.requestsOpen = m.gauge("http_requests_in_flight", "HTTP requests that are being answered.")
	for _, outcome := range mcp.KeyOutcomes() {
		m.keyChecks.WithLabelValues(string(outcome))
	}
	m.rateLimited.WithLabelValues(limitedTools)
	m.rateLimited.WithLabelValues(limitedOthers)
}

func (m *metrics) addExchanges() {
	m.exchanges = m.counter("hostaway_requests_total", "Requests to Hostaway by endpoint, outcome and class of status.", "endpoint", "outcome", "status")
	m.exchangeTime = m.histogram("hostaway_request_duration_seconds", "Time of requests to Hostaway, without the wait for their turn.", callBuckets(), "endpoint")
	m.turnWait = m.histogram("hostaway_turn_wait_seconds", "Time that calls waited until Hostaway's rate limit had room for them.", callBuckets(), "priority")
	m.turnsMissed = m.counter("hostaway_turns_missed_total", "Calls that were given up before their turn came.", "priority")
	for _, p := range []string{priorityInteractive, priorityBackground} {
		m.turnWait.WithLabelValues(p)
		m.turnsMissed.WithLabelValues(p)
	}
}

func (m *metrics) addCommits() {
	m.commitTime = m.histogram("commit_duration_seconds", "Time of a group commit of tool calls, the wait for the disk included.", quickBuckets()).With(nil)
	m.commitBatch = m.histogram("commit_batch_calls", "Tool calls that shared a group commit.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}).With(nil)
	m.commitFailed = m.counter("commit_failures_total", "Group commits that failed.").With(nil)
	m.recordingTime = m.histogram("tool_call_recording_seconds", "Time that a tool call waited until its row in the audit log was durable.", quickBuckets()).With(nil)
}

func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return added(m, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: figures, Name: name, Help: help}, labels))
}

func (m *metrics) gauge(name, help string) prometheus.Gauge {
	return added(m, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: figures, Name: name, Help: help}))
}

func (m *metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return added(m, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: figures, Name: name, Help: help, Buckets: buckets}, labels))
}

func added[C prometheus.Collector](m *metrics, c C) C {
	m.registry.MustRegister(c)
	return c
}

// expect begins the counts of these tools at zero, so that the first call of
// one already shows as a rise.
func (m *metrics) expect(tools []mcp.ToolInfo) {
	for _, tool := range append(tools, mcp.ToolInfo{Name: mcp.UnknownTool}) {
		for _, outcome := range []mcp.CallOutcome{mcp.CallOK, mcp.CallFailed, mcp.CallRefused} {
			m.calls.WithLabelValues(tool.Name, string(outcome))
		}
	}
}

const (
	limitedTools  = "tool_calls"
	limitedOthers = "other"

	priorityInteractive = "interactive"
	priorityBackground  = "background"
)

func (m *metrics) toolCall(tool string, e mcp.CallEnded) {
	m.calls.WithLabelValues(tool, string(e.Outcome)).Inc()
	switch e.Outcome {
	case mcp.CallRateLimited:
		m.rateLimited.WithLabelValues(limitedTools).Inc()
	case mcp.CallStopping: // it may have run or not: its time says nothing
	default:
		m.callTime.WithLabelValues(tool).Observe(e.Took.Seconds())
	}
}

func (m *metrics) keyChecked(outcome mcp.KeyOutcome, took time.Duration) {
	m.keyChecks.WithLabelValues(string(outcome)).Inc()
	if outcome != mcp.KeyMissing {
		m.keyCheckTime.Observe(took.Seconds())
	}
}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, statusClass(status)).Inc()
	m.requestTime.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) exchange(endpoint string, e hostaway.Exchanged) {
	priority := priorityInteractive
	if e.Background {
		priority = priorityBackground
	}
	m.turnWait.WithLabelValues(priority).Observe(e.Waited.Seconds())
	if !e.Sent {
		m.turnsMissed.WithLabelValues(priority).Inc()
		return
	}
	m.exchanges.WithLabelValues(endpoint, exchangeOutcome(e), statusClass(e.Status)).Inc()
	m.exchangeTime.WithLabelValues(endpoint).Observe(e.Took.Seconds())
}

func exchangeOutcome(e hostaway.Exchanged) string {
	switch {
	case e.Cancelled:
		return "cancelled"
	case e.Code == "":
		return "ok"
	}
	return string(e.Code)
}

func (m *metrics) committed(calls int, took time.Duration, err error) {
	if err != nil {
		m.commitFailed.Inc()
		return
	}
	if calls > 0 { // none: only when keys and sessions were last used
		m.commitTime.Observe(took.Seconds())
		m.commitBatch.Observe(float64(calls))
	}
}

// statusClass is 2xx for 200, and none where there was no answer.
func statusClass(status int) string {
	classes := [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}
	if class := status / 100; class > 0 && class < len(classes) {
		return classes[class]
	}
	return classes[0]
}
