// The defects that show in single requests: origin, size, error text, deadlines, ids, versions. The rest is in guard_test.go.

package mcp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestGuard_09_Origin(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), func(c *Config) {
		c.BaseURL, c.AllowedOrigins = "https://mcp.example.com", []string{"https://inspector.example.org"}
	})
	key := f.org("A").APIKey
	for _, c := range []struct {
		name, origin, host string
		status             int
		readable           string // Access-Control-Allow-Origin
	}{
		{"no page at all", "", "", 200, ""},
		{"the server's own page", "https://mcp.example.com", "", 200, "https://mcp.example.com"},
		{"an allowed page", "https://inspector.example.org", "", 200, "https://inspector.example.org"},
		{"evil", "https://evil.example", "", 403, ""},
		{"evil that took our address for its own name", "http://evil.example:8080", "evil.example:8080", 403, ""},
		{"a page behind an opaque origin", "null", "", 403, ""},
		{"nearly allowed", "https://inspector.example.org.evil.example", "", 403, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", strings.NewReader(callBody("1", "hostaway_echo", `{}`)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", key.Reveal())
		r.Header.Set("Origin", c.origin)
		if c.host != "" {
			r.Host = c.host
		}
		w := httptest.NewRecorder()
		f.server.Handler().ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != c.readable || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: HTTP %d, readable by %q, %s; want %d, %q, JSON", c.name, w.Code, w.Header().Get("Access-Control-Allow-Origin"), w.Header().Get("Content-Type"), c.status, c.readable)
		}
	}
}

func TestGuard_09_HostOfALocalServer(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	for host, want := range map[string]int{"127.0.0.1:8080": 200, "localhost:1": 200, "[::1]:8080": 200, "evil.example": 403, "evil.example:8080": 403} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", strings.NewReader(callBody("1", "hostaway_echo", `{}`)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", key.Reveal())
		r.Host = host
		w := httptest.NewRecorder()
		f.server.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %s: HTTP %d, want %d", host, w.Code, want)
		}
	}
}

func TestGuard_10_BodyLimit(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), func(c *Config) { c.MaxBody = 10_000 })
	key := f.org("A").APIKey
	large := callBody("1", "hostaway_echo", `{"text":"`+strings.Repeat("x", 20_000)+`"}`)
	chunked := func() io.Reader { return struct{ io.Reader }{strings.NewReader(large)} } // without a length
	for name, body := range map[string]io.Reader{"with its length": strings.NewReader(large), "without": chunked()} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.http.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", key.Reveal())
		response, err := f.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got := f.read(response)
		if e := got.tool(t).Error; got.status != http.StatusRequestEntityTooLarge || e == nil || !strings.Contains(e.Message, "10000 bytes") {
			t.Errorf("a body %s: HTTP %d %s, want 413 and the limit", name, got.status, got.body)
		}
	}
	if got := f.call(key, "hostaway_echo", `{"text":"`+strings.Repeat("x", 9_000)+`"}`); got.Result.IsError {
		t.Errorf("a body below the limit was refused: %+v", got)
	}
}

func TestGuard_11_ErrorTextAndPanics(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	for _, how := range []string{"panic", "error"} {
		a := f.post(key, callBody("1", "hostaway_fail", `{"how":"`+how+`"}`))
		got, id := a.tool(t), a.header.Get("X-Request-Id")
		if !got.Result.IsError || !strings.Contains(got.text(), "Internal error, request id "+id) || !strings.HasPrefix(id, "req_") {
			t.Errorf("%s: %s, want an internal error with request id %s", how, a.body, id)
		}
		if strings.Contains(a.body, "sql") || strings.Contains(a.body, "secret detail") || strings.Contains(a.body, ".go:") {
			t.Errorf("%s: its text is on the wire: %s", how, a.body)
		}
		if log := f.log.String(); !strings.Contains(log, "secret detail of a") || !strings.Contains(log, id) {
			t.Errorf("%s: the log lacks its text or the request id %s", how, id)
		}
	}
	for name, body := range map[string]string{
		"params of a wrong kind": `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":[1]}}`,
		"params no object":       `{"jsonrpc":"2.0","id":1,"method":"initialize","params":[1]}`,
		"cursor of a wrong kind": `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":{"a":1}}}`,
		"cursor not ours":        `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"%%%"}}`,
	} {
		got := f.post(key, body)
		for _, leak := range []string{"json:", "cannot unmarshal", "Go struct", "base64", "illegal"} {
			if strings.Contains(got.body, leak) {
				t.Errorf("%s: the text of a Go error is on the wire: %s", name, got.body)
			}
		}
	}
}

