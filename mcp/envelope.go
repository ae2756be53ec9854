// The envelope: one JSON-RPC message, read once. What the guard read is what is handed on: the message is written anew from these
// parts, so there is no second reading of the client's bytes that could differ from the first.

package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	protocol "github.com/mark3labs/mcp-go/mcp"
)

// envelope is one message of a client.
type envelope struct {
	id     json.RawMessage // as it was written, to be echoed byte for byte; nil in notifications and answers
	method string
	params json.RawMessage // whole; nil for tools/call, whose parts follow
	answer bool            // the client answers something we never asked

	tool       string
	arguments  json.RawMessage
	meta       json.RawMessage
	version    string // the protocol version said in _meta
	clientName string // the client's own name, said in _meta
	// The trace that the message belongs to, said in _meta; checked by whoever takes it over.
	traceParent, traceState string
	progress                json.RawMessage // the token under which progress is wanted, or nil
	cancels                 json.RawMessage // the id that notifications/cancelled is about
}

// envelopeFault is a message that cannot be taken, with the JSON-RPC code and the words for it.
type envelopeFault struct {
	code int
	text string
}

type wireEnvelope struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Result  json.RawMessage `json:"result"`
	Error   json.RawMessage `json:"error"`
	Params  struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
		Meta      json.RawMessage `json:"_meta"`
		RequestID json.RawMessage `json:"requestId"`
	} `json:"params"`
}

func readEnvelope(body []byte) (envelope, *envelopeFault) {
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && first[0] == '[' {
		return envelope{}, &envelopeFault{protocol.INVALID_REQUEST, "Batches are not supported: send each message in a request of its own."}
	}
	var wire wireEnvelope
	err := json.Unmarshal(body, &wire)
	var wrongKind *json.UnmarshalTypeError
	if err != nil && !errors.As(err, &wrongKind) {
		return envelope{}, &envelopeFault{protocol.PARSE_ERROR, "The body is not valid JSON: send one JSON-RPC 2.0 message."}
	}
	e := envelope{
		id: wire.ID, method: wire.Method, tool: wire.Params.Name, arguments: wire.Params.Arguments,
		meta: wire.Params.Meta, cancels: wire.Params.RequestID,
	}
	if fault := e.check(wire, wrongKind); fault != nil {
		return e, fault
	}
	if e.method != methodToolsCall && !e.answer {
		var whole struct {
			Params json.RawMessage `json:"params"`
		}
		_ = json.Unmarshal(body, &whole) // it was read a moment ago
		e.params = whole.Params
	}
	e.readMeta()
	return e, nil
}

const (
	methodToolsCall  = "tools/call"
	methodListen     = "subscriptions/listen"
	methodInitialize = "initialize"
	methodCancelled  = "notifications/cancelled"
)

func (e *envelope) check(wire wireEnvelope, wrongKind *json.UnmarshalTypeError) *envelopeFault {
	if len(e.id) > 0 && !validID(e.id) {
		e.id = nil // cannot be echoed
		return &envelopeFault{protocol.INVALID_REQUEST, "The id must be text or a number, and not null: leave it out for a notification."}
	}
	if wrongKind != nil {
		switch {
		case wrongKind.Field == "params.name" && e.method != methodToolsCall: // another method's own business
		case wrongKind.Field == "params.name":
			return &envelopeFault{protocol.INVALID_PARAMS, "params.name must be text: the name of a tool as tools/list gives it."}
		default:
			return &envelopeFault{protocol.INVALID_REQUEST, "The message does not have the shape of JSON-RPC 2.0: method is text, params an object."}
		}
	}
	if wire.JSONRPC != "2.0" {
		return &envelopeFault{protocol.INVALID_REQUEST, `The message must say "jsonrpc": "2.0".`}
	}
	if e.method == "" {
		e.answer = len(wire.Result) > 0 || len(wire.Error) > 0
		if !e.answer {
			return &envelopeFault{protocol.INVALID_REQUEST, "The message has no method."}
		}
	}
	return nil
}

func validID(id json.RawMessage) bool {
	switch c := id[0]; {
	case c == '"':
		return len(id) <= 1024
	case c == '-' || (c >= '0' && c <= '9'):
		return len(id) <= 64
	}
	return false
}

func (e *envelope) readMeta() {
	if len(e.meta) == 0 {
		return
	}
	var meta struct {
		ProgressToken json.RawMessage `json:"progressToken"`
		Version       string          `json:"io.modelcontextprotocol/protocolVersion"`
		Client        struct {
			Name string `json:"name"`
		} `json:"io.modelcontextprotocol/clientInfo"`
		TraceParent string `json:"traceparent"`
		TraceState  string `json:"tracestate"`
	}
	_ = json.Unmarshal(e.meta, &meta) // parts of a wrong kind are left out; what is required of them is checked later
	e.version, e.clientName = meta.Version, meta.Client.Name
	e.traceParent, e.traceState = meta.TraceParent, meta.TraceState
	if len(meta.ProgressToken) > 0 && validID(meta.ProgressToken) {
		e.progress = meta.ProgressToken
	}
}

// modern says whether the message is of the era without sessions (2026-07-28 and later).
func (e *envelope) modern() bool { return protocol.IsModernProtocol(e.version) }

// rewrite makes the message anew under an id of ours. The arguments of a tool stay here: the tool gets them from the guard.
func (e *envelope) rewrite(number uint64) []byte {
	b := make([]byte, 0, 160+len(e.params)+len(e.meta))
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = strconv.AppendUint(b, number, 10)
	b = append(b, `,"method":`...)
	b = appendJSONString(b, e.method)
	switch {
	case e.method == methodToolsCall:
		b = append(b, `,"params":{"name":`...)
		b = appendJSONString(b, e.tool)
		if e.modern() {
			b = append(append(b, `,"_meta":`...), e.meta...)
		}
		b = append(b, '}')
	case len(e.params) > 0:
		b = append(append(b, `,"params":`...), e.params...)
	}
	return append(b, '}')
}

func appendJSONString(b []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' || r > 0x7e }) {
		return append(append(append(b, '"'), s...), '"')
	}
	raw, _ := json.Marshal(s) // text: cannot fail
	return append(b, raw...)
}
