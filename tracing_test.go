package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"hostaway-mcp/mcp"
)

const (
	sentTrace    = "4bf92f3577b34da6a3ce929d0e0e4736"
	sentSpan     = "00f067aa0ba902b7"
	sentParent   = "00-" + sentTrace + "-" + sentSpan + "-01"
	othersTrace  = "0af7651916cd43dd8448eb211c80319c"
	othersParent = "00-" + othersTrace + "-b7ad6b7169203331-01"
)

func TestATraceOfAToolCall(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	h := newWatchedHouse(t, config{OTLPEndpoint: c.URL})
	if status, body := h.call(h.alpha.APIKey, "hostaway_get_property_details", `{"listing_id":1001}`, "Traceparent", sentParent); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	spans := h.spansOf(c, sentTrace)
	request := spanNamed(t, spans, "POST mcp")
	call := spanNamed(t, spans, "tools/call hostaway_get_property_details")
	token := spanNamed(t, spans, "Hostaway POST /accessTokens")
	recorded := spanNamed(t, spans, "record tool call")
	if got := hex.EncodeToString(request.GetParentSpanId()); got != sentSpan {
		t.Errorf("the request's parent is %s, want the caller's span", got)
	}
	isChild(t, call, request)
	isChild(t, token, call)
	isChild(t, recorded, call)
	kinds := []otlp.Span_SpanKind{request.GetKind(), call.GetKind(), token.GetKind(), recorded.GetKind()}
	if want := []otlp.Span_SpanKind{otlp.Span_SPAN_KIND_SERVER, otlp.Span_SPAN_KIND_SERVER, otlp.Span_SPAN_KIND_CLIENT, otlp.Span_SPAN_KIND_INTERNAL}; !slices.Equal(kinds, want) {
		t.Errorf("kinds %v, want %v", kinds, want)
	}
	asked := attributesOf(request)
	if !strings.HasPrefix(asked["hmcp.request_id"], "req_") {
		t.Errorf("the request's id is %q", asked["hmcp.request_id"])
	}
	delete(asked, "hmcp.request_id")
	if diff := cmp.Diff(map[string]string{"http.request.method": "POST", "http.route": "mcp", "http.response.status_code": "200"}, asked); diff != "" {
		t.Errorf("the request (-want +got):\n%s", diff)
	}
	want := map[string]string{
		"mcp.method.name": "tools/call", "gen_ai.tool.name": "hostaway_get_property_details",
		"hmcp.outcome": attributesOf(call)["hmcp.outcome"], "hmcp.hostaway_calls": attributesOf(call)["hmcp.hostaway_calls"],
	}
	got := attributesOf(call)
	delete(got, "error.type")
	if diff := cmp.Diff(want, got); diff != "" || want["hmcp.outcome"] == "" || want["hmcp.hostaway_calls"] == "0" {
		t.Errorf("the call (-want +got):\n%s", diff)
	}
	exchange := attributesOf(token)
	if exchange["http.request.method"] != "POST" || exchange["url.template"] != "/accessTokens" || exchange["http.response.status_code"] != "200" || exchange["hmcp.sent"] != "true" {
		t.Errorf("the exchange: %v", exchange)
	}
}

