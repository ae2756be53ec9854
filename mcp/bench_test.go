// What the frame costs: the same tool, answering from memory, on bare mcp-go and behind auth, rate limit, guard and audit on a
// real store. Both are spoken to over loopback HTTP with equal concurrency.
//
//	go test ./mcp -run '^$' -bench ToolCall -benchtime 2s

package mcp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// benchClients is how many clients call at once, per processor.
const benchClients = 32

const benchBody = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_echo","arguments":{"text":"how much does it cost"}}}`

// bareServer is mcp-go by itself, as its documentation sets it up, with the same tool.
func bareServer(b *testing.B) *httptest.Server {
	core := server.NewMCPServer("bare", "1")
	core.AddTool(echoTool().definition(), server.ToolHandlerFunc(func(_ context.Context, r protocol.CallToolRequest) (*protocol.CallToolResult, error) {
		var in echoIn
		if err := r.BindArguments(&in); err != nil {
			return nil, err
		}
		return protocol.NewToolResultStructuredOnly(echoOut{Org: "A", Text: in.Text}), nil
	}))
	s := httptest.NewServer(server.NewStreamableHTTPServer(core, server.WithStateLess(true), server.WithDisableStreaming(true)))
	b.Cleanup(s.Close)
	return s
}

// callAll makes b.N calls and gives how many were answered in a second.
func callAll(b *testing.B, url string, key secret.Text, calls int) float64 {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	defer client.CloseIdleConnections()
	work := make(chan struct{}, calls)
	for range calls {
		work <- struct{}{}
	}
	close(work)
	failed := make(chan string, 1)
	done := make(chan struct{})
	started := time.Now()
	const clients = benchClients * 2
	for range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for range work {
				if wrong := benchCall(client, url, key); wrong != "" {
					select {
					case failed <- wrong:
					default:
					}
					return
				}
			}
		}()
	}
	for range clients {
		<-done
	}
	took := time.Since(started)
	select {
	case wrong := <-failed:
		b.Fatal(wrong)
	default:
	}
	return float64(calls) / took.Seconds()
}

func benchCall(client *http.Client, url string, key secret.Text) string {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(benchBody))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("X-Api-Key", key.Reveal())
	response, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "how much does it cost") {
		return response.Status + " " + string(body)
	}
	return ""
}

func BenchmarkToolCallBare(b *testing.B) {
	bare := bareServer(b)
	callAll(b, bare.URL, secret.Text{}, 200)
	b.ReportMetric(callAll(b, bare.URL, secret.Text{}, max(b.N, 64)), "calls/s")
}

// BenchmarkToolCallWhole reports the ratio: alternating rounds of both, so that a disturbed moment hits both alike.
func BenchmarkToolCallWhole(b *testing.B) {
	if err := store.PrepareProcess(); err != nil { // as main does
		b.Fatal(err)
	}
	bare := bareServer(b)
	f := newFrame(b, []Tool{echoTool()}, nil)
	key := f.org("A").APIKey
	callAll(b, bare.URL, key, 200)
	callAll(b, f.http.URL, key, 200)
	const rounds = 6
	var bareRate, wholeRate float64
	for range rounds {
		n := max(b.N/rounds, 64)
		bareRate += callAll(b, bare.URL, key, n)
		wholeRate += callAll(b, f.http.URL, key, n)
	}
	b.ReportMetric(wholeRate/rounds, "calls/s")
	b.ReportMetric(bareRate/rounds, "bare-calls/s")
	b.ReportMetric(wholeRate/bareRate, "ratio")
}
