// One test for each defect that mcp-go v1.2.1 shows when several orgs share an endpoint. Each was seen on the bare library; the
// numbers follow the project's list of them.

package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"hostaway-mcp/secret"
)

const initializeBody = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{}},"clientInfo":{"name":"test","version":"1"}}}`

func cancelBody(id string) string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `,"reason":"timeout"}}`
}

// goPost posts in the background and gives the answer through a channel.
func (f *frame) goPost(key secret.Text, body string, headers ...string) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		response, err := f.send(f.t.Context(), key, body, headers...)
		if err != nil {
			f.t.Error(err)
			close(answers)
			return
		}
		answers <- f.read(response)
	}()
	return answers
}

func TestGuard_01_CrossOrgCancel(t *testing.T) {
	t.Parallel()
	for _, era := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(era, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			f := newFrame(t, frameTools(g.tool()), nil)
			a, b := f.org("A"), f.org("B")
			body, headers := callBody("7", "hostaway_hold", `{"text":"a"}`), []string(nil)
			if era == "2026-07-28" {
				body, headers = modern("7", "tools/call", `{"name":"hostaway_hold","arguments":{"text":"a"}}`)
			}
			running := f.goPost(a.APIKey, body, headers...)
			wait(t, g.arrived, "the call of A")

			if got := f.post(b.APIKey, cancelBody("7")); got.status != http.StatusAccepted {
				t.Errorf("B's notification: HTTP %d, want 202", got.status)
			}
			second, secret2, err := a.Org.CreateAPIKey(t.Context(), a.By(), "other")
			if err != nil {
				t.Fatal(second, err)
			}
			f.post(secret2, cancelBody("7")) // another key of the same org is another client
			select {
			case cause := <-g.ended:
				t.Fatalf("the call of A was ended by a stranger: %v", cause)
			case <-time.After(50 * time.Millisecond):
			}

			f.post(a.APIKey, cancelBody("7"))
			if cause := wait(t, g.ended, "A's own cancellation"); !errors.Is(cause, errClientCancelled) {
				t.Errorf("A's call ended with %v, want %v", cause, errClientCancelled)
			}
			if got := wait(t, running, "A's answer").tool(t); got.Error == nil || got.Error.Code != rpcCancelled || string(got.ID) != "7" {
				t.Errorf("the cancelled call was answered %+v, want error %d under id 7", got, rpcCancelled)
			}
		})
	}
}

func TestGuard_01_AmbiguousCancelTouchesNobody(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	a := f.org("A")
	// Two clients share a key and both count from 0.
	first, second := f.goPost(a.APIKey, callBody("0", "hostaway_hold", `{"text":"1"}`)), f.goPost(a.APIKey, callBody("0", "hostaway_hold", `{"text":"2"}`))
	wait(t, g.arrived, "one call")
	wait(t, g.arrived, "the other call")
	f.post(a.APIKey, cancelBody("0"))
	close(g.open)
	for _, running := range []<-chan answer{first, second} {
		if got := wait(t, running, "an answer").tool(t); got.Error != nil || got.Result.IsError {
			t.Errorf("a call was cancelled though it was not clear which was meant: %+v", got)
		}
	}
}

func TestGuard_02_EventLeak(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	a, b := f.org("A"), f.org("B")
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut, http.MethodHead} {
		r, err := http.NewRequestWithContext(t.Context(), method, f.http.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", b.APIKey.Reveal())
		r.Header.Set("Accept", "text/event-stream")
		response, err := f.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got := f.read(response)
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: HTTP %d, Allow %q, %s; want 405, POST, JSON", method, got.status, got.header.Get("Allow"), got.header.Get("Content-Type"))
		}
	}
	got := f.post(a.APIKey, callBody("5", "hostaway_steps", `{"steps":5}`))
	if len(got.events) < 2 || got.tool(t).Result.IsError {
		t.Errorf("A's own progress did not come: %q", got.body)
	}
}

func TestGuard_03_SessionIDsAreNotOwnership(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	a, b := f.org("A"), f.org("B")
	if id := f.post(a.APIKey, initializeBody).header.Get("Mcp-Session-Id"); id != "" {
		t.Errorf("a session id was given out: %s", id)
	}
	for _, id := range []string{"mcp-session-6f1a7d2e-0000-4000-8000-000000000000", "anything", "../../x"} {
		got := f.post(b.APIKey, callBody("1", "hostaway_echo", `{}`), "Mcp-Session-Id", id, "Last-Event-Id", "1").tool(t)
		if want := `"org":"B"`; !strings.Contains(string(got.Result.Structured), want) {
			t.Errorf("with session id %q: %+v, want the answer for B", id, got)
		}
	}
}

func TestGuard_04_EventsOnTheRightStream(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			id := fmt.Sprint(1000 + i)
			got := <-f.goPost(key, callBody(id, "hostaway_steps", `{"steps":3}`))
			for _, event := range got.events[:len(got.events)-1] {
				if !strings.Contains(event, `"progressToken":`+id+`,`) {
					t.Errorf("the stream of call %s carried %s", id, event)
				}
			}
			if string(got.tool(t).ID) != id {
				t.Errorf("call %s was answered %s", id, got.last())
			}
		})
	}
	all.Wait()
}

func TestGuard_05_LostLastEvent(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	for i := range 300 {
		got := f.post(key, callBody(fmt.Sprint(i), "hostaway_steps", `{"steps":1}`))
		if len(got.events) != 2 {
			t.Fatalf("call %d: %d events, want the progress and the answer: %q", i, len(got.events), got.body)
		}
	}
}

func TestGuard_06_SessionMemory(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	for range 200 {
		if got := f.post(key, initializeBody); got.status != http.StatusOK || got.header.Get("Mcp-Session-Id") != "" {
			t.Fatalf("initialize: HTTP %d, session id %q; want 200 and none: what has no id is not kept", got.status, got.header.Get("Mcp-Session-Id"))
		}
		f.post(key, callBody("1", "hostaway_echo", `{}`))
	}
	if err := f.server.Shutdown(t.Context()); err != nil { // waits for the last call's handler
		t.Fatal(err)
	}
	if n, m := len(f.server.calls.byNumber), len(f.server.calls.byID); n+m != 0 {
		t.Errorf("%d calls and %d ids are still known after all were answered", n, m)
	}
}

func TestGuard_07_TasksLeak(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	if got := f.post(key, initializeBody); strings.Contains(got.body, `"tasks"`) {
		t.Errorf("tasks are offered: %s", got.body)
	}
	for _, method := range []string{"tasks/list", "tasks/result", "tasks/get", "tasks/cancel"} {
		got := f.post(key, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":{"taskId":"1"}}`).tool(t)
		if got.Error == nil || got.Error.Code != -32601 {
			t.Errorf("%s: %+v, want error -32601", method, got)
		}
	}
	asTask := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_echo","arguments":{},"task":{"ttl":1000}}}`
	if got := f.post(key, asTask).tool(t); got.Error != nil || !strings.Contains(got.text(), `"org":"A"`) {
		t.Errorf("a call as a task: %+v, want the plain answer", got)
	}
}

