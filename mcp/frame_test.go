// The kit of the frame's tests: a server with tools of the test's own, on a real store, spoken to over real HTTP.

package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// notConnectedHostaway is a Hostaway that no org has connected.
type notConnectedHostaway struct{}

func (notConnectedHostaway) ClientFor(context.Context, *store.Org) (*hostaway.Client, error) {
	return nil, store.ErrNotFound
}

type frame struct {
	t      testing.TB
	store  *store.Store
	server *Server
	http   *httptest.Server
	log    *lockedBuffer
}

// lockedBuffer is a log that tests may read while the server writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newFrame(t testing.TB, tools []Tool, change func(*Config), options ...server.ServerOption) *frame {
	t.Helper()
	return newFrameOn(t, storetest.Open(t), tools, change, options...)
}

func testNow() time.Time { return time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC) }

func newFrameOn(t testing.TB, st *store.Store, tools []Tool, change func(*Config), options ...server.ServerOption) *frame {
	t.Helper()
	f := &frame{t: t, store: st, log: &lockedBuffer{}}
	cfg := Config{
		Store: f.store, Hostaway: notConnectedHostaway{}, BaseURL: "http://127.0.0.1:8080", Version: "v1.2.3",
		RateLimit: hostaway.Rate{Calls: 1 << 30, Per: 10 * time.Second}, Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	f.server = newServer(cfg, tools, options...)
	f.http = httptest.NewServer(f.server.Handler())
	t.Cleanup(func() {
		f.http.CloseClientConnections()
		f.http.Close()
	})
	return f
}

func (f *frame) org(name string) storetest.Fixture { return storetest.Org(f.t, f.store, name) }

// send posts body with key; headers are name, value pairs.
func (f *frame) send(ctx context.Context, key secret.Text, body string, headers ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.http.URL, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("X-Api-Key", key.Reveal())
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return f.http.Client().Do(r)
}

// answer is one whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
	events []string // of a stream, the data of each
}

// last is the JSON-RPC message that answers the request.
func (a answer) last() string {
	if len(a.events) > 0 {
		return a.events[len(a.events)-1]
	}
	return a.body
}

func (f *frame) post(key secret.Text, body string, headers ...string) answer {
	f.t.Helper()
	response, err := f.send(f.t.Context(), key, body, headers...)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.read(response)
}

func (f *frame) read(response *http.Response) answer {
	f.t.Helper()
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(raw)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		for event := range strings.SplitSeq(string(raw), "\n\n") {
			if _, data, ok := strings.Cut(event, "data: "); ok {
				a.events = append(a.events, data)
			}
		}
	}
	return a
}

// toolResult is what a client gets of a tool call.
type toolResult struct {
	ID     json.RawMessage `json:"id"`
	Result struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		Structured json.RawMessage `json:"structuredContent"`
		IsError    bool            `json:"isError"`
		ResultType string          `json:"resultType"`
	} `json:"result"`
	Error *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
}

func (r toolResult) text() string {
	if len(r.Result.Content) == 0 {
		return ""
	}
	return r.Result.Content[0].Text
}

func (a answer) tool(t testing.TB) toolResult {
	t.Helper()
	var r toolResult
	if err := json.Unmarshal([]byte(a.last()), &r); err != nil {
		t.Fatalf("HTTP %d, %q: %v", a.status, a.body, err)
	}
	return r
}

func callBody(id, tool, arguments string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"progressToken":%s}}}`, id, tool, arguments, id)
}

func (f *frame) call(key secret.Text, tool, arguments string) toolResult {
	f.t.Helper()
	return f.post(key, callBody("1", tool, arguments)).tool(f.t)
}

// modern makes a request of protocol version 2026-07-28 with its headers.
func modern(id, method, params string) (body string, headers []string) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"modern-test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	inner := strings.TrimSuffix(strings.TrimPrefix(params, "{"), "}")
	if inner != "" {
		inner += ","
	}
	body = fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":{%s%s}}`, id, method, inner, meta)
	headers = []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", method}
	var named struct{ Name string }
	if json.Unmarshal([]byte(params), &named) == nil && named.Name != "" {
		headers = append(headers, "Mcp-Name", named.Name)
	}
	return body, headers
}

// Tools of the tests' own.

type echoIn struct {
	Text string `json:"text,omitempty" jsonschema:"what to say again"`
}

type echoOut struct {
	Org  string `json:"org"`
	Text string `json:"text"`
}

func echoTool() Tool {
	return newTool(spec{Name: "hostaway_echo", Title: "Echo", Description: "Says it again.", WithoutHostaway: true},
		func(_ context.Context, c Caller, in echoIn) (echoOut, error) {
			return echoOut{Org: c.Org.Name(), Text: in.Text}, nil
		})
}

// gate holds calls until it is opened, and tells when one has arrived.
type gate struct {
	arrived chan string // the texts of the calls
	open    chan struct{}
	ended   chan error // how each call's context ended, nil when the gate was opened
}

func newGate() *gate {
	return &gate{arrived: make(chan string, 100), open: make(chan struct{}), ended: make(chan error, 100)}
}

func (g *gate) tool() Tool {
	return newTool(spec{Name: "hostaway_hold", Title: "Hold", Description: "Waits.", WithoutHostaway: true},
		func(ctx context.Context, c Caller, in echoIn) (echoOut, error) {
			g.arrived <- in.Text
			select {
			case <-g.open:
				g.ended <- nil
				return echoOut{Org: c.Org.Name(), Text: in.Text}, nil
			case <-ctx.Done():
				g.ended <- context.Cause(ctx)
				return echoOut{}, ctx.Err()
			}
		})
}

type stepsIn struct {
	Steps int `json:"steps" jsonschema:"how many" min:"1" max:"2000"`
}

func stepsTool() Tool {
	return newTool(spec{Name: "hostaway_steps", Title: "Steps", Description: "Reports progress.", WithoutHostaway: true},
		func(_ context.Context, c Caller, in stepsIn) (echoOut, error) {
			for i := range in.Steps {
				c.Progress(i+1, in.Steps, c.Org.Name())
			}
			return echoOut{Org: c.Org.Name(), Text: "done"}, nil
		})
}

type failIn struct {
	How string `json:"how" jsonschema:"in which way" enum:"panic,error,refuse,encode,huge"`
}

func failTool() Tool {
	return newTool(spec{Name: "hostaway_fail", Title: "Fail", Description: "Fails.", WithoutHostaway: true},
		func(_ context.Context, _ Caller, in failIn) (echoOut, error) {
			switch in.How {
			case "panic":
				panic("sql: secret detail of a panic")
			case "refuse":
				return echoOut{}, refuse("The moon is full.", "Come back tomorrow.")
			case "huge":
				return echoOut{Text: strings.Repeat("x", answerBudget)}, nil
			}
			return echoOut{}, errors.New("sql: secret detail of an error")
		})
}

func frameTools(more ...Tool) []Tool {
	return append([]Tool{echoTool(), stepsTool(), failTool()}, more...)
}

func wait[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("waited 10 s for %s", what)
		panic("unreachable")
	}
}
