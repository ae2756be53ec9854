// The bridge, from the side of the client that started the program: lines in, lines out.

package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hostaway-mcp/secret"
)

// pipeClient is a client of the bridge.
type pipeClient struct {
	t     *testing.T
	in    *io.PipeWriter
	lines chan string
	ended chan error
}

func startBridge(t *testing.T, cfg BridgeConfig) *pipeClient {
	t.Helper()
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	cfg.In, cfg.Out = inRead, outWrite
	c := &pipeClient{t: t, in: inWrite, lines: make(chan string, 1000), ended: make(chan error, 1)}
	go func() {
		c.ended <- Bridge(t.Context(), cfg)
		outWrite.Close()
	}()
	go func() {
		defer close(c.lines)
		out := bufio.NewScanner(outRead)
		out.Buffer(nil, 1<<20)
		for out.Scan() {
			c.lines <- out.Text()
		}
	}()
	return c
}

func (c *pipeClient) send(message string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, message+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// next is the next line, which must be one JSON-RPC message.
func (c *pipeClient) next() (string, toolResult) {
	c.t.Helper()
	line := wait(c.t, c.lines, "a line")
	var message struct {
		JSONRPC string `json:"jsonrpc"`
	}
	if json.Unmarshal([]byte(line), &message) != nil || message.JSONRPC != "2.0" {
		c.t.Fatalf("not protocol: %q", line)
	}
	var r toolResult
	_ = json.Unmarshal([]byte(line), &r)
	return line, r
}

func (c *pipeClient) end() error {
	c.in.Close()
	return wait(c.t, c.ended, "the bridge to end")
}

// bridges are the two ways to run it: over the network and in process.
func bridges(f *frame, key secret.Text) map[string]BridgeConfig {
	return map[string]BridgeConfig{
		"network":    {URL: f.http.URL + "/mcp", Key: key},
		"in process": {URL: "http://localhost/mcp", Key: key, Transport: f.server.RoundTripper()},
	}
}

func TestBridgeCarriesASession(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	close(g.open)
	for name, cfg := range bridges(f, f.org("A").APIKey) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startBridge(t, cfg)
			c.send(initializeBody)
			if line, _ := c.next(); !strings.Contains(line, `"protocolVersion":"2025-11-25"`) {
				t.Fatalf("initialize: %s", line)
			}
			c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
			c.send("")
			c.send(callBody("9007199254740993", "hostaway_echo", `{"text":"hello"}`))
			if line, got := c.next(); string(got.ID) != "9007199254740993" || !strings.Contains(got.text(), "hello") {
				t.Errorf("call: %s", line)
			}
			c.send(callBody(`"p"`, "hostaway_steps", `{"steps":2}`))
			if line, _ := c.next(); !strings.Contains(line, `"method":"notifications/progress"`) || !strings.Contains(line, `"progressToken":"p"`) {
				t.Errorf("progress: %s", line)
			}
			if line, got := c.next(); string(got.ID) != `"p"` || got.text() == "" {
				t.Errorf("the answer after progress: %s", line)
			}
			body, _ := modern("5", "tools/call", `{"name":"hostaway_echo","arguments":{"text":"new"}}`)
			c.send(body)
			if line, got := c.next(); got.Result.ResultType != "complete" {
				t.Errorf("the new era: %s", line)
			}
			if err := c.end(); err != nil {
				t.Errorf("the end: %v", err)
			}
			if line, ok := <-c.lines; ok {
				t.Errorf("one more line: %s", line)
			}
		})
	}
}

func TestBridgeRunsRequestsAtTheSameTimeAndCancelsOne(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"network", "in process"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			f := newFrame(t, frameTools(g.tool()), nil)
			c := startBridge(t, bridges(f, f.org("A").APIKey)[name])
			c.send(callBody("1", "hostaway_hold", `{"text":"1"}`))
			c.send(callBody("2", "hostaway_hold", `{"text":"2"}`))
			wait(t, g.arrived, "one call")
			wait(t, g.arrived, "the other call")
			c.send(callBody("1", "hostaway_echo", `{}`))
			if line, got := c.next(); got.Error == nil || !strings.Contains(got.Error.Message, "under way") {
				t.Errorf("an id in use: %s", line)
			}
			c.send(callBody("3", "hostaway_echo", `{}`))
			if line, got := c.next(); string(got.ID) != "3" {
				t.Errorf("the quick one did not overtake: %s", line)
			}
			c.send(cancelBody("1"))
			if cause := wait(t, g.ended, "the cancelled call"); cause == nil {
				t.Error("the call was not cancelled")
			}
			close(g.open)
			if line, got := c.next(); string(got.ID) != "2" || got.text() == "" {
				t.Errorf("the other call: %s", line)
			}
			if err := c.end(); err != nil {
				t.Error(err)
			}
			if line, ok := <-c.lines; ok {
				t.Errorf("a cancelled call was answered: %s", line)
			}
		})
	}
}

