package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/mcp"
	"hostaway-mcp/secret"
	"hostaway-mcp/store/storetest"
)

func watchedConfig() config { return config{MetricsListen: "127.0.0.1:0"} }

// busyHouse is a house in which everything that is counted has happened.
func busyHouse(t *testing.T) *watchedHouse {
	t.Helper()
	c := watchedConfig()
	c.RateLimit = hostaway.Rate{Calls: 12, Per: time.Hour}
	h := newWatchedHouse(t, c)
	for _, f := range []storetest.Fixture{h.alpha, h.bravo} {
		for range 3 {
			h.call(f.APIKey, "hostaway_list_properties", `{"limit":5}`)
		}
		h.call(f.APIKey, "hostaway_whoami", `{}`)
		h.call(f.APIKey, "hostaway_search_bookings", `{"nonsense":1}`)
		h.call(f.APIKey, "hostaway_get_property_details", `{"listing_id":999999999}`)
		h.call(f.APIKey, "hostaway_of_"+f.Org.Name(), `{}`)
		h.call(f.APIKey, f.Org.ID(), `{}`)
		for range 10 {
			h.call(f.APIKey, "hostaway_whoami", `{}`)
		}
		h.get(h.url + "/login?org=" + f.Org.ID())
		h.get(h.url + "/keys/" + f.Key.ID + "/regenerate")
		h.get(h.url + "/nothing/" + f.Org.ID())
	}
	h.call(secret.New("hmcp_"+strings.Repeat("x", 43)), "hostaway_whoami", `{}`)
	h.call(secret.Text{}, "hostaway_whoami", `{}`)
	h.get(h.url + "/livez")
	return h
}

// scrape gives the text of the figures, once all that was asked before is
// counted: a request is over for its client a moment before it is for us.
func (h *watchedHouse) scrape() string {
	h.t.Helper()
	idle := false
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		status, text := h.get(h.figures + metricsPath)
		if status != http.StatusOK {
			h.t.Fatalf("scrape: %d %s", status, text)
		}
		if idle {
			return text
		}
		idle = strings.Contains(text, "hmcp_http_requests_in_flight 0\n") && strings.Contains(text, "hmcp_tool_calls_in_flight 0\n")
	}
	h.t.Fatal("some request never ends")
	return ""
}