func TestGuard_08_GlobalLevelAndBroadcasts(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	var got struct {
		Result struct {
			Capabilities map[string]map[string]bool
		}
	}
	if err := json.Unmarshal([]byte(f.post(key, initializeBody).body), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Result.Capabilities; len(c) != 1 || c["tools"] == nil || c["tools"]["listChanged"] {
		t.Errorf("capabilities %v, want tools alone, without news of changes", c)
	}
	level := f.post(key, `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}`).tool(t)
	if level.Error == nil || level.Error.Code != -32601 {
		t.Errorf("logging/setLevel: %+v, want error -32601", level)
	}
}

func TestGuard_12_BurstOfProgress(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	got := f.post(f.org("A").APIKey, callBody("1", "hostaway_steps", `{"steps":2000}`))
	if n := len(got.events); n < 2 || n > 20 {
		t.Errorf("2000 steps in a moment became %d events, want the first, the answer and hardly more", n)
	}
	if r := got.tool(t); r.Result.IsError || !strings.Contains(r.text(), "done") {
		t.Errorf("the answer was lost: %s", got.body)
	}
}

func TestGuard_13_NoElicitation(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(renameTool()), nil)
	key := f.org("A").APIKey
	f.post(key, initializeBody) // says that it can be asked back
	got := f.post(key, callBody("1", "hostaway_rename", `{"id":1,"name":"Sea view"}`))
	if len(got.events) != 0 || !strings.Contains(got.tool(t).text(), `"confirm_token"`) {
		t.Errorf("a change was answered %s, want a preview with a confirm token and no question back", got.body)
	}
	// An answer to a question that was never asked goes nowhere.
	if got := f.post(key, `{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}`); got.status != http.StatusAccepted {
		t.Errorf("an answer of the client: HTTP %d, want 202", got.status)
	}
}

