// What became of a call, and what its client is told.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hostaway-mcp/store"
)

func TestWhatBecameOfACall(t *testing.T) {
	t.Parallel()
	const reads, changes = false, true
	clear := &refusal{code: codeUpstream}
	cancelled := &refusal{code: codeCancelled}
	internal := &refusal{code: codeInternal}
	said := &refusal{code: codeUnclear}
	for _, c := range []struct {
		name     string
		changing bool
		failure  *refusal
		cause    error
		want     became
	}{
		{"a read that is done", reads, nil, nil, becameAnswered},
		{"a read that failed", reads, clear, nil, becameAnswered},
		{"a read that took too long", reads, cancelled, context.DeadlineExceeded, becameAnswered},
		{"a read that was stopped", reads, cancelled, errStopping, becameStopped},
		{"a read that gave up half-way when stopped", reads, nil, errStopping, becameStopped},
		{"a read that was cancelled", reads, cancelled, errClientCancelled, becameCancelled},
		{"a read whose client is gone", reads, cancelled, context.Canceled, becameCancelled},
		{"a change that is done", changes, nil, nil, becameAnswered},
		{"a change that was done when we stopped", changes, nil, errStopping, becameAnswered},
		{"a change that was done when cancelled", changes, nil, errClientCancelled, becameAnswered},
		{"a change that was done too late", changes, nil, context.DeadlineExceeded, becameAnswered},
		{"a change that was refused", changes, clear, nil, becameAnswered},
		{"a change that failed while we stopped", changes, cancelled, errStopping, becameUnclear},
		{"a change that failed while cancelled", changes, cancelled, errClientCancelled, becameUnclear},
		{"a change that took too long", changes, cancelled, context.DeadlineExceeded, becameUnclear},
		{"a change that broke inside", changes, internal, nil, becameUnclear},
		{"a change whose tool says where to look", changes, said, errStopping, becameAnswered},
	} {
		if got := whatBecame(&call{changing: c.changing, failure: c.failure}, c.failure != nil, c.cause); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := whatBecame(&call{changing: true}, true, nil); got != becameUnclear {
		t.Errorf("a change whose answer was lost: %s", got)
	}
}

// Whoever stops a server cancels the requests that are left, once the calls were told; their clients still wait.
func TestACallThatIsStoppedIsAnswered(t *testing.T) {
	t.Parallel()
	for name, reports := range map[string]bool{"JSON": false, "a stream": true} {
		base, cutOff := context.WithCancel(t.Context())
		defer cutOff()
		arrived := make(chan struct{})
		f := newFrame(t, []Tool{newTool(spec{Name: "hostaway_hold", Title: "Hold", Description: "Waits.", WithoutHostaway: true},
			func(ctx context.Context, c Caller, _ echoIn) (echoOut, error) {
				if reports {
					c.Progress(1, 2, "half")
				}
				close(arrived)
				<-ctx.Done()
				cutOff()
				return echoOut{}, ctx.Err()
			})}, nil)
		f.http.Close()
		f.http = httptest.NewUnstartedServer(f.server.Handler())
		f.http.Config.BaseContext = func(net.Listener) context.Context { return base }
		f.http.Start()
		running := f.goPost(f.org("A").APIKey, callBody("1", "hostaway_hold", `{"text":"a"}`))
		wait(t, arrived, "the running call")
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.server.Shutdown(over); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Shutdown: %v", name, err)
		}
		got := wait(t, running, "its answer")
		if r := got.tool(t); (len(got.events) > 0) != reports || r.Error == nil || r.Error.Code != rpcStopping || !strings.Contains(r.Error.Message, "being restarted") {
			t.Errorf("%s: HTTP %d %q", name, got.status, got.body)
		}
	}
}

// stoppingTool makes a change in whose middle the patience of a shutdown ends.
func stoppingTool(f **frame, failing bool) Tool {
	type out struct {
		Renamed int64 `json:"renamed"`
	}
	return newWriteTool(spec{Name: "hostaway_rename", Title: "Rename", Description: "Renames.", WithoutHostaway: true},
		func(_ context.Context, _ Caller, in renameIn) (renamePreview, error) {
			return renamePreview{New: in.Name}, nil
		},
		func(ctx context.Context, _ Caller, in renameIn) (out, error) {
			over, cancel := context.WithCancel(context.Background())
			cancel()
			if err := (*f).server.Shutdown(over); !errors.Is(err, context.Canceled) {
				return out{}, fmt.Errorf("shut down: %w", err)
			}
			if failing {
				return out{}, ctx.Err()
			}
			return out{in.ID}, nil
		})
}

func TestAChangeIsNotSentAgainAfterAStop(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failing bool
		says    string
		outcome store.Outcome
	}{
		"done":   {false, `"renamed":7`, store.OutcomeOK},
		"failed": {true, "may or may not have been made", store.OutcomeError},
	} {
		var f *frame
		f = newFrame(t, []Tool{stoppingTool(&f, c.failing)}, nil)
		fix := f.org("A")
		token := structured[confirmAnswer](t, f.call(fix.APIKey, "hostaway_rename", `{"id":7,"name":"S"}`)).ConfirmToken
		got := f.post(fix.APIKey, callBody("9", "hostaway_rename", fmt.Sprintf(`{"confirm_token":%q,"name":"S","id":7}`, token)))
		if r := got.tool(t); got.status != http.StatusOK || r.Error != nil || r.Result.IsError != c.failing || !strings.Contains(r.text(), c.says) {
			t.Errorf("%s: HTTP %d %s", name, got.status, got.body)
		}
		entries, _, err := fix.Org.ListAudit(t.Context(), store.AuditFilter{Limit: 1})
		if err != nil || len(entries) != 1 || entries[0].Outcome != c.outcome {
			t.Errorf("%s: the audit log says %+v, %v", name, entries, err)
		}
	}
}