func TestSpansNameNobody(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	cfg := config{OTLPEndpoint: c.URL}
	h := newWatchedHouse(t, cfg)
	for _, f := range []string{`{"limit":5}`, `{"match":"ALPHAMARK"}`, `{"nonsense":"` + h.bravo.Org.ID() + `"}`} {
		h.call(h.alpha.APIKey, "hostaway_list_properties", f)
		h.call(h.bravo.APIKey, h.bravo.Org.Name(), f)
	}
	h.get(h.url + "/keys/" + h.alpha.Key.ID + "/revoke?x=" + url.QueryEscape(h.alpha.Org.Name()))
	r, err := http.NewRequestWithContext(t.Context(), "ALPHAMARK", h.url+"/mcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	h.do(r)
	h.call(h.alpha.APIKey, "hostaway_whoami", `{}`, "Traceparent", sentParent)
	if n := len(h.spansOf(c, sentTrace)); n < 3 {
		t.Errorf("%d spans", n)
	}
	c.mu.Lock()
	text := strings.Join(c.texts, "\n")
	c.mu.Unlock()
	if found := h.shows(withoutNumbers(text)); len(found) > 0 || !strings.Contains(text, "_OTHER mcp") || !strings.Contains(text, "tools/call unknown") {
		t.Errorf("the spans show %v in\n%s", found, text)
	}
	// The check must be able to fail.
	if found := h.shows(withoutNumbers(text + `key: "` + h.bravo.Org.ID() + `"`)); len(found) != 1 {
		t.Errorf("a planted id is found as %v", found)
	}
}

// withoutNumbers drops ids and times, in which any digits may stand.
func withoutNumbers(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "_unix_nano") && !strings.Contains(line, "_id:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Whose trace a call belongs to.
func TestWhoseTraceItIs(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	h := newWatchedHouse(t, config{OTLPEndpoint: c.URL})
	inMessage := func(parent string) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_whoami","arguments":{},"_meta":{"traceparent":%q}}}`, parent)
	}
	// The message names another trace than the request does.
	h.post(h.alpha.APIKey, inMessage(othersParent), "Traceparent", sentParent)
	request := spanNamed(t, h.spansOf(c, sentTrace), "POST mcp")
	var call *otlp.Span
	for _, s := range h.got(c) {
		if hex.EncodeToString(s.GetTraceId()) == othersTrace && strings.HasPrefix(s.GetName(), "tools/call") {
			call = s
		}
	}
	if call == nil || hex.EncodeToString(call.GetParentSpanId()) != "b7ad6b7169203331" ||
		len(call.GetLinks()) != 1 || string(call.GetLinks()[0].GetSpanId()) != string(request.GetSpanId()) {
		t.Fatalf("the call is not a part of the message's trace, with a link to the request: %v", call)
	}
	// Both name the same one: the call stays below its request.
	const both = "11111111111111111111111111111111"
	h.post(h.alpha.APIKey, inMessage("00-"+both+"-b7ad6b7169203331-01"), "Traceparent", "00-"+both+"-"+sentSpan+"-01")
	spans := h.spansOf(c, both)
	isChild(t, spanNamed(t, spans, "tools/call hostaway_whoami"), spanNamed(t, spans, "POST mcp"))
	// What is no trace is none, and a trace that is not wanted is not made.
	before := len(h.got(c))
	h.post(h.alpha.APIKey, inMessage("nonsense"), "Traceparent", "00-22222222222222222222222222222222-"+sentSpan+"-00")
	h.get(h.url + "/livez")
	h.get(h.url + "/assets/app.css")
	h.post(h.alpha.APIKey, inMessage("nonsense"), "Traceparent", "00-33333333333333333333333333333333-"+sentSpan+"-01")
	wanted := len(h.spansOf(c, "33333333333333333333333333333333"))
	if n := len(h.got(c)) - before; n != wanted || wanted < 3 {
		t.Errorf("%d new spans, %d of them of the wanted trace: the unwanted one, the probe and the file should have none", n, wanted)
	}
}

func TestLinesNameTheirTrace(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	h := newWatchedHouse(t, config{OTLPEndpoint: c.URL})
	h.call(h.alpha.APIKey, "hostaway_list_properties", `{}`, "Traceparent", sentParent)
	h.spansOf(c, sentTrace)
	lines := 0
	for line := range strings.Lines(h.log.String()) {
		if strings.Contains(line, "trace_id="+sentTrace) && strings.Contains(line, requestIDField+"=req_") {
			lines++
		}
	}
	if lines < 2 { // the request's own, and what upstream.go says of the connection
		t.Errorf("%d lines name the trace and the request:\n%s", lines, h.log)
	}
}

// Hostaway is another company: it is sent nothing of our traces.
func TestHostawayIsSentNoTrace(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	h := newWatchedHouse(t, config{OTLPEndpoint: c.URL})
	target, err := url.Parse(h.fake.URL())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	headers := map[string]bool{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		mu.Lock()
		defer mu.Unlock()
		for name := range r.In.Header {
			headers[name] = true
		}
		r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host})
	}}
	between := httptest.NewServer(proxy)
	t.Cleanup(between.Close)
	u := upstreamTo(t, between.URL+target.Path)
	u.observe = h.watch.exchanges()
	ctx, ended := h.watch.calls().ToolCall(t.Context(), mcp.CallBegun{Tool: "x", TraceParent: sentParent, TraceState: "a=b"})
	if _, err := (upstreamTest{upstream: u}).names(ctx, h.alpha.Org); err != nil {
		t.Fatal(err)
	}
	ended(mcp.CallEnded{})
	if traceIDOf(ctx) != sentTrace {
		t.Fatal("the call has no trace: this test looks at nothing")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(headers) == 0 {
		t.Fatal("no request was seen")
	}
	for name := range headers {
		if slices.Contains([]string{"Traceparent", "Tracestate", "Baggage", "B3"}, name) {
			t.Errorf("Hostaway was sent %s", name)
		}
	}
}