func TestFiguresOfABusyServer(t *testing.T) {
	t.Parallel()
	h := busyHouse(t)
	text := h.scrape()
	for _, want := range []string{
		`hmcp_tool_calls_total{outcome="ok",tool="hostaway_list_properties"} 6`,
		`hmcp_tool_calls_total{outcome="ok",tool="hostaway_whoami"} 10`,
		`hmcp_tool_calls_total{outcome="rate_limited",tool="hostaway_whoami"} 12`,
		`hmcp_tool_calls_total{outcome="refused",tool="hostaway_search_bookings"} 2`,
		`hmcp_tool_calls_total{outcome="refused",tool="unknown"} 4`,
		`hmcp_tool_calls_total{outcome="ok",tool="hostaway_create_listing"} 0`,
		`hmcp_tool_call_duration_seconds_count{tool="hostaway_list_properties"} 6`,
		`hmcp_tool_call_duration_seconds_bucket{tool="hostaway_list_properties",le="30"} 6`,
		`hmcp_tool_call_duration_seconds_count{tool="hostaway_whoami"} 10`,
		`hmcp_tool_calls_in_flight 0`,
		`hmcp_tool_call_recording_seconds_count 24`,
		`hmcp_api_key_checks_total{outcome="ok"} 36`,
		`hmcp_api_key_checks_total{outcome="unknown"} 1`,
		`hmcp_api_key_checks_total{outcome="missing"} 1`,
		`hmcp_api_key_check_duration_seconds_count 37`,
		`hmcp_rate_limit_refusals_total{requests="tool_calls"} 12`,
		`hmcp_rate_limit_refusals_total{requests="other"} 0`,
		`hmcp_hostaway_requests_total{endpoint="/listings",outcome="ok",status="2xx"}`,
		`hmcp_hostaway_requests_total{endpoint="/listings/{id}",outcome="not_found",status="4xx"} 2`,
		`hmcp_hostaway_requests_total{endpoint="/accessTokens",outcome="ok",status="2xx"} 2`,
		`hmcp_hostaway_request_duration_seconds_count{endpoint="/listings/{id}"} 2`,
		`hmcp_hostaway_turn_wait_seconds_count{priority="background"} 0`,
		`hmcp_hostaway_queue_depth{priority="interactive"} 0`,
		`hmcp_hostaway_turns_missed_total{priority="interactive"} 0`,
		`hmcp_http_requests_total{route="mcp",status="2xx"}`,
		`hmcp_http_requests_total{route="mcp",status="4xx"} 14`,
		`hmcp_http_requests_total{route="pages",status="2xx"} 4`,
		`hmcp_http_requests_total{route="pages",status="4xx"} 2`,
		`hmcp_http_requests_total{route="health",status="2xx"} 1`,
		`hmcp_http_requests_in_flight 0`,
		`hmcp_commit_batch_calls_sum 24`,
		`hmcp_commit_queue_depth 0`,
		`hmcp_database_bytes `,
		`hmcp_database_wal_bytes `,
		`hmcp_database_free_pages `,
		`hmcp_database_open_connections{pool="writer"} 1`,
		`hmcp_health_check_state{check="database"} 0`,
		`hmcp_log_messages_total{level="error"} 0`,
		`hmcp_build_info{commit="`,
		`go_goroutines `, `process_resident_memory_bytes `, `process_start_time_seconds `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the figures", want)
		}
	}
	if t.Failed() {
		t.Log(regexp.MustCompile(`(?m)^(#|go_|process_).*\n`).ReplaceAllString(text, ""))
	}
}

func TestFiguresNameNobody(t *testing.T) {
	t.Parallel()
	h := busyHouse(t)
	// Without the values: an account's id is a number too.
	words := func() string { return regexp.MustCompile(`(?m) \S+$`).ReplaceAllString(h.scrape(), "") }
	if found := h.shows(words()); len(found) > 0 {
		t.Errorf("the figures show %v", found)
	}
	// The check must be able to fail.
	h.watch.metrics.calls.WithLabelValues(h.bravo.Org.Name(), "ok").Inc()
	if found := h.shows(words()); !slices.Equal(found, []string{"bravo's org name"}) {
		t.Errorf("a planted name is found as %v", found)
	}
}

