// Replies: everything the guard writes to a client, always JSON, each write with a deadline so that a client which stops reading
// cannot hold a goroutine.

package mcp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"
)

// writeWait is how long one write may take before the client is given up.
const writeWait = 20 * time.Second

// Codes of our own, from the range JSON-RPC leaves to servers.
const (
	rpcUnauthorized = -32001
	rpcRateLimited  = -32002
	rpcNotAllowed   = -32003
	rpcStopping     = -32004
	rpcTooLarge     = -32005
	rpcCancelled    = -32800 // as in the Language Server Protocol
)

// reply writes one whole answer.
func reply(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	within(w, func() {
		w.WriteHeader(status)
		_, _ = w.Write(body) // a client that is gone needs no answer
	})
}

// within runs write with a deadline and flushes what it wrote, so that the deadline covers all of it. The deadline is taken off
// afterwards: the connection may carry a later request of another handler.
func within(w http.ResponseWriter, write func()) {
	control := http.NewResponseController(w)
	limited := control.SetWriteDeadline(time.Now().Add(writeWait)) == nil
	write()
	_ = control.Flush()
	if limited {
		_ = control.SetWriteDeadline(time.Time{})
	}
}

// rpcError is a refusal before any tool: an HTTP status for programs, a JSON-RPC error for clients, words for people.
type rpcError struct {
	status, code   int
	message, next  string
	data           json.RawMessage // instead of next, where the protocol prescribes it
	allow, retryIn string
}

func (s *Server) replyError(w http.ResponseWriter, id json.RawMessage, e rpcError) {
	h := w.Header()
	if e.allow != "" {
		h.Set("Allow", e.allow)
	}
	if e.retryIn != "" {
		h.Set("Retry-After", e.retryIn)
	}
	if e.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="hostaway-mcp"`)
	}
	reply(w, e.status, "application/json", errorMessage(id, e, h.Get(requestIDHeader)))
}

func errorMessage(id json.RawMessage, e rpcError, requestID string) []byte {
	type details struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data,omitempty"`
	}
	message := struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   details         `json:"error"`
	}{JSONRPC: "2.0", ID: id, Error: details{Code: e.code, Message: e.message, Data: e.data}}
	if len(id) == 0 {
		message.ID = json.RawMessage("null")
	}
	if e.next != "" {
		message.Error.Message += " " + e.next
	}
	if e.data == nil {
		message.Error.Data, _ = json.Marshal(map[string]string{"request_id": requestID})
	}
	raw, _ := json.Marshal(message) // texts and JSON that was read before: cannot fail
	return append(raw, '\n')
}

// plainError gives mcp-go's errors our words: its own may carry the text of a Go error.
func plainError(from protocol.JSONRPCErrorDetails, msg envelope) *rpcError {
	e := &rpcError{status: http.StatusOK, code: from.Code}
	switch e.code {
	case protocol.METHOD_NOT_FOUND:
		e.message = "There is no method " + strconv.Quote(clip(msg.method, 60)) + " here, or not in this protocol version."
		e.next = "This server offers tools: use tools/list and tools/call."
		if msg.modern() {
			e.status = http.StatusNotFound
		}
		return e
	case protocol.MISSING_REQUIRED_CLIENT_CAPABILITY, protocol.UNSUPPORTED_PROTOCOL_VERSION:
		e.message = from.Message // the protocol prescribes what these carry
		e.data, _ = json.Marshal(from.Data)
	case protocol.INVALID_PARAMS, protocol.INVALID_REQUEST, protocol.PARSE_ERROR:
		e.message = "The parameters of " + clip(msg.method, 60) + " are not valid."
		e.next = "Check them against the MCP specification; from 2026-07-28 on, _meta must carry protocolVersion and clientCapabilities."
	default:
		e.message, e.next = "Internal error.", "Try once more; if it stays, give the request id to the operator of this server."
		return e
	}
	if msg.modern() {
		e.status = http.StatusBadRequest // the new era says so in the status as well
	}
	return e
}
