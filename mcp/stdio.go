// The bridge: MCP on stdin and stdout for clients that start a program, Streamable HTTP on the other side. It carries messages and
// understands only as much of them as that needs: which are requests, and what to cancel. On Out there is protocol and nothing else.

package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"hostaway-mcp/secret"
)

// BridgeConfig says what to connect.
type BridgeConfig struct {
	// URL is the server's MCP address, such as https://host/mcp.
	URL string
	Key secret.Text
	// Transport carries the requests; nil means HTTP over the network.
	Transport http.RoundTripper
	In        io.Reader
	Out       io.Writer
	Log       *slog.Logger
}

const (
	// bridgeLine is the longest message taken from In.
	bridgeLine = 4 << 20
	// bridgeCalls is how many requests may be under way at once; more wait their turn.
	bridgeCalls = 32
)

// Bridge runs until In ends, ctx ends or Out cannot be written. At the end of In it waits for the answers under way; a clean end is nil.
func Bridge(ctx context.Context, cfg BridgeConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &bridge{cfg: cfg, http: straightClient(cfg.Transport), stop: cancel, running: map[string]*bridgeCall{}, slots: make(chan struct{}, bridgeCalls)}
	lines, readErr := readLines(ctx, cfg.In)
	for {
		select {
		case <-ctx.Done():
			b.wait.Wait()
			return b.end(ctx.Err())
		case line, ok := <-lines:
			if ok {
				b.take(ctx, line)
				continue
			}
			b.wait.Wait()
			return b.end(<-readErr)
		}
	}
}

// straightClient follows no redirects: they could carry the key to another host.
func straightClient(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type bridge struct {
	cfg   BridgeConfig
	http  *http.Client
	stop  context.CancelFunc
	wait  sync.WaitGroup
	slots chan struct{}

	mu      sync.Mutex
	running map[string]*bridgeCall // by the request's id, as written
	version string                 // negotiated by initialize, for the header of what follows

	outMu  sync.Mutex
	outErr error
}

type bridgeCall struct {
	cancel    context.CancelFunc
	cancelled bool
}

func (b *bridge) end(err error) error {
	b.outMu.Lock()
	defer b.outMu.Unlock()
	if b.outErr != nil {
		return fmt.Errorf("write to the client: %w", b.outErr)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("read from the client: %w", err)
	}
	return nil
}

// readLines hands on one message a line. A read cannot be interrupted, so the goroutine may outlive ctx until In gives something.
func readLines(ctx context.Context, in io.Reader) (<-chan []byte, <-chan error) {
	lines, failed := make(chan []byte), make(chan error, 1)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(make([]byte, 64<<10), bridgeLine)
		for scanner.Scan() {
			line := bytes.TrimSpace(scanner.Bytes())
			if len(line) == 0 {
				continue
			}
			select {
			case lines <- bytes.Clone(line):
			case <-ctx.Done():
				failed <- nil
				return
			}
		}
		failed <- scanner.Err()
	}()
	return lines, failed
}

// take starts one message on its way.
func (b *bridge) take(ctx context.Context, line []byte) {
	msg, fault := readEnvelope(line)
	if fault != nil {
		b.write(errorMessage(msg.id, rpcError{code: fault.code, message: fault.text, data: json.RawMessage("null")}, ""))
		return
	}
	if msg.answer {
		return // the server asks nothing of the client
	}
	if msg.method == methodCancelled {
		b.cancel(string(msg.cancels))
		return
	}
	if msg.id == nil {
		b.start(func() { b.notify(ctx, line, msg) })
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &bridgeCall{cancel: cancel}
	b.mu.Lock()
	_, twice := b.running[string(msg.id)]
	if !twice {
		b.running[string(msg.id)] = c
	}
	b.mu.Unlock()
	if twice {
		cancel()
		b.write(errorMessage(msg.id, rpcError{code: protocol.INVALID_REQUEST, message: "A request with this id is under way: use each id once.", data: json.RawMessage("null")}, ""))
		return
	}
	run := func() {
		defer cancel()
		b.request(ctx, line, msg, c)
		b.mu.Lock()
		delete(b.running, string(msg.id))
		b.mu.Unlock()
	}
	if msg.method == methodInitialize {
		run() // what follows needs the version that it settles
		return
	}
	b.start(run)
}

func (b *bridge) start(run func()) {
	b.wait.Go(func() {
		b.slots <- struct{}{} // in here, so that a cancellation is read even when all slots are taken
		defer func() { <-b.slots }()
		run()
	})
}

// cancel ends a request by dropping its connection, which the server takes as a cancellation: its answer is not wanted.
func (b *bridge) cancel(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.running[id]; c != nil {
		c.cancelled = true
		c.cancel()
	}
}

func (b *bridge) wasCancelled(c *bridgeCall) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.cancelled
}