// A collector that is down, or hangs, costs its spans and nothing else: calls
// work, and stopping does not wait for it.
func TestTheCollectorMayFail(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(t *testing.T, c *spanCollector){
		"down": func(_ *testing.T, c *spanCollector) { c.Close() },
		"hanging": func(t *testing.T, c *spanCollector) {
			hang := make(chan struct{})
			c.set(0, hang)
			t.Cleanup(func() { close(hang) })
		},
		"broken": func(_ *testing.T, c *spanCollector) { c.set(http.StatusBadRequest, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newSpanCollector(t)
			fail(t, c)
			cfg := watchedConfig()
			cfg.OTLPEndpoint = c.URL
			h := newWatchedHouse(t, cfg)
			for range 20 {
				if status, body := h.call(h.alpha.APIKey, "hostaway_whoami", `{}`); status != http.StatusOK {
					t.Errorf("%d %s", status, body)
				}
			}
			for range 2 * spanQueue { // more than may wait
				_, ended := h.watch.calls().ToolCall(t.Context(), mcp.CallBegun{Tool: "x"})
				ended(mcp.CallEnded{})
			}
			began := time.Now()
			h.watch.close(t.Context())
			if took := time.Since(began); took > flushTime+time.Second {
				t.Errorf("stopping took %s", took)
			}
			made, sent := h.watch.traces.sender.made.Load(), h.watch.traces.sender.sent.Load()
			if made < 2*spanQueue || sent != 0 {
				t.Errorf("%d spans were made and %d sent", made, sent)
			}
			if status, _ := h.call(h.alpha.APIKey, "hostaway_whoami", `{}`); status != http.StatusOK {
				t.Errorf("after the end of the traces: %d", status)
			}
		})
	}
}

// A failing collector is one line in the log, and one more when it is back.
func TestAFailingCollectorIsToldOnce(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	cfg := watchedConfig()
	cfg.OTLPEndpoint = c.URL
	h := newWatchedHouse(t, cfg)
	c.set(http.StatusBadRequest, nil)
	for range 3 {
		h.call(h.alpha.APIKey, "hostaway_whoami", `{}`)
		h.got(c)
	}
	c.set(0, nil)
	h.call(h.alpha.APIKey, "hostaway_whoami", `{}`, "Traceparent", sentParent)
	h.spansOf(c, sentTrace)
	text := h.log.String()
	if strings.Count(text, "the trace collector takes no spans") != 1 || strings.Count(text, "takes spans again") != 1 {
		t.Errorf("log:\n%s", text)
	}
	if figures := h.scrape(); strings.Contains(figures, `hmcp_trace_spans_total{state="failed"} 0`) || strings.Contains(figures, `hmcp_trace_spans_total{state="sent"} 0`) {
		t.Error("the figures know nothing of the failed spans, or of those sent")
	}
}

// Spans that wait are sent when the server stops.
func TestSpansAreFlushedAtTheEnd(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	w, err := newWatch(t.Context(), io.Discard, config{OTLPEndpoint: c.URL + "/v1/traces", LogFormat: "text"})
	if err != nil {
		t.Fatal(err)
	}
	_, ended := w.calls().ToolCall(t.Context(), mcp.CallBegun{Tool: "x"})
	ended(mcp.CallEnded{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as it is when the server was told to stop
	w.close(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spans) != 1 || len(c.wrong) > 0 {
		t.Errorf("%d spans came, %v", len(c.spans), c.wrong)
	}
}

// What goes wrong in any room is found by the id that its caller was given.
func TestFailuresNameTheirRequest(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	h := newWatchedHouse(t, config{OTLPEndpoint: c.URL})
	h.fake.Close() // Hostaway is away, and then so is the database
	h.call(h.alpha.APIKey, "hostaway_list_properties", `{}`)
	if err := h.db.Close(); err != nil {
		t.Fatal(err)
	}
	status, _ := h.call(h.alpha.APIKey, "hostaway_whoami", `{}`)
	page, _ := h.get(h.url + "/setup?link=hmcps_x")
	if status != http.StatusInternalServerError || page != http.StatusInternalServerError {
		t.Fatalf("nothing goes wrong: %d and %d", status, page)
	}
	rooms := map[string]bool{"check API key": false, "dashboard request failed": false}
	for line := range strings.Lines(h.log.String()) {
		if !strings.Contains(line, "level=ERROR") && !strings.Contains(line, "level=WARN") {
			continue
		}
		for message := range rooms {
			rooms[message] = rooms[message] || strings.Contains(line, message)
		}
		if strings.Count(line, requestIDField+"=req_") != 1 || !strings.Contains(line, "trace_id=") {
			t.Errorf("a line without its request or its trace, or with the request twice: %s", line)
		}
	}
	for message, seen := range rooms {
		if !seen {
			t.Errorf("no line says %q:\n%s", message, h.log)
		}
	}
	if lines := h.watch.problems.List(); len(lines) < 2 || lines[0].Attributes[len(lines[0].Attributes)-1].Name != "trace_id" {
		t.Errorf("kept: %+v", lines)
	}
}
