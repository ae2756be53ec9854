// What an observer is told: each tool call once, from its beginning to its end, and nothing of a customer.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store/storetest"
)

// witness writes down what it is told.
type witness struct {
	mu      sync.Mutex
	begun   []CallBegun
	ended   []CallEnded
	keys    []KeyOutcome
	limited int
	over    chan CallEnded
}

type witnessKey struct{}

func newWitness() *witness { return &witness{over: make(chan CallEnded, 100)} }

func (w *witness) ToolCall(ctx context.Context, begun CallBegun) (context.Context, func(CallEnded)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, begun)
	var once sync.Once
	return context.WithValue(ctx, witnessKey{}, begun.Tool), func(e CallEnded) {
		twice := true
		once.Do(func() { twice = false })
		if twice {
			panic("a call ended twice")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, e)
		w.over <- e
	}
}

func (w *witness) KeyChecked(outcome KeyOutcome, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if (took == 0) != (outcome == KeyMissing) {
		outcome = "a look-up that took " + KeyOutcome(took.String())
	}
	w.keys = append(w.keys, outcome)
}

func (w *witness) RateLimited() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limited++
}

func observedFrame(t *testing.T, w *witness, tools []Tool, change func(*Config)) *frame {
	t.Helper()
	return newFrame(t, tools, func(c *Config) {
		c.Observer = w
		if change != nil {
			change(c)
		}
	})
}

func TestEachCallIsObservedOnce(t *testing.T) {
	t.Parallel()
	w := newWitness()
	f := observedFrame(t, w, frameTools(), nil)
	key := f.org("A").APIKey
	for _, c := range []struct {
		name, tool, arguments string
		headers               []string
		want                  CallEnded
		seen                  string
	}{
		{"one that works", "hostaway_echo", `{"text":"x"}`, nil, CallEnded{Outcome: CallOK}, "hostaway_echo"},
		{"wrong arguments", "hostaway_echo", `{"nonsense":1}`, nil, CallEnded{Outcome: CallRefused, Code: codeArguments}, "hostaway_echo"},
		{"a refusal", "hostaway_fail", `{"how":"refuse"}`, nil, CallEnded{Outcome: CallRefused, Code: codeRefused}, "hostaway_fail"},
		{"an error", "hostaway_fail", `{"how":"error"}`, nil, CallEnded{Outcome: CallFailed, Code: codeInternal}, "hostaway_fail"},
		{"a panic", "hostaway_fail", `{"how":"panic"}`, nil, CallEnded{Outcome: CallFailed, Code: codeInternal}, "hostaway_fail"},
		{"a tool that is not there", "hostaway_no_such", `{}`, nil, CallEnded{Outcome: CallRefused, Code: codeUnknownTool}, UnknownTool},
	} {
		f.post(key, callBody("1", c.tool, c.arguments), c.headers...)
		got := wait(t, w.over, "the end of "+c.name)
		if got.Took < 0 {
			t.Errorf("%s took %s", c.name, got.Took)
		}
		got.Took = 0
		if got != c.want {
			t.Errorf("%s ended as %+v, want %+v", c.name, got, c.want)
		}
		if seen := w.begun[len(w.begun)-1].Tool; seen != c.seen {
			t.Errorf("%s was seen as %s", c.name, seen)
		}
	}
	body, headers := modern("1", "tools/call", `{"name":"hostaway_echo","arguments":{}}`)
	headers[len(headers)-1] = "hostaway_other" // the header and the message disagree
	f.post(key, body, headers...)
	if got := wait(t, w.over, "the end of a call with wrong headers"); got.Outcome != CallRefused {
		t.Errorf("wrong headers ended as %+v", got)
	}
	f.post(key, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	f.post(secret.New("hmcp_nobody's"), callBody("1", "hostaway_echo", `{}`))
	f.post(secret.Text{}, callBody("1", "hostaway_echo", `{}`))
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.begun) != 7 || len(w.ended) != 7 {
		t.Errorf("%d calls began and %d ended, want 7", len(w.begun), len(w.ended))
	}
	want := append(slices.Repeat([]KeyOutcome{KeyOK}, 8), KeyUnknown, KeyMissing)
	if !slices.Equal(w.keys, want) {
		t.Errorf("the look-ups of keys ended as %v, want %v", w.keys, want)
	}
}