func (b *bridge) notify(ctx context.Context, line []byte, msg envelope) {
	response, err := b.post(ctx, line, msg)
	if err != nil {
		b.cfg.Log.WarnContext(ctx, "send notification", "method", msg.method, "error", err)
		return
	}
	response.Body.Close()
}

func (b *bridge) request(ctx context.Context, line []byte, msg envelope, c *bridgeCall) {
	response, err := b.post(ctx, line, msg)
	if err == nil {
		defer response.Body.Close()
		err = b.carry(response, msg)
	}
	switch {
	case err == nil || b.wasCancelled(c):
		return
	case ctx.Err() == nil:
		b.cfg.Log.WarnContext(ctx, "call the server", "method", msg.method, "error", err)
	}
	b.write(errorMessage(msg.id, rpcError{
		code: protocol.INTERNAL_ERROR, message: "The hostaway-mcp server at " + b.cfg.URL + " cannot be reached or broke off its answer.",
		next: "Check the address and that the server runs, then try again.", data: json.RawMessage("null"),
	}, ""))
}

func (b *bridge) post(ctx context.Context, line []byte, msg envelope) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.URL, bytes.NewReader(line))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("X-API-Key", b.cfg.Key.Reveal())
	r.Header.Set("User-Agent", "hostaway-mcp-stdio")
	version := msg.version
	if version == "" && msg.method != methodInitialize {
		b.mu.Lock()
		version = b.version
		b.mu.Unlock()
	}
	if version != "" {
		r.Header.Set(protocol.HeaderProtocolVersion, version)
	}
	params := msg.params
	if msg.method == methodToolsCall {
		params = append(appendJSONString([]byte(`{"name":`), msg.tool), '}')
	}
	for name, value := range protocol.StandardHeaders(version, protocol.MCPMethod(msg.method), params) {
		r.Header.Set(name, value)
	}
	return b.http.Do(r)
}

// carry writes the answer's messages to Out: one of a JSON answer, each of a stream.
func (b *bridge) carry(response *http.Response, msg envelope) error {
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return b.carryStream(response.Body, msg)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, bridgeLine))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	var head struct {
		ID     json.RawMessage `json:"id"`
		Error  json.RawMessage `json:"error"`
		Result struct {
			Version string `json:"protocolVersion"`
		} `json:"result"`
	}
	_ = json.Unmarshal(body, &head) // what is no JSON-RPC has neither
	if head.ID == nil && head.Error == nil {
		b.write(errorMessage(msg.id, rpcError{
			code: protocol.INTERNAL_ERROR, message: fmt.Sprintf("What answered at %s is not a hostaway-mcp server (HTTP %d).", b.cfg.URL, response.StatusCode),
			next: "Check the address: it ends in /mcp.", data: json.RawMessage("null"),
		}, ""))
		return nil
	}
	if msg.method == methodInitialize && head.Result.Version != "" {
		b.mu.Lock()
		b.version = head.Result.Version
		b.mu.Unlock()
	}
	if string(head.ID) == "null" || head.ID == nil {
		body = underID(body, msg.id) // a refusal from before the message was read, such as 401
	}
	b.write(body)
	return nil
}

func underID(body []byte, id json.RawMessage) []byte {
	var whole map[string]json.RawMessage
	_ = json.Unmarshal(body, &whole) // it was read a moment ago
	whole["id"] = id
	raw, _ := json.Marshal(whole)
	return raw
}

func (b *bridge) carryStream(body io.Reader, msg envelope) error {
	scanner := bufio.NewScanner(body)
	scanner.Buffer(make([]byte, 64<<10), bridgeLine)
	var data []byte
	answered := false
	for scanner.Scan() {
		line := scanner.Bytes()
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
			continue
		}
		if len(line) == 0 && len(data) > 0 {
			var head struct {
				ID     json.RawMessage `json:"id"`
				Method string          `json:"method"`
			}
			answered = answered || (json.Unmarshal(data, &head) == nil && head.Method == "" && head.ID != nil)
			b.write(data)
			data = nil
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	if !answered {
		return errors.New("the stream ended before the answer to " + msg.method)
	}
	return nil
}

// write sends one message on a line of its own. When Out fails, nobody reads any more and the bridge ends.
func (b *bridge) write(message []byte) {
	var line bytes.Buffer
	if json.Compact(&line, message) != nil {
		b.cfg.Log.Warn("drop a message that is not JSON", "bytes", len(message))
		return
	}
	line.WriteByte('\n')
	b.outMu.Lock()
	defer b.outMu.Unlock()
	if b.outErr != nil {
		return
	}
	if _, err := b.cfg.Out.Write(line.Bytes()); err != nil {
		b.outErr = err
		b.stop()
	}
}
