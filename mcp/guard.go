// The guard stands between auth and mcp-go, because mcp-go alone was not made for several orgs on one endpoint: it would let one
// cancel another's call, take any session id, any origin and any size of body, and put the text of Go errors on the wire. It reads
// each message once, hands a clean one on, and writes every answer itself.

package mcp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"hostaway-mcp/store"
)

const requestIDHeader = "X-Request-Id"

// readWait is how long a body may take to come.
const readWait = 30 * time.Second

// exchange is one request on its way through the guard.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	org  *store.Org
	key  store.APIKey
	msg  envelope
	head http.Header // the only headers mcp-go sees
}

func (x *exchange) requestID() string { return x.w.Header().Get(requestIDHeader) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(requestIDHeader, requestID(r.Header.Get(requestIDHeader)))
	defer s.recoverFrom(w, r)
	if s.crossOrigin(w, r) {
		return
	}
	org, key, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	if refused := s.checkRequest(r); refused != nil {
		s.replyError(w, nil, *refused)
		return
	}
	body, refused := s.readBody(w, r)
	if refused != nil {
		s.replyError(w, nil, *refused)
		return
	}
	msg, fault := readEnvelope(body)
	if fault != nil {
		s.replyError(w, msg.id, rpcError{status: http.StatusBadRequest, code: fault.code, message: fault.text})
		return
	}
	s.dispatch(&exchange{w: w, r: r, org: org, key: key, msg: msg})
}

func (s *Server) dispatch(x *exchange) {
	if x.msg.answer || x.msg.id == nil {
		if x.msg.method == methodCancelled && len(x.msg.cancels) > 0 {
			s.calls.cancel(x.key.ID, x.msg.cancels)
		}
		x.w.WriteHeader(http.StatusAccepted)
		return
	}
	if refused := x.settleVersion(); refused != nil {
		s.replyError(x.w, x.msg.id, *refused)
		return
	}
	switch x.msg.method {
	case methodToolsCall:
		s.serveToolCall(x)
	case methodListen:
		s.serveListen(x)
	default:
		s.serveOther(x)
	}
}

// requestID keeps the id that the outer server gave, and makes one where there is none.
func requestID(given string) string {
	if strings.HasPrefix(given, "req_") && len(given) <= 40 {
		return given
	}
	return "req_" + rand.Text()
}

// recoverFrom keeps a panic's text off the wire.
func (s *Server) recoverFrom(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	id := w.Header().Get(requestIDHeader)
	s.log.ErrorContext(r.Context(), "panic while answering", "panic", p, "request_id", id, "stack", string(debug.Stack()))
	s.replyError(w, nil, internalRPCError(id))
}

// checkRequest looks at all that is not the body.
func (s *Server) checkRequest(r *http.Request) *rpcError {
	origin := r.Header.Get("Origin")
	switch {
	case origin != "" && !s.originAllowed(origin, r.Host):
		return &rpcError{
			status: http.StatusForbidden, code: rpcNotAllowed, message: "Calls from web pages of this origin are not allowed.",
			next: "The operator of the server can allow an origin in its settings.",
		}
	case s.local && !loopback(hostname(r.Host)):
		return &rpcError{
			status: http.StatusForbidden, code: rpcNotAllowed, message: "This server is set up for this machine only, and was called by another name.",
			next: "Use the address that it printed at start; the operator can set a public base URL.",
		}
	case r.Method != http.MethodPost:
		return &rpcError{
			status: http.StatusMethodNotAllowed, code: protocol.INVALID_REQUEST, allow: http.MethodPost, message: r.Method + " is not used here: there are no sessions and no standing streams.",
			next: "Send each JSON-RPC message in a POST.",
		}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &rpcError{
			status: http.StatusUnsupportedMediaType, code: protocol.INVALID_REQUEST, message: "The content type must be application/json.",
			next: "Send one JSON-RPC message as the body.",
		}
	}
	if accept := strings.Join(r.Header.Values("Accept"), ","); accept != "" && !acceptsUs(accept) {
		return &rpcError{
			status: http.StatusNotAcceptable, code: protocol.INVALID_REQUEST, message: "The client accepts neither JSON nor an event stream.",
			next: "Send Accept: application/json, text/event-stream.",
		}
	}
	return nil
}

func acceptsUs(accept string) bool {
	return slices.ContainsFunc([]string{"application/json", "text/event-stream", "application/*", "*/*"}, func(kind string) bool {
		return strings.Contains(accept, kind)
	})
}