// Whatever callers invent, there are no more series than before.
func TestFiguresStayFew(t *testing.T) {
	t.Parallel()
	h := newWatchedHouse(t, watchedConfig())
	invent := func(n int) {
		for i := range n {
			h.call(h.alpha.APIKey, fmt.Sprintf("hostaway_invented_%d", i), `{}`)
			h.call(h.alpha.APIKey, "hostaway_get_property_details", fmt.Sprintf(`{"listing_id":%d}`, 900000000+i))
			h.get(fmt.Sprintf("%s/invented/%d", h.url, i))
			h.get(fmt.Sprintf("%s/mcp/%d", h.url, i))
		}
	}
	series := regexp.MustCompile(`(?m)^hmcp_`)
	invent(1)
	before := len(series.FindAllString(h.scrape(), -1))
	invent(30)
	if after := len(series.FindAllString(h.scrape(), -1)); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

func TestFigureNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	h := busyHouse(t)
	families, err := h.watch.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var ours []*dto.MetricFamily
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), figures+"_") {
			ours = append(ours, f)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(ours).Lint()
	if err != nil || len(ours) < 30 {
		t.Fatalf("%d families, %v", len(ours), err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Litestream, when it is linked in, puts profiles on http.DefaultServeMux; no
// port of ours may answer with it.
func TestNoPortServesTheDefaultMux(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("there are no profiles to hide (%d): this test looks for the wrong thing", w.Code)
	}
	h := newWatchedHouse(t, watchedConfig())
	for _, base := range []string{h.url, h.figures} {
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/vars"} {
			if status, _ := h.get(base + path); status != http.StatusNotFound {
				t.Errorf("%s%s answers %d", base, path, status)
			}
		}
	}
	for _, path := range []string{"/", "/mcp", "/login"} {
		if status, _ := h.get(h.figures + path); status != http.StatusNotFound {
			t.Errorf("the metrics' port answers %s with %d", path, status)
		}
	}
	if status, _ := h.get(h.url + metricsPath); status != http.StatusNotFound {
		t.Errorf("the main port serves the figures: %d", status)
	}
}

func TestAQuestionThatFailsHidesNoOther(t *testing.T) {
	t.Parallel()
	m := newMetrics(buildFigures{"v1", "abc", "go1"})
	d := figure("broken", "Never there.")
	added(m, question{descs: []*prometheus.Desc{d}, ask: func(context.Context) ([]prometheus.Metric, error) {
		return nil, errors.New("no answer from /secret/path")
	}})
	log, kept, _ := watchedLog(3, slog.LevelInfo)
	w := httptest.NewRecorder()
	m.handler(log).ServeHTTP(w, httptest.NewRequest(http.MethodGet, metricsPath, nil))
	text := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(text, `hmcp_build_info{commit="abc",go_version="go1",version="v1"} 1`) ||
		strings.Contains(text, "hmcp_broken") || strings.Contains(text, "/secret/path") {
		t.Errorf("%d\n%s", w.Code, text)
	}
	if lines := kept.List(); len(lines) != 1 || !strings.Contains(lines[0].Message, "no answer") {
		t.Errorf("the log says %+v", lines)
	}
}

func TestLitestreamsFiguresArePassedOn(t *testing.T) {
	t.Parallel()
	theirs := prometheus.NewRegistry()
	for _, name := range []string{"litestream_sync_count", "go_goroutines"} {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "x"})
		theirs.MustRegister(g)
	}
	got, err := ofLitestream{theirs}.Gather()
	if err != nil || len(got) != 1 || got[0].GetName() != "litestream_sync_count" {
		t.Errorf("%v %v", got, err)
	}
}

// What a tool call pays for its figures: no allocation but the few for what it
// must remember until its end.
func TestFiguresCostLittle(t *testing.T) {
	w := watch{metrics: newMetrics(buildFigures{})}
	calls, commits := w.calls(), w.commits()
	ctx := t.Context()
	once := func() {
		calls.KeyChecked(mcp.KeyOK, time.Microsecond)
		_, ended := calls.ToolCall(ctx, mcp.CallBegun{Tool: "hostaway_whoami"})
		commits.Recording(ctx)(nil)
		ended(mcp.CallEnded{Outcome: mcp.CallOK, Took: time.Millisecond})
	}
	once()
	if n := testing.AllocsPerRun(100, once); n > 4 {
		t.Errorf("a call's figures take %v allocations", n)
	}
	if off := (watch{}); off.calls() != nil || off.commits() != nil || off.exchanges() != nil {
		t.Error("somebody looks where nobody asked")
	}
}

func BenchmarkFiguresOfACall(b *testing.B) {
	w := watch{metrics: newMetrics(buildFigures{})}
	calls, commits, exchange := w.calls(), w.commits(), w.exchanges()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			calls.KeyChecked(mcp.KeyOK, time.Microsecond)
			ctx, ended := calls.ToolCall(b.Context(), mcp.CallBegun{Tool: "hostaway_whoami"})
			_, answered := exchange(ctx, http.MethodGet, "/listings/{id}")
			answered(hostaway.Exchanged{Sent: true, Status: 200})
			commits.Recording(ctx)(nil)
			ended(mcp.CallEnded{Outcome: mcp.CallOK, Took: time.Millisecond})
		}
	})
}