func TestBridgeWaitsForAnswersAtTheEndOfInput(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	c := startBridge(t, bridges(f, f.org("A").APIKey)["network"])
	c.send(callBody("1", "hostaway_hold", `{}`))
	wait(t, g.arrived, "the call")
	c.in.Close()
	close(g.open)
	if _, got := c.next(); string(got.ID) != "1" || got.Result.IsError {
		t.Errorf("%+v", got)
	}
	if err := wait(t, c.ended, "the end"); err != nil {
		t.Error(err)
	}
}

func TestBridgeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello") }))
	t.Cleanup(page.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed, with the key %q", r.Header.Get("X-Api-Key"))
	}))
	t.Cleanup(elsewhere.Close)
	moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n")
	}))
	t.Cleanup(broken.Close)
	for _, c := range []struct {
		name, url, message string
		key                secret.Text
		says               string
		lines              int
	}{
		{"nobody there", closed.URL, callBody("1", "hostaway_echo", `{}`), key, "cannot be reached", 1},
		{"no address", "://", callBody("1", "hostaway_echo", `{}`), key, "cannot be reached", 1},
		{"a web page", page.URL, callBody("1", "hostaway_echo", `{}`), key, "is not a hostaway-mcp server", 1},
		{"moved", moved.URL, callBody("1", "hostaway_echo", `{}`), key, "(HTTP 307)", 1},
		{"broken off", broken.URL, callBody("1", "hostaway_echo", `{}`), key, "broke off", 2},
		{"wrong key", f.http.URL, callBody("1", "hostaway_echo", `{}`), secret.New("hmcp_wrong"), "API key is not valid", 1},
		{"no JSON", f.http.URL, `{"jsonrpc":`, key, "not valid JSON", 1},
		{"batch", f.http.URL, `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, key, "Batches", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := startBridge(t, BridgeConfig{URL: c.url, Key: c.key})
			client.send(`{"jsonrpc":"2.0","id":9,"result":{}}`) // an answer to nothing: dropped
			client.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
			client.send(c.message)
			var line string
			var got toolResult
			for range c.lines {
				line, got = client.next()
			}
			if got.Error == nil || !strings.Contains(got.Error.Message, c.says) {
				t.Errorf("%s; want %q", line, c.says)
			}
			if strings.HasPrefix(c.message, `{"jsonrpc":"2.0","id":1`) && string(got.ID) != "1" {
				t.Errorf("the error is under id %s, want 1", got.ID)
			}
			if strings.Contains(line, "hmcp_wrong") {
				t.Error("the key is in the answer")
			}
			if err := client.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBridgeEndsWithItsContextAndItsOutput(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	stuck, _ := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Bridge(ctx, BridgeConfig{URL: f.http.URL, In: stuck, Out: io.Discard}) }()
	cancel()
	if err := wait(t, ended, "the end by context"); err != nil {
		t.Errorf("by context: %v", err)
	}
	in, write := io.Pipe()
	go func() {
		_, _ = io.WriteString(write, "no JSON\n") // keeps In open
	}()
	go func() { ended <- Bridge(t.Context(), BridgeConfig{URL: f.http.URL, In: in, Out: failingWriter{}}) }()
	if err := wait(t, ended, "the end by output"); err == nil || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("by output: %v, want %v", err, io.ErrClosedPipe)
	}
	if err := Bridge(t.Context(), BridgeConfig{URL: f.http.URL, In: failingReader{}, Out: io.Discard}); err == nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("by input: %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestInProcessTransportDisconnects(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	key := f.org("A").APIKey
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/mcp", strings.NewReader(callBody("1", "hostaway_hold", `{}`)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", key.Reveal())
	failed := make(chan error, 1)
	go func() {
		response, err := f.server.RoundTripper().RoundTrip(r)
		if err == nil {
			response.Body.Close()
		}
		failed <- err
	}()
	wait(t, g.arrived, "the call")
	cancel()
	if err := wait(t, failed, "the transport"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if cause := wait(t, g.ended, "the call's end"); cause == nil {
		t.Error("the call went on")
	}
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/mcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.server.RoundTripper().RoundTrip(get)
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		t.Fatalf("GET without a key: %v, %v", response, err)
	}
	response.Body.Close()
}
