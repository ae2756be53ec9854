// The middleware of every tool call: rate limit → the org's access → its Hostaway client → tool → audit and usage → answer.

package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// callLimit is the longest a call may take. Clients give up before (60 to 300 s).
const callLimit = 4 * time.Minute

// callNumber is the context key under which mcp-go carries a call's number to the tool. The call itself, with its org, stays in
// the registry: nothing of a customer travels in a context.
type callNumber struct{}

// serveToolCall lets the observer see the call from its beginning to its end, whatever that is.
func (s *Server) serveToolCall(x *exchange) {
	started := s.now()
	tool := s.byName[x.msg.tool] // without a name: unknown
	ctx, ended := s.observer.ToolCall(x.r.Context(), x.begun(tool))
	end := CallEnded{Outcome: CallFailed, Code: codeInternal} // unless it comes to another one
	defer func() {
		end.Took = s.now().Sub(started)
		ended(end)
	}()
	end = s.answerToolCall(ctx, x, tool, started)
}

func (s *Server) answerToolCall(ctx context.Context, x *exchange, tool Tool, started time.Time) CallEnded {
	stand := s.toolRate.take(x.org.ID(), started)
	stand.writeTo(x.w.Header())
	if !stand.allowed {
		s.replyError(x.w, x.msg.id, tooManyRequests(stand, "tool calls"))
		return CallEnded{Outcome: CallRateLimited, Code: codeRateLimit}
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &call{
		requestID: x.requestID(), id: x.msg.id, org: x.org, key: x.key, tool: tool, arguments: x.msg.arguments, started: started, cancel: cancel,
		progress: &progress{w: x.w, now: s.now, gone: func() { cancel(context.Canceled) }},
	}
	if wantsEvents(x.r.Header) {
		c.progress.token = x.msg.progress
	}
	if !s.calls.add(c) {
		s.replyError(x.w, x.msg.id, stoppingError())
		return CallEnded{Outcome: CallStopping}
	}
	defer s.calls.remove(c)
	if tool.Name == "" {
		return s.conclude(ctx, x, c, s.unknownTool(x, c), nil)
	}
	inner, stop := context.WithTimeout(context.WithValue(inner, callNumber{}, c.number), callLimit)
	defer stop()
	got := s.pass(inner, x, c.number)
	return s.conclude(ctx, x, c, got, context.Cause(inner))
}

// conclude records the call, then answers it. cause says why the call was ended from outside, if it was.
func (s *Server) conclude(ctx context.Context, x *exchange, c *call, got passed, cause error) CallEnded {
	fate := whatBecame(c, c.failure != nil || got.wrong != nil, cause)
	switch fate {
	case becameStopped:
		stopping := stoppingError()
		got.wrong = &stopping
	case becameCancelled:
		got.wrong = &rpcError{status: http.StatusOK, code: rpcCancelled, message: "The call was cancelled by the client."}
	case becameUnclear:
		got = c.fail(x, &refusal{
			what: "The call was ended while it made the change, so the change may or may not have been made.",
			next: "Look at what is there now. Only if the change is missing, ask for a new preview without confirm_token.", code: codeUnclear,
		})
	case becameAnswered:
	}
	status, message := got.message(x)
	if c.ran {
		if err := s.record(ctx, x, c, len(message)); err != nil && !c.changing {
			// What was not recorded is not answered. A change is answered all the same: it has happened, and hiding it would do harm.
			// The store keeps it until it can be recorded.
			got = passed{wrong: notRecorded(err, c.requestID)}
			status, message = got.message(x)
		}
	}
	if got.wrong != nil && got.wrong.retryIn != "" {
		x.w.Header().Set("Retry-After", got.wrong.retryIn)
	}
	// Who stops the server cancels its requests too, but then somebody still waits for the answer.
	if x.r.Context().Err() == nil || errors.Is(cause, errStopping) {
		c.progress.finish(status, message)
	}
	return c.end(fate, got.wrong)
}

// became is what became of a call, and so how it is answered.
type became string

const (
	becameAnswered  became = "answered"  // its own answer or failure says it all
	becameStopped   became = "stopped"   // by us, and nothing was changed
	becameCancelled became = "cancelled" // by the client, and nothing was changed
	becameUnclear   became = "unclear"   // whether the change was made is not known
)

// whatBecame judges a call that is over; cause says why it was ended from outside, if it was. A change that is done keeps its
// answer, for to be told to send it again would make it twice. Whatever changes nothing can be sent again, even if it has an
// answer: it may have given up half-way.
func whatBecame(c *call, failed bool, cause error) became {
	switch {
	case c.changing && !failed:
		return becameAnswered
	case c.changing && (cause != nil || c.failure.leavesOpen()):
		if c.failure != nil && c.failure.code == codeUnclear {
			return becameAnswered // the tool knows better where to look
		}
		return becameUnclear
	case cause == nil, errors.Is(cause, context.DeadlineExceeded):
		return becameAnswered // the tool has said so itself
	case errors.Is(cause, errStopping):
		return becameStopped
	}
	return becameCancelled
}

// leavesOpen says whether a change that failed like this may have been made. No failure at all is an answer that was lost.
func (r *refusal) leavesOpen() bool {
	return r == nil || r.code == codeInternal || r.code == codeCancelled || r.code == codeTooLarge || r.code == codeUnclear
}

// fail makes r the call's answer. It is a result and not a protocol error, so that models see it.
func (c *call) fail(x *exchange, r *refusal) passed {
	c.failure = r
	result := protocol.CallToolResult{Content: []protocol.Content{protocol.NewTextContent(r.Error())}, IsError: true}
	if x.msg.modern() {
		result.ResultType = protocol.ResultTypeComplete
	}
	raw, _ := json.Marshal(result) // text only
	return passed{result: raw}
}

func notRecorded(err error, requestID string) *rpcError {
	e := internalRPCError(requestID)
	if errors.Is(err, store.ErrDiskFull) {
		e = rpcError{
			status: http.StatusServiceUnavailable, code: e.code, retryIn: "60",
			message: "The server's disk is full, so the call could not be recorded and its answer is withheld. Request id " + requestID + ".",
			next:    "Tell the person that the operator of this server has to free some space; then call again.",
		}
	}
	return &e
}

// record writes the audit entry and counts the call; it returns when both are durable.
func (s *Server) record(ctx context.Context, x *exchange, c *call, answerBytes int) error {
	entry := store.ToolCall{
		KeyID: c.key.ID, KeyName: c.key.Name, ClientName: clientName(x), Tool: c.tool.Name, Arguments: redact(c.arguments),
		Outcome: store.OutcomeOK, StartedAt: c.started, Duration: s.now().Sub(c.started),
		UpstreamCalls: c.upstream, AnswerBytes: answerBytes, RequestID: c.requestID, IP: hostname(x.r.RemoteAddr), Changed: c.changing,
	}
	if c.tool.Name == "" {
		// Invented names would fill the usage page: they are counted under one, and kept as what was asked for.
		entry.Tool = "unknown"
		entry.Arguments, _ = json.Marshal(map[string]string{"tool": redactName(x.msg.tool, 60)})
	}
	if c.failure != nil {
		entry.Outcome, entry.ErrorCode = c.failure.outcome(), c.failure.code
	}
	err := c.org.RecordToolCall(context.WithoutCancel(ctx), entry)
	if err != nil {
		s.log.ErrorContext(ctx, "record tool call", "error", err, "org", c.org.ID(), "tool", entry.Tool, "request_id", c.requestID)
	}
	return err
}

func clientName(x *exchange) string {
	if x.msg.clientName != "" {
		return redactName(x.msg.clientName, 60)
	}
	product, _, _ := strings.Cut(x.r.UserAgent(), " ")
	return redactName(product, 60)
}

// unknownTool answers a call of a tool that is not there.
func (s *Server) unknownTool(x *exchange, c *call) passed {
	names := make([]string, len(s.tools))
	for i, t := range s.tools {
		names[i] = t.Name
	}
	what := fmt.Sprintf("There is no tool %q.", clip(x.msg.tool, 80))
	next := "Known are: " + strings.Join(names, ", ") + "."
	if near := nearest(x.msg.tool, names); near != "" {
		next = "Did you mean " + near + "? tools/list gives all names."
	}
	c.ran = true
	return c.fail(x, &refusal{what: what, next: next, code: codeUnknownTool})
}

// handle is what mcp-go calls for every tool.
func (s *Server) handle(ctx context.Context, _ protocol.CallToolRequest) (*protocol.CallToolResult, error) {
	number, _ := ctx.Value(callNumber{}).(uint64)
	c := s.calls.find(number)
	if c == nil {
		return nil, errors.New("a tool was called past the guard")
	}
	c.ran = true
	raw, err := s.run(ctx, c)
	if err != nil {
		var internal bool
		if c.failure, internal = answerForError(err, c.requestID, s.cfg.howToConnect()); internal {
			s.log.ErrorContext(ctx, "tool call", "error", err, "tool", c.tool.Name, "org", c.org.ID(), "request_id", c.requestID)
		}
		return &protocol.CallToolResult{Content: []protocol.Content{protocol.NewTextContent(c.failure.Error())}, IsError: true}, nil
	}
	return &protocol.CallToolResult{Content: []protocol.Content{protocol.NewTextContent(string(raw))}, RawStructuredContent: raw}, nil
}

// run calls the tool and encodes its answer, which fits into the budget or is refused.
func (s *Server) run(ctx context.Context, c *call) (raw []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in tool: %v\n%s", p, debug.Stack())
		}
	}()
	caller := Caller{Org: c.org, Key: c.key, Now: c.started, Progress: c.progress.report, begun: func() { c.changing = true }}
	if caller.noAccess = s.noAccess(c.org); caller.noAccess != nil && !c.tool.WithoutAccess {
		return nil, caller.noAccess
	}
	if !c.tool.WithoutHostaway && caller.noAccess == nil {
		counter := &hostaway.Counter{}
		defer func() { c.upstream = counter.Calls() }()
		client, err := s.cfg.Hostaway.ClientFor(ctx, c.org)
		switch {
		case err == nil:
			caller.Hostaway = client.WithCounter(counter)
		case !c.tool.HostawayOptional:
			return nil, notConnected(err, s.cfg.howToConnect())
		}
	}
	out, err := c.tool.run(ctx, caller, c.arguments)
	if err != nil {
		return nil, err
	}
	raw, err = encode(out)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	if weight(raw) > answerBudget-frameReserve {
		return nil, &refusal{
			what: fmt.Sprintf("The answer would be larger than %d bytes.", answerBudget),
			next: "Ask for less: a smaller limit, a shorter period, fewer listings, or a summary instead of details.", code: codeTooLarge,
		}
	}
	return raw, nil
}

// encode writes v as compact JSON, with < > & as they are: they are data, and not for a browser.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// notConnected says that there is no Hostaway to ask, and where to change that.
func notConnected(err error, howToConnect string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &refusal{
			what: "Hostaway is not connected yet.",
			next: "Ask the person to connect their Hostaway account " + howToConnect + ", then try again.", code: codeNotConnected,
		}
	}
	return fmt.Errorf("get Hostaway client: %w", err)
}
