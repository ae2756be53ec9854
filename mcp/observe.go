// Observing: what the outside may see of this endpoint at work, so that figures and traces are made there and this room knows
// neither. Nothing of a customer is in it: no org, no key, no argument, no invented name.

package mcp

import (
	"context"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"
)

// Observer is told what happens here. Its methods run on the way of the call: they must be quick, and safe for concurrent use.
type Observer interface {
	// ToolCall begins a tool call, before the rate limit is asked. The call runs with the context that comes back, and ended is
	// called exactly once, when the answer is written.
	ToolCall(ctx context.Context, begun CallBegun) (inner context.Context, ended func(CallEnded))
	// KeyChecked tells how the look-up of a presented key ended, and how long it took; zero when there was no key to look up.
	KeyChecked(outcome KeyOutcome, took time.Duration)
	// RateLimited tells that the limit turned away a request that calls no tool.
	RateLimited()
}

// UnknownTool stands for every name that is no tool's: what callers invent is unbounded.
const UnknownTool = "unknown"

// CallBegun is a tool call as it comes in.
type CallBegun struct {
	// Tool is a name of the catalogue, or UnknownTool.
	Tool string
	// TraceParent and TraceState are those of the message's own _meta (SEP-414), as they were sent; mostly empty.
	TraceParent, TraceState string
}

// CallEnded is how a tool call ended.
type CallEnded struct {
	Outcome CallOutcome
	// Code is the audit log's word for what went wrong; empty when nothing did.
	Code string
	Took time.Duration
	// HostawayCalls is how many requests to Hostaway it took.
	HostawayCalls int
}

// CallOutcome is how a tool call ended, seen from outside.
type CallOutcome string

// The ends of a tool call. What was rate limited or came while stopping never ran.
const (
	CallOK          CallOutcome = "ok"
	CallFailed      CallOutcome = "error"   // something did not work
	CallRefused     CallOutcome = "refused" // we said no, with a reason
	CallCancelled   CallOutcome = "cancelled"
	CallRateLimited CallOutcome = "rate_limited"
	CallStopping    CallOutcome = "stopping" // the server is being stopped
)

// CallOutcomes lists all of them.
func CallOutcomes() []CallOutcome {
	return []CallOutcome{CallOK, CallFailed, CallRefused, CallCancelled, CallRateLimited, CallStopping}
}

// KeyOutcome is how the look-up of a key ended.
type KeyOutcome string

// The ends of a look-up.
const (
	KeyOK      KeyOutcome = "ok"
	KeyMissing KeyOutcome = "missing"
	KeyUnknown KeyOutcome = "unknown" // unknown, malformed and revoked alike
	KeyFailed  KeyOutcome = "error"   // the store could not be asked
)

// KeyOutcomes lists all of them.
func KeyOutcomes() []KeyOutcome { return []KeyOutcome{KeyOK, KeyMissing, KeyUnknown, KeyFailed} }

// nobody observes nothing.
type nobody struct{}

func (nobody) ToolCall(ctx context.Context, _ CallBegun) (context.Context, func(CallEnded)) {
	return ctx, noEnd
}
func (nobody) KeyChecked(KeyOutcome, time.Duration) {}
func (nobody) RateLimited()                         {}

func noEnd(CallEnded) {}

// begun is what an observer may know of the message.
func (x *exchange) begun(tool Tool) CallBegun {
	b := CallBegun{Tool: tool.Name, TraceParent: x.msg.traceParent, TraceState: x.msg.traceState}
	if b.Tool == "" {
		b.Tool = UnknownTool
	}
	return b
}

// end says how a call ended that was answered with its own answer or failure, or with wrong instead.
func (c *call) end(fate became, wrong *rpcError) CallEnded {
	e := CallEnded{Outcome: CallOK, HostawayCalls: c.upstream}
	switch {
	case fate == becameStopped:
		e.Outcome = CallStopping
	case fate == becameCancelled:
		e.Outcome = CallCancelled
	case wrong != nil && wrong.code == protocol.INTERNAL_ERROR:
		e.Outcome, e.Code = CallFailed, codeInternal
	case c.failure != nil && c.failure.code == codeCancelled:
		e.Outcome, e.Code = CallCancelled, c.failure.code
	case c.failure != nil:
		e.Outcome, e.Code = CallOutcome(c.failure.outcome()), c.failure.code
	case wrong != nil:
		e.Outcome, e.Code = CallRefused, codeRefused
	}
	return e
}