func TestGuard_11_PanicInTheGuardItself(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	f.server.cfg.Store = nil // nothing works without it
	got := f.post(key, callBody("1", "hostaway_echo", `{}`))
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "Internal error, request id "+got.header.Get("X-Request-Id")) || strings.Contains(got.body, "nil") {
		t.Errorf("HTTP %d %s", got.status, got.body)
	}
	if !strings.Contains(f.log.String(), "panic while answering") {
		t.Error("the log does not have the panic")
	}
}

// stalled is a connection whose client has stopped reading: writes fail once their deadline is over.
type stalled struct {
	*httptest.ResponseRecorder
	mu        sync.Mutex
	deadlines []time.Time
	limited   bool
	naked     int // writes without a deadline
	fails     bool
}

func (s *stalled) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadlines, s.limited = append(s.deadlines, at), !at.IsZero()
	return nil
}

func (s *stalled) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.limited {
		s.naked++
	}
	if s.fails {
		return 0, os.ErrDeadlineExceeded
	}
	return s.ResponseRecorder.Write(p)
}

func TestGuard_15_WriteDeadlines(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	serve := func(w http.ResponseWriter, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/mcp", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "text/event-stream, application/json")
		r.Header.Set("X-Api-Key", key.Reveal())
		f.server.Handler().ServeHTTP(w, r)
	}
	for name, body := range map[string]string{
		"plain": callBody("1", "hostaway_echo", `{}`), "stream": callBody("1", "hostaway_steps", `{"steps":3}`),
		"list": `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "refusal": `[]`,
	} {
		w := &stalled{ResponseRecorder: httptest.NewRecorder()}
		serve(w, body)
		if w.naked > 0 || len(w.deadlines) == 0 || !w.Flushed {
			t.Errorf("%s: %d writes without a deadline, %d deadlines, flushed %t", name, w.naked, len(w.deadlines), w.Flushed)
		}
		if last := w.deadlines[len(w.deadlines)-1]; !last.IsZero() {
			t.Errorf("%s: the deadline stays on the connection for whoever uses it next", name)
		}
	}
	// A client that is stuck loses its call instead of holding it.
	w := &stalled{ResponseRecorder: httptest.NewRecorder(), fails: true}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(w, callBody("1", "hostaway_steps", `{"steps":3}`))
	}()
	wait(t, done, "the stuck client's call to end")
}

func TestGuard_16_IDsAndShapes(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	key := f.org("A").APIKey
	for _, id := range []string{"0", "-1", "9007199254740993", "123456789012345678901234567890", "1.5", `"text"`, `"quote \" and é"`, `""`} {
		for name, body := range map[string]string{
			"call": callBody(id, "hostaway_echo", `{}`), "list": `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/list"}`,
			"unknown method": `{"jsonrpc":"2.0","id":` + id + `,"method":"nothing/here"}`, "unknown tool": callBody(id, "hostaway_nothing", `{}`),
			"progress": callBody(id, "hostaway_steps", `{"steps":1}`),
		} {
			got := f.post(key, body)
			if string(got.tool(t).ID) != id {
				t.Errorf("%s: id %s came back in %s", name, id, got.last())
			}
			if len(got.events) == 2 && !strings.Contains(got.events[0], `"progressToken":`+id+`,`) {
				t.Errorf("%s: token %s came back in %s", name, id, got.events[0])
			}
		}
	}
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"id null":           {`{"jsonrpc":"2.0","id":null,"method":"tools/list"}`, 400, "must be text or a number"},
		"id an object":      {`{"jsonrpc":"2.0","id":{},"method":"tools/list"}`, 400, "must be text or a number"},
		"batch":             {` [` + callBody("1", "hostaway_echo", `{}`) + `]`, 400, "Batches are not supported"},
		"no JSON":           {`{"jsonrpc":"2.0",`, 400, "not valid JSON"},
		"two messages":      {`{"jsonrpc":"2.0","id":1,"method":"ping"}{}`, 400, "not valid JSON"},
		"not 2.0":           {`{"id":1,"method":"ping"}`, 400, `"jsonrpc": "2.0"`},
		"no method":         {`{"jsonrpc":"2.0","id":1}`, 400, "no method"},
		"method a number":   {`{"jsonrpc":"2.0","id":1,"method":5}`, 400, "shape of JSON-RPC"},
		"tool name missing": {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}`, 400, "params.name must be text"},
		"notification":      {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, 202, ""},
		"call without id":   {`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"hostaway_hold"}}`, 202, ""},
	} {
		got := f.post(key, c.body)
		if got.status != c.status || !strings.Contains(strings.ReplaceAll(got.body, `\"`, `"`), c.says) {
			t.Errorf("%s: HTTP %d %s; want %d and %q", name, got.status, got.body, c.status, c.says)
		}
	}
	if len(g.arrived) != 0 {
		t.Error("a tool ran for a message without an id")
	}
	if got := f.post(key, initializeBody, "Accept", "text/html"); got.status != http.StatusNotAcceptable {
		t.Errorf("Accept text/html: HTTP %d, want 406", got.status)
	}
	if got := f.post(key, initializeBody, "Content-Type", "text/plain"); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("Content-Type text/plain: HTTP %d, want 415", got.status)
	}
}

func TestGuard_16_Preflight(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), func(c *Config) { c.AllowedOrigins = []string{"http://localhost:6274"} })
	for origin, want := range map[string]int{"http://localhost:6274": 204, "https://evil.example": 401} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "http://127.0.0.1/mcp", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		w := httptest.NewRecorder()
		f.server.Handler().ServeHTTP(w, r)
		if w.Code != want || (want == 204) != strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "X-API-Key") {
			t.Errorf("%s: HTTP %d, %v; want %d", origin, w.Code, w.Header(), want)
		}
	}
}

func TestGuard_17_HeaderAndMetaDisagree(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	body, headers := modern("1", "tools/call", `{"name":"hostaway_echo","arguments":{}}`)
	list, _ := modern("1", "tools/list", `{}`)
	future := strings.ReplaceAll(list, `protocolVersion":"2026-07-28`, `protocolVersion":"2031-01-01`)
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		says       string
	}{
		{"both agree", body, headers, 200, `"resultType":"complete"`},
		{"the known pair", body, []string{"Mcp-Protocol-Version", "2025-11-25"}, 200, `"resultType":"complete"`},
		{"the known pair, another method", list, []string{"Mcp-Protocol-Version", "2025-11-25"}, 200, `"resultType":"complete"`},
		{"no header", body, nil, 400, "Send the same version in both"},
		{"another old header", body, []string{"Mcp-Protocol-Version", "2025-06-18"}, 400, "Send the same version in both"},
		{"new header, old body", callBody("1", "hostaway_echo", `{}`), []string{"Mcp-Protocol-Version", "2026-07-28"}, 400, "-32602"},
		{"unknown old version", callBody("1", "hostaway_echo", `{}`), []string{"Mcp-Protocol-Version", "2020-01-01"}, 400, "2025-11-25"},
		{"unknown new version", future, []string{"Mcp-Protocol-Version", "2031-01-01", "Mcp-Method", "tools/list"}, 400, "2026-07-28"},
		{"header names another tool", body, append(slices.Clone(headers[:4]), "Mcp-Name", "hostaway_fail"), 400, "-32020"},
		{"header names no method", body, headers[:2], 400, "-32020"},
		{"no header at all, old body", callBody("1", "hostaway_echo", `{}`), nil, 200, `"org`},
	} {
		got := f.post(key, c.body, c.headers...)
		if got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: HTTP %d %s; want %d and %s", c.name, got.status, got.body, c.status, c.says)
		}
	}
}