func TestCallsThatNeverRunAreObservedToo(t *testing.T) {
	t.Parallel()
	w := newWitness()
	f := observedFrame(t, w, frameTools(), func(c *Config) { c.RateLimit = hostaway.Rate{Calls: 1, Per: time.Hour} })
	key := f.org("A").APIKey
	f.post(key, callBody("1", "hostaway_echo", `{}`))
	wait(t, w.over, "the first call")
	f.post(key, callBody("2", "hostaway_echo", `{}`))
	if got := wait(t, w.over, "the second call"); got.Outcome != CallRateLimited {
		t.Errorf("a call over the limit ended as %+v", got)
	}
	for range 2 * otherFactor {
		f.post(key, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	}
	if w.mu.Lock(); w.limited != otherFactor {
		t.Errorf("%d other requests were told as limited, want %d", w.limited, otherFactor)
	}
	w.mu.Unlock()
	if err := f.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.post(f.org("B").APIKey, callBody("3", "hostaway_echo", `{}`))
	if got := wait(t, w.over, "the call while stopping"); got.Outcome != CallStopping {
		t.Errorf("a call while stopping ended as %+v", got)
	}
}

func TestCallsThatAreEndedFromOutsideAreObserved(t *testing.T) {
	t.Parallel()
	w, g := newWitness(), newGate()
	f := observedFrame(t, w, frameTools(g.tool()), nil)
	key := f.org("A").APIKey
	running := f.goPost(key, callBody("7", "hostaway_hold", `{"text":"a"}`))
	wait(t, g.arrived, "the call")
	f.post(key, cancelBody("7"))
	wait(t, running, "its answer")
	if got := wait(t, w.over, "its end"); got.Outcome != CallCancelled {
		t.Errorf("a cancelled call ended as %+v", got)
	}
	running = f.goPost(key, callBody("8", "hostaway_hold", `{"text":"a"}`))
	wait(t, g.arrived, "the call")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.server.Shutdown(over); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wait(t, running, "its answer")
	if got := wait(t, w.over, "its end"); got.Outcome != CallStopping {
		t.Errorf("a stopped call ended as %+v", got)
	}
}

// A call that could not be recorded has failed, whatever the tool said.
func TestACallThatIsNotRecordedHasFailed(t *testing.T) {
	t.Parallel()
	w, g := newWitness(), newGate()
	st := storetest.Open(t)
	f := newFrameOn(t, st, frameTools(g.tool()), func(c *Config) { c.Observer = w })
	running := f.goPost(f.org("A").APIKey, callBody("1", "hostaway_hold", `{"text":"a"}`))
	wait(t, g.arrived, "the call")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	close(g.open)
	if got := wait(t, running, "its answer"); got.status != http.StatusInternalServerError {
		t.Errorf("HTTP %d %s", got.status, got.body)
	}
	if got := wait(t, w.over, "its end"); got.Outcome != CallFailed {
		t.Errorf("it ended as %+v", got)
	}
}

// The trace that a message names comes with its call, in both eras, and the tool runs in the context that the observer gave.
func TestTheTraceOfAMessageIsHandedOn(t *testing.T) {
	t.Parallel()
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=a"
	w := newWitness()
	var inside []any
	looking := newTool(spec{Name: "hostaway_look", Title: "Look", Description: "Looks.", WithoutHostaway: true},
		func(ctx context.Context, _ Caller, _ echoIn) (echoOut, error) {
			inside = append(inside, ctx.Value(witnessKey{}))
			return echoOut{}, nil
		})
	f := observedFrame(t, w, []Tool{looking}, nil)
	key := f.org("A").APIKey
	trace := fmt.Sprintf(`"traceparent":%q,"tracestate":%q,`, parent, state)
	body, headers := modern("1", "tools/call", `{"name":"hostaway_look","arguments":{}}`)
	f.post(key, strings.Replace(body, `"_meta":{`, `"_meta":{`+trace, 1), headers...)
	f.post(key, strings.Replace(callBody("1", "hostaway_look", `{}`), `"_meta":{`, `"_meta":{`+trace, 1))
	f.post(key, strings.Replace(callBody("1", "hostaway_look", `{}`), `"_meta":{`, `"_meta":{"traceparent":7,`, 1))
	want := CallBegun{Tool: "hostaway_look", TraceParent: parent, TraceState: state}
	if len(w.begun) != 3 || w.begun[0] != want || w.begun[1] != want || w.begun[2] != (CallBegun{Tool: "hostaway_look"}) {
		t.Errorf("begun: %+v", w.begun)
	}
	if !slices.Equal(inside, []any{"hostaway_look", "hostaway_look", "hostaway_look"}) {
		t.Errorf("the tool saw %v", inside)
	}
}