// originAllowed says whether a web page of origin may call: the server's own pages, and those the operator allowed. A page that has
// tricked a browser into taking us for its own host (DNS rebinding) names a host that is neither.
func (s *Server) originAllowed(origin, host string) bool {
	if slices.ContainsFunc(s.cfg.AllowedOrigins, func(allowed string) bool { return strings.EqualFold(allowed, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, s.ownHost) || (strings.EqualFold(u.Host, host) && loopback(u.Hostname()))
}

// crossOrigin answers a browser's question beforehand, and lets the pages of allowed origins read what follows.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || !s.originAllowed(origin, r.Host) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", requestIDHeader+", Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", http.MethodPost)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, X-API-Key, MCP-Protocol-Version, Mcp-Method, Mcp-Name")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func loopback(name string) bool {
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || (ip != nil && ip.IsLoopback())
}

func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *rpcError) {
	tooLarge := &rpcError{
		status: http.StatusRequestEntityTooLarge, code: rpcTooLarge, message: "The request is larger than " + strconv.FormatInt(s.cfg.MaxBody, 10) + " bytes.",
		next: "Send less at once.",
	}
	if r.ContentLength > s.cfg.MaxBody {
		w.Header().Set("Connection", "close") // nobody will read the rest
		return nil, tooLarge
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(readWait)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	limited := http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(limited, body)
	} else {
		body, err = io.ReadAll(limited)
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, &rpcError{status: http.StatusBadRequest, code: protocol.PARSE_ERROR, message: "The body could not be read to its end.", next: "Send the request again."}
	}
	return body, nil
}

// settleVersion makes header and body agree about the protocol version, and fills in what mcp-go may see of the headers: session
// ids and resume points of others never reach it.
func (x *exchange) settleVersion() *rpcError {
	said, meta := x.r.Header.Get(protocol.HeaderProtocolVersion), x.msg.version
	x.head = http.Header{"Content-Type": {"application/json"}}
	// A known client sends the old header with the new body. The body is what it means: it carries all that the new version asks.
	knownPair := said == protocol.ProtocolVersion20251125 && meta == protocol.ProtocolVersion20260728
	switch {
	case knownPair:
		for name, value := range protocol.StandardHeaders(meta, protocol.MCPMethod(x.msg.method), x.paramsForHeaders()) {
			x.head.Set(name, value)
		}
		x.head.Set(protocol.HeaderProtocolVersion, meta)
		return nil
	case meta == "" && protocol.IsModernProtocol(said):
		return &rpcError{
			status: http.StatusBadRequest, code: protocol.INVALID_PARAMS,
			message: "The header MCP-Protocol-Version says " + quoteOr(said, "") + ", and params._meta names no version.",
			next:    "Send io.modelcontextprotocol/protocolVersion in params._meta: the same version in both.",
		}
	case said != meta && (protocol.IsModernProtocol(said) || protocol.IsModernProtocol(meta) || (said != "" && meta != "")):
		return &rpcError{
			status: http.StatusBadRequest, code: protocol.HEADER_MISMATCH,
			message: "The header MCP-Protocol-Version says " + quoteOr(said, "nothing") + ", and params._meta says " + quoteOr(meta, "nothing") + ".",
			next:    "Send the same version in both.",
		}
	case said != "" && !protocol.IsModernProtocol(said) && !protocol.IsValidProtocolVersion(said):
		return &rpcError{
			status: http.StatusBadRequest, code: protocol.UNSUPPORTED_PROTOCOL_VERSION, message: "The protocol version " + quoteOr(said, "") + " is not supported.",
			next: "Use one of " + strings.Join(protocol.ValidProtocolVersions, ", ") + ".",
		}
	}
	for _, name := range []string{protocol.HeaderProtocolVersion, protocol.HeaderMethod, protocol.HeaderName} {
		if value := x.r.Header.Get(name); value != "" {
			x.head.Set(name, value)
		}
	}
	return nil
}

func (x *exchange) paramsForHeaders() json.RawMessage {
	if x.msg.method == methodToolsCall {
		return append(appendJSONString([]byte(`{"name":`), x.msg.tool), '}')
	}
	return x.msg.params
}

func quoteOr(s, none string) string {
	if s == "" {
		return none
	}
	return strconv.Quote(clip(s, 40))
}

// passed is what mcp-go made of a message: the bytes of its result, or an error in our words.
type passed struct {
	result json.RawMessage
	wrong  *rpcError
}

