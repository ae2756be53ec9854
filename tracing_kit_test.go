package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// spanCollector takes spans as a collector does, over HTTP.
type spanCollector struct {
	*httptest.Server
	mu     sync.Mutex
	spans  []*otlp.Span
	texts  []string // everything that came, readable
	wrong  []string
	status int           // instead of 200
	hang   chan struct{} // no answer before it is closed
}

func newSpanCollector(t testing.TB) *spanCollector {
	t.Helper()
	c := &spanCollector{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP decodes one export.
func (c *spanCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var export collector.ExportTraceServiceRequest
	wrong := ""
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(raw, &export)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		wrong = fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	c.mu.Lock()
	status, hang := c.status, c.hang
	if wrong != "" {
		c.wrong = append(c.wrong, wrong)
	} else if status == 0 && hang == nil {
		c.texts = append(c.texts, prototext.Format(&export))
		for _, of := range export.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}
	c.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if status != 0 {
		w.WriteHeader(status)
	}
}

func (c *spanCollector) set(status int, hang chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.hang = status, hang
}

// got sends what waits and gives all spans that came so far.
func (h *watchedHouse) got(c *spanCollector) []*otlp.Span {
	h.t.Helper()
	if err := h.watch.traces.provider.ForceFlush(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.wrong) > 0 {
		h.t.Errorf("the collector could not take %v", c.wrong)
	}
	return slices.Clone(c.spans)
}

// spansOf waits for the span of the latest request and gives all of its trace.
func (h *watchedHouse) spansOf(c *spanCollector, traceID string) []*otlp.Span {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var found []*otlp.Span
		whole := false
		for _, s := range h.got(c) {
			if hex.EncodeToString(s.GetTraceId()) == traceID {
				found = append(found, s)
				whole = whole || s.GetName() == "POST mcp"
			}
		}
		if whole {
			return found
		}
	}
	h.t.Fatalf("no request of the trace %s came", traceID)
	return nil
}

func spanNamed(t *testing.T, spans []*otlp.Span, name string) *otlp.Span {
	t.Helper()
	var names []string
	for _, s := range spans {
		if s.GetName() == name {
			return s
		}
		names = append(names, s.GetName())
	}
	t.Fatalf("no span %q among %q", name, names)
	return nil
}

func attributesOf(s *otlp.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[a.GetKey()] = v.StringValue
		default:
			all[a.GetKey()] = strings.TrimSpace(strings.SplitN(prototext.Format(a.GetValue()), ":", 2)[1])
		}
	}
	return all
}

func isChild(t *testing.T, child, parent *otlp.Span) {
	t.Helper()
	if string(child.GetParentSpanId()) != string(parent.GetSpanId()) {
		t.Errorf("%q is no child of %q", child.GetName(), parent.GetName())
	}
}