func TestGuard_14_ShutdownWithOpenStreams(t *testing.T) {
	t.Parallel()
	g := newGate()
	// News of changed tools are off in the product, so that no stream stays open; on here, to have one.
	f := newFrame(t, frameTools(g.tool()), nil, server.WithToolCapabilities(true))
	key := f.org("A").APIKey
	body, headers := modern(`"listen-1"`, "subscriptions/listen", `{"notifications":{"toolsListChanged":true}}`)
	listening, err := f.send(t.Context(), key, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Body.Close()
	if first, err := bufio.NewReader(listening.Body).ReadString('\n'); err != nil || !strings.HasPrefix(first, "event:") {
		t.Fatalf("the stream began with %q, %v", first, err)
	}
	running := f.goPost(key, callBody("1", "hostaway_hold", `{"text":"a"}`))
	wait(t, g.arrived, "the running call")

	stopped := make(chan error, 1)
	go func() { stopped <- f.server.Shutdown(t.Context()) }()
	if _, err := io.ReadAll(listening.Body); err != nil {
		t.Errorf("the listening stream broke off: %v", err)
	}
	if got := f.post(key, callBody("2", "hostaway_echo", `{}`)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("a call while stopping: HTTP %d, Retry-After %q; want 503 and a time", got.status, got.header.Get("Retry-After"))
	}
	select {
	case err := <-stopped:
		t.Fatalf("Shutdown did not wait for the running call: %v", err)
	default:
	}
	close(g.open)
	if got := wait(t, running, "the running call's answer").tool(t); got.Result.IsError || got.Error != nil {
		t.Errorf("the running call was cut off: %+v", got)
	}
	if err := wait(t, stopped, "Shutdown"); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestGuard_14_ShutdownThatCannotWait(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	running := f.goPost(f.org("A").APIKey, callBody("1", "hostaway_hold", `{"text":"a"}`))
	wait(t, g.arrived, "the running call")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want %v", err, context.Canceled)
	}
	if cause := wait(t, g.ended, "the call's end"); !errors.Is(cause, errStopping) {
		t.Errorf("the call ended with %v, want %v", cause, errStopping)
	}
	if got := wait(t, running, "its answer"); got.status != http.StatusServiceUnavailable {
		t.Errorf("HTTP %d %s, want 503", got.status, got.body)
	}
}

func TestDisconnectCancelsTheCall(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := newFrame(t, frameTools(g.tool()), nil)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	key := f.org("A").APIKey
	go func() {
		_, err := f.send(ctx, key, callBody("1", "hostaway_hold", `{"text":"a"}`))
		gone <- err
	}()
	wait(t, g.arrived, "the call")
	cancel()
	if err := wait(t, gone, "the client"); err == nil {
		t.Error("the client got an answer after it had gone")
	}
	if cause := wait(t, g.ended, "the call's end"); cause == nil {
		t.Error("the call went on for nobody")
	}
}