// pass hands the message to mcp-go and takes its answer. This is the transport: mcp-go's own would read the body three times more,
// and hold each answer in a session of its own. What its transport checks of the headers of the new era is checked here.
func (s *Server) pass(ctx context.Context, x *exchange, number uint64) passed {
	if x.msg.modern() {
		err := protocol.ValidateStandardHeaders(x.head.Get, x.msg.version, protocol.MCPMethod(x.msg.method), x.paramsForHeaders())
		if err != nil {
			return passed{wrong: &rpcError{
				status: http.StatusBadRequest, code: protocol.HEADER_MISMATCH, message: "The headers do not say what the message says: " + err.Error() + ".",
				next: "From 2026-07-28 on, Mcp-Method and (for tools/call) Mcp-Name must repeat the method and the name.",
			}}
		}
	}
	switch m := s.core.HandleMessage(server.WithSupportedProtocolVersions(ctx, protocol.ValidProtocolVersions), x.msg.rewrite(number)).(type) {
	case protocol.JSONRPCResponse:
		result, err := json.Marshal(m.Result)
		if err == nil {
			return passed{result: result}
		}
		s.log.ErrorContext(ctx, "encode answer", "error", err, "method", x.msg.method, "request_id", x.requestID())
	case protocol.JSONRPCError:
		return passed{wrong: plainError(m.Error, x.msg)}
	}
	internal := internalRPCError(x.requestID())
	return passed{wrong: &internal}
}

// message is the whole answer under the client's own id, byte for byte.
func (p passed) message(x *exchange) (status int, message []byte) {
	if p.wrong != nil {
		return p.wrong.status, errorMessage(x.msg.id, *p.wrong, x.requestID())
	}
	b := make([]byte, 0, len(p.result)+len(x.msg.id)+40)
	b = append(append(b, `{"jsonrpc":"2.0","id":`...), x.msg.id...)
	b = append(append(b, `,"result":`...), p.result...)
	return http.StatusOK, append(b, "}\n"...)
}

// serveOther answers what calls no tool: initialize, ping, server/discover, tools/list, and methods we do not have.
func (s *Server) serveOther(x *exchange) {
	if stand := s.otherRate.take(x.org.ID(), s.now()); !stand.allowed {
		s.observer.RateLimited()
		s.replyError(x.w, x.msg.id, tooManyRequests(stand, "requests"))
		return
	}
	status, message := s.pass(x.r.Context(), x, 1).message(x) // mcp-go keeps nothing by the number: these answer at once
	if x.r.Context().Err() == nil {
		reply(x.w, status, "application/json", message)
	}
}

// serveListen keeps a subscriptions/listen stream until the client goes, cancels it, or the server stops.
func (s *Server) serveListen(x *exchange) {
	if stand := s.otherRate.take(x.org.ID(), s.now()); !stand.allowed {
		s.observer.RateLimited()
		s.replyError(x.w, x.msg.id, tooManyRequests(stand, "requests"))
		return
	}
	ctx, cancel := context.WithCancelCause(x.r.Context())
	defer cancel(nil)
	c := &call{requestID: x.requestID(), id: x.msg.id, org: x.org, key: x.key, listen: true, cancel: cancel}
	if !s.calls.add(c) {
		s.replyError(x.w, x.msg.id, stoppingError())
		return
	}
	defer s.calls.remove(c)
	// The stream's events are tagged with the client's own id, so this one message goes on as it came.
	body, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": x.msg.id, "method": x.msg.method, "params": x.msg.params})
	s.transport.Handle(&streamWriter{w: x.w}, &server.HTTPRequest{Method: http.MethodPost, Header: x.head, Body: body, Context: ctx})
}

// streamWriter lets mcp-go stream, each write under a deadline.
type streamWriter struct{ w http.ResponseWriter }

func (s *streamWriter) Header() http.Header    { return s.w.Header() }
func (s *streamWriter) WriteHeader(status int) { s.w.WriteHeader(status) }
func (s *streamWriter) Flush()                 {}
func (s *streamWriter) CanStream() bool        { return true }

func (s *streamWriter) Write(p []byte) (n int, err error) {
	within(s.w, func() { n, err = s.w.Write(p) })
	return n, err
}

func tooManyRequests(stand standing, what string) rpcError {
	return rpcError{
		status: http.StatusTooManyRequests, code: rpcRateLimited, retryIn: stand.resetSeconds(),
		message: "Too many " + what + " of this organization: at most " + strconv.Itoa(stand.limit) + " in a window.",
		next:    "Wait " + stand.resetSeconds() + " seconds, then go on; fewer, larger questions help.",
	}
}

func stoppingError() rpcError {
	return rpcError{
		status: http.StatusServiceUnavailable, code: rpcStopping, retryIn: "5", message: "The server is being restarted.",
		next: "Send the request again in a few seconds.",
	}
}
