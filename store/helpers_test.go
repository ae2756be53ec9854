// What several tests of the store use.

package store_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func clockAt(t time.Time) *storetest.Clock { return storetest.NewClock(t) }

// toolCall is a call by the fixture's key that went well.
func toolCall(f storetest.Fixture, tool string, at time.Time) store.ToolCall {
	return store.ToolCall{
		KeyID: f.Key.ID, KeyName: f.Key.Name, ClientName: "claude-code", Tool: tool,
		Arguments: json.RawMessage(`{"limit":10}`), Outcome: store.OutcomeOK,
		StartedAt: at, Duration: 120 * time.Millisecond, UpstreamCalls: 2, AnswerBytes: 1900,
		RequestID: "req_1", IP: "192.0.2.7",
	}
}

func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func contextCanceled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}
